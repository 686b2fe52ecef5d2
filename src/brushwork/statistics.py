"""Statistics of feature maps: pure functions on tensors."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import UsageError

__all__ = ["gram_matrix"]


def gram_matrix(features: Tensor, mask: Tensor | None = None) -> Tensor:
    """Gram matrix of feature channels, averaged over positions.

    Args:
        features: Shape (B, C, H, W).
        mask: How much each position counts, shape (B, 1, h, w) or (1, 1, h, w) in [0, 1]; it is brought to H × W by
            averaging areas. None counts all positions alike.

    Returns:
        Shape (B, C, C): F Fᵀ / (H W), or F diag(m) Fᵀ / Σ m.

    Raises:
        UsageError: A mask that leaves nothing.

    Source: Gatys et al. 2016, section 2.2, eq. 3.
    Differs: divided by the number of positions, so that pictures of different sizes compare (so does the authors'
    code).

    >>> import torch
    >>> gram_matrix(torch.ones(1, 2, 4, 4)).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    flat = features.flatten(2)
    if mask is None:
        return flat @ flat.mT / flat.shape[2]
    weight = F.adaptive_avg_pool2d(mask.to(features), (features.shape[2], features.shape[3])).flatten(2)
    total = weight.sum(2, keepdim=True)
    if not (total > 0).all():
        raise UsageError("the mask leaves nothing of the style picture; paint something white in it")
    return (flat * weight) @ flat.mT / total
