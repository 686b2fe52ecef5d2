"""Losses that hold a film's frames to those before.

Source: Ruder, Dosovitskiy and Brox 2016, "Artistic Style Transfer for Videos", arXiv:1604.08610, sections 4.2 to 4.4;
and 2018, "Artistic Style Transfer for Videos and Spherical Images", IJCV, arXiv:1708.04538.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["long_term_weights", "pass_start", "temporal_loss"]


def temporal_loss(pixels: Tensor, brought: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean squared distance of a frame from an earlier one that was brought to it.

    Args:
        pixels: (1, 3, H, W).
        brought: The earlier frame along the flow, likewise.
        weights: (1, 1, H, W) in [0, 1]: 0 where it was covered, or where motions meet.

    Returns:
        A scalar: the sum over all colors and places, divided by their number.

    Source: Ruder et al. 2016, section 4.2, the temporal consistency loss.
    """
    return (weights * (pixels - brought).square()).sum() / pixels.numel()


def long_term_weights(weights: Sequence[Tensor]) -> list[Tensor]:
    """Weights of several earlier frames, so that each place is held by the nearest one that shows it.

    Args:
        weights: Of frames before, the nearest first, each (1, 1, H, W) in [0, 1].

    Source: Ruder et al. 2016, section 4.3.
    """
    left: list[Tensor] = []
    taken = torch.zeros_like(weights[0]) if weights else None
    for weight in weights:
        assert taken is not None
        left.append((weight - taken).clamp_min(0))
        taken = taken + weight
    return left


def pass_start(before: Tensor, brought: Tensor, weights: Tensor, share: float = 0.5) -> Tensor:
    """What a frame starts from in a further pass: itself as it was, mixed with its neighbor that was done in this one.

    Args:
        before: The frame after the last pass, (1, 3, H, W).
        brought: Its neighbor of this pass along the flow, likewise.
        weights: Where the neighbor shows the same, (1, 1, H, W) in [0, 1].
        share: Of the neighbor there.

    Source: Ruder et al. 2016, section 4.4, with δ = `share`.
    """
    return share * weights * brought + ((1 - share) + share * (1 - weights)) * before
