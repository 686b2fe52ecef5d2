"""The loss of Gatys et al., and what the network sees in an image.

Source: Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks", CVPR.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.losses.content import content_loss, relative_error
from brushwork.losses.gram import gram_loss
from brushwork.losses.local import WindowGrid, local_style_loss
from brushwork.losses.regularizers import total_variation
from brushwork.losses.style import STATISTICS, Target
from brushwork.nn import VGG, FeatureNetwork
from brushwork.nn.statistics import gram_matrix, position_weights
from brushwork.optim.pixels import Objective
from brushwork.options.methods import Gatys
from brushwork.tiling.tiles import Tile

__all__ = ["ExtraLoss", "GatysObjective", "Observed", "Terms", "layer_weights", "stride", "with_extra"]

ExtraLoss: TypeAlias = Callable[[Tensor], Mapping[str, Tensor]]


def layer_weights(settings: Gatys, kind: str) -> list[tuple[str, float]]:
    """Return the layers of "content" or "style", each with its weight."""
    layers = settings.layers(kind)
    if not getattr(settings, f"{kind}_weight"):
        return []
    # Equal weights sum to 1: w_l = 1/5 for five style layers, as in the paper (section 3).
    weights = getattr(settings, f"{kind}_layer_weights") or [1 / len(layers)] * len(layers)
    return list(zip(layers, weights, strict=True))


@dataclass(frozen=True)
class Terms:
    """The weighted terms of the loss, the same for a whole image and for a tile.

    Source: Gatys et al. 2016, eq. 7 (total), 1 (content), 4 and 5 (style).

    Args:
        settings: Weights, layers and the form of the loss.
        content_gain: Factor of the normalized content loss, see `WeightsRecord`.
    """

    settings: Gatys
    content_gain: float

    @property
    def paper(self) -> bool:
        """Whether the loss has the form of the paper, rather than the normalized one."""
        return self.settings.loss == "paper"

    def content(
        self, features: Observed, photo: Observed | Mapping[str, Tensor], zero: Tensor, norms: Mapping[str, float]
    ) -> Tensor:
        """Return α · content.

        Args:
            features: Of the image.
            photo: Of the photo.
            zero: A scalar to which all is added.
            norms: Layer → squared norm of the whole photo's features, for a tile; empty for a whole image.
        """

        def error(layer: str) -> Tensor:
            if self.paper:
                return content_loss(features[layer], photo[layer])
            return relative_error(features[layer], photo[layer], norms.get(layer))

        weight = self.settings.content_weight * (1.0 if self.paper else self.content_gain)
        return weight * sum((w * error(layer) for layer, w in layer_weights(self.settings, "content")), zero)

    def style(self, error: Callable[[str, int], Tensor], regions: int, zero: Tensor) -> Tensor:
        """Return β · style.

        Source: regions: Gatys et al. 2017, section 4, arXiv:1611.07865, guided Gram matrices, with equal weights.

        Args:
            error: Returns the distance of a layer in a region from its target.
            regions: Number of regions.
            zero: A scalar to which all is added.
        """

        def mean(layer: str) -> Tensor:
            return sum((error(layer, region) for region in range(regions)), zero) / regions

        return self.settings.style_weight * sum(
            (w * mean(layer) for layer, w in layer_weights(self.settings, "style")), zero
        )

    def local(self, grid: WindowGrid, sums: Tensor, styles: Sequence[Tensor | None], shares: Tensor | None) -> Tensor:
        """Return γ · local style.

        Args:
            grid: Windows over the layer's features.
            sums: Of features and squares over the grid's cells, see `WindowGrid.moments`.
            styles: Moments of each style's windows; None for a style that has none.
            shares: Share of each region at each pixel, (N, 1, H, W); None for one style everywhere.
        """
        windows, total = grid.moments(sums), sums.new_zeros(())
        parts: Sequence[Tensor | None] = [None] * len(styles)
        if shares is not None:
            small = F.adaptive_avg_pool2d(shares, (grid.height, grid.width))
            parts = list(grid.means(grid.sums(small.transpose(0, 1)))[0])
        for style, part in zip(styles, parts, strict=True):
            if style is not None:
                total = total + local_style_loss(windows, style, part)
        return self.settings.local_weight * total

    def gram_error(self, gram: Tensor, target: Tensor) -> Tensor:
        """Return the distance between Gram matrices (1, C, C)."""
        return gram_loss(gram, target) if self.paper else relative_error(gram, target)

    def variation(self, pixels: Tensor, core: tuple[int, int] | None = None, count: int | None = None) -> Tensor:
        """Return the weighted `total_variation`."""
        return self.settings.tv_weight * total_variation(pixels, core, count)


@dataclass(frozen=True)
class Observed:
    """What the network sees in an image: its features and their Gram matrices.

    Args:
        network: Feature network.
        features: Layer → features (1, C, h, w); before taps if `fast`.
        fast: Whether Gram matrices are computed in the network's dtype.
    """

    network: Any
    features: Mapping[str, Tensor]
    fast: bool

    @classmethod
    def of(cls, pixels: Tensor, layers: Collection[str], network: FeatureNetwork, settings: Gatys) -> Observed:
        """Look at pixels (1, 3, H, W)."""
        if settings.gram_precision == "network" and settings.statistic == "gram" and isinstance(network, VGG):
            return cls(network, network.untapped(pixels, layers), fast=True)
        return cls(network, network(pixels, layers), fast=False)

    def kept(self, tile: Tile) -> Observed:
        """Return the features of the tile's core."""
        return replace(self, features={k: tile.kept(found, stride(k)) for k, found in self.features.items()})

    def __getitem__(self, layer: str) -> Tensor:
        """Return a layer's features, float32."""
        found = self.features[layer]
        return self.network.tapped(layer, found) if self.fast else found

    def gram(self, layer: str, mask: Tensor | None) -> Tensor:
        """Return a layer's Gram matrix, (1, C, C); see `gram_matrix`."""
        found = self.features[layer]
        if not self.fast:
            return gram_matrix(found, mask)
        weights = None if mask is None else position_weights(found, mask)
        return self.network.gram(layer, found, weights)  # type: ignore[no-any-return]

    def gram_part(self, layer: str, weights: Tensor | float) -> Tensor:
        """Return what a tile contributes to a layer's Gram matrix, (1, C, C).

        Args:
            layer: Its name.
            weights: Weight of each position, (1, 1, h, w); or one for all.
        """
        found = self.features[layer]
        if isinstance(weights, float):
            return self.gram(layer, None) * (weights * found[0, 0].numel())
        if self.fast:
            return self.network.gram(layer, found, weights.flatten(2))  # type: ignore[no-any-return]
        flat = found.flatten(2)
        return (flat * weights.flatten(2)) @ flat.mT


