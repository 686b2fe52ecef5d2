"""Moving an image's colors onto those of the styles, before and after the optimization."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from brushwork.color import ColorMoments
from brushwork.image import resize
from brushwork.styles.regions import Regions

__all__ = ["AFTER", "BEFORE", "measured_colors", "recolored"]

BEFORE = 5.0  # growth of the photo's differences in color, at most
AFTER = 1.5  # the same for the result, whose colors are about right, but scattered by noise
COLORS = 512  # longer side of the thumbnails on which colors are measured


def measured_colors(image: Tensor, mask: Tensor | None) -> ColorMoments:
    """Measure the colors of a thumbnail: averages over some pixels, whose colors the optimization can't resolve."""
    height, width = image.shape[2:]
    factor = min(1.0, COLORS / max(width, height))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = None if mask is None else F.adaptive_avg_pool2d(mask, size[::-1])
    return ColorMoments.of(resize(image, size), small)


def recolored(pixels: Tensor, regions: Regions, strength: float, steepest: float) -> Tensor:
    """Return an image in the colors of the styles, each in its region.

    Args:
        pixels: (1, 3, H, W) in [0, 1].
        regions: Of `GatysStyle`; a style without colors leaves its region as it is.
        strength: 0 returns the image, 1 the styles' colors.
        steepest: How many times differences of color may grow.
    """
    shares, moved = regions.shares(*pixels.shape[2:]), pixels
    for index, style in enumerate(regions.styles):
        if style.colors is None:
            continue
        mask = None if shares is None else shares[index : index + 1]
        target = measured_colors(pixels, mask).transported(pixels, style.colors, steepest)
        if mask is None and strength == 1:
            return target
        moved = moved + strength * (1.0 if mask is None else mask) * (target - pixels)
    return moved
