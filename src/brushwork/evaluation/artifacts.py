"""Measures of faults that an eye sees at once and features hardly notice.

All pictures are (1, 3, H, W) sRGB in [0, 1], the photo of the picture's size.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from brushwork.color import luma

__all__ = ["clipped", "flat_texture", "grid_jump", "halo", "local_deviation", "speckle"]

SPECK = 0.12  # by which a pixel must differ from the median around it
STRONG = 0.02  # share of pixels that are strong edges
NEAR, FAR = (3, 6), (9, 14)  # pixels around an edge that are compared with each other
FLAT, AREA = 2 / 255, 15  # deviation below which an area of the photo is flat; its side in pixels
BLACK, WHITE = 0.5 / 255, 254.5 / 255


def grid_jump(picture: Tensor, period: int) -> float:
    """Return how much larger the jump between pixels is at every `period`-th row or column; a photo has about 1.

    The largest ratio of any offset, of rows or columns, to all others. It finds checkerboards and seams of tiles.

    Args:
        picture: (1, 3, H, W).
        period: Of the grid, in pixels, such as 2, 4 or 8.
    """
    found = [1.0]
    for axis in (2, 3):
        jumps = picture.diff(dim=axis).abs().mean((0, 1, 5 - axis))
        jumps = jumps[: len(jumps) // period * period].view(-1, period)
        if len(jumps):
            total = jumps.sum(0)
            rest = (total.sum() - total) / (period - 1)
            found.append(float((total / rest.clamp_min(1e-9)).max()))
    return max(found)


def speckle(picture: Tensor, photo: Tensor) -> float:
    """Return the share of pixels that stand out from the 3×3 around them in some channel, beyond the photo's.

    0 is none; negative values are fewer than in the photo.
    """
    return _specks(picture) - _specks(photo)


def _specks(pixels: Tensor) -> float:
    padded = F.pad(pixels, (1, 1, 1, 1), mode="replicate")
    around = F.unfold(padded.transpose(0, 1), 3).median(1).values.view_as(pixels)
    return float(((pixels - around).abs().amax(1) > SPECK).float().mean())


def clipped(picture: Tensor, photo: Tensor) -> float:
    """Return the share of pixels that are black or white in every channel, beyond the photo's."""
    return _clipped(picture) - _clipped(photo)


def _clipped(pixels: Tensor) -> float:
    return float(((pixels.amax(1) < BLACK) | (pixels.amin(1) > WHITE)).float().mean())


def halo(picture: Tensor, photo: Tensor) -> float:
    """Return how much brightness beside the photo's strong edges differs from that farther away, beyond the photo's.

    In luma of [0, 1], mean over the edges' surroundings; 0 is no halo.
    """
    gray = luma(photo)
    slope = F.max_pool2d(gray, 3, 1, 1) + F.max_pool2d(-gray, 3, 1, 1)  # largest minus smallest of 3×3
    edges = _strongest(slope)

    def ring(inner: int, outer: int) -> Tensor:
        return _widened(edges, outer) - _widened(edges, inner - 1)

    near, far = ring(*NEAR), ring(*FAR)
    return _ring_difference(luma(picture), near, far) - _ring_difference(gray, near, far)


def _strongest(slope: Tensor) -> Tensor:
    """Return 1 where a value is among the largest, else 0."""
    count = max(1, round(STRONG * slope.numel()))
    return (slope >= slope.flatten().topk(count).values[-1].clamp_min(1e-3)).float()


def _widened(mask: Tensor, radius: int) -> Tensor:
    """Return the largest value in a square around each place."""
    rows = F.max_pool2d(mask, (2 * radius + 1, 1), 1, (radius, 0))
    return F.max_pool2d(rows, (1, 2 * radius + 1), 1, (0, radius))


def _averaged(values: Tensor, radius: int) -> Tensor:
    """Return the mean in a square around each place; zero outside."""
    rows = F.avg_pool2d(values, (2 * radius + 1, 1), 1, (radius, 0))
    return F.avg_pool2d(rows, (1, 2 * radius + 1), 1, (0, radius))


def _ring_difference(gray: Tensor, near: Tensor, far: Tensor) -> float:
    """Return the mean difference between the means of both rings around each place."""

    def mean(mask: Tensor) -> Tensor:
        return _averaged(gray * mask, FAR[1]) / _averaged(mask, FAR[1]).clamp_min(1e-6)

    places = near * (_widened(far, FAR[1]) > 0)
    return float(((mean(near) - mean(far)).abs() * places).sum() / places.sum().clamp_min(1))


def flat_texture(picture: Tensor, photo: Tensor) -> float:
    """Return the deviation of luma in areas where the photo is flat; 0 if they stayed flat, or there are none.

    A painted sky has brush strokes. Whether it should is a matter of the painting.
    """
    flat = local_deviation(luma(photo)) < FLAT
    return float(local_deviation(luma(picture))[flat].mean()) if bool(flat.any()) else 0.0


def local_deviation(gray: Tensor, least: float = 0.0) -> Tensor:
    """Return the standard deviation around each pixel, (B, 1, H', W'), in float64, within squares of `AREA` pixels.

    Args:
        gray: (B, 1, H, W).
        least: Variances below this count as this; above 0, the result has a gradient everywhere.
    """
    side = min(AREA, *gray.shape[2:])

    def mean_of(values: Tensor) -> Tensor:
        return F.avg_pool2d(F.avg_pool2d(values, (side, 1), 1), (1, side), 1)

    mean, square = mean_of(gray.double()), mean_of(gray.double().square())
    return (square - mean.square()).clamp_min(least).sqrt()
