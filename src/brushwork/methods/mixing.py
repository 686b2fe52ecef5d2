"""Strength and regions for feed-forward methods.

If a network's styles can be interpolated, half strength is the style halfway between the painting's and the photo's
own, and regions are mixed as features. The network's reconstruction error is then added back, so that strength 0
returns the photo unchanged. For other networks, pixels are mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import torch
from torch import Tensor

from brushwork.methods.style_network import StyleNetwork
from brushwork.tiling.tiles import Stages, TileInput

__all__ = ["Mixture", "generate_mixture", "mixture_of"]

ROUNDING = 1e-5  # tolerance when shares should sum to 1
COVERED = 1e-6  # total share of all styles below which a pixel is the photo's
Style = TypeVar("Style")


@dataclass(frozen=True)
class Mixture(Generic[Style]):
    """Strength and regions, as shared by all tiles.

    Args:
        styles: One per region, already mixed with the photo's own style if the strength is below 1, and prepared.
        own: The photo's own style in each region, if it is mixed in; otherwise None.
        rest: Whether some part of the photo remains unstylized.
    """

    styles: Sequence[Style]
    own: Sequence[Style] | None = None
    rest: bool = False


def mixture_of(
    network: StyleNetwork[Style], styles: Sequence[Style], thumbnail: TileInput, strength: float
) -> Mixture[Style]:
    """Compute the mixture for an image.

    Args:
        network: The method's network.
        styles: One per region.
        thumbnail: A thumbnail of the photo, with the shares of the regions.
        strength: From 0, the photo itself, to 1.
    """
    left = _left_over(thumbnail.shares)
    rest = left is not None and bool(left.any())
    if not network.mixes_styles or (strength == 1 and not rest):
        return Mixture([network.prepare(style) for style in styles], None, rest)
    shares = _completed(thumbnail.shares, left, rest)
    masks = [None] if shares is None else torch.split(shares, 1)
    own = [network.encode_content(thumbnail.photo, mask) for mask in masks]
    mixed = [network.blend(pair, [strength, 1 - strength]) for pair in zip(styles, own, strict=False)]
    own = [network.prepare(style) for style in own]
    return Mixture([network.prepare(style) for style in mixed] + own[len(styles) :], own, rest)


def generate_mixture(network: StyleNetwork[Style], tile: TileInput, mixture: Mixture[Style], strength: float) -> Stages:
    """Return the stages that generate an image or a tile with strength and regions; see `mixture_of`."""
    if network.mixes_styles:
        return _generate_mixed_styles(network, tile, mixture, strength)
    return _generate_mixed_pixels(network, tile, mixture.styles, strength)


def _generate_mixed_styles(
    network: StyleNetwork[Style], tile: TileInput, mixture: Mixture[Style], strength: float
) -> Stages:
    left = _left_over(tile.shares)
    shares = _completed(tile.shares, left, mixture.rest)
    painted = yield from network.generate(tile, mixture.styles, shares)
    if mixture.own is not None and strength < 1:
        restored = yield from network.generate(replace(tile, first=None), mixture.own, shares)
        painted = painted + (1 - strength) * (tile.photo_like(painted) - restored)
    if left is None:
        return painted
    photo = tile.photo_like(painted)
    return torch.lerp(painted, photo, left if left.shape[2:] == photo.shape[2:] else tile.nearby(left))


def _generate_mixed_pixels(
    network: StyleNetwork[Style], tile: TileInput, styles: Sequence[Style], strength: float
) -> Stages:
    shares, covered = tile.shares, torch.tensor(strength)
    if shares is not None:
        total = shares.sum(0, keepdim=True)
        covered, shares = strength * total, torch.where(total > COVERED, shares / total, 1 / len(shares))
    painted = yield from network.generate(tile, styles, shares if len(styles) > 1 else None)
    return torch.lerp(tile.photo, painted.clamp(0, 1), covered.to(tile.photo))


def _left_over(shares: Tensor | None) -> Tensor | None:
    """Return the photo's remaining share at each pixel, (1, 1, H, W)."""
    if shares is None:
        return None
    rest = 1 - shares.sum(0, keepdim=True)
    return torch.where(rest > ROUNDING, rest, 0)


def _completed(shares: Tensor | None, left: Tensor | None, rest: bool) -> Tensor | None:
    """Return shares that sum to 1, with the remainder as an additional one; None if one style covers everything."""
    if shares is None or left is None:
        return None
    shares = torch.cat([shares, left]) if rest else shares
    return shares / shares.sum(0, keepdim=True) if len(shares) > 1 else None
