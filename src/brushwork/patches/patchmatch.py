"""PatchMatch: approximate nearest patches by propagation and random search, from coarse to fine.

Source: Barnes et al. 2009, "PatchMatch: A Randomized Correspondence Algorithm for Structural Image Editing" (SIGGRAPH).
Differs: All patches are improved at once, and good places jump over 2 pixels and 1 in all four directions, instead of
in one scan after another; so it runs in parallel, and the result doesn't depend on the number of threads. It starts
from a field that was found in pictures of half the size; the smallest are searched exactly. Where neighbors don't help,
as in noise, small pictures are also offered what a kd-tree finds (He and Sun 2012, "Computing Nearest-Neighbor Fields
via Propagation-Assisted KD-Trees", CVPR).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.patches.exact import nearest_exact
from brushwork.patches.field import Field, usable_places
from brushwork.patches.kdtree import nearest_by_tree
from brushwork.patches.kernels import Places, improve

__all__ = ["PASSES", "patchmatch"]

EXACT = 1 << 24  # pairs of patches that are compared exactly: pictures of about 64 × 64
JUMPS = (2, 1)  # pixels; measured with the next two: benchmarks/patches.py
TREE = 1 << 17  # places up to which the kd-tree is asked: pictures of about 360 × 360
TOLERANCE = 4.0  # of the kd-tree
COMPONENTS = 16  # of its patches, at most
PASSES = 5  # at each size; the paper's four or five (section 3.3)
ALONE = 10  # passes without a field to start from
SHRINK = 0.7  # of the radius of the random search from one try to the next; the paper has 1/2 (section 3.2)


@dataclass(frozen=True)
class _Level:
    """Planes at one size, and what of the source may be taken."""

    query: Tensor
    source: Tensor
    side: int
    usable: Tensor | None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the query's places."""
        return self.query.shape[1] - self.side + 1, self.query.shape[2] - self.side + 1

    @property
    def pairs(self) -> int:
        """Number of pairs of patches."""
        return (
            self.shape[0]
            * self.shape[1]
            * (self.source.shape[1] - self.side + 1)
            * (self.source.shape[2] - self.side + 1)
        )

    def halved(self) -> _Level | None:
        """Return the level of half the size; None if a patch doesn't fit there."""
        query, source = (F.avg_pool2d(planes[None], 2)[0] for planes in (self.query, self.source))
        if min(*query.shape[1:], *source.shape[1:]) < self.side:
            return None
        usable = None if self.usable is None else F.max_pool2d((~self.usable).float()[None], 2)[0] == 0
        if not bool(usable_places(usable, source, self.side).any()):
            return None
        return _Level(query, source, self.side, usable)


def patchmatch(
    query: Tensor,
    source: Tensor,
    side: int,
    usable: Tensor | None = None,
    *,
    seed: int = 0,
    start: Tensor | None = None,
    passes: int = PASSES,
) -> Field:
    """Return near patches.

    Args:
        query: (C, H, W).
        source: (C, h, w).
        side: Of a patch, in pixels.
        usable: (h, w), pixels of the source that may be taken; None: all.
        seed: Of the random numbers.
        start: (H', W', 2), places to start from at full size; None: from coarse to fine.
        passes: Of propagation and random search, at each size.
    """
    random = np.random.default_rng(seed)
    level = _Level(query, source, side, None if usable is None else usable.bool())
    if start is not None:
        return _refined(level, start, random, passes)
    levels = [level]
    while levels[-1].pairs > EXACT and (smaller := levels[-1].halved()) is not None:
        levels.append(smaller)
    level = levels.pop()
    if level.pairs <= EXACT:
        field = nearest_exact(level.query, level.source, side, level.usable)
    else:
        height, width = level.source.shape[1] - side + 1, level.source.shape[2] - side + 1
        drawn = torch.from_numpy(random.integers((height, width), size=(*level.shape, 2)))
        field = _refined(level, drawn, random, ALONE)
    for level in reversed(levels):
        small = max(level.shape[0] * level.shape[1], level.source.shape[1] * level.source.shape[2]) <= TREE
        offered = nearest_by_tree(
            level.query, level.source, side, level.usable, tolerance=TOLERANCE, components=COMPONENTS
        ) if small else None  # fmt: skip
        field = _refined(level, _doubled(field.places, level.shape), random, passes, offered)
    return field


def _doubled(places: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return the places of a field of half the size, at twice the size."""
    rows, columns = torch.arange(shape[0]), torch.arange(shape[1])
    nearest = (rows // 2).clamp(max=len(places) - 1)[:, None], (columns // 2).clamp(max=places.shape[1] - 1)
    offset = torch.stack(torch.meshgrid(rows - 2 * nearest[0][:, 0], columns - 2 * nearest[1], indexing="ij"), 2)
    return 2 * places[nearest] + offset


def _refined(
    level: _Level, start: Tensor, random: np.random.Generator, passes: int, offered: Field | None = None
) -> Field:
    """Return the field after some passes, from the places given; those that may not be taken are drawn anew."""
    query, source = (
        np.ascontiguousarray(planes.permute(1, 2, 0).numpy(), np.float32) for planes in (level.query, level.source)
    )
    allowed = usable_places(level.usable, level.source, level.side).numpy()
    size = np.array(allowed.shape)
    places = np.clip(start.numpy(), 0, size - 1).astype(np.int32)
    refused = ~allowed[places[..., 0], places[..., 1]]
    choices = np.argwhere(allowed)
    places[refused] = choices[random.integers(len(choices), size=int(refused.sum()))]
    distances = np.full(places.shape[:2], np.inf, np.float32)
    improve(query, source, allowed, np.full_like(places, -1), distances, places.copy())
    if offered is not None:
        improve(query, source, allowed, places, distances, offered.places.numpy().astype(np.int32))
    for _ in range(passes):
        for jump in JUMPS:
            for step in ((jump, 0), (-jump, 0), (0, jump), (0, -jump)):
                improve(query, source, allowed, places, distances, _from_neighbors(places, step))
        radius = float(size.max())
        while radius >= 1:
            reach = (random.random((*places.shape[:2], 2), np.float32) * 2 - 1) * np.float32(radius)
            improve(query, source, allowed, places, distances, places + np.rint(reach).astype(np.int32))
            radius *= SHRINK
    return Field(torch.from_numpy(places).long(), torch.from_numpy(distances))


def _from_neighbors(places: Places, step: tuple[int, int]) -> Places:
    """Return what the neighbors `step` pixels away offer: their place, moved back by as much."""
    offered = np.roll(places, step, (0, 1))
    return offered + np.array(step, np.int32)
