"""Nearest-neighbor fields: which patch of the source is nearest to each patch of the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.errors import UsageError

__all__ = ["Field", "check_planes", "distances_at", "patch_vectors", "usable_places", "voted", "weighted"]

BAND = 1 << 24  # numbers in a temporary array, about


@dataclass(frozen=True, eq=False)
class Field:
    """The nearest patch of the source for each patch of the query.

    Args:
        places: (H', W', 2) int64, row and column of the source patch; H' = H - side + 1, W' likewise.
        distances: (H', W') float32, the sum of squared differences of the two patches.
    """

    places: Tensor
    distances: Tensor


def weighted(planes: Tensor, weights: Sequence[float] | Tensor) -> Tensor:
    """Scale planes so that a squared difference in plane c counts `weights[c]` times.

    Args:
        planes: (C, H, W).
        weights: C numbers of at least 0.
    """
    factors = torch.as_tensor(weights, dtype=planes.dtype, device=planes.device)
    if factors.shape != planes.shape[:1] or bool((factors < 0).any()):
        raise UsageError(f"weights: expected {len(planes)} numbers of at least 0, got {factors.tolist()}")
    return planes * factors.sqrt()[:, None, None]


def check_planes(query: Tensor, source: Tensor, side: int, usable: Tensor | None) -> None:
    """Check what all searches are given; see `nearest_patches`.

    Raises:
        UsageError: Planes of other shapes, a picture smaller than a patch, or nothing usable in the source.
    """
    if query.dim() != 3 or source.dim() != 3 or len(query) != len(source):
        raise UsageError(
            f"expected planes (C, H, W) with the same C, got {tuple(query.shape)} and {tuple(source.shape)}"
        )
    for name, planes in (("query", query), ("source", source)):
        if side < 1 or min(planes.shape[1:]) < side:
            raise UsageError(
                f"{name}: expected at least {side} x {side} pixels, a patch, got {tuple(planes.shape[1:])}"
            )
    if usable is not None and usable.shape != source.shape[1:]:
        raise UsageError(f"usable: expected {tuple(source.shape[1:])} like the source, got {tuple(usable.shape)}")
    if not bool(usable_places(usable, source, side).any()):
        raise UsageError(f"usable: no patch of {side} x {side} pixels lies in it")


def usable_places(usable: Tensor | None, source: Tensor, side: int) -> Tensor:
    """Return at which places the whole patch is usable, (H', W') bool.

    Args:
        usable: (H, W), pixels that may be taken; None: all.
        source: (C, H, W).
        side: Of a patch, in pixels.
    """
    if usable is None:
        return torch.ones(source.shape[1] - side + 1, source.shape[2] - side + 1, dtype=torch.bool)
    blocked = (~usable.bool()).float()[None, None]
    return F.max_pool2d(blocked, side, 1)[0, 0] == 0


def patch_vectors(planes: Tensor, side: int, rows: slice = slice(None)) -> Tensor:
    """Return the patches of some rows of places as vectors, (rows · W', C · side · side)."""
    windows = planes.unfold(1, side, 1).unfold(2, side, 1)[:, rows]
    return windows.permute(1, 2, 0, 3, 4).reshape(-1, len(planes) * side * side)


def distances_at(query: Tensor, source: Tensor, side: int, places: Tensor) -> Tensor:
    """Return the sums of squared differences at given places.

    Args:
        query: (C, H, W).
        source: (C, h, w).
        side: Of a patch, in pixels.
        places: (H', W', 2), valid places of the source.

    Returns:
        (H', W') float32.
    """
    height, width = places.shape[:2]
    windows = source.unfold(1, side, 1).unfold(2, side, 1).permute(1, 2, 0, 3, 4)
    found = torch.empty(height, width)
    step = max(1, BAND // (width * len(query) * side * side))
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        own = patch_vectors(query, side, rows)
        other = windows[places[rows, :, 0], places[rows, :, 1]].reshape(own.shape)
        found[rows] = (own - other).square_().sum(1).view(-1, width)
    return found


def voted(field: Field, source: Tensor, side: int) -> Tensor:
    """Return planes made of the field's patches, each pixel the mean of all patches that cover it.

    Args:
        field: From `nearest_patches`.
        source: (C, h, w), planes of the source's size, such as its colors.
        side: Of a patch, in pixels.

    Returns:
        (C, H, W) float32, of the query's size.
    """
    height, width = field.places.shape[:2]
    total = source.new_zeros(len(source), height + side - 1, width + side - 1)
    count = source.new_zeros(total.shape[1:])
    for row in range(side):
        for column in range(side):
            part = slice(row, row + height), slice(column, column + width)
            total[:, part[0], part[1]] += source[:, field.places[..., 0] + row, field.places[..., 1] + column]
            count[part] += 1
    return total / count
