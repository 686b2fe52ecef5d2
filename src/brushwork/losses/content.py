"""Content losses: how far features are from the photo's."""

from __future__ import annotations

from torch import Tensor

__all__ = ["content_loss", "relative_error"]


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Half the sum of squared differences.

    Args:
        features: Shape (B, C, H, W).
        target: The same shape.

    Source: Gatys et al. 2016, eq. 1.
    """
    return (features - target).square().sum() / 2


def relative_error(value: Tensor, target: Tensor) -> Tensor:
    """Squared distance relative to the target's squared norm: 0 is a match, 1 is as far as nothing at all.

    Args:
        value: Any shape.
        target: The same shape. An all-zero target (a layer that a flat picture leaves dark) divides by a small number.
    """
    return (value - target).square().sum() / target.square().sum().clamp_min(1e-12)
