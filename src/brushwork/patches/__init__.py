"""Nearest patches between planes, and seams between patches: what quilting and analogies are built on.

Planes are float32 tensors (C, H, W): colors, luminance, features, labels, positions, in any number and scale. A patch
is a square of them, named by its upper left corner, its place: (row, column).
"""

from brushwork.patches.exact import PatchCosts, SampledCosts
from brushwork.patches.field import Field, voted, weighted
from brushwork.patches.kdtree import PatchTree
from brushwork.patches.seams import cheapest_path, seam_mask
from brushwork.patches.search import nearest_patches

__all__ = [
    "Field",
    "PatchCosts",
    "PatchTree",
    "SampledCosts",
    "cheapest_path",
    "nearest_patches",
    "seam_mask",
    "voted",
    "weighted",
]
