"""Regularization terms that depend only on pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["checkerboard_loss", "low_frequency_color_loss", "total_variation", "unexplained"]


COARSE = 16  # side in pixels of the averaging window


def total_variation(pixels: Tensor, core: tuple[int, int] | None = None, count: int | None = None) -> Tensor:
    """Return the mean squared difference of adjacent pixels, vertical plus horizontal.

    Args:
        pixels: Shape (B, 3, H, W); a side of one pixel has no differences and adds nothing.
        core: For a tile of a larger image: (height, width) of what belongs to it. A row and a column of its neighbors
            may follow, so that the differences to them count once.
        count: Number of values of the whole image, over which the mean is taken.

    Source: Mahendran and Vedaldi 2015, arXiv:1412.0035, section 3.2 with β = 2.
    Differs: a mean, so that a weight has the same effect at every size.
    """
    columns, rows = (pixels, pixels) if core is None else (pixels[..., : core[1]], pixels[:, :, : core[0]])
    down, across = columns.diff(dim=2), rows.diff(dim=3)
    return (down.square().sum() + across.square().sum()) / (count or pixels.numel())


def low_frequency_color_loss(pictures: Tensor, photos: Tensor) -> Tensor:
    """Return the mean square of low-frequency color that no recoloring of the photo explains.

    Both are averaged over 16×16 pixels. The best affine map of the photo's colors, fitted per image, is subtracted;
    what remains are patches of light or color that the photo doesn't have. Style losses don't penalize them, and
    instance normalization encourages them.

    Args:
        pictures: Shape (B, 3, H, W).
        photos: The same shape.
    """
    with torch.autocast(pictures.device.type, enabled=False):
        size = min(COARSE, *pictures.shape[2:])
        found, given = (F.avg_pool2d(x.float(), size).flatten(2) for x in (pictures, photos))
        given = torch.cat([given, torch.ones_like(given[:, :1])], 1)
        return unexplained(found, given, 1e-2)


def unexplained(found: Tensor, given: Tensor, ridge: float) -> Tensor:
    """Return the mean square of what remains of features after a least-squares fit by others, per image.

    Args:
        found: Shape (B, C, N).
        given: Shape (B, K, N).
        ridge: Added to the diagonal of the moments of `given`, so that the fit exists.
    """
    moments = given @ given.mT + ridge * torch.eye(given.shape[1], device=given.device)
    explained = torch.linalg.solve(moments, given @ found.mT).mT @ given
    left: Tensor = (found - explained).square().mean()
    return left


def checkerboard_loss(pictures: Tensor) -> Tensor:
    """Return the mean energy of patterns with a period of four pixels, as upsampling networks produce.

    After removing low frequencies, pixels are averaged at each of the 16 positions in a 4×4 cell, over 24×24 pixels.

    Args:
        pictures: Shape (B, 3, H, W), sides multiples of 4, at least 24.
    """
    box = torch.tensor([1.0, 2, 2, 2, 1], device=pictures.device) / 8  # blocks patterns of period 2 and 4
    kernel = torch.outer(box, box).expand(3, 1, 5, 5)
    fine = pictures - F.conv2d(F.pad(pictures, (2, 2, 2, 2), mode="reflect"), kernel, groups=3)
    return F.avg_pool2d(F.pixel_unshuffle(fine, 4), 6, 3).square().mean()
