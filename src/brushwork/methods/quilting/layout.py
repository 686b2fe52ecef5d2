"""Where the blocks of a quilt stand, how they overlap, and which of them can be laid at the same time."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Block", "Layout", "overlap_of"]


def overlap_of(side: int) -> int:
    """Return the overlap of blocks of this side: a sixth, as in the paper (section 2.1)."""
    return max(1, round(side / 6))


@dataclass(frozen=True)
class Block:
    """A block of a quilt.

    Args:
        number: In raster order.
        top: Position in the quilt, in pixels.
        left: Likewise.
        height: How much of the block is laid, from its top.
        width: Likewise, from its left.
        above: Whether it overlaps a block above it.
        before: Whether it overlaps a block on its left.
        below: Whether it overlaps, around the edge, the blocks of the first row.
        after: Whether it overlaps, around the edge, the blocks of the first column.
    """

    number: int
    top: int
    left: int
    height: int
    width: int
    above: bool
    before: bool
    below: bool
    after: bool

    @property
    def kind(self) -> tuple[int, int, bool, bool, bool, bool]:
        """What decides how it is compared; the same for most blocks."""
        return self.height, self.width, self.above, self.before, self.below, self.after


@dataclass(frozen=True)
class Layout:
    """A quilt's blocks.

    Args:
        height: Of the quilt with whole blocks, in pixels; at least that of the picture.
        width: Likewise.
        side: Of a block.
        overlap: Of two blocks.
        waves: The blocks in the order they are laid; those of a wave don't touch each other.
    """

    height: int
    width: int
    side: int
    overlap: int
    waves: list[list[Block]]

    @classmethod
    def covering(cls, height: int, width: int, side: int, *, wraps: bool = False) -> Layout:
        """Return the layout for a picture of this size.

        Args:
            height: In pixels.
            width: In pixels.
            side: Of a block, at least 2.
            wraps: Whether the last blocks overlap the first around the edge. Blocks then stand a little closer, so that
                a whole number of them fits; both sides must be at least twice `side - overlap`.
        """
        overlap = overlap_of(side)
        rows, columns = (_starts(length, side, overlap, wraps) for length in (height, width))
        if not wraps:
            height, width = rows[-2] + side, columns[-2] + side
        blocks = {
            (i, j): Block(
                i * (len(columns) - 1) + j,
                rows[i],
                columns[j],
                rows[i + 1] - rows[i] + overlap,
                columns[j + 1] - columns[j] + overlap,
                above=i > 0,
                before=j > 0,
                below=wraps and i == len(rows) - 2,
                after=wraps and j == len(columns) - 2,
            )
            for i in range(len(rows) - 1)
            for j in range(len(columns) - 1)
        }
        return cls(height, width, side, overlap, _waves(blocks, len(rows) - 1, len(columns) - 1, wraps))


def _starts(length: int, side: int, overlap: int, wraps: bool) -> list[int]:
    """Return where blocks begin along a side, and where one more would."""
    step = side - overlap
    count = max(1, math.ceil((length if wraps else length - overlap) / step))
    return [k * length // count if wraps else k * step for k in range(count + 1)]


def _waves(blocks: dict[tuple[int, int], Block], rows: int, columns: int, wraps: bool) -> list[list[Block]]:
    """Return the blocks in waves: each comes after those it touches that begin further above or left.

    In the order of i · 2 + j, a block comes after its neighbors of the row above, the right one too; the result is that
    of raster order.
    """
    waves: list[list[Block]] = []
    level: dict[tuple[int, int], int] = {}
    for i, j in sorted(blocks, key=lambda place: (2 * place[0] + place[1], place[0])):
        near = [(i + y, j + x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        near = [(y % rows, x % columns) for y, x in near] if wraps else near
        level[i, j] = 1 + max((level[place] for place in near if place in level), default=-1)
        if level[i, j] == len(waves):
            waves.append([])
        waves[level[i, j]].append(blocks[i, j])
    return waves
