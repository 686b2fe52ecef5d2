"""Strokes for what comes into view in a film: patch search in the painted frame, guided by the film's own frames.

Source: Jamriška et al. 2019, "Stylizing Video by Example" (SIGGRAPH); Fišer et al. 2017, "Example-Based Synthesis of
Stylized Facial Animations" (SIGGRAPH). PatchMatch: Barnes et al. 2009.
Differs: Only the places without strokes are searched; docs/video.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from brushwork.color import luma
from brushwork.patches.kernels import Floats, Places, improve

__all__ = ["StrokeSearch", "grid"]

SIDE = 5  # of a patch in pixels, as theirs
HALF = SIDE // 2
SMALLEST = 160  # pixels of the shorter side below which frames aren't halved again
PAINT, COLOR, EDGES, PLACE = 1.0, 12.0, 20.0, 3e-6  # weights of a patch's squared differences; places are in pixels
TURNS, FIRST = 1, 3  # of vote and search: at larger sizes, and at the smallest one
NEAR = 20.0  # pixels within which larger sizes search at random
SHRINK = 0.6  # of that distance from one try to the next
JUMPS = (2, 1)  # pixels from which neighbors offer their place


@dataclass(frozen=True)
class _Level:
    """The painted frame at one size: planes to compare, (H, W, 7 or more), and its paint, (1, 3, H, W)."""

    planes: Floats
    paint: Tensor


class StrokeSearch:
    """Finds places in a painted frame whose paint suits what the film shows.

    Args:
        film: The source of the painted frame, (1, 3, H, W) in [0, 1].
        painted: The painted frame, likewise.
    """

    def __init__(self, film: Tensor, painted: Tensor) -> None:
        places, self._levels = grid(*film.shape[2:]), list[_Level]()
        while True:
            self._levels.append(_Level(_planes(film, painted, places), painted))
            if min(film.shape[2:]) < 2 * SMALLEST:
                return
            film, painted, places = (F.avg_pool2d(pixels, 2) for pixels in (film, painted, places))

    def filled(self, film: Tensor, offsets: Tensor, lost: Tensor, seed: int) -> Tensor:
        """Return offsets that are found anew where they are lost.

        Args:
            film: The frame, (1, 3, H, W) in [0, 1].
            offsets: From each pixel to the place of its paint, (1, 2, H, W) in pixels.
            lost: Where that isn't known, (1, 1, H, W) bool.
            seed: Of the random search.
        """
        if not bool(lost.any()):
            return offsets
        random = np.random.default_rng(seed)
        guess = _spread_out(offsets, ~lost)
        small = [(film, guess, lost.float())]
        for _ in self._levels[1:]:
            halved, moved, gaps = small[-1]
            small.append((F.avg_pool2d(halved, 2), F.avg_pool2d(moved, 2) / 2, F.max_pool2d(gaps, 2)))
        centers = None
        for number, level in reversed(list(enumerate(self._levels))):
            frame, moved, gaps = small[number]
            own = grid(*frame.shape[2:])
            tracked = _inside(own + moved)
            start = tracked if centers is None else torch.where(gaps > 0, _inside(_doubled(centers, own)), tracked)
            places = (own + moved) * 2**number
            work = _Gaps(level, frame, places, gaps[0, 0] > 0, start)
            far = number == len(self._levels) - 1
            centers = work.searched(FIRST if far else TURNS, random, far=far)
        assert centers is not None
        return torch.where(lost, centers - grid(*film.shape[2:]), offsets)


class _Gaps:
    """The gaps of a frame at one size.

    Args:
        level: The painted frame at this size.
        frame: (1, 3, h, w).
        places: Where the paint would be if it moved as around it, (1, 2, h, w).
        gaps: (h, w) bool.
        centers: Places to start from, and that stay outside the gaps, (1, 2, h, w).
    """

    def __init__(self, level: _Level, frame: Tensor, places: Tensor, gaps: Tensor, centers: Tensor) -> None:
        self._level, self._frame, self._places, self._gaps = level, frame, places, gaps
        self._size = gaps.shape
        inner = centers[0, :, HALF : -HALF or None, HALF : -HALF or None]
        self._field: Places = np.ascontiguousarray(inner.flip(0).permute(1, 2, 0).numpy().astype(np.int32) - HALF)
        covered = F.max_pool2d(gaps[None, None].float(), SIDE, 1)[0, 0] > 0
        self._active: NDArray[np.bool_] = covered.numpy()
        self._centers = centers
        self._estimate = level.paint[:, :, centers[0, 1].long(), centers[0, 0].long()]

    def searched(self, turns: int, random: np.random.Generator, *, far: bool) -> Tensor:
        """Search and vote in turns, and return the place of each pixel's paint, (1, 2, h, w).

        Args:
            turns: How often.
            random: Of the random search.
            far: Whether to search everywhere, and at first by the film alone.
        """
        for turn in range(turns):
            if turn or not far:
                self._vote()
            query, source = _planes(self._frame, self._estimate, self._places), self._level.planes
            if far and turn == 0:  # there is no paint in the gaps yet
                query[..., :3], source = 0, source.copy()
                source[..., :3] = 0
            self._search(query, source, random, 2 if far else 1, float(max(self._size)) if far else NEAR)
        offsets = torch.from_numpy(self._field).permute(2, 0, 1).flip(0)[None] + HALF
        offsets = offsets - grid(*self._size)[:, :, HALF:-HALF, HALF:-HALF]
        found = grid(*self._size) + F.pad(offsets, (HALF,) * 4, mode="replicate")
        return torch.where(self._gaps, _inside(found), self._centers)

    def _vote(self) -> None:
        """Estimate the paint in the gaps: the mean of what all patches over a pixel say."""
        rows, columns = self._gaps.nonzero(as_tuple=True)
        places, paint = torch.from_numpy(self._field).long(), self._level.paint[0]
        total, count = paint.new_zeros(3, len(rows)), paint.new_zeros(len(rows))
        for down in range(SIDE):
            for right in range(SIDE):
                row, column = rows - down, columns - right
                there = (row >= 0) & (row < len(places)) & (column >= 0) & (column < places.shape[1])
                at = places[row.clamp(0, len(places) - 1), column.clamp(0, places.shape[1] - 1)]
                total += there * paint[:, at[:, 0] + down, at[:, 1] + right]
                count += there
        self._estimate[0, :, rows, columns] = total / count

    def _search(self, query: Floats, source: Floats, random: np.random.Generator, passes: int, reach: float) -> None:
        """Improve the field over the gaps, by what neighbors have and at random."""
        field, active = self._field, self._active
        allowed = np.ones((len(source) - SIDE + 1, source.shape[1] - SIDE + 1), bool)
        distances = np.full(active.shape, np.inf, np.float32)
        improve(query, source, allowed, np.where(active[..., None], np.int32(-1), field), distances, field.copy())
        y, x = active.nonzero()
        for _ in range(passes):
            for jump in JUMPS:
                for down, right in ((jump, 0), (-jump, 0), (0, jump), (0, -jump)):
                    offered = field.copy()
                    offered[y, x] = field[(y - down) % len(field), (x - right) % field.shape[1]] + (down, right)
                    improve(query, source, allowed, field, distances, offered)
            radius = reach
            while radius >= 1:
                offered, tries = field.copy(), random.random((len(y), 2), np.float32) * 2 - 1
                offered[y, x] += np.rint(tries * np.float32(radius)).astype(np.int32)
                improve(query, source, allowed, field, distances, offered)
                radius *= SHRINK


def grid(height: int, width: int) -> Tensor:
    """Return the position (x, y) of each pixel, (1, 2, H, W)."""
    y, x = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    return torch.stack([x, y])[None]


def _planes(film: Tensor, paint: Tensor, places: Tensor) -> Any:
    """Return the planes to compare, (H, W, 9) float32: paint, colors, edges, places."""
    gray = luma(film)
    edges = gray - F.avg_pool2d(F.pad(gray, (2, 2, 2, 2), mode="replicate"), 5, 1)
    parts = [paint * PAINT**0.5, film * COLOR**0.5, edges * EDGES**0.5, places * PLACE**0.5]
    return np.ascontiguousarray(torch.cat(parts, 1)[0].permute(1, 2, 0).numpy(), np.float32)


def _inside(centers: Tensor) -> Tensor:
    """Return places as whole pixels whose patch is inside the frame."""
    height, width = centers.shape[2:]
    most = centers.new_tensor([width, height]).view(1, 2, 1, 1) - 1 - HALF
    return centers.round().clamp(min=HALF).minimum(most)


def _doubled(centers: Tensor, own: Tensor) -> Tensor:
    """Return places found at half the size, at full size."""
    x, y = (own[0] // 2).long()
    x, y = x.clamp(max=centers.shape[3] - 1), y.clamp(max=centers.shape[2] - 1)
    return 2 * (centers[:, :, y, x] - torch.stack([x, y])[None]) + own


def _spread_out(offsets: Tensor, known: Tensor) -> Tensor:
    """Return offsets with those around each gap spread out over it, by averages of ever larger squares."""
    share = known.float()
    total, levels = offsets * share, list[tuple[Tensor, Tensor]]()
    while max(share.shape[2:]) > 1:
        levels.append((total, share))
        total, share = (F.avg_pool2d(part, 2, ceil_mode=True, count_include_pad=False) for part in (total, share))
    filled = total / share.clamp_min(1e-6)
    for total, share in reversed(levels):
        larger = F.interpolate(filled, share.shape[2:], mode="bilinear")
        filled = torch.where(share > 0.5, total / share.clamp_min(0.5), larger)
    return filled
