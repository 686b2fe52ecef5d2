"""Minimum error boundary cuts between overlapping patches, by dynamic programming.

Source: Efros and Freeman 2001, "Image Quilting for Texture Synthesis and Transfer" (SIGGRAPH), section 2.1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["cheapest_path", "seam_mask"]


def cheapest_path(cost: Tensor) -> Tensor:
    """Return the cheapest path from the first row to the last, which moves at most one column from row to row.

    Args:
        cost: (B, H, W), of each pixel, at least 0.

    Returns:
        (B, H) int64, the path's column in each row.
    """
    rows = [cost[:, 0]]
    for row in cost[:, 1:].unbind(1):
        beside = F.pad(rows[-1], (1, 1), value=torch.inf)
        rows.append(row + torch.minimum(torch.minimum(beside[:, :-2], beside[:, 1:-1]), beside[:, 2:]))
    column = rows[-1].argmin(1)
    path = [column]
    for total in reversed(rows[:-1]):
        near = (column[:, None] + torch.arange(-1, 2)).clamp(0, cost.shape[2] - 1)
        column = near.gather(1, total.gather(1, near).argmin(1, keepdim=True))[:, 0]
        path.append(column)
    return torch.stack(path[::-1], 1)


def seam_mask(cost: Tensor) -> Tensor:
    """Return which pixels of a vertical overlap belong to the patch on its right: those from the cheapest path on.

    For an overlap above, pass the transposed cost and transpose the result; an L-shaped one is cut in both parts, and
    the corner belongs to the new patch where both say so.

    Args:
        cost: (B, H, W), squared difference of the two patches at each pixel of the overlap.

    Returns:
        (B, H, W) bool.
    """
    return torch.arange(cost.shape[2]) >= cheapest_path(cost)[..., None]
