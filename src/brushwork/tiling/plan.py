"""What a job will take, before it begins: memory, disk and time; and the way that fits."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from brushwork.errors import BrushworkError
from brushwork.runtime.memory import available_memory, resident_memory
from brushwork.tiling.tiles import Box, MemoryProfile, Tile, Tiling

__all__ = ["Plan", "plan_job", "worth_a_plan"]

SIDES = (4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 128)  # of tiles, in pixels
SMALL, PLENTY = 4_000_000, 4_000_000_000  # pixels for which so many free bytes are enough, whatever the method
LARGE = 16_000_000  # pixels from which on a file is painted in parts, though there may be memory for the whole
COMFORTABLE = 768  # side of a tile for which Gatys' pairs go to disk rather than that it gets smaller
MARGIN = 0.8  # of the free memory is taken at most, unless a limit is given
PICTURE = 12  # bytes of a pixel in float32
FIRST_USE = 90_000_000  # bytes that libraries take when they are first used for such work, about
FILES = 300_000_000  # bytes for decoding and encoding in parts
FILE_PIXELS = 25e6  # that are decoded, encoded and written in a second, about
TILE_SHARE = 0.5  # of what is left, for the tile that is worked at; the rest for those that wait
CAUTION = 0.95  # of the limit is filled with tiles that wait; the rest is for what no plan foresees
WORKERS = 2  # tiles that are worked at at the same time, where there are so many cores
ENOUGH = 8  # tiles, so that no worker waits long for the last one
SHARED = 1024  # side of a tile from which on memory suffices for several
HEAD = 0.25  # of the time, about, for what comes before the first stop


class Plannable(Protocol):
    """What a plan asks of a method; see `brushwork.methods.base.Method`."""

    @property
    def declaration(self) -> Any:
        """How the method takes tiles."""
        ...

    device: torch.device

    def estimate_seconds(self, width: int, height: int) -> float:
        """Seconds that a picture of this size takes."""
        ...

    def demand(self, style: Any = None) -> MemoryProfile:
        """Bytes that a picture takes."""
        ...

    def tiles(self, size: tuple[int, int], side: int, style: Any = None) -> list[Tile]:
        """The tiles of a picture of this (width, height)."""
        ...


def worth_a_plan(size: tuple[int, int], max_memory: int | None) -> bool:
    """Whether a picture of this size could take more memory than there is; the others just begin."""
    free = available_memory()
    return max_memory is not None or size[0] * size[1] > SMALL or (free is not None and free < PLENTY)


@dataclass(frozen=True)
class Plan:
    """The way a picture is made, and what that takes.

    Args:
        way: "whole"; "tiled", with the picture in memory; "streamed", from file to file.
        tiling: How it is cut; None for a whole picture.
        memory: Bytes at the peak, of the process; on a GPU, of its memory.
        disk: Bytes that lie on the disk meanwhile.
        seconds: The time.
        limit: Bytes that may be taken.
    """

    way: str
    tiling: Tiling | None
    memory: int
    disk: int
    seconds: float
    limit: int

    def facts(self) -> dict[str, Any]:
        """For JSON, and for a recipe."""
        return {
            "way": self.way, "tile": self.tiling and self.tiling.side, "memory": self.memory, "disk": self.disk,
            "seconds": round(self.seconds, 1), "limit": self.limit,
        }  # fmt: skip


def plan_job(
    method: Plannable,
    size: tuple[int, int],
    style: Any = None,
    *,
    max_memory: int | None = None,
    file: Path | None = None,
    bands: int = 3,
) -> Plan:
    """How a picture of this size is best made.

    Args:
        method: From `brushwork.methods.load`.
        size: (width, height) of the result in pixels.
        style: Its value; None: any.
        max_memory: Bytes that the process may hold; None: what is free now, with a margin.
        file: Where the result goes, if it needn't come back as a `Picture`: what doesn't fit waits on that disk.
        bands: Bytes of a pixel in the file.

    Raises:
        BrushworkError: No way fits.
    """
    gpu = method.device.type == "cuda"
    base = torch.cuda.memory_allocated(method.device) if gpu else resident_memory() + FIRST_USE
    free = torch.cuda.mem_get_info(method.device)[0] if gpu else available_memory()
    limit = max_memory or (base + int(MARGIN * free) if free is not None else 1 << 62)
    demand, seconds = method.demand(style), method.estimate_seconds(*size)
    pixels, held = size[0] * size[1], 0 if gpu else PICTURE
    whole = base + demand.fixed + pixels * (held + demand.whole + demand.pixel)
    tiles = method.declaration.tiling != "none"
    if whole <= limit and not (file is not None and tiles and pixels > LARGE):
        return Plan("whole", None, int(whole), 0, seconds, limit)
    if not tiles:
        raise _too_large(whole, limit, "this method needs the picture whole")
    return _in_tiles(_Job(method, size, style, base, limit, demand, seconds, file, bands))


@dataclass(frozen=True)
class _Job:
    """What is to be planned, see `plan_job`; `base` bytes are held already, of `limit`."""

    method: Plannable
    size: tuple[int, int]
    style: Any
    base: int
    limit: int
    demand: MemoryProfile
    seconds: float
    file: Path | None
    bands: int


def _in_tiles(job: _Job) -> Plan:
    method, demand, limit, file = job.method, job.demand, job.limit, job.file
    pixels, gpu = job.size[0] * job.size[1], method.device.type == "cuda"
    streamed = file is not None and method.declaration.tiling == "statistics"
    pictures = FILES if streamed else 0 if gpu else 2 * PICTURE * pixels
    start, mapped = job.base + demand.fixed + pictures + demand.whole * pixels, 0.0
    if demand.mapped and start + demand.pixel * COMFORTABLE**2 > limit:
        mapped = demand.mapped * pixels
        start -= mapped
    cuts = [_cut(method, job.size, side, job.style, demand.near) for side in SIDES]
    # Of networks that stop often, several tiles at a time take twice the memory, in holes between what comes and goes.
    threads = torch.get_num_threads() if demand.near and not gpu else 1
    workers, best = _shared_out(cuts, demand, limit - start, threads)
    working = start + workers * demand.pixel * best.tile
    if working > limit:
        raise _too_large(working, limit, "and that in the smallest tiles")
    free = max(0.0, CAUTION * (limit - working))
    whole = demand.near and demand.waiting * best.whole <= free
    recompute_stages = whole or demand.waiting * best.seen > 2 * free  # quicker than to put more than half on a disk
    waiting = demand.waiting * (best.near if recompute_stages else best.seen)
    room = waiting if whole else min(waiting, free)
    spilled = waiting - room
    memory = int(working + (demand.waiting * best.whole if whole else room))
    folder = file.resolve().parent if file is not None else Path(tempfile.gettempdir())
    tiling = Tiling(
        best.side,
        recompute_stages=int(recompute_stages),
        workers=workers,
        whole=whole,
        room=int(room),
        folder=folder if spilled or mapped else None,
        memory=min(limit, memory) if workers == 1 else limit,
    )
    seconds = job.seconds * best.seen / pixels * (1 + HEAD * (recompute_stages and not whole))
    disk = int(spilled + mapped)
    if not streamed:
        return Plan("tiled", tiling, memory, disk, seconds, limit)
    files = 2 * pixels / FILE_PIXELS
    return Plan("streamed", tiling, memory, disk + job.bands * pixels, seconds + files, limit)


def _shared_out(cuts: list[_Cut], demand: MemoryProfile, left: float, threads: int) -> tuple[int, _Cut]:
    """How many tiles are worked at at the same time, and which: several if they needn't be small for that."""
    shared = [cut for cut in cuts if cut.side >= SHARED and cut.count >= ENOUGH]
    if threads >= WORKERS and shared:
        several = replace(demand, pixel=WORKERS * demand.pixel)
        best = _best_cut(shared, several, left)
        if several.pixel * best.tile <= CAUTION * left:
            return WORKERS, best
    return 1, _best_cut(cuts, demand, left)


