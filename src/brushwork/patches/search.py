"""One interface to all searches for nearest patches."""

from __future__ import annotations

from torch import Tensor

from brushwork.errors import UsageError
from brushwork.patches.exact import nearest_exact
from brushwork.patches.field import Field, check_planes
from brushwork.patches.kdtree import nearest_by_tree
from brushwork.patches.patchmatch import PASSES, patchmatch

__all__ = ["SEARCHES", "nearest_patches"]

SEARCHES = ("patchmatch", "exact", "kdtree")


def nearest_patches(
    query: Tensor,
    source: Tensor,
    side: int,
    *,
    search: str = "patchmatch",
    usable: Tensor | None = None,
    seed: int = 0,
    start: Tensor | None = None,
    passes: int = PASSES,
) -> Field:
    """Find the nearest patch of the source for each patch of the query.

    Planes that should count more or less are scaled before, see `weighted`.

    Args:
        query: (C, H, W) float32.
        source: (C, h, w) float32.
        side: Of a patch, in pixels.
        search: "exact" compares all; "patchmatch" and "kdtree" are approximate and faster.
        usable: (h, w), pixels of the source that may be taken; None: all.
        seed: Of PatchMatch's random numbers. The same seed gives the same field.
        start: (H', W', 2), places that PatchMatch starts from, such as those of the frame before; None: from coarse to
            fine.
        passes: Of PatchMatch, at each size; fewer are faster and less exact.

    Raises:
        UsageError: Planes of other shapes, a picture smaller than a patch, nothing usable, or an unknown search.
    """
    if search not in SEARCHES:
        raise UsageError(f"search: expected one of {', '.join(SEARCHES)}, got {search!r}")
    check_planes(query, source, side, usable)
    if search == "exact":
        return nearest_exact(query, source, side, usable)
    if search == "kdtree":
        return nearest_by_tree(query, source, side, usable)
    return patchmatch(query, source, side, usable, seed=seed, start=start, passes=passes)
