"""What a job will take, before it begins: memory, disk and time; and the way that fits."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from brushwork.device import available_memory
from brushwork.errors import BrushworkError
from brushwork.metering import resident_memory
from brushwork.methods import Method
from brushwork.tiling import Demand, Tile, Tiling

__all__ = ["Plan", "plan_job", "worth_a_plan"]

SIDES = (4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 128)  # of tiles, in pixels
SMALL, PLENTY = 4_000_000, 4_000_000_000  # pixels for which so many free bytes are enough, whatever the method
LARGE = 16_000_000  # pixels from which on a file is painted in parts, though there may be memory for the whole
MARGIN = 0.8  # of the free memory is taken at most, unless a limit is given
PICTURE = 12  # bytes of a pixel in float32
FILES = 300_000_000  # bytes for decoding and encoding in parts
FILE_PIXELS = 25e6  # that are decoded, encoded and written in a second, about
TILE_SHARE = 0.5  # of what is left, for the tile that is worked at; the rest for those that wait
CAUTION = 0.85  # of the limit is filled with tiles that wait; the rest is for what no plan foresees
HEAD = 0.25  # of the time, about, for what comes before the first stop


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
    method: Method,
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
    base = torch.cuda.memory_allocated(method.device) if gpu else resident_memory()
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
    folder = file.resolve().parent if file is not None else Path(tempfile.gettempdir())
    streamed = file is not None and method.declaration.tiling == "statistics"
    start = base + demand.fixed + (FILES if streamed else 2 * held * pixels) + demand.whole * pixels
    mapped = 0.0
    if demand.mapped and start + demand.pixel * SIDES[-3] ** 2 > limit:
        mapped = demand.mapped * pixels
        start -= mapped
    for side in SIDES:
        cut = method.tiles(size, side, style)
        tile = demand.pixel * max(_seen(part) for part in cut)
        if tile <= TILE_SHARE * (limit - start) or (side == SIDES[-1] and start + tile <= limit):
            break
    else:
        raise _too_large(start + tile, limit, "and that in the smallest tiles")
    seen = sum(_seen(part) for part in cut)
    if mapped:
        tiling = Tiling(side, folder=folder)
        return Plan("tiled", tiling, int(start + tile), int(mapped), seconds * seen / pixels, limit)
    return _tiled(demand, limit, side, start + tile, seen, seconds * seen / pixels, pixels, bands, file, streamed)


def _tiled(
    demand: Demand,
    limit: int,
    side: int,
    working: float,
    seen: int,
    seconds: float,
    pixels: int,
    bands: int,
    file: Path | None,
    streamed: bool,
) -> Plan:
    waiting, room = demand.waiting * seen, max(0.0, CAUTION * limit - working)
    files = 2 * pixels / FILE_PIXELS if streamed else 0.0
    spool = bands * pixels if streamed else 0
    way = "streamed" if streamed else "tiled"
    if waiting <= room:
        return Plan(
            way, Tiling(side, memory=int(working + waiting)), int(working + waiting), spool, seconds + files, limit
        )
    if file is None:
        raise _too_large(working + waiting, limit, "its tiles wait in memory; let it write to a file")
    tiling = Tiling(side, 1, int(room), file.resolve().parent, int(working + room))
    disk = spool + int(waiting - room)
    return Plan(way, tiling, int(working + room), disk, seconds * (1 + HEAD) + files, limit)


def _seen(tile: Tile) -> int:
    top, left, bottom, right = tile.seen
    return (bottom - top) * (right - left)


def _too_large(needed: float, limit: int, why: str) -> BrushworkError:
    return BrushworkError(
        f"this takes {needed / 1e9:.1f} GB of memory, and {limit / 1e9:.1f} GB may be taken ({why}); "
        "take a smaller size, or allow more with --max-memory"
    )
