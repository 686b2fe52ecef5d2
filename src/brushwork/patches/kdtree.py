"""A kd-tree over neighborhoods in few dimensions: approximate search, after principal component analysis.

Source: Hertzmann et al. 2001, "Image Analogies" (SIGGRAPH), section 3.1; they use ANN instead.
"""

from __future__ import annotations

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from brushwork.patches.field import Field, distances_at, patch_vectors, usable_places

__all__ = ["PatchTree", "nearest_by_tree"]

SAMPLES = 20_000  # vectors whose principal components are computed
ROWS = 1 << 18  # vectors searched at once
COMPONENTS = 24  # of the neighborhoods, at most


class PatchTree:
    """Vectors that can be searched for the nearest one.

    Args:
        vectors: (N, D) float32.
        kept: Share of the variance that the principal components keep.
        components: At most that many.
    """

    def __init__(self, vectors: Tensor, kept: float = 0.95, components: int = COMPONENTS) -> None:
        self._mean = vectors.mean(0)
        some = vectors[:: max(1, len(vectors) // SAMPLES)] - self._mean
        values, axes = torch.linalg.eigh(some.double().T @ some.double())
        shares = values.flip(0).clamp(min=0).cumsum(0)
        enough = int((shares < kept * shares[-1]).sum()) + 1
        self._axes = axes.flip(1)[:, : min(enough, components)].float()
        self._tree = cKDTree(self.projected(vectors).numpy(), balanced_tree=False, compact_nodes=False)

    def projected(self, vectors: Tensor) -> Tensor:
        """Return vectors (M, D) in principal components."""
        components: Tensor = (vectors - self._mean) @ self._axes
        return components

    def nearest(self, vectors: Tensor, tolerance: float = 1.0) -> Tensor:
        """Return the index of a near vector for each.

        Args:
            vectors: (M, D).
            tolerance: The one found is, in the components kept, at most 1 + tolerance times as far as the nearest.

        Returns:
            (M,) int64.
        """
        _, found = self._tree.query(self.projected(vectors).numpy(), eps=tolerance)
        nearest: Tensor = torch.from_numpy(found).long()
        return nearest


def nearest_by_tree(
    query: Tensor,
    source: Tensor,
    side: int,
    usable: Tensor | None = None,
    *,
    tolerance: float = 0.5,
    components: int = COMPONENTS,
) -> Field:
    """Return near patches, found in a kd-tree.

    Args:
        query: (C, H, W).
        source: (C, h, w).
        side: Of a patch, in pixels.
        usable: (h, w), pixels of the source that may be taken; None: all.
        tolerance: See `PatchTree.nearest`.
        components: See `PatchTree`.
    """
    allowed = usable_places(usable, source, side)
    places = allowed.nonzero()
    tree = PatchTree(patch_vectors(source, side)[allowed.flatten()], components=components)
    height, width = query.shape[1] - side + 1, query.shape[2] - side + 1
    step = max(1, ROWS // width)
    found = [
        tree.nearest(patch_vectors(query, side, slice(top, top + step)), tolerance) for top in range(0, height, step)
    ]
    chosen = places[torch.cat(found)].view(height, width, 2)
    return Field(chosen, distances_at(query, source, side, chosen))
