"""Passes over the tiles of a photo: those that measure the whole picture, and a last one that paints.

The same as `brushwork.tiling` with AdaIN-lite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from brushwork.lite.arrays import padded
from brushwork.lite.network import MULTIPLE, PaintingNetwork
from brushwork.lite.recoloring import opponent_colors, recolored, with_products
from brushwork.lite.regions import Regions, completed
from brushwork.lite.tensors import Array
from brushwork.tiling.cuts import NEAR, Box, Tile, cut

__all__ = ["Moments", "Passes", "Photo", "Source", "Steady", "rounded_up"]

SCALE = 4  # pixels per position of the features that are normalized
LAST_BYTES = 64 * 4 / SCALE**2  # per pixel, of these features
ROWS = 1 << 15  # pixels whose colors are summed in float32 before accumulating in float64


class Photo(Protocol):
    """A photo that is read part by part."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        ...

    def part(self, top: int, left: int, bottom: int, right: int) -> Array:
        """Return pixels (3, bottom - top, right - left) in [0, 1]."""
        ...

    def resampled(self, size: tuple[int, int]) -> Array:
        """Return all pixels at a width and height."""
        ...


@dataclass(frozen=True)
class Moments:
    """Means and variances of channels over the whole picture, (N, C)."""

    mean: Array
    variance: Array

    def named(self, stop: str) -> dict[str, Array]:
        """Return them by the names that they have in the graphs."""
        return {f"{stop} mean": self.mean, f"{stop} variance": self.variance}


Steady = Callable[[int, Moments], Moments]  # which measurement, its moments → those to use, as in a film


