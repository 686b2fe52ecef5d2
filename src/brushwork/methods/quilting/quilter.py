"""Quilts: textures of any size from a swatch, and pictures rendered in a texture.

Source: Efros and Freeman 2001, "Image Quilting for Texture Synthesis and Transfer" (SIGGRAPH).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.errors import UsageError
from brushwork.methods.quilting.laying import BlockLayer, Quilt, Swatch, Target
from brushwork.methods.quilting.layout import Layout, overlap_of

__all__ = ["Guide", "lay", "lay_onto"]


@dataclass(frozen=True, eq=False)
class Guide:
    """Correspondence maps for texture transfer.

    Args:
        of_swatch: (C, h, w).
        of_target: (C, H, W).
    """

    of_swatch: Tensor
    of_target: Tensor


Listener: TypeAlias = Callable[[Quilt, int, int], None]
"""Called with the quilt, the waves of blocks laid, and their number in all."""


def lay(
    swatch: Swatch,
    size: tuple[int, int],
    side: int,
    *,
    tolerance: float = 0.1,
    wraps: bool = False,
    seed: int = 0,
    listener: Listener | None = None,
) -> Quilt:
    """Synthesize a texture.

    Args:
        swatch: The texture to take blocks from.
        size: (height, width) of the result.
        side: Of a block, in pixels.
        tolerance: A block is drawn from those whose cost is at most 1 + tolerance times the least (section 2).
        wraps: Whether the result tiles seamlessly.
        seed: Of what is drawn.
        listener: Called after each wave of blocks.

    Raises:
        UsageError: A block that the swatch doesn't hold, or a picture that wraps and is too small for it.
    """
    step = side - overlap_of(side)
    if wraps and min(size) < 2 * step:
        raise UsageError(
            f"tileable: expected sides of at least {2 * step} pixels for a block of {side}, got {size[1]} x {size[0]}"
        )
    layout = Layout.covering(*size, side, wraps=wraps)
    quilt = Quilt(swatch, torch.full((layout.height, layout.width), -1), size)
    work = BlockLayer(swatch, layout, tolerance, torch.Generator().manual_seed(seed))
    for number, wave in enumerate(layout.waves):
        work.lay(quilt.origins, wave)
        if listener is not None:
            listener(quilt, number + 1, len(layout.waves))
    return quilt


def lay_onto(
    swatch: Swatch,
    guide: Guide,
    sides: Sequence[int],
    alphas: Sequence[float],
    *,
    tolerance: float = 0.1,
    seed: int = 0,
    listener: Listener | None = None,
) -> Quilt:
    """Render a target in a texture.

    Args:
        swatch: The texture to take blocks from.
        guide: Correspondence maps; the result has the size of the target's.
        sides: Of the blocks, in pixels, by iteration.
        alphas: Weight of the texture, by iteration; that of the correspondence is the rest up to 1 (section 3).
        tolerance: See `lay`.
        seed: See `lay`.
        listener: See `lay`.

    Raises:
        UsageError: A block that the swatch doesn't hold.
    """
    size = guide.of_target.shape[1], guide.of_target.shape[2]
    layouts = [Layout.covering(*size, side) for side in sides]
    random = torch.Generator().manual_seed(seed)
    quilt: Quilt | None = None
    before: Tensor | None = None
    done = 0
    for layout, alpha in zip(layouts, alphas, strict=True):
        last = None if before is None else _extended(before, layout)
        target = Target(guide.of_swatch, _extended(guide.of_target, layout), alpha, last)
        work = BlockLayer(swatch, layout, tolerance, random, target)
        quilt = Quilt(swatch, torch.full((layout.height, layout.width), -1), size)
        for wave in layout.waves:
            work.lay(quilt.origins, wave)
            done += 1
            if listener is not None:
                listener(quilt, done, sum(len(each.waves) for each in layouts))
        before = quilt.pixels()[0]
    assert quilt is not None  # there is at least one iteration
    return quilt


def _extended(planes: Tensor, layout: Layout) -> Tensor:
    """Return planes (C, H, W) of the layout's size, continued beyond the lower and right edge."""
    below, right = layout.height - planes.shape[1], layout.width - planes.shape[2]
    return F.pad(planes[None], (0, right, 0, below), mode="replicate")[0]
