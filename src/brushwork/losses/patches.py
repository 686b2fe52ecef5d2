"""The style loss of Li and Wand: every patch should be near some patch of the painting."""

from __future__ import annotations

import torch
from torch import Tensor

from brushwork.nn.statistics import patches

__all__ = ["nearest", "patch_loss"]

_CHUNK = 1 << 23  # similarities that are in memory at once


@torch.no_grad()
def nearest(found: Tensor, known: Tensor) -> Tensor:
    """Return the index of the most similar known patch for each patch, by normalized cross-correlation.

    Args:
        found: Shape (N, D).
        known: Shape (K, D).

    Returns:
        Shape (N,), integers below K.

    Source: Li and Wand 2016, eq. 3, arXiv:1601.04589.
    """
    unit = known / known.norm(dim=1, keepdim=True).clamp_min(1e-12)  # a patch's own norm doesn't affect its choice
    rows = max(1, _CHUNK // len(known))
    return torch.cat([(chunk @ unit.mT).argmax(1) for chunk in torch.split(found, rows)])


def patch_loss(features: Tensor, known: Tensor) -> Tensor:
    """Return the mean squared distance of patches to their nearest ones, relative to the mean square of the latter.

    Args:
        features: Shape (1, C, H, W).
        known: The style's patches, (K, 9 C).

    Source: Li and Wand 2016, eq. 2, arXiv:1601.04589.
    Differs: relative to the target.
    """
    found = patches(features)
    distance = (found - known[nearest(found, known)]).square().sum(1).mean()
    return distance / known.square().sum(1).mean().clamp_min(1e-12)
