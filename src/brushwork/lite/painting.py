"""Painting a photo: strength, regions, pictures with hardly any contrast, and tiles with the result of the whole.

The same as `brushwork.methods.one_pass` with AdaIN-lite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from brushwork.lite.arrays import luma, padded, resized
from brushwork.lite.coder import Coder
from brushwork.lite.needs import needs_torch
from brushwork.lite.network import HALO, MOST_STYLES, MULTIPLE, PaintingNetwork, PaintingWeights
from brushwork.lite.regions import Regions, completed, left_over
from brushwork.lite.tensors import Array
from brushwork.tiling.cuts import NEAR, Box, Tile, cut

__all__ = ["Moments", "Painter", "Photo"]

THUMBNAIL = 1024  # longer side on which a photo's own style and its contrast are measured, in pixels
FLAT, CONTRASTY = 0.01, 0.03  # see `brushwork.methods.flat_pictures`
CELLS, CELL, SHUFFLE = 8, 16, 27  # of its gray chart
NETWORKS = 4  # kept open: those of the styles painted last
Progress = Callable[[int, int], None]  # tiles done, tiles in all


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


Steady = Callable[[int, Moments], Moments]  # which normalization, its moments → those to use, as in a film


class Painter:
    """Paints photos in styles.

    Args:
        provider: What computes; see `brushwork.lite.sessions`.
        model: "adain-lite" or "adain-lite-film".
    """

    def __init__(self, provider: str = "cpu", model: str = "adain-lite") -> None:
        self.provider = provider
        self._weights = PaintingWeights(model)
        self._coder: Coder | None = None
        self._networks: dict[bytes, PaintingNetwork] = {}

    @property
    def coder(self) -> Coder:
        """The style encoder, loaded when it is first used: built-in styles don't need it."""
        if self._coder is None:
            self._coder = Coder(self.provider)
        return self._coder

    def paint(
        self,
        photo: Photo,
        regions: Regions,
        write: Callable[[int, int, Array], None],
        *,
        strength: float = 1.0,
        side: int,
        room: int = 0,
        steady: Steady | None = None,
        progress: Progress = lambda done, count: None,
    ) -> None:
        """Paint a photo, tile by tile, with the result of the whole.

        Args:
            photo: The photo.
            regions: The styles.
            write: Receives top, left and pixels (3, h, w) in [0, 1].
            strength: From 0, the photo itself, to 1.
            side: Approximate side of a tile in pixels.
            room: Bytes of memory for features that would otherwise be computed again.
            steady: Changes the moments that normalizations use; None leaves them.
            progress: Called after each tile in each pass.

        Raises:
            UsageError: More styles side by side than there are graphs for.
        """
        regions = regions.present()
        small = _thumbnail(photo)
        mixture = self._mixture(regions, small, strength)
        flat = self._flat(regions, small, strength)
        tiles = cut(*_sides(photo), side, HALO, MULTIPLE)
        source = _Source(photo, regions, mixture.rest)
        passes = [_Passes(self._network(mixture.codes), source, tiles, room)]
        if mixture.own is not None and strength < 1:
            passes.append(_Passes(self._network(mixture.own), source, tiles, room))
        count = sum(each.count for each in passes) + len(tiles)
        done = iter(range(1, count + 1))
        for each in passes:
            for _ in each.measured(side, steady):
                progress(next(done), count)
        for tile in tiles:
            top, left, _, _ = tile.core
            write(top, left, _finished(passes, source, tile, flat, strength))
            progress(next(done), count)

    def _network(self, codes: Sequence[Array]) -> PaintingNetwork:
        if len(codes) > MOST_STYLES:
            raise needs_torch(f"masks: more than {MOST_STYLES} styles side by side, the photo's own included,")
        key = b"".join(code.tobytes() for code in codes)
        if key not in self._networks:
            while len(self._networks) >= NETWORKS:
                del self._networks[next(iter(self._networks))]
            self._networks[key] = PaintingNetwork(self._weights, codes, self.provider)
        return self._networks[key]

    def _mixture(self, regions: Regions, small: Array, strength: float) -> _Mixture:
        """Return which styles are painted side by side; see `brushwork.methods.mixing`."""
        height, width = small.shape[1:]
        shares = regions.shares(height, width)
        rest = shares is not None and bool(left_over(shares).any())
        if strength == 1 and not rest:
            return _Mixture(regions.codes, None, False)
        sides = _up(height), _up(width)
        whole, photo = completed(None if shares is None else padded(shares, *sides), rest), padded(small, *sides)
        own = [self.coder.encode_photo(photo, mask) for mask in ([None] if whole is None else whole)]
        mixed = [strength * code + (1 - strength) * mine for code, mine in zip(regions.codes, own, strict=False)]
        codes = [code.astype(np.float32) for code in mixed + own[len(mixed) :]]
        return _Mixture(codes, own, rest)

    def _flat(self, regions: Regions, small: Array, strength: float) -> _Flat | None:
        contrast = float(np.sqrt(small.reshape(3, -1).var(1).mean()))
        share = min(1.0, max(0.0, (CONTRASTY - contrast) / (CONTRASTY - FLAT)))
        if not share:
            return None
        return _Flat(share, [self.gray_line(code) for code in regions.codes], strength)

    def gray_line(self, code: Array) -> tuple[Array, Array]:
        """Return the color of black in a style, and the change to white: a line fitted to a gray chart."""
        count = CELLS**2
        grays = (np.arange(count) * SHUFFLE % count / (count - 1)).reshape(CELLS, CELLS)
        gray = np.kron(grays, np.ones((CELL, CELL))).astype(np.float32)
        chart = _Chart(gray)
        source, tiles = _Source(chart, Regions([code]), False), cut(len(gray), len(gray), len(gray), HALO, MULTIPLE)
        passes = _Passes(self._network([code]), source, tiles, 0)
        list(passes.measured(len(gray), None))
        painted = np.clip(passes.picture(tiles[0]), 0, 1)
        away = gray - gray.mean()
        slope = ((painted * away).mean((1, 2)) / np.square(away).mean())[:, None, None]
        return painted.mean((1, 2))[:, None, None] - slope * gray.mean(), slope


