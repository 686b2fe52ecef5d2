"""Planning a job: estimates memory, disk space and time, and chooses a way of processing that fits."""

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

SIDES = (4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 128)  # candidate tile sides, in pixels
SMALL, PLENTY = 4_000_000, 4_000_000_000  # with this many free bytes, up to this many pixels need no plan
LARGE = 16_000_000  # pixels above which files are processed in tiles even if memory suffices for the whole image
COMFORTABLE = 768  # L-BFGS history moves to disk before Gatys' tiles get smaller than this side
MARGIN = 0.8  # fraction of the free memory to use, unless a limit is given
PICTURE = 12  # bytes per pixel in float32
FIRST_USE = 90_000_000  # approximate bytes that libraries allocate on first use
FILES = 300_000_000  # bytes for decoding and encoding in parts
FILE_PIXELS = 25e6  # approximate pixels decoded, encoded and written per second
TILE_SHARE = 0.5  # fraction of the remaining memory for the current tile; the rest is for suspended ones
CAUTION = 0.95  # fraction of the limit to fill with suspended tiles; the rest is a safety margin
WORKERS = 2  # tiles processed in parallel, given as many cores
ENOUGH = 8  # minimum number of tiles for parallel processing, so that no worker idles long at the end
SHARED = 1024  # minimum tile side for parallel processing
TILED_OPTIMIZATION = 1.5  # relative time of an optimization in tiles, which runs the network forward twice per step
HEAD = 0.25  # approximate fraction of the time spent before the first statistics request


class Plannable(Protocol):
    """The part of a method that planning needs; see `brushwork.methods.base.Method`."""

    @property
    def declaration(self) -> Any:
        """The method's capabilities."""
        ...

    device: torch.device

    def estimate_seconds(self, width: int, height: int) -> float:
        """Estimate the seconds for an image of this size."""
        ...

    def demand(self, style: Any = None) -> MemoryProfile:
        """Return the memory needed for an image."""
        ...

    def tiles(self, size: tuple[int, int], side: int, style: Any = None) -> list[Tile]:
        """Return the tiles of an image of this (width, height)."""
        ...


def worth_a_plan(size: tuple[int, int], max_memory: int | None) -> bool:
    """Return whether an image of this size might need more memory than is available."""
    free = available_memory()
    return max_memory is not None or size[0] * size[1] > SMALL or (free is not None and free < PLENTY)


@dataclass(frozen=True)
class Plan:
    """How an image is processed, and the resources needed.

    Args:
        way: "whole"; "tiled", with the image in memory; "streamed", from file to file.
        tiling: How the image is cut; None for "whole".
        memory: Peak memory of the process in bytes; on a GPU, of GPU memory.
        disk: Bytes of temporary files.
        seconds: Estimated time.
        limit: Memory limit in bytes.
    """

    way: str
    tiling: Tiling | None
    memory: int
    disk: int
    seconds: float
    limit: int

    def facts(self) -> dict[str, Any]:
        """Return the plan as a dictionary, for JSON and recipes."""
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
    """Choose how to process an image of this size.

    Args:
        method: From `brushwork.methods.load`.
        size: (width, height) of the result in pixels.
        style: The encoded style; None for any.
        max_memory: Memory limit of the process in bytes; None uses the currently free memory, with a margin.
        file: The output file, if the result need not be returned as a `Picture`; its disk also holds temporary files.
        bands: Bytes per pixel in the file.

    Raises:
        BrushworkError: The image doesn't fit into memory in any way.
    """
    gpu = method.device.type == "cuda"
    base = torch.cuda.memory_allocated(method.device) if gpu else resident_memory() + FIRST_USE
    free = torch.cuda.mem_get_info(method.device)[0] if gpu else available_memory()
    limit = max_memory or (base + int(MARGIN * free) if free is not None else 1 << 62)
    demand, seconds = method.demand(style), method.estimate_seconds(*size)
    pixels, held = size[0] * size[1], 0 if gpu else PICTURE
    whole = base + demand.fixed + pixels * (held + demand.whole) + demand.at_once(pixels)
    tiles = method.declaration.tiling != "none"
    if whole <= limit and not (file is not None and tiles and pixels > LARGE):
        return Plan("whole", None, int(whole), 0, seconds, limit)
    if not tiles:
        raise _too_large(whole, limit, "this method doesn't support tiles")
    return _in_tiles(_Job(method, size, style, base, limit, demand, seconds, file, bands))


@dataclass(frozen=True)
class _Job:
    """The job to plan, see `plan_job`; `base` bytes of `limit` are already in use."""

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
    # For networks with many statistics requests, parallel tiles need twice the memory because of fragmentation.
    threads = torch.get_num_threads() if demand.near and not gpu else 1
    workers, best = _shared_out(cuts, demand, limit - start, threads)
    working = start + workers * demand.pixel * best.tile
    if working > limit:
        raise _too_large(working, limit, "with the smallest tiles")
    free = max(0.0, CAUTION * (limit - working))
    whole = demand.near and demand.waiting * best.whole <= free
    recompute_stages = whole or demand.waiting * best.seen > 2 * free  # faster than moving more than half to disk
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
    if method.declaration.tiling == "inside":
        seconds *= TILED_OPTIMIZATION
    disk = int(spilled + mapped)
    if not streamed:
        return Plan("tiled", tiling, memory, disk, seconds, limit)
    files = 2 * pixels / FILE_PIXELS
    return Plan("streamed", tiling, memory, disk + job.bands * pixels, seconds + files, limit)


def _shared_out(cuts: list[_Cut], demand: MemoryProfile, left: float, threads: int) -> tuple[int, _Cut]:
    """Return how many tiles to process in parallel, and their cut: several only if they needn't be small for that."""
    shared = [cut for cut in cuts if cut.side >= SHARED and cut.count >= ENOUGH]
    if threads >= WORKERS and shared:
        several = replace(demand, pixel=WORKERS * demand.pixel)
        best = _best_cut(shared, several, left)
        if several.pixel * best.tile <= CAUTION * left:
            return WORKERS, best
    return 1, _best_cut(cuts, demand, left)


def _best_cut(cuts: list[_Cut], demand: MemoryProfile, left: float) -> _Cut:
    """Return the largest tiles that let all suspended tiles stay in memory, otherwise the largest that leave room."""
    ways = [
        *(cut for cut in cuts if demand.pixel * cut.tile + demand.waiting * cut.whole <= CAUTION * left),
        *(cut for cut in cuts if demand.pixel * cut.tile <= TILE_SHARE * left),
        cuts[-1],
    ]
    return ways[0]


@dataclass(frozen=True)
class _Cut:
    """A cut into tiles of about one size; areas in pixels.

    Args:
        side: Approximate side of a tile.
        count: Number of tiles.
        tile: Area of the largest tile with its halo.
        seen: Total area of the tiles with their halos.
        near: Total area stored after one request.
        whole: Peak area stored when features of the whole image are kept and replaced row by row by suspended tiles.
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
        f"this needs {needed / 1e9:.1f} GB of memory, but only {limit / 1e9:.1f} GB may be used ({why}); "
        "use a smaller size or --preset draft, or allow more with --max-memory"
    )
