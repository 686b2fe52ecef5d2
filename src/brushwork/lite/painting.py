"""Painting a photo: strength, regions, pictures with hardly any contrast, and tiles with the result of the whole.

The same as `brushwork.methods.one_pass` with AdaIN-lite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from brushwork.lite.arrays import luma, padded, resized
from brushwork.lite.coder import Coder
from brushwork.lite.models import read_model
from brushwork.lite.needs import needs_torch
from brushwork.lite.network import HALO, MOST_STYLES, MULTIPLE, PaintingNetwork, PaintingWeights
from brushwork.lite.passes import Passes, Photo, Source, Steady, rounded_up
from brushwork.lite.regions import Regions, completed, left_over
from brushwork.lite.tensors import Array
from brushwork.options.methods import AdaINLite
from brushwork.tiling.cuts import Tile, cut

__all__ = ["Painter"]

THUMBNAIL = 1024  # longer side on which a photo's own style and its contrast are measured, in pixels
FLAT, CONTRASTY = 0.01, 0.03  # see `brushwork.methods.flat_pictures`
CELLS, CELL, SHUFFLE = 8, 16, 27  # of its gray chart
NETWORKS = 4  # kept open: those of the styles painted last
Progress = Callable[[int, int], None]  # tiles done, tiles in all


class Painter:
    """Paints photos in styles.

    Args:
        provider: What computes; see `brushwork.lite.sessions`.
        model: A bundled model, such as "adain-lite-film", or a .safetensors file; see `read_model`.
    """

    def __init__(self, provider: str = "cpu", model: str = AdaINLite.model) -> None:
        self.provider, self.model = provider, read_model(model)
        self._weights = PaintingWeights(self.model)
        self._coder: Coder | None = None
        self._networks: dict[bytes, PaintingNetwork] = {}

    @property
    def coder(self) -> Coder:
        """The style encoder, loaded when it is first used: built-in styles don't need it."""
        if self._coder is None:
            self._coder = Coder(self.provider, self.model)
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
            steady: Changes the moments of the whole picture that are used; None leaves them.
            progress: Called after each tile in each pass.

        Raises:
            UsageError: More styles side by side than there are graphs for.
        """
        regions = regions.present()
        small = _thumbnail(photo)
        mixture = self._mixture(regions, small, strength)
        flat = self._flat(regions, small, strength)
        width, height = map(rounded_up, photo.size)
        tiles = cut(height, width, side, HALO, MULTIPLE)
        source = Source(photo, regions, mixture.rest)
        passes = [Passes(self._network(mixture.codes), source, tiles, room, steady=steady)]
        if mixture.own is not None and strength < 1:
            stop = passes[0].stops if self.model.architecture.colors else 0  # the first architecture's results stay
            passes.append(Passes(self._network(mixture.own), source, tiles, room, steady=steady, stop=stop))
        count = sum(each.count for each in passes) + len(tiles)
        done = iter(range(1, count + 1))
        for each in passes:
            for _ in each.measured(side):
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
        sides = rounded_up(height), rounded_up(width)
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
        source, tiles = Source(chart, Regions([code]), False), cut(len(gray), len(gray), len(gray), HALO, MULTIPLE)
        passes = Passes(self._network([code]), source, tiles, 0)
        list(passes.measured(len(gray)))
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


def _finished(passes: Sequence[Passes], source: Source, tile: Tile, flat: _Flat | None, strength: float) -> Array:
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
