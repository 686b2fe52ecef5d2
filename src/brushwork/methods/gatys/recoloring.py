"""Moving an image's colors onto those of the styles, before and after the optimization."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.color import ColorMoments
from brushwork.image import resize
from brushwork.methods.flat_pictures import CONTRASTY, FLAT
from brushwork.styles.regions import Regions

__all__ = ["AFTER", "BEFORE", "measured_colors", "recolored"]

BEFORE = 5.0  # growth of the photo's differences in color, at most
AFTER = 1.5  # the same for the result, whose colors are about right, but scattered by noise
LUMA = 0.299, 0.587, 0.114  # ITU-R BT.601
SPAN = 2.0  # deviations of the style's luma from its mean to black and to white
COLORS = 512  # longer side of the thumbnails on which colors are measured


def measured_colors(image: Tensor, mask: Tensor | None) -> ColorMoments:
    """Measure the colors of a thumbnail: averages over some pixels, whose colors the optimization can't resolve."""
    height, width = image.shape[2:]
    factor = min(1.0, COLORS / max(width, height))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = None if mask is None else F.adaptive_avg_pool2d(mask, size[::-1])
    return ColorMoments.of(resize(image, size), small)


def recolored(
    pixels: Tensor, regions: Regions, strength: float, steepest: float, photo: Tensor | None = None
) -> Tensor:
    """Return an image in the colors of the styles, each in its region.

    Args:
        pixels: (1, 3, H, W) in [0, 1].
        regions: Of `GatysStyle`; a style without colors leaves its region as it is.
        strength: 0 returns the image, 1 the styles' colors.
        steepest: How many times differences of color may grow.
        photo: The photo, if the image is its painting: one without contrast keeps its brightness, see `_toned`.
    """
    shares, moved = regions.shares(*pixels.shape[2:]), pixels
    seen = measured_colors(pixels if photo is None else photo, None)
    for index, style in enumerate(regions.styles):
        if style.colors is None:
            continue
        mask = None if shares is None else shares[index : index + 1]
        target = measured_colors(pixels, mask).transported(pixels, _toned(style.colors, seen), steepest)
        if mask is None and strength == 1:
            return target
        moved = moved + strength * (1.0 if mask is None else mask) * (target - pixels)
    return moved


def _toned(style: ColorMoments, photo: ColorMoments) -> ColorMoments:
    """Return the colors that a style gives a photo.

    They are its own, unless the photo has hardly any contrast, such as a black leader or a gray card: then their mean
    is as dark or light as the photo, along the axis in which the style's colors vary with luma.
    """
    contrast = photo.covariance.diagonal().mean().clamp_min(0).sqrt()
    share = ((CONTRASTY - contrast) / (CONTRASTY - FLAT)).clamp(0, 1)
    if not share:
        return style
    weights = torch.tensor(LUMA, dtype=style.mean.dtype)
    axis = style.covariance @ weights
    deviation = (weights @ axis).clamp_min(1e-9).sqrt()
    away = SPAN * (2 * (weights @ photo.mean) - 1)  # from black to white, in deviations of the style's luma
    return replace(style, mean=(style.mean + share * away * axis / deviation).clamp(0, 1))
