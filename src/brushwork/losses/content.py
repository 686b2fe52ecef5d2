"""Content losses: how far features are from the photo's."""

from __future__ import annotations

from torch import Tensor

__all__ = ["content_loss", "relative_error", "relative_errors"]


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


def relative_errors(value: Tensor, target: Tensor) -> Tensor:
    """The relative error of each picture of a batch, (B,).

    Args:
        value: (B, …).
        target: The same shape, or (1, …) for all.
    """
    distance = (value - target).square().flatten(1).sum(1)
    return distance / target.square().flatten(1).sum(1).clamp_min(1e-12)
