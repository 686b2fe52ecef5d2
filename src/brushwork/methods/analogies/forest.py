"""Approximate nearest vectors in a fixed time: the members of one leaf in each of several randomized kd-trees.

Source: Silpa-Anan and Hartley 2008, "Optimised KD-trees for fast image descriptor matching" (CVPR), after principal
component analysis.
Differs: one leaf of each tree is looked at, instead of the nearest ones of all; so all queries take the same steps.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from brushwork.patches.kernels import Floats

__all__ = ["Forest"]

TREES, LEAF = 4, 32  # trees, and members of a leaf, about
COMPONENTS, SAMPLES = 16, 20_000  # principal components, and vectors that they are computed from
AXES, MEASURED = 4, 64  # a node is split along one of its 4 widest axes, as 64 of its members say

Indices = npt.NDArray[np.int64]


class Forest:
    """Vectors that can be searched for near ones.

    Args:
        vectors: (N, D).
        random: Draws the axes of the trees.
    """

    def __init__(self, vectors: Floats, random: np.random.Generator) -> None:
        self._mean = vectors.mean(0)
        some = (vectors[:: max(1, len(vectors) // SAMPLES)] - self._mean).astype(np.float64)
        self._basis = np.linalg.eigh(some.T @ some)[1][:, ::-1][:, :COMPONENTS].astype(np.float32)
        self._vectors = (vectors - self._mean) @ self._basis
        self._depth = max(0, int(np.ceil(np.log2(len(vectors) / LEAF))))
        size = -(-len(vectors) // 2**self._depth)  # of a leaf
        members = np.resize(random.permutation(len(vectors)), size << self._depth)  # some of them twice
        grown = [self._grow(members, random) for _ in range(TREES)]
        self._leaves = np.stack([leaves for leaves, _, _ in grown])
        self._axes = [np.stack([axes[depth] for _, axes, _ in grown]) for depth in range(self._depth)]
        self._cuts = [np.stack([cuts[depth] for _, _, cuts in grown]) for depth in range(self._depth)]

    def _grow(self, members: Indices, random: np.random.Generator) -> tuple[Indices, list[Indices], list[Floats]]:
        """Return a tree: the members of its leaves; the axis and the cut of each node, depth by depth."""
        nodes = members[None]
        axes: list[Indices] = []
        cuts: list[Floats] = []
        for _ in range(self._depth):
            some = self._vectors[nodes[:, :: max(1, nodes.shape[1] // MEASURED)]]
            widest = some.var(1).argsort(1)[:, ::-1]
            axis = widest[np.arange(len(nodes)), random.integers(min(AXES, widest.shape[1]), size=len(nodes))]
            values, half = self._vectors[nodes, axis[:, None]], nodes.shape[1] // 2
            order = values.argpartition(half, 1)
            axes.append(axis)
            cuts.append(np.take_along_axis(values, order[:, half : half + 1], 1)[:, 0])
            nodes = np.take_along_axis(nodes, order, 1).reshape(2 * len(nodes), half)
        return nodes, axes, cuts

    def nearest(self, vectors: Floats) -> Indices:
        """Return the index of a near vector for each of (M, D)."""
        queries = (vectors - self._mean) @ self._basis
        trees, own = np.arange(TREES), np.arange(len(queries))[:, None]
        node = np.zeros((len(queries), TREES), np.int64)
        for axes, cuts in zip(self._axes, self._cuts, strict=True):
            node = 2 * node + (queries[own, axes[trees, node]] >= cuts[trees, node])
        members = self._leaves[trees, node].reshape(len(queries), -1)
        differences = self._vectors[members] - queries[:, None]
        nearest: Indices = members[own[:, 0], np.einsum("nmd,nmd->nm", differences, differences).argmin(1)]
        return nearest
