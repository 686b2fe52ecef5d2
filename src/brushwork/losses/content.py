"""Content losses: distances between features and those of the photo."""

from __future__ import annotations

from torch import Tensor

__all__ = ["content_loss", "relative_error", "relative_errors"]


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Return half the sum of squared differences.

    Args:
        features: Shape (B, C, H, W).
        target: The same shape.

    Source: Gatys et al. 2016, eq. 1.
    """
    return (features - target).square().sum() / 2


def relative_error(value: Tensor, target: Tensor, norm: float | None = None) -> Tensor:
    """Return the squared distance relative to the target's squared norm: 0 is a match, 1 the distance of all zeros.

    Args:
        value: Any shape.
        target: The same shape. Its norm is clamped in case it is all zero (a layer that a flat image doesn't activate).
        norm: For a tile of a larger image: the squared norm of the whole image's target.
    """
    whole = target.square().sum().clamp_min(1e-12) if norm is None else max(norm, 1e-12)
    return (value - target).square().sum() / whole


def relative_errors(value: Tensor, target: Tensor) -> Tensor:
    """Return the relative error of each image of a batch, (B,).

    Args:
        value: (B, …).
        target: The same shape, or (1, …) for all images.
    """
    distance = (value - target).square().flatten(1).sum(1)
    return distance / target.square().flatten(1).sum(1).clamp_min(1e-12)