@dataclass(frozen=True)
class _Mixture:
    """What is painted: codes side by side, the photo's own in the same places, and whether the photo is one of them."""

    codes: Sequence[Array]
    own: Sequence[Array] | None
    rest: bool


@dataclass(frozen=True)
class _Flat:
    """Colors for a photo with hardly any contrast, linear in luma; see `brushwork.methods.flat_pictures`."""

    share: float
    lines: Sequence[tuple[Array, Array]]
    strength: float

    def blended(self, painted: Array, photo: Array, shares: Array | None) -> Array:
        """Return painted pixels with these colors blended in."""
        gray = luma(photo)
        colors = np.stack([np.clip(black + slope * gray, 0, 1) for black, slope in self.lines])
        color = colors[0] if shares is None else (shares * colors).sum(0) + (1 - shares.sum(0)) * photo
        color = photo + self.strength * (color - photo)
        painted = np.clip(np.nan_to_num(painted), 0, 1)
        result: Array = painted + self.share * (color - painted)
        return result


@dataclass(frozen=True)
class _Chart:
    """A gray picture."""

    gray: Array

    @property
    def size(self) -> tuple[int, int]:
        return self.gray.shape[1], self.gray.shape[0]

    def part(self, top: int, left: int, bottom: int, right: int) -> Array:
        return np.broadcast_to(self.gray[top:bottom, left:right], (3, bottom - top, right - left))

    def resampled(self, size: tuple[int, int]) -> Array:
        return resized(self.part(0, 0, *self.gray.shape), size)


def _thumbnail(photo: Photo) -> Array:
    width, height = photo.size
    factor = min(THUMBNAIL, max(width, height)) / max(width, height)
    return photo.resampled((max(1, round(width * factor)), max(1, round(height * factor))))


def _up(side: int) -> int:
    return -(-side // MULTIPLE) * MULTIPLE


def _sides(photo: Photo) -> tuple[int, int]:
    """Return height and width, padded to what the network supports."""
    width, height = photo.size
    return _up(height), _up(width)


class _Source:
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


class _Passes:
    """One network over all tiles: two passes that measure, and a last one that paints.

    Args:
        network: The network.
        source: Of tiles.
        tiles: The tiles.
        room: Bytes for the features of tiles between the second measurement and the last pass.
    """

    def __init__(self, network: PaintingNetwork, source: _Source, tiles: Sequence[Tile], room: int) -> None:
        self.network, self.source, self.tiles = network, source, tiles
        self.count = 2 * len(tiles)
        self._moments: dict[str, Array] = {}
        self._kept: dict[Tile, Array] = {}
        pixels = sum((tile.near[2] - tile.near[0]) * (tile.near[3] - tile.near[1]) for tile in tiles)
        self._keeps = len(tiles) == 1 or pixels * LAST_BYTES <= room
        self._first: Array | None = None

    def measured(self, side: int, steady: Steady | None) -> Iterator[None]:
        """Measure; yields after each tile in each pass."""
        height, width = self.tiles[-1].core[2:]
        sums = _Sums()
        for tile in cut(height, width, side, NEAR, MULTIPLE):
            first = self._head(tile.seen)
            sums.add(tile.kept(first), self._weights(tile.core))
            self._first = first if len(self.tiles) == 1 else None  # of the only tile, whose halo doesn't matter
            yield
        self._moments |= _steadied(sums, 0, steady).named("first")
        sums = _Sums()
        for tile in self.tiles:
            last = self._last(tile)
            sums.add(tile.kept(last, near=True), self._weights(tile.core))
            if self._keeps:
                self._kept[tile] = last
            yield
        self._moments |= _steadied(sums, 1, steady).named("last")

    def picture(self, tile: Tile) -> Array:
        """Return the painted core of a tile, (3, h, w), about [0, 1]."""
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


SCALE = 4  # pixels per position of the features that are normalized
LAST_BYTES = 64 * 4 / SCALE**2  # per pixel, of these features


def _steadied(sums: _Sums, stop: int, steady: Steady | None) -> Moments:
    return sums.moments() if steady is None else steady(stop, sums.moments())


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


def _finished(passes: Sequence[_Passes], source: _Source, tile: Tile, flat: _Flat | None, strength: float) -> Array:
    """Return the core of a tile, without padding: painted, and mixed with the photo as far as it is to be."""
    painted, photo, given = passes[0].picture(tile), source.pixels(tile.core), source.given(tile.core)
    if len(passes) > 1:
        # The network's error in restoring the photo from its own style is added back, so that strength 0 is the photo.
        painted = painted + (1 - strength) * (photo - passes[1].picture(tile))
    if given is not None:
        painted = painted + left_over(given)[0] * (photo - painted)
    if flat is not None:
        painted = flat.blended(painted, photo, given)
    width, height = source.photo.size
    top, left, bottom, right = tile.core
    return np.clip(painted[:, : min(bottom, height) - top, : min(right, width) - left], 0, 1)
