"""Tiled processing with the same result as the whole image: global statistics are gathered across tiles.

A network is written as stages: a generator that yields a request whenever it needs mean and variance of features over
the whole image. On a whole image it measures them itself. With tiles, all run to the same request, their sums are
combined, and all continue.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.tiling.cuts import NEAR, Box, Tile, cut

__all__ = [
    "NEAR",
    "Box",
    "Canvas",
    "MemoryProfile",
    "Moments",
    "Stages",
    "StatisticsRequest",
    "Sums",
    "Tile",
    "TileInput",
    "Tiling",
    "cut",
    "padded_part",
    "run_whole",
    "run_with_statistics",
    "within",
]  # fmt: skip

ROWS = 1 << 15  # positions summed in float32 before accumulating in float64


@dataclass(frozen=True)
class StatisticsRequest:
    """A network's request for statistics of the whole image.

    Args:
        features: Features whose mean and variance it needs, (1, C, h, w).
        weights: N weightings of the positions, (N, 1, h, w); None weights all equally, with N = 1.
        keep: Other tensors it needs when it continues.
        near: Whether the features cover only the near area, see `TileInput`.
        products: Whether it needs those of the products of each two channels as well, see `with_products`.
    """

    features: Tensor
    weights: Tensor | None = None
    keep: tuple[Tensor, ...] = ()
    near: bool = False
    products: bool = False

    @property
    def measured(self) -> Tensor:
        """The channels whose moments it needs, (1, C, h, w): those of the features, and their products if wanted."""
        return with_products(self.features) if self.products else self.features

    @property
    def storages(self) -> list[torch.UntypedStorage]:
        """Return all its tensor storages, without duplicates."""
        found = {x.untyped_storage().data_ptr(): x.untyped_storage() for x in (self.features, *self.keep)}
        return list(found.values())

    @property
    def waiting(self) -> int:
        """Total size of the storages in bytes."""
        return sum(storage.nbytes() for storage in self.storages)


@dataclass(frozen=True)
class Moments:
    """Means and variances of channels over the whole image, (N, C) in float32."""

    mean: Tensor
    variance: Tensor

    def of(self, way: int, added: float = 1e-5) -> tuple[Tensor, Tensor]:
        """Return means and standard deviations (1, C) for one weighting, with `added` added to the variance."""
        return self.mean[way : way + 1], (self.variance[way : way + 1] + added).sqrt()


Stages: TypeAlias = Generator[StatisticsRequest, Moments | None, Tensor]


class Sums:
    """Weights, means and squared deviations, accumulated part by part in float64.

    Source: Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance", The American Statistician.
    """

    def __init__(self) -> None:
        self.weight, self.mean, self.spread = (torch.zeros((), dtype=torch.float64) for _ in range(3))

    def add(self, features: Tensor, weights: Tensor | None = None, *, products: bool = False) -> None:
        """Add the features of a part; see `StatisticsRequest`."""
        rows = features[0].permute(1, 2, 0).flatten(0, 1)
        counts = None if weights is None else weights.flatten(1)
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS].float()
            part = with_products(part) if products else part
            if counts is None:
                mean = part.mean(0, keepdim=True)
                self._join(torch.tensor([float(len(part))]), mean, (part - mean).square().sum(0, keepdim=True))
            else:
                self._weighted(part, counts[:, start : start + ROWS].float())

    def ask(self, tile: Tile, ask: StatisticsRequest) -> None:
        """Add the core of a tile's requested features."""
        weights = None if ask.weights is None else tile.kept(ask.weights, near=ask.near)
        self.add(tile.kept(ask.features, near=ask.near), weights, products=ask.products)

    def _weighted(self, part: Tensor, counts: Tensor) -> None:
        weight = counts.sum(1)
        mean = counts @ part / weight.clamp_min(1e-12)[:, None]
        spread = torch.stack([count @ (part - own).square() for count, own in zip(counts, mean, strict=True)])
        self._join(weight, mean, spread)

    def _join(self, weight: Tensor, mean: Tensor, spread: Tensor) -> None:
        weight, mean, spread = (x.double().cpu() for x in (weight, mean, spread))
        total = self.weight + weight
        share, away = weight / total.clamp_min(1e-300), mean - self.mean
        self.spread = self.spread + spread + away.square() * (self.weight * share)[:, None]
        self.mean = self.mean + away * share[:, None]
        self.weight = total

    def moments(self, device: torch.device) -> Moments:
        """Return the accumulated moments."""
        variance = self.spread / self.weight.clamp_min(1e-300)[:, None]
        return Moments(self.mean.float().to(device), variance.float().to(device))


def with_products(x: Tensor) -> Tensor:
    """Append to channels (N, C, …) the products of each two, C (C + 1) / 2, by rows of a lower triangle."""
    row, column = np.tril_indices(x.shape[1])
    return torch.cat([x, x[:, row] * x[:, column]], 1)