def _best_cut(cuts: list[_Cut], demand: MemoryProfile, left: float) -> _Cut:
    """The largest tiles with which all that waits stays in memory; else the largest that leave it some room."""
    ways = [
        *(cut for cut in cuts if demand.pixel * cut.tile + demand.waiting * cut.whole <= CAUTION * left),
        *(cut for cut in cuts if demand.pixel * cut.tile <= TILE_SHARE * left),
        cuts[-1],
    ]
    return ways[0]


@dataclass(frozen=True)
class _Cut:
    """Tiles of one size; areas in pixels.

    Args:
        side: About theirs.
        count: Of tiles.
        tile: What the largest sees.
        seen: What all together see.
        near: What waits after one stop.
        whole: What is kept at the most, where features of the whole picture give way to what waits, row by row.
    """

    side: int
    count: int
    tile: int
    seen: int
    near: int
    whole: int


def _cut(method: Plannable, size: tuple[int, int], side: int, style: Any, near: bool) -> _Cut:
    tiles = method.tiles(size, side, style)
    seen, later = [_area(tile.seen) for tile in tiles], [_area(tile.near if near else tile.seen) for tile in tiles]
    row = size[0] * max(tile.seen[2] - tile.seen[0] for tile in tiles)
    whole = max(sum(later), size[0] * size[1] + min(row, size[0] * size[1])) if near else sum(seen)
    return _Cut(side, len(tiles), max(seen), sum(seen), sum(later), whole)


def _area(box: Box) -> int:
    top, left, bottom, right = box
    return (bottom - top) * (right - left)


def _too_large(needed: float, limit: int, why: str) -> BrushworkError:
    return BrushworkError(
        f"this takes {needed / 1e9:.1f} GB of memory, and {limit / 1e9:.1f} GB may be taken ({why}); "
        "take a smaller size, or allow more with --max-memory"
    )
