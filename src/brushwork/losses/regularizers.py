"""Terms that look at the pixels alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["checkerboard_loss", "low_frequency_color_loss", "total_variation"]


COARSE = 16  # pixels that are averaged


def total_variation(pixels: Tensor) -> Tensor:
    """Mean squared difference of neighbors, down plus across.

    Args:
        pixels: Shape (B, 3, H, W); a side of one pixel has no neighbors and adds nothing.

    Source: Mahendran and Vedaldi 2015, arXiv:1412.0035, section 3.2 with β = 2.
    Differs: a mean, so that one weight means the same at every size.
    """
    down, across = pixels.diff(dim=2), pixels.diff(dim=3)
    return (down.square().sum() + across.square().sum()) / pixels.numel()


def low_frequency_color_loss(pictures: Tensor, photos: Tensor) -> Tensor:
    """Mean square of large forms of color that no recoloring of the photo explains.

    Both are averaged over 16×16 pixels; what is left of the picture after the best affine map of the photo's colors,
    which is each picture's own, are patches of light or color that the photo doesn't have. Style losses don't mind
    them, and instance normalization tempts to them.

    Args:
        pictures: Shape (B, 3, H, W).
        photos: The same shape.
    """
    with torch.autocast(pictures.device.type, enabled=False):
        size = min(COARSE, *pictures.shape[2:])
        found, given = (F.avg_pool2d(x.float(), size).flatten(2) for x in (pictures, photos))
        given = torch.cat([given, torch.ones_like(given[:, :1])], 1)
        moments = given @ given.mT + 1e-2 * torch.eye(4, device=given.device)
        explained = torch.linalg.solve(moments, given @ found.mT).mT @ given
    left: Tensor = (found - explained).square().mean()
    return left


def checkerboard_loss(pictures: Tensor) -> Tensor:
    """Mean energy of what repeats every four pixels, as a network prints that has to enlarge; pictures have none of it.

    Of the picture without its coarse forms, the mean of each of the 16 places in a 4×4 cell, over 24×24 pixels.

    Args:
        pictures: Shape (B, 3, H, W), sides multiples of 4, at least 24.
    """
    box = torch.tensor([1.0, 2, 2, 2, 1], device=pictures.device) / 8  # nothing of period 2 or 4 passes it
    kernel = torch.outer(box, box).expand(3, 1, 5, 5)
    fine = pictures - F.conv2d(F.pad(pictures, (2, 2, 2, 2), mode="reflect"), kernel, groups=3)
    return F.avg_pool2d(F.pixel_unshuffle(fine, 4), 6, 3).square().mean()