@dataclass(frozen=True)
class TileInput:
    """The input of a network: a photo or a tile of it.

    Args:
        read: Returns the pixels, (1, 3, h, w), read again on each call, so that they need not stay in memory.
        shares: Share of each style at each pixel, (N, 1, h, w); None for one style everywhere.
        top: Position of the top edge in the image.
        left: Position of the left edge.
        read_near: Returns the pixels of the near area only.
        near: The near area of a tile, relative to its halo: its core and 16 pixels around. It suffices for the last
            layers of a network with a small receptive field there.
        first: Returns the features of the first request, if stored for the whole image; None computes them from the
            pixels.
    """

    read: Callable[[], Tensor]
    shares: Tensor | None = None
    top: int = 0
    left: int = 0
    near: Box | None = None
    read_near: Callable[[], Tensor] | None = None
    first: Callable[[], Tensor] | None = None

    @property
    def photo(self) -> Tensor:
        """The pixels of the input."""
        return self.read()

    def nearby(self, x: Tensor, scale: int = 1) -> Tensor:
        """Crop features (N, C, h, w), downscaled by `scale`, to the near area; unchanged for a whole image."""
        if self.near is None:
            return x
        top, left, bottom, right = (edge // scale for edge in self.near)
        return x[:, :, top:bottom, left:right]

    @property
    def photo_nearby(self) -> Tensor:
        """The pixels of the near area, or of a whole image."""
        return self.nearby(self.photo) if self.read_near is None else self.read_near()

    def photo_like(self, painted: Tensor) -> Tensor:
        """Return the photo's pixels of the same area as `painted`: the whole input or the near area."""
        if self.near is not None and painted.shape[2:] == (self.near[2] - self.near[0], self.near[3] - self.near[1]):
            return self.photo_nearby
        return self.photo


@dataclass(frozen=True)
class Canvas:
    """An image that is read and written part by part.

    Args:
        size: (width, height) in pixels.
        read: top, left, bottom, right → pixels (1, 3, h, w).
        write: Receives top, left and the stylized pixels (1, 3, h, w).
        thumbnail: Returns the pixels of a thumbnail.
    """

    size: tuple[int, int]
    read: Callable[[int, int, int, int], Tensor]
    write: Callable[[int, int, Tensor], None]
    thumbnail: Callable[[], Tensor]


@dataclass(frozen=True)
class Tiling:
    """How an image is cut into tiles, and where suspended tiles are stored.

    Args:
        side: Approximate side of a tile, in pixels.
        recompute_stages: See `over_tiles`.
        workers: Tiles processed in parallel, see `brushwork.tiling.passes.in_turn`; 1 on a GPU.
        whole: Whether the features of the first request are stored for the whole image, see `FirstFeatures`.
        room: Bytes of memory for suspended tiles; the rest goes to disk.
        folder: Folder for temporary files; None keeps everything in memory.
        memory: Memory limit of the process in bytes; 0 for none.
    """

    side: int
    recompute_stages: int = 0
    workers: int = 1
    whole: bool = False
    room: int = 0
    folder: Path | None = None
    memory: int = 0


@dataclass(frozen=True)
class MemoryProfile:
    """Memory that a method needs in addition to its network, in bytes.

    Args:
        pixel: Per pixel of the image or tile being processed, including its halo.
        waiting: Per pixel of a suspended tile, including its halo.
        near: Whether suspended tiles store only the near area.
        whole: Per pixel of the whole image, regardless of tiles, excluding the pixels themselves.
        mapped: The part of `whole` that can be on disk.
        fixed: Independent of the image's size.
        refined: Per pixel of a whole image, while a second network processes it.
        refined_pixels: Pixels up to which it does, at a smaller scale if the image is larger.
    """

    pixel: float
    waiting: float = 0.0
    whole: float = 0.0
    mapped: float = 0.0
    fixed: float = 0.0
    near: bool = False
    refined: float = 0.0
    refined_pixels: int = 0

    def at_once(self, pixels: int) -> float:
        """Return the bytes for processing a whole image, without what `whole` and `fixed` say."""
        return max(self.pixel * pixels, self.refined * min(pixels, self.refined_pixels))


def padded_part(
    read: Callable[[int, int, int, int], Tensor], size: tuple[int, int], box: tuple[int, int, int, int]
) -> Tensor:
    """Read a part of an image of this (width, height), padded where it exceeds the right and bottom edges."""
    top, left, bottom, right = box
    inside = read(top, left, min(bottom, size[1]), min(right, size[0]))
    more = (right - left - inside.shape[3], bottom - top - inside.shape[2])
    return F.pad(inside, (0, more[0], 0, more[1]), mode="replicate") if any(more) else inside


def run_whole(steps: Stages) -> Tensor:
    """Run the stages on a whole image; the network measures its statistics itself."""
    try:
        next(steps)
        while True:
            steps.send(None)
    except StopIteration as end:
        result: Tensor = end.value
        return result


def run_with_statistics(steps: Stages, answer: Callable[[int, StatisticsRequest], Moments]) -> Tensor:
    """Run the stages on a whole image with given statistics.

    Args:
        steps: The network's stages.
        answer: Index of the request, from 0, and the request → moments.
    """
    moments, stop = None, 0
    while True:
        try:
            ask = steps.send(moments)
        except StopIteration as end:
            result: Tensor = end.value
            return result
        moments = answer(stop, ask)
        stop += 1


def within(context: Callable[[], AbstractContextManager[Any]], steps: Stages) -> Stages:
    """Run each stage in a context, which is exited at each request."""
    moments: Moments | None = None
    while True:
        with context():
            try:
                ask = steps.send(moments)
            except StopIteration as end:
                result: Tensor = end.value
                return result
        moments = yield ask
        del ask  # otherwise it would stay in memory during the next stage
