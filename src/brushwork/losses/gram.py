"""The style loss of Gatys et al.: distance between Gram matrices."""

from __future__ import annotations

from torch import Tensor

__all__ = ["gram_loss"]


def gram_loss(gram: Tensor, target: Tensor) -> Tensor:
    """Return one layer's contribution E_l to the style loss.

    Args:
        gram: Gram matrix averaged over positions, shape (B, C, C).
        target: The same shape.

    Source: Gatys et al. 2016, eq. 4: 1 / (4 N² M²) Σ (G - A)², where G and A are sums over M positions. Averages
        already contain one factor 1 / M each, so 1 / (4 N²) is left.
    """
    return (gram - target).square().sum() / (4 * gram.shape[1] ** 2)
