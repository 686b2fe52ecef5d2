"""The paper's search: pixel after pixel, the best match of a tree or the best that continues a neighbor's.

Source: Hertzmann, Jacobs, Oliver, Curless, Salesin 2001, "Image Analogies" (SIGGRAPH), section 3.
Differs: pixels that don't depend on each other, x + 3 y = const, are found at once; the result is that of the scan.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.methods.analogies.analogy import REACH, Analogy, Listener, pyramid
from brushwork.methods.analogies.forest import Forest
from brushwork.patches.kernels import Floats

__all__ = ["by_scan"]

COARSE_REACH = 1  # neighborhoods of 3 × 3 in the next coarser level (section 3.1)
WAVES = 32  # between two reports of progress

Indices = npt.NDArray[np.int64]


def by_scan(
    analogy: Analogy, *, kappa: float, weight: float, levels: int, seed: int = 0, listener: Listener | None = None
) -> Tensor:
    """Return B', (C', H, W), all of whose pixels are pixels of A'.

    Args:
        analogy: A, A' and B.
        kappa: How much worse a pixel that continues a neighbor's patch may match, at full size.
        weight: Of A and B in distances, against A' and B'.
        levels: Of the pyramids, at most.
        seed: Of the trees, and of the noise that a texture begins with.
        listener: Called after some waves of pixels.
    """
    sizes = pyramid(analogy, levels)
    steps = sum(-(-_waves(size.target.shape[1:]) // WAVES) for size in sizes)
    coarser: Analogy | None = None
    made: Tensor | None = None
    done, random = 0, np.random.default_rng(seed)
    for number in reversed(range(len(sizes))):
        level = _Level(sizes[number], coarser, made, weight, random)
        for wave in range(_waves(level.size)):
            level.find(wave, kappa * 2.0**-number)
            if listener is not None and (wave % WAVES == WAVES - 1 or wave == _waves(level.size) - 1):
                done += 1
                listener(level.made(), done, steps)
        coarser, made = sizes[number], level.made()
    assert made is not None
    return made


def _waves(size: tuple[int, ...]) -> int:
    return size[1] + (REACH + 1) * (size[0] - 1)


def _window(reach: int) -> tuple[Indices, Floats]:
    """Return the offsets of a neighborhood, (N, 2), in the order of a scan, and their weights, of sum 1."""
    line = np.arange(-reach, reach + 1)
    offsets = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    weights = np.exp(-(offsets**2).sum(1) / (2 * (reach / 1.5) ** 2)).astype(np.float32)
    return offsets, weights / weights.sum()


def _neighborhoods(planes: Tensor, reach: int, weight: float) -> Floats:
    """Return the weighted neighborhood of each pixel, (H, W, C · (2 reach + 1)²)."""
    channels, height, width = planes.shape
    side = 2 * reach + 1
    if not channels:
        return np.zeros((height, width, 0), np.float32)
    padded = F.pad(planes[None], (reach,) * 4, mode="replicate")[0]
    windows = padded.unfold(1, side, 1).unfold(2, side, 1).permute(1, 2, 0, 3, 4).reshape(height, width, channels, -1)
    factors = torch.from_numpy(np.sqrt(weight * _window(reach)[1]))
    return np.ascontiguousarray((windows * factors).reshape(height, width, -1).numpy())


def _doubled(features: Floats, size: tuple[int, ...]) -> Floats:
    rows, columns = np.arange(size[0]) // 2, np.arange(size[1]) // 2
    return features[rows[:, None], columns]


class _Level:
    """One level of the pyramids: what is known of each pixel, and what has been found.

    Args:
        analogy: At this size.
        coarser: At half the size; None at the coarsest.
        made: B' at half the size.
        weight: See `by_scan`.
        random: What is drawn with.
    """

    def __init__(
        self, analogy: Analogy, coarser: Analogy | None, made: Tensor | None, weight: float, random: np.random.Generator
    ) -> None:
        self.size = (analogy.target.shape[1], analogy.target.shape[2])
        offsets, weights = _window(REACH)
        half = len(offsets) // 2
        self._before, self._factors = offsets[:half], np.sqrt(weights[:half] / weights[:half].sum())
        known = [_neighborhoods(analogy.source, REACH, weight)], [_neighborhoods(analogy.target, REACH, weight)]
        if coarser is not None and made is not None:
            for features, planes, primed in (
                (known[0], coarser.source, coarser.example), (known[1], coarser.target, made),
            ):  # fmt: skip
                size = features[0].shape[:2]
                features.append(_doubled(_neighborhoods(planes, COARSE_REACH, weight), size))
                features.append(_doubled(_neighborhoods(primed, COARSE_REACH, 1.0), size))
        self._query = np.concatenate(known[1], 2).reshape(self.size[0] * self.size[1], -1)
        example = analogy.example.permute(1, 2, 0).numpy()
        self._shape = example.shape[:2]
        self._colors = np.ascontiguousarray(example.reshape(-1, example.shape[2]))
        self._known = np.concatenate([*known[0], self._scanned(example)], 2).reshape(len(self._colors), -1)
        self._usable = analogy.usable.numpy().flatten()
        self._choices = self._usable.nonzero()[0]
        self._forest = Forest(self._known[self._choices], random)
        self._canvas = self._begun(made, random, bool(len(analogy.target)))
        self._origins = np.full((*self._canvas.shape[:2], 2), -(1 << 30), np.int64)

    def _scanned(self, planes: Floats) -> Floats:
        """Return what a scan knows of each pixel's neighborhood: the pixels before it, (H, W, 12 · C')."""
        padded = np.pad(planes, ((REACH, REACH), (REACH, REACH), (0, 0)), "edge")
        height, width = planes.shape[:2]
        return np.concatenate(
            [
                padded[REACH + y : REACH + y + height, REACH + x : REACH + x + width] * factor
                for (y, x), factor in zip(self._before, self._factors, strict=True)
            ],
            2,
        )

    def _begun(self, made: Tensor | None, random: np.random.Generator, guided: bool) -> Floats:
        """Return the padded canvas: the coarser result, or else the mean of A', or noise with nothing to go by."""
        size = (self.size[0] + 2 * REACH, self.size[1] + 2 * REACH, self._colors.shape[1])
        if made is not None:
            coarse = _doubled(made.permute(1, 2, 0).numpy(), self.size)
            return np.pad(coarse, ((REACH, REACH), (REACH, REACH), (0, 0)), "edge")
        if guided:
            return np.broadcast_to(self._colors[self._choices].mean(0), size).astype(np.float32)
        drawn: Floats = self._colors[random.choice(self._choices, size[:2])]
        return drawn

    def find(self, wave: int, kappa: float) -> None:
        """Find the pixels of one wave."""
        height, width = self.size
        step = REACH + 1
        y = np.arange(max(0, -(-(wave - width + 1) // step)), min(height - 1, wave // step) + 1)
        x = wave - step * y
        around = y[:, None] + REACH + self._before[:, 0], x[:, None] + REACH + self._before[:, 1]
        scanned = (self._canvas[around] * self._factors[:, None]).reshape(len(y), -1)
        query = np.concatenate([self._query[y * width + x], scanned], 1)
        chosen = self._choices[self._forest.nearest(query)]
        chosen = self._coherent(query, chosen, self._origins[around] - self._before, kappa)
        self._canvas[y + REACH, x + REACH] = self._colors[chosen]
        self._origins[y + REACH, x + REACH] = np.stack((chosen // self._shape[1], chosen % self._shape[1]), 1)

    def _coherent(self, query: Floats, chosen: Indices, offered: Indices, kappa: float) -> Indices:
        """Return the best of the places that continue the neighbors' patches where it is near enough (section 3.2)."""
        inside = ((offered >= 0) & (offered < self._shape)).all(2)
        places = np.where(inside, offered[..., 0] * self._shape[1] + offered[..., 1], 0)
        inside &= self._usable[places]
        who, which = inside.nonzero()
        costs = np.full(inside.shape, np.inf, np.float32)
        costs[who, which] = _squares(self._known[places[who, which]] - query[who])
        best = costs.argmin(1)
        own = np.arange(len(query))
        limit = _squares(self._known[chosen] - query) * (1 + kappa)
        return np.where(costs[own, best] <= limit, places[own, best], chosen)

    def made(self) -> Tensor:
        """Return B' so far, (C', H, W)."""
        inner = self._canvas[REACH:-REACH, REACH:-REACH]
        return torch.from_numpy(np.ascontiguousarray(inner.transpose(2, 0, 1)))


def _squares(differences: Floats) -> Floats:
    squares: Floats = np.einsum("nd,nd->n", differences, differences)
    return squares
