"""Exact search: every patch against every other, by matrix products; and costs of templates everywhere, by FFT."""

from __future__ import annotations

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from brushwork.patches.field import Field, distances_at, patch_vectors, usable_places

__all__ = ["PatchCosts", "SampledCosts", "nearest_exact"]

QUERIES, SOURCES = 2048, 8192  # patches in a tile of the table of distances: 64 MB
NUMBERS = 1 << 25  # in the vectors of `SampledCosts`: 128 MB
TEMPLATES = 4  # transformed at once; more fall out of the cache


def nearest_exact(query: Tensor, source: Tensor, side: int, usable: Tensor | None = None) -> Field:
    """Return the nearest patches, found by comparing all; of several equally near, the first.

    Args:
        query: (C, H, W).
        source: (C, h, w).
        side: Of a patch, in pixels.
        usable: (h, w), pixels of the source that may be taken; None: all.
    """
    center = source.mean((1, 2), keepdim=True)  # smaller numbers, so that less is lost where large ones cancel
    query, source = query - center, source - center
    height, width = query.shape[1] - side + 1, query.shape[2] - side + 1
    across = source.shape[2] - side + 1
    allowed = usable_places(usable, source, side).flatten()
    best, nearest = torch.full((height * width,), torch.inf), torch.zeros(height * width, dtype=torch.int64)
    bands = [
        slice(top, top + max(1, SOURCES // across))
        for top in range(0, source.shape[1] - side + 1, max(1, SOURCES // across))
    ]
    steps = max(1, QUERIES // width)
    for top in range(0, height, steps):
        mine = patch_vectors(query, side, slice(top, min(top + steps, height)))
        span = slice(top * width, top * width + len(mine))
        for band in bands:
            others = patch_vectors(source, side, band)
            first = band.start * across
            half = others.square().sum(1) / 2
            half[~allowed[first : first + len(others)]] = torch.inf
            table = torch.addmm(half, mine, others.T, alpha=-1)  # half the distance, less the query's own square
            low, where = table.min(1)
            better = low < best[span]
            best[span] = torch.where(better, low, best[span])
            nearest[span] = torch.where(better, where + first, nearest[span])
    places = torch.stack((nearest // across, nearest % across), 1).view(height, width, 2)
    return Field(places, distances_at(query, source, side, places))


class PatchCosts:
    """Weighted sums of squared differences between templates and the source at every place, by FFT.

    The cost of a template T with weights W at a place is the sum of W · (T - S)² over the patch S there. The weights
    are 0 where a template is not yet known, so they are its mask.

    Args:
        source: (C, H, W).
        side: Of a patch, in pixels.
    """

    def __init__(self, source: Tensor, side: int) -> None:
        self._side, self._size = side, source.shape[1:]
        self._padded = [next_fast_len(extent, real=True) for extent in self._size]
        self._center = source.mean((1, 2), keepdim=True)
        centered = source - self._center
        self._spectrum = torch.fft.rfft2(centered, self._padded).conj()
        self._power = torch.fft.rfft2(centered.square(), self._padded).conj()

    def power(self, weights: Tensor) -> Tensor:
        """Return the source's own part of the costs, for `costs`: the same for all templates with these weights.

        Args:
            weights: (C, side, side), at least 0.

        Returns:
            (H', W').
        """
        return self._correlated(weights[None], self._power)[0]

    def costs(self, templates: Tensor, weights: Tensor, power: Tensor) -> Tensor:
        """Return the cost of each template at each place.

        Args:
            templates: (B, C, side, side).
            weights: (C, side, side), at least 0.
            power: `power(weights)`.

        Returns:
            (B, H', W'), at least 0; with an error of about 1e-6 of the planes' sums of squares.
        """
        found = []
        for some in torch.split(templates, TEMPLATES):
            centered = some - self._center
            own = (weights * centered.square()).sum((1, 2, 3))[:, None, None]
            found.append(own + power - 2 * self._correlated(weights * centered, self._spectrum))
        return torch.cat(found).clamp_(min=0)

    def _correlated(self, templates: Tensor, spectrum: Tensor) -> Tensor:
        """Return the sum of products of each template with the source at each place."""
        product = (torch.fft.rfft2(templates, self._padded) * spectrum).sum(1)
        # Conjugated is the source, so that places come out negative: the one at (r, c) is at (-r, -c).
        correlation = torch.fft.irfft2(product, self._padded)
        turned = torch.roll(correlation.flip(1, 2), (1, 1), (1, 2))
        return turned[:, : self._size[0] - self._side + 1, : self._size[1] - self._side + 1]


class SampledCosts:
    """As `PatchCosts`, at some places only, by matrix products: for sources that are too large for all.

    Args:
        source: (C, H, W).
        side: Of a patch, in pixels.
        places: (N, 2), from which as many are drawn as fit into memory.
        random: What is drawn with.
    """

    def __init__(self, source: Tensor, side: int, places: Tensor, random: torch.Generator) -> None:
        count = max(1, NUMBERS // (len(source) * side**2))
        drawn = torch.randperm(len(places), generator=random)[:count].sort().values
        self.places = places[drawn]
        self._center = source.mean((1, 2), keepdim=True)
        windows = (source - self._center).unfold(1, side, 1).unfold(2, side, 1).permute(1, 2, 0, 3, 4)
        self._vectors = windows[self.places[:, 0], self.places[:, 1]].flatten(1)

    def power(self, weights: Tensor) -> Tensor:
        """Return the source's own part of the costs, (N,); see `PatchCosts.power`."""
        return torch.cat([part.square() @ weights.flatten() for part in torch.split(self._vectors, QUERIES)])

    def costs(self, templates: Tensor, weights: Tensor, power: Tensor) -> Tensor:
        """Return the cost of each template at each of the places, (B, N); see `PatchCosts.costs`."""
        centered = templates - self._center
        weighted = (weights * centered).flatten(1)
        own = (weighted * centered.flatten(1)).sum(1)
        return torch.addmm(power[None], weighted, self._vectors.T, alpha=-2).add_(own[:, None]).clamp_(min=0)
