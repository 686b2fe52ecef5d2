"""Pictures with hardly any contrast: black leaders, white frames, gray cards.

Normalization divides by the contrast of the photo's features. Where there is none, rounding errors decide, and a black
frame becomes white in some styles. Such a picture gets the colors that its luma has in the style instead: black stays
the darkest and white the lightest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from brushwork.color import luma
from brushwork.methods.style_network import StyleNetwork
from brushwork.tiling.tiles import Stages, TileInput, run_whole

__all__ = ["CONTRASTY", "FLAT", "FlatPicture", "flat_picture"]

FLAT, CONTRASTY = 0.01, 0.03  # standard deviations of pixels in [0, 1]: only luma decides, and only the network decides
CELLS, CELL = 8, 16  # the gray chart: squares across, and their side in pixels
SHUFFLE = 27  # coprime to the number of squares: neighbors differ

Style = TypeVar("Style")


@dataclass(frozen=True)
class FlatPicture:
    """Colors for photos with hardly any contrast, linear in luma.

    Args:
        share: How much each photo is one, (B, 1, 1, 1) in [0, 1].
        black: The color of black in each style, (N, 3, 1, 1).
        slope: The change from there to white, likewise.
        strength: From 0, the photo itself, to 1.
    """

    share: Tensor
    black: Tensor
    slope: Tensor
    strength: float

    def blended(self, stages: Stages, tile: TileInput) -> Stages:
        """Return the stages that generate an image or a tile, with these colors blended in at the end."""
        painted = yield from stages
        photo, shares = tile.photo_like(painted).float(), tile.shares
        colors = (self.black + self.slope * luma(photo)).clamp(0, 1)
        if shares is not None:
            shares = shares if shares.shape[2:] == photo.shape[2:] else tile.nearby(shares)
            colors = (shares * colors).sum(0, keepdim=True) + (1 - shares.sum(0, keepdim=True)) * photo
        colors = torch.lerp(photo, colors, self.strength)
        return torch.lerp(painted.float().nan_to_num().clamp(0, 1), colors, self.share)


def flat_picture(
    network: StyleNetwork[Style], styles: Sequence[Style], thumbnails: Tensor, strength: float
) -> FlatPicture | None:
    """Return the colors for photos with hardly any contrast; None if all of them have enough.

    Args:
        network: The method's network.
        styles: One per region.
        thumbnails: Thumbnails of the photos, (B, 3, H, W) in [0, 1].
        strength: From 0, the photo itself, to 1.
    """
    contrast = thumbnails.flatten(2).var(2, correction=0).mean(1).sqrt()
    share = ((CONTRASTY - contrast) / (CONTRASTY - FLAT)).clamp(0, 1).view(-1, 1, 1, 1)
    if not share.any():
        return None
    black, slope = zip(*(_colors(network, style) for style in styles), strict=True)
    return FlatPicture(share.to(network.device), torch.cat(black), torch.cat(slope), strength)


def _colors(network: StyleNetwork[Style], style: Style) -> tuple[Tensor, Tensor]:
    """Return the color of black in a style, and the change to white, (1, 3, 1, 1): a line fitted to a gray chart."""
    count = CELLS**2
    grays = (torch.arange(count) * SHUFFLE % count / (count - 1)).view(1, 1, CELLS, CELLS)
    chart = grays.repeat_interleave(CELL, 2).repeat_interleave(CELL, 3).expand(1, 3, -1, -1).to(network.device)
    painted = run_whole(network.generate(TileInput(lambda: chart), [style])).float().clamp(0, 1)
    away = chart[:, :1] - chart.mean()
    slope = (painted * away).mean((2, 3), keepdim=True) / away.square().mean()
    return painted.mean((2, 3), keepdim=True) - slope * chart.mean(), slope