def rounded_up(side: int) -> int:
    """Return a side padded to what the network supports."""
    return -(-side // MULTIPLE) * MULTIPLE


class Source:
    """Parts of a photo and of the shares of its styles, padded where they exceed the right and bottom edges."""

    def __init__(self, photo: Photo, regions: Regions, rest: bool) -> None:
        self.photo, self.regions, self.rest = photo, regions, rest

    def pixels(self, box: Box) -> Array:
        """Return pixels (3, h, w)."""
        return padded(self.photo.part(*self._inside(box)), box[2] - box[0], box[3] - box[1])

    def given(self, box: Box) -> Array | None:
        """Return the shares of the styles as they are given, (N, 1, h, w)."""
        width, height = self.photo.size
        shares = self.regions.shares(height, width, self._inside(box))
        return None if shares is None else padded(shares, box[2] - box[0], box[3] - box[1])

    def shares(self, box: Box) -> Array | None:
        """Return the shares of what is painted side by side; None for one style."""
        return completed(self.given(box), self.rest)

    def _inside(self, box: Box) -> Box:
        width, height = self.photo.size
        return box[0], box[1], min(box[2], height), min(box[3], width)


class Passes:
    """One network over all tiles: two or three passes that measure, and a last one that paints.

    Args:
        network: The network.
        source: Of tiles.
        tiles: The tiles.
        room: Bytes for what tiles need between the second measurement and the last pass.
        steady: Changes moments; None leaves them.
        stop: Number of the first measurement for `steady`.
    """

    def __init__(
        self,
        network: PaintingNetwork,
        source: Source,
        tiles: Sequence[Tile],
        room: int,
        *,
        steady: Steady | None = None,
        stop: int = 0,
    ) -> None:
        self.network, self.source, self.tiles = network, source, tiles
        self._steady, self._stop = steady, stop
        self._moments: dict[str, Array] = {}
        self._colors: Moments | None = None
        self._kept: dict[Tile, Array] = {}  # features before the last normalization
        self._painted: dict[Tile, Array] = {}  # then what they became, before its colors are set
        pixels = sum((tile.near[2] - tile.near[0]) * (tile.near[3] - tile.near[1]) for tile in tiles)
        self._keeps = len(tiles) == 1 or pixels * LAST_BYTES <= room
        self._first: Array | None = None

    @property
    def count(self) -> int:
        """Tiles measured in all passes."""
        return len(self.tiles) * self.stops

    @property
    def stops(self) -> int:
        """How many times the whole picture is measured."""
        return 2 if self.network.colors is None else 3

    def measured(self, side: int) -> Iterator[None]:
        """Measure; yields after each tile in each pass."""
        height, width = self.tiles[-1].core[2:]
        sums = _Sums()
        for tile in cut(height, width, side, NEAR, MULTIPLE):
            first = self._head(tile.seen)
            sums.add(tile.kept(first), self._weights(tile.core))
            self._first = first if len(self.tiles) == 1 else None  # of the only tile, whose halo doesn't matter
            yield
        self._moments |= self._steadied(sums, 0).named("first")
        sums = _Sums()
        for tile in self.tiles:
            last = self._last(tile)
            sums.add(tile.kept(last, near=True), self._weights(tile.core))
            if self._keeps:
                self._kept[tile] = last
            yield
        self._moments |= self._steadied(sums, 1).named("last")
        if self.network.colors is not None:
            yield from self._measured_colors()

    def _measured_colors(self) -> Iterator[None]:
        sums = _Sums()
        for tile in self.tiles:
            colors, shares = opponent_colors(self._tail(tile)), self.source.shares(tile.core)
            sums.add_colors(colors, shares)
            if self._keeps:
                self._painted[tile] = colors
            yield
        self._colors = self._steadied(sums, 2)

    def picture(self, tile: Tile) -> Array:
        """Return the painted core of a tile, (3, h, w), about [0, 1]."""
        if self._colors is None or self.network.colors is None:
            return self._tail(tile)
        colors = self._painted.pop(tile) if tile in self._painted else opponent_colors(self._tail(tile))
        return recolored(colors, self.network.colors, self.source.shares(tile.core), self._colors.mean)

    def _tail(self, tile: Tile) -> Array:
        """Return the core of a tile as the network leaves it."""
        last = self._kept.pop(tile) if tile in self._kept else self._last(tile)
        shares = self.source.shares(tile.near)
        picture = self.network.tail(last, self.source.pixels(tile.near)[None], self._of("last"), shares)
        core: Array = tile.kept(picture, 1, near=True)[0]
        return core

    def _head(self, box: Box) -> Array:
        return self.network.head(self.source.pixels(box)[None], self.source.shares(box))

    def _last(self, tile: Tile) -> Array:
        """Return the features before the last normalization, of the tile's near area."""
        first = self._head(tile.seen) if self._first is None else self._first
        self._first = None
        last = self.network.body(first, self._of("first"), self.source.shares(tile.seen))
        top, left, bottom, right = (
            (edge - start) // SCALE for edge, start in zip(tile.near, (*tile.seen[:2],) * 2, strict=True)
        )
        return np.ascontiguousarray(last[:, :, top:bottom, left:right])

    def _steadied(self, sums: _Sums, stop: int) -> Moments:
        return sums.moments() if self._steady is None else self._steady(self._stop + stop, sums.moments())

    def _of(self, stop: str) -> Mapping[str, Array]:
        return {name: value for name, value in self._moments.items() if name.startswith(stop)}

    def _weights(self, box: Box) -> Array | None:
        """Return the weights (N, h w) of positions in features, whose moments each style has for itself."""
        shares = self.source.shares(box)
        if shares is None:
            return None
        count, _, height, width = shares.shape
        blocks = shares.reshape(count, height // SCALE, SCALE, width // SCALE, SCALE)
        weights: Array = blocks.mean((2, 4)).reshape(count, -1)
        return weights


class _Sums:
    """Weights, means and squared deviations, accumulated part by part in float64; see `brushwork.tiling.tiles.Sums`."""

    def __init__(self) -> None:
        self.weight, self.mean, self.spread = (np.zeros((1, 1)) for _ in range(3))

    def add(self, features: Array, weights: Array | None) -> None:
        """Add features (1, C, h, w), with weights (N, h w) or all alike."""
        flat = features.reshape(features.shape[1], -1)
        if weights is None:
            mean = flat.mean(1)
            away = flat - mean[:, None]
            self._join(np.array([[flat.shape[1]]]), mean[None], np.square(away, out=away).sum(1)[None])
            return
        total = weights.sum(1, keepdims=True)
        mean = weights @ flat.T / np.maximum(total, 1e-12)
        spread = np.stack([np.square(flat - own[:, None]) @ weight for weight, own in zip(weights, mean, strict=True)])
        self._join(total, mean, spread)

    def add_colors(self, colors: Array, shares: Array | None) -> None:
        """Add colors (3, h, w) with their products, with shares (N, 1, h, w) or all alike."""
        flat = colors.reshape(len(colors), -1)
        weights = None if shares is None else shares.reshape(len(shares), -1)
        for start in range(0, flat.shape[1], ROWS):
            part = with_products(flat[:, start : start + ROWS])
            self.add(part[None, :, :, None], None if weights is None else weights[:, start : start + ROWS])

    def _join(self, weight: Array, mean: Array, spread: Array) -> None:
        total = self.weight + weight.astype(np.float64)
        share, away = weight / np.maximum(total, 1e-300), mean - self.mean
        self.spread = self.spread + spread + np.square(away) * (self.weight * share)
        self.mean = self.mean + away * share
        self.weight = total

    def moments(self) -> Moments:
        """Return the accumulated moments."""
        variance = self.spread / np.maximum(self.weight, 1e-300)
        return Moments(self.mean.astype(np.float32), variance.astype(np.float32))
