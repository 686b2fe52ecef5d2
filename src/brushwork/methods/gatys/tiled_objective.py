"""The loss of Gatys et al. for images too large to differentiate at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from brushwork.losses.local import WindowGrid
from brushwork.losses.style import Target
from brushwork.methods.gatys.objective import Observed, Terms, layer_weights, stride
from brushwork.nn import FeatureNetwork
from brushwork.nn.statistics import position_weights
from brushwork.options.methods import Gatys
from brushwork.runtime.memory import release_memory, release_near
from brushwork.tiling.tiles import Tile

__all__ = ["TiledObjective"]

Place: TypeAlias = tuple[str, int]  # of a statistic summed over tiles: a layer and a region, or LOCAL

LOCAL: Place = ("", 0)  # the sums over cells, of local style


class TiledObjective:
    """The loss of an image too large to differentiate at once; for Gram matrices.

    A first pass sums the Gram matrices of the whole image over all tiles, and the sums over the cells of local style.
    A second pass computes each tile's exact gradient, from its contribution to these sums times the loss gradient with
    respect to them, and its content.

    Args:
        network: A network whose features halve in size at each stage, as in their names: relu3_1 is at 1/4.
        settings: See `GatysObjective`.
        photo: Pixels (1, 3, H, W).
        style: See `GatysObjective`.
        tiles: See `brushwork.tiling.tiles.cut`; their halo covers the receptive field.
        content_gain: See `GatysObjective`.
        shares: See `GatysObjective`.
        windows: See `GatysObjective`.
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
        windows: Sequence[Tensor | None] = (),
        memory: int = 0,
    ) -> None:
        self.memory, self.shares, self.windows = memory, shares, windows
        self.network, self.settings, self.photo, self.style, self.tiles = network, settings, photo, style, tiles
        self.weighted = Terms(settings, content_gain)
        self.content = [layer for layer, _ in layer_weights(settings, "content")]
        self.layers = [layer for layer, _ in layer_weights(settings, "style")]
        self.weights = {layer: self._position_weights(layer, shares) for layer in self.layers}
        step = stride(settings.local_layer)
        self.grid = WindowGrid.of(photo.shape[2] // step, photo.shape[3] // step)
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
            release_near(self.memory)
        if self.memory:
            release_memory()
        return norms

    def _features(self, tile: Tile, pixels: Tensor, layers: Iterable[str]) -> Observed:
        """Return the features of a tile's core, from a whole image or from the tile with its halo."""
        seen = tile.of(pixels) if pixels.shape == self.photo.shape else pixels
        return Observed.of(seen, {*layers}, self.network, self.settings).kept(tile)

    def __call__(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, with precomputed gradient, and its weighted terms for pixels (1, 3, H, W)."""
        whole = pixels.detach()
        sums = self._sums(whole)
        with torch.enable_grad():
            found = self._style(sums)
            of_all = sum(found.values(), whole.new_zeros(()))
            gradients = dict(zip(sums, torch.autograd.grad(of_all, list(sums.values())) if sums else (), strict=True))
        gradient, content, variation = torch.zeros_like(whole), 0.0, 0.0
        for tile in self.tiles:
            seen = tile.of(whole).clone().requires_grad_()
            with torch.enable_grad():
                tile_content, tile_variation, surrogate = self._parts(tile, seen, gradients)
                (part,) = torch.autograd.grad(tile_content + tile_variation + surrogate, seen)
            tile.of(gradient).add_(part)
            del seen, surrogate, part
            release_near(self.memory)  # fragmentation grows from tile to tile
            content, variation = content + float(tile_content.detach()), variation + float(tile_variation.detach())
        if self.memory:
            release_memory()  # before the optimizer takes some
        terms = {"content": whole.new_tensor(content), **{name: term.detach() for name, term in found.items()}}
        if self.settings.tv_weight:
            terms["tv"] = whole.new_tensor(variation)
        value: Tensor = PrecomputedGradient.apply(pixels, sum(terms.values()), gradient)  # type: ignore[no-untyped-call]
        return value, terms

    @torch.no_grad()
    def _sums(self, whole: Tensor) -> dict[Place, Tensor]:
        """Return what the style terms need of the whole image: Gram matrices (1, C, C), and sums over cells."""
        places = [(layer, region) for layer in self.layers for region in range(len(self.style))]
        if self.windows:
            places.append(LOCAL)
        layers = {*self.weights, *([self.settings.local_layer] if self.windows else ())}
        sums: dict[Place, Tensor] = {}
        for tile in self.tiles if places else ():
            features = self._features(tile, whole, layers)
            for place in places:
                part = self._part(tile, place, features).double()
                sums[place] = sums.get(place, torch.zeros_like(part)) + part
            del features
            release_near(self.memory)  # fragmentation grows from tile to tile
        return {place: total.float().requires_grad_() for place, total in sums.items()}

    def statistics(self, photo: Tensor) -> tuple[list[dict[str, Target]], Tensor | None]:
        """Return the statistics of an image of this size.

        Returns:
            Region → layer → "gram" → (1, C, C); and the moments of its windows, None without local style.
        """
        sums = {place: total.detach() for place, total in self._sums(photo).items()}
        grams: list[dict[str, Target]] = [
            {layer: {"gram": sums[layer, region]} for layer in self.layers} for region in range(len(self.style))
        ]
        return grams, self.grid.moments(sums[LOCAL]) if self.windows else None

    def _part(self, tile: Tile, place: Place, features: Observed) -> Tensor:
        """Return a tile's contribution to a Gram matrix (1, C, C), or to the sums over cells."""
        if place == LOCAL:
            layer = self.settings.local_layer
            top, left = (start // stride(layer) for start in tile.core[:2])
            return self.grid.sums_with_squares(features[layer], top, left)
        layer, region = place
        weights = self.weights[layer][region]
        kept = weights if isinstance(weights, float) else tile.kept_of_whole(weights, stride(layer))
        return features.gram_part(layer, kept)

    def _style(self, sums: Mapping[Place, Tensor]) -> dict[str, Tensor]:
        """Return the weighted style terms."""

        def error(layer: str, region: int) -> Tensor:
            return self.weighted.gram_error(sums[layer, region], self.style[region][layer]["gram"])

        terms = {"style": self.weighted.style(error, len(self.style), self.photo.new_zeros(()))}
        if self.windows:
            terms["local"] = self.weighted.local(self.grid, sums[LOCAL], self.windows, self.shares)
        return terms

    def _parts(self, tile: Tile, seen: Tensor, gradients: Mapping[Place, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return a tile's weighted content loss, total variation, and a scalar whose gradient is the style terms'."""
        layers = {self.settings.local_layer if place == LOCAL else place[0] for place in gradients}
        features = self._features(tile, seen, {*self.content, *layers})
        photo: Observed | dict[str, Tensor] = {}
        if self.content:
            with torch.no_grad():
                photo = self._features(tile, self.photo, self.content)
        variation = surrogate = seen.new_zeros(())
        content = self.weighted.content(features, photo, surrogate, self.norms)
        for place, gradient in gradients.items():
            surrogate = surrogate + (gradient * self._part(tile, place, features)).sum()
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
