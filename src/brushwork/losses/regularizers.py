"""Terms that look at the pixels alone."""

from __future__ import annotations

from torch import Tensor

__all__ = ["total_variation"]


def total_variation(pixels: Tensor) -> Tensor:
    """Mean squared difference of neighbors, down plus across.

    Args:
        pixels: Shape (B, 3, H, W); a side of one pixel has no neighbors and adds nothing.

    Source: Mahendran and Vedaldi 2015, arXiv:1412.0035, section 3.2 with β = 2.
    Differs: a mean, so that one weight means the same at every size.
    """
    down, across = pixels.diff(dim=2), pixels.diff(dim=3)
    return (down.square().sum() + across.square().sum()) / pixels.numel()
