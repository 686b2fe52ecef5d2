"""The loss of Gatys et al., for a whole image or in tiles.

Source: Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks", CVPR.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from brushwork.losses.content import content_loss, relative_error
from brushwork.losses.gram import gram_loss
from brushwork.losses.regularizers import total_variation
from brushwork.losses.style import STATISTICS, Target
from brushwork.nn import VGG, FeatureNetwork
from brushwork.nn.statistics import gram_matrix, position_weights
from brushwork.optim.pixels import Objective
from brushwork.options.methods import Gatys
from brushwork.runtime.memory import release_near
from brushwork.tiling.tiles import Tile

__all__ = ["ExtraLoss", "GatysObjective", "TiledObjective", "stride", "with_extra"]

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
    """

    network: FeatureNetwork
    settings: Gatys
    content: Mapping[str, Tensor]
    style: Sequence[Mapping[str, Target]]
    content_gain: float = 1.0
    shares: Tensor | None = None

    def __call__(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and its weighted terms for pixels (1, 3, H, W)."""
        weighted = Terms(self.settings, self.content_gain)
        layers = {*self.content, *(layer for region in self.style for layer in region)}
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
        if self.settings.tv_weight:
            terms["tv"] = weighted.variation(pixels)
        return sum(terms.values(), zero), terms


class TiledObjective:
    """The loss of an image too large to differentiate at once; for Gram matrices.

    A first pass sums the Gram matrices of the whole image over all tiles. A second pass computes each tile's exact
    gradient, from its contribution to the Gram matrices times the loss gradient with respect to them, and its content.

    Args:
        network: A network whose features halve in size at each stage, as in their names: relu3_1 is at 1/4.
        settings: See `GatysObjective`.
        photo: Pixels (1, 3, H, W).
        style: See `GatysObjective`.
        tiles: See `brushwork.tiling.tiles.cut`; their halo covers the receptive field.
        content_gain: See `GatysObjective`.
        shares: See `GatysObjective`.
        memory: Memory limit of the process in bytes; 0 for none.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        settings: Gatys,
        photo: Tensor,
        style: Sequence[Mapping[str, Target]],
        tiles: Sequence[Tile],
        *,
        content_gain: float = 1.0,
        shares: Tensor | None = None,
        memory: int = 0,
    ) -> None:
        self.memory = memory
        self.network, self.settings, self.photo, self.style, self.tiles = network, settings, photo, style, tiles
        self.weighted = Terms(settings, content_gain)
        self.content = [layer for layer, _ in layer_weights(settings, "content")]
        self.layers = [layer for layer, _ in layer_weights(settings, "style")]
        self.weights = {layer: self._position_weights(layer, shares) for layer in self.layers}
        self.norms = self._norms()

    def _position_weights(self, layer: str, shares: Tensor | None) -> list[Tensor | float]:
        """Return the weight of each position in each region's Gram matrix, (1, 1, h, w), or one weight for all."""
        height, width = (side // stride(layer) for side in self.photo.shape[2:])
        if shares is None:
            return [1 / (height * width)]
        shape = self.photo.new_empty(1, 1, height, width)
        return [position_weights(shape, share).view(1, 1, height, width) for share in torch.split(shares, 1)]

    @torch.no_grad()
    def _norms(self) -> dict[str, float]:
        """Return the squared norms of the photo's features, which normalize the content loss."""
        if self.weighted.paper or not self.content:
            return {}
        norms = dict.fromkeys(self.content, 0.0)
        for tile in self.tiles:
            features = self._features(tile, self.photo, norms)
            for layer in norms:
                norms[layer] += float(features[layer].double().square().sum())
        return norms

    def _features(self, tile: Tile, pixels: Tensor, layers: Iterable[str]) -> Observed:
        """Return the features of a tile's core, from a whole image or from the tile with its halo."""
        seen = tile.of(pixels) if pixels.shape == self.photo.shape else pixels
        return Observed.of(seen, {*layers}, self.network, self.settings).kept(tile)

    def __call__(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, with precomputed gradient, and its weighted terms for pixels (1, 3, H, W)."""
        whole = pixels.detach()
        grams = self._grams(whole)
        with torch.enable_grad():
            style = self._style(grams)
            gradients = torch.autograd.grad(style, list(grams.values())) if grams else ()
            gram_gradients = dict(zip(grams, gradients, strict=True))
        gradient, content, variation = torch.zeros_like(whole), 0.0, 0.0
        for tile in self.tiles:
            seen = tile.of(whole).clone().requires_grad_()
            with torch.enable_grad():
                tile_content, tile_variation, surrogate = self._parts(tile, seen, gram_gradients)
                (part,) = torch.autograd.grad(tile_content + tile_variation + surrogate, seen)
            tile.of(gradient).add_(part)
            del seen, surrogate, part
            release_near(self.memory)  # fragmentation grows from tile to tile
            content, variation = content + float(tile_content.detach()), variation + float(tile_variation.detach())
        terms = {"content": whole.new_tensor(content), "style": style.detach()}
        if self.settings.tv_weight:
            terms["tv"] = whole.new_tensor(variation)
        value: Tensor = PrecomputedGradient.apply(pixels, sum(terms.values()), gradient)  # type: ignore[no-untyped-call]
        return value, terms

    @torch.no_grad()
    def _grams(self, whole: Tensor) -> dict[tuple[str, int], Tensor]:
        """Return the Gram matrices (1, C, C) of the whole image, for each layer and region."""
        sums: dict[tuple[str, int], Tensor] = {}
        for tile in self.tiles if self.layers else ():
            features = self._features(tile, whole, self.weights)
            for layer in self.layers:
                for region in range(len(self.style)):
                    part = self._gram(tile, layer, region, features).double()
                    sums[layer, region] = sums.get((layer, region), torch.zeros_like(part)) + part
            del features
            release_near(self.memory)  # fragmentation grows from tile to tile
        return {place: total.float().requires_grad_() for place, total in sums.items()}

    def statistics(self, photo: Tensor) -> list[dict[str, Target]]:
        """Return the Gram matrices of an image of this size: region → layer → "gram" → (1, C, C)."""
        grams = {place: total.detach() for place, total in self._grams(photo).items()}
        return [{layer: {"gram": grams[layer, region]} for layer in self.layers} for region in range(len(self.style))]

    def _gram(self, tile: Tile, layer: str, region: int, features: Observed) -> Tensor:
        """Return a tile's contribution to a Gram matrix, (1, C, C)."""
        weights = self.weights[layer][region]
        kept = weights if isinstance(weights, float) else tile.kept_of_whole(weights, stride(layer))
        return features.gram_part(layer, kept)

    def _style(self, grams: Mapping[tuple[str, int], Tensor]) -> Tensor:
        """Return the weighted style loss of Gram matrices."""

        def error(layer: str, region: int) -> Tensor:
            return self.weighted.gram_error(grams[layer, region], self.style[region][layer]["gram"])

        return self.weighted.style(error, len(self.style), self.photo.new_zeros(()))

    def _parts(
        self, tile: Tile, seen: Tensor, gram_gradients: Mapping[tuple[str, int], Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return a tile's weighted content loss, total variation, and a scalar whose gradient is the style loss's."""
        features = self._features(tile, seen, {*self.content, *(layer for layer, _ in gram_gradients)})
        photo: Observed | dict[str, Tensor] = {}
        if self.content:
            with torch.no_grad():
                photo = self._features(tile, self.photo, self.content)
        variation = surrogate = seen.new_zeros(())
        content = self.weighted.content(features, photo, surrogate, self.norms)
        for (layer, region), gradient in gram_gradients.items():
            surrogate = surrogate + (gradient * self._gram(tile, layer, region, features)).sum()
        if self.settings.tv_weight:
            variation = self._variation(tile, seen)
        return content, variation, surrogate

    def _variation(self, tile: Tile, seen: Tensor) -> Tensor:
        """Return a tile's part of the weighted total variation."""
        top, left, bottom, right = tile.core
        y, x = tile.seen[:2]
        inside = seen[:, :, top - y : bottom - y + 1, left - x : right - x + 1]
        return self.weighted.variation(inside, (bottom - top, right - left), self.photo.numel())


class PrecomputedGradient(torch.autograd.Function):
    """A value with a precomputed gradient with respect to the pixels."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.gradient = gradient
        return value.clone()

    @staticmethod
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor, None, None]:
        return ctx.gradient.mul_(factor), None, None  # in place, because it is as large as the image


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
