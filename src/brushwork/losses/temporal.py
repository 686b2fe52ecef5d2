"""Temporal losses, which constrain a video frame to previous ones.

Source: Ruder, Dosovitskiy and Brox 2016, "Artistic Style Transfer for Videos", arXiv:1604.08610, sections 4.2 to 4.4;
and 2018, "Artistic Style Transfer for Videos and Spherical Images", IJCV, arXiv:1708.04538.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["long_term_weights", "pass_start", "temporal_loss"]


def temporal_loss(pixels: Tensor, brought: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean squared distance of a frame from an earlier one warped to it.

    Args:
        pixels: (1, 3, H, W).
        brought: The earlier frame warped along the flow, likewise.
        weights: (1, 1, H, W) in [0, 1]: 0 where it was occluded, and at motion boundaries.

    Returns:
        A scalar: the sum over all channels and positions, divided by their number.

    Source: Ruder et al. 2016, section 4.2, the temporal consistency loss.
    """
    return (weights * (pixels - brought).square()).sum() / pixels.numel()


def long_term_weights(weights: Sequence[Tensor]) -> list[Tensor]:
    """Return weights of several earlier frames, so that each position is constrained by the nearest frame showing it.

    Args:
        weights: Weights of earlier frames, the nearest first, each (1, 1, H, W) in [0, 1].

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
    """Return a frame's initial image in a further pass: its previous result, mixed with the neighbor from this pass.

    Args:
        before: The frame after the last pass, (1, 3, H, W).
        brought: Its neighbor from this pass, warped along the flow, likewise.
        weights: Where the neighbor shows the same, (1, 1, H, W) in [0, 1].
        share: Weight of the neighbor there.

    Source: Ruder et al. 2016, section 4.4, with δ = `share`.
    """
    return share * weights * brought + ((1 - share) + share * (1 - weights)) * before
