"""Local style: every part of an image should look like some part of the painting.

Statistics of the whole image hardly notice a sky that stays a photograph, as long as other parts make up for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["CELLS", "WindowGrid", "local_style_loss", "mixed_windows", "style_windows"]

CELLS = 16  # along the longer side of the image; a window is two cells wide and high
SMALLEST_VARIANCE = 1e-6


@dataclass(frozen=True)
class WindowGrid:
    """Windows over a feature map, each overlapping the next by half.

    The map is divided into cells, and 2×2 cells are a window. So its mean and deviation follow from the sums over
    cells, which can be added up tile by tile.

    Args:
        height: Of the feature map, in positions.
        width: The same.
        rows: Number of cells in vertical direction.
        columns: The same in horizontal direction.
    """

    height: int
    width: int
    rows: int
    columns: int

    @classmethod
    def of(cls, height: int, width: int, side: float = 0.0) -> WindowGrid:
        """Return the grid of a map.

        Args:
            height: In positions.
            width: In positions.
            side: Of a cell, in positions; 0 selects 1/16 of the longer side.
        """
        side = max(side or max(height, width) / CELLS, 2)  # a single position has no deviation
        return cls(height, width, max(1, round(height / side)), max(1, round(width / side)))

    def sums(self, features: Tensor, top: int = 0, left: int = 0) -> Tensor:
        """Return the sum of each cell over a map, or over a part of it.

        Args:
            features: (1, C, h, w).
            top: Row of the map where the part begins.
            left: Column of the map where the part begins.

        Returns:
            (1, C, rows, columns).
        """
        down = _membership(self.rows, self.height, top, features.shape[2]).to(features)
        across = _membership(self.columns, self.width, left, features.shape[3]).to(features)
        rows = across @ features.permute(0, 2, 3, 1)  # in the layout of the network's features, so nothing is copied
        sums = down @ rows.flatten(2)
        return sums.view(1, self.rows, self.columns, -1).permute(0, 3, 1, 2)

    def sums_with_squares(self, features: Tensor, top: int = 0, left: int = 0) -> Tensor:
        """Return the sums of the features and of their squares, (1, 2 C, rows, columns); see `sums`."""
        return torch.cat([self.sums(found, top, left) for found in (features, features.square())], 1)

    def means(self, sums: Tensor) -> Tensor:
        """Return the mean in each window, (1, C, N), from the sums of cells."""
        counts = self.sums(sums.new_ones(1, 1, self.height, self.width))
        window, size = (min(2, self.rows), min(2, self.columns)), (1, 1)
        means = F.avg_pool2d(sums, window, size) / F.avg_pool2d(counts, window, size)
        return means.flatten(2)

    def moments(self, sums: Tensor) -> Tensor:
        """Return means and deviations of all windows, (N, 2 C).

        Args:
            sums: Sums over cells of the features and of their squares, (1, 2 C, rows, columns).
        """
        mean, square = self.means(sums)[0].chunk(2)
        deviation = (square - mean.square()).clamp_min(SMALLEST_VARIANCE).sqrt()
        return torch.cat([mean, deviation]).T


def style_windows(features: Tensor, side: float, mask: Tensor | None = None) -> Tensor:
    """Return the moments of a painting's windows, (N, 2 C).

    Args:
        features: Of the painting, (1, C, h, w).
        side: Of a cell, in positions: that of the image which the style is for.
        mask: Weight of each pixel of the painting, (1, 1, H, W) in [0, 1]; windows mostly outside are left out, unless
            all are.
    """
    grid = WindowGrid.of(features.shape[2], features.shape[3], side)
    windows = grid.moments(grid.sums_with_squares(features))
    if mask is None:
        return windows
    small = F.adaptive_avg_pool2d(mask.to(features), (grid.height, grid.width))
    inside = grid.means(grid.sums(small))[0, 0] > 0.5
    return windows[inside] if inside.any() else windows


def _membership(cells: int, size: int, start: int, length: int) -> Tensor:
    """Return which positions belong to which cell, 0 or 1: (cells, length) for positions from `start`."""
    cell = torch.arange(start, start + length) * cells // size
    return F.one_hot(cell, cells).T.float()


def local_style_loss(windows: Tensor, style: Tensor, shares: Tensor | None = None) -> Tensor:
    """Return the mean distance of windows from the nearest ones of a style.

    ‖a - b‖² / (‖a‖ ‖b‖) is the distance; norms and matches are held constant in the gradient.

    Args:
        windows: Moments of the image's windows, (N, D).
        style: Moments of the painting's windows, (M, D).
        shares: How far the style applies to each of the image's windows, (N,) in [0, 1]; None: 1.

    Differs: nearest neighbors as in Li and Wand 2016 (CVPR, section 3.1), but of a window's moments instead of patches.
    """
    with torch.no_grad():
        norms = windows.norm(dim=1)[:, None] * style.norm(dim=1)[None]
        distances = torch.cdist(windows, style).square() / norms.clamp_min(1e-12)
        nearest = distances.argmin(1)
        norm = norms.gather(1, nearest[:, None])[:, 0].clamp_min(1e-12)
    errors: Tensor = (windows - style[nearest]).square().sum(1) / norm
    return errors.mean() if shares is None else (errors * shares).mean()


def mixed_windows(styles: Sequence[Tensor | None], shares: Sequence[float]) -> Tensor | None:
    """Return the windows of a blend: those of the style with the largest share, each mixed with the nearest of others.

    Args:
        styles: Moments of each style's windows, (N, D); None for a style that has none: then the blend has none.
        shares: Their weights, of sum 1.
    """
    known = [(share, style) for share, style in zip(shares, styles, strict=True) if style is not None]
    if len(known) < len(styles):
        return None
    known.sort(key=lambda pair: -pair[0])
    (share, windows), *others = known
    mixed = share * windows
    for share, other in others:
        style = other.to(windows)
        mixed = mixed + share * style[torch.cdist(windows, style).argmin(1)]
    return mixed