@dataclass(frozen=True)
class GatysObjective:
    """The loss of an image: α·content + β·style + total variation.

    Args:
        network: Feature network.
        settings: Weights, layers and the form of the loss.
        content: Layer → the photo's features (1, C, h, w).
        style: Layer → target statistics, see `brushwork.losses.style`; one such mapping per region.
        shares: Share of each region at each pixel, (N, 1, H, W); None for one style everywhere.
        content_gain: Factor of the normalized content loss, see `WeightsRecord`.
        windows: Moments of each region's windows, see `brushwork.losses.local`; empty for no local style.
    """

    network: FeatureNetwork
    settings: Gatys
    content: Mapping[str, Tensor]
    style: Sequence[Mapping[str, Target]]
    content_gain: float = 1.0
    shares: Tensor | None = None
    windows: Sequence[Tensor | None] = ()

    def __call__(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and its weighted terms for pixels (1, 3, H, W)."""
        weighted = Terms(self.settings, self.content_gain)
        layers = {*self.content, *(layer for region in self.style for layer in region)}
        if self.windows:
            layers.add(self.settings.local_layer)
        features = Observed.of(pixels, layers, self.network, self.settings)
        statistic = STATISTICS[self.settings.statistic]

        def style(layer: str, region: int) -> Tensor:
            mask, target = None if self.shares is None else self.shares[region : region + 1], self.style[region][layer]
            if self.settings.statistic == "gram":
                return weighted.gram_error(features.gram(layer, mask), target["gram"])
            return statistic.gain * statistic.loss(features[layer], target, mask)

        zero = pixels.new_zeros(())
        terms = {
            "content": weighted.content(features, self.content, zero, {}),
            "style": weighted.style(style, len(self.style), zero),
        }
        if self.windows:
            found = features[self.settings.local_layer]
            grid = WindowGrid.of(found.shape[2], found.shape[3])
            terms["local"] = weighted.local(grid, grid.sums_with_squares(found), self.windows, self.shares)
        if self.settings.tv_weight:
            terms["tv"] = weighted.variation(pixels)
        return sum(terms.values(), zero), terms


def stride(layer: str) -> int:
    """Return a layer's stride in pixels: 4 for relu3_1."""
    return 1 << (int(layer[4]) - 1)


def with_extra(own: Objective, extra_loss: ExtraLoss, margin: int) -> Objective:
    """Return a loss with additional weighted terms, computed on the image without its margin."""
    inside = slice(margin, -margin)

    def objective(pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        loss, terms = own(pixels)
        more = extra_loss(pixels[:, :, inside, inside])
        return loss + torch.stack([*more.values()]).sum(), {**terms, **more}

    return objective
