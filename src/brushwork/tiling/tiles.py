"""A picture in tiles, painted as if it were whole: what a network must know of all of it is gathered first.

A network is written as steps: a generator that stops where it needs mean and variance of features over the whole
picture. Alone, it measures them itself. Over tiles, all come to the same stop, their sums are joined, and all go on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
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

Box: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right in pixels
NEAR = 16  # pixels
ROWS = 1 << 15  # positions that are summed in float32, before float64 takes over


@dataclass(frozen=True)
class StatisticsRequest:
    """A stop of a network.

    Args:
        features: Whose mean and variance it needs, (1, C, h, w).
        weights: How much each position counts, in each of N ways, (N, 1, h, w); None: all alike, N is 1.
        keep: What else it needs when it goes on.
        near: Whether these are features of what is near alone, see `TileInput`.
    """

    features: Tensor
    weights: Tensor | None = None
    keep: tuple[Tensor, ...] = ()
    near: bool = False

    @property
    def storages(self) -> list[torch.UntypedStorage]:
        """All memory that it holds, each piece once."""
        found = {x.untyped_storage().data_ptr(): x.untyped_storage() for x in (self.features, *self.keep)}
        return list(found.values())

    @property
    def waiting(self) -> int:
        """Bytes of that."""
        return sum(storage.nbytes() for storage in self.storages)


@dataclass(frozen=True)
class Moments:
    """Means and variances of channels over the whole picture, (N, C) in float32."""

    mean: Tensor
    variance: Tensor

    def of(self, way: int, added: float = 1e-5) -> tuple[Tensor, Tensor]:
        """Means and deviations (1, C) in one of the ways to weigh, something added to the variance."""
        return self.mean[way : way + 1], (self.variance[way : way + 1] + added).sqrt()


Stages: TypeAlias = Generator[StatisticsRequest, Moments | None, Tensor]


class Sums:
    """Weights, means and squared deviations, gathered part by part in float64.

    Source: Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance", The American Statistician.
    """

    def __init__(self) -> None:
        self.weight, self.mean, self.spread = (torch.zeros((), dtype=torch.float64) for _ in range(3))

    def add(self, features: Tensor, weights: Tensor | None = None) -> None:
        """Add what a part has; see `StatisticsRequest`."""
        rows = features[0].permute(1, 2, 0).flatten(0, 1)
        counts = None if weights is None else weights.flatten(1)
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS].float()
            if counts is None:
                mean = part.mean(0, keepdim=True)
                self._join(torch.tensor([float(len(part))]), mean, (part - mean).square().sum(0, keepdim=True))
            else:
                self._weighted(part, counts[:, start : start + ROWS].float())

    def ask(self, tile: Tile, ask: StatisticsRequest) -> None:
        """Add what a tile gives of what it asks for."""
        weights = None if ask.weights is None else tile.kept(ask.weights, near=ask.near)
        self.add(tile.kept(ask.features, near=ask.near), weights)

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
        """What has been gathered."""
        variance = self.spread / self.weight.clamp_min(1e-300)[:, None]
        return Moments(self.mean.float().to(device), variance.float().to(device))


@dataclass(frozen=True)
class TileInput:
    """What a network is shown: a photo, or a tile of it.

    Args:
        read: Gives its pixels, (1, 3, h, w), each time anew, so that none need to stay in memory.
        shares: Of each style at each pixel, (N, 1, h, w); None for one style, everywhere.
        top: Where in the picture it begins.
        left: Likewise.
        read_near: Gives the pixels of what is near alone.
        near: Of a tile, which waits for others: where in what it sees is what it gives, and 16 pixels around. The last
            layers of a network that sees no farther need no more; and what is quickly made again need not be kept.
        first: Gives what the first stop asks about, where that has been kept of the whole picture; None: it has to be
            made of the pixels.
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
        """The pixels."""
        return self.read()

    def nearby(self, x: Tensor, scale: int = 1) -> Tensor:
        """What is near of features (N, C, h, w) of what is seen, smaller by `scale`; all of it, where it is no tile."""
        if self.near is None:
            return x
        top, left, bottom, right = (edge // scale for edge in self.near)
        return x[:, :, top:bottom, left:right]

    @property
    def photo_nearby(self) -> Tensor:
        """The pixels of what is near, or of all, where it is no tile."""
        return self.nearby(self.photo) if self.read_near is None else self.read_near()

    def photo_like(self, painted: Tensor) -> Tensor:
        """The pixels of what is seen, or of what is near, whichever was painted."""
        if self.near is not None and painted.shape[2:] == (self.near[2] - self.near[0], self.near[3] - self.near[1]):
            return self.photo_nearby
        return self.photo


@dataclass(frozen=True)
class Canvas:
    """A picture that is seen and painted part by part.

    Args:
        size: (width, height) in pixels.
        read: top, left, bottom, right → its pixels there, (1, 3, h, w).
        write: Takes top, left and the pixels (1, 3, h, w) that are painted there.
        thumbnail: Gives its pixels made small.
    """

    size: tuple[int, int]
    read: Callable[[int, int, int, int], Tensor]
    write: Callable[[int, int, Tensor], None]
    thumbnail: Callable[[], Tensor]


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut, and where its tiles wait.

    Args:
        side: Of a tile, about, in pixels.
        recompute_stages: See `over_tiles`.
        workers: Tiles that are worked at at the same time, see `brushwork.tiling.passes.in_turn`; 1 on a GPU.
        whole: Whether what the first stop asks about is kept of the whole picture, see `FirstFeatures`.
        room: Bytes of memory for what waits; the rest goes to disk.
        folder: On which disk; None: all stays in memory.
        memory: Bytes that the process should hold at most; 0: it doesn't matter.
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
    """What a method takes of memory beside its network, in bytes.

    Args:
        pixel: For each pixel of a picture, or of a tile as it is seen, that is worked at.
        waiting: For each pixel of a tile that waits for others, as it is seen.
        near: Whether only what is near waits.
        whole: For each pixel of the whole picture, whatever its tiles; pixels themselves come to this.
        mapped: Of `whole`, what can lie on a disk.
        fixed: For a picture of any size.
    """

    pixel: float
    waiting: float = 0.0
    whole: float = 0.0
    mapped: float = 0.0
    fixed: float = 0.0
    near: bool = False


@dataclass(frozen=True)
class Tile:
    """A part of a picture: what it gives, and what it sees for that; top, left, bottom, right in pixels."""

    core: Box
    seen: Box

    @property
    def near(self) -> Box:
        """What it gives and 16 pixels around, if it sees them."""
        (top, left, bottom, right), (a, b, c, d) = self.core, self.seen
        return max(a, top - NEAR), max(b, left - NEAR), min(c, bottom + NEAR), min(d, right + NEAR)

    def of(self, pixels: Tensor) -> Tensor:
        """What it sees of a whole picture (N, C, H, W)."""
        top, left, bottom, right = self.seen
        return pixels[:, :, top:bottom, left:right]

    def kept(self, features: Tensor, scale: int | None = None, *, near: bool = False) -> Tensor:
        """What it gives of features (N, C, h, w) of what it sees, smaller by `scale`, or by what divides it.

        Args:
            features: Of what it sees.
            scale: Pixels between two positions.
            near: They are of what is near alone.
        """
        top, left, bottom, _ = self.near if near else self.seen
        return self._inside(features, scale or (bottom - top) // features.shape[2], top, left)

    def painted(self, pixels: Tensor) -> Tensor:
        """What it gives of pixels of what it sees, or of what is near."""
        top, left, bottom, right = self.seen
        return self.kept(pixels, 1, near=pixels.shape[2:] != (bottom - top, right - left))

    def kept_of_whole(self, features: Tensor, scale: int) -> Tensor:
        """What it gives of features of the whole picture."""
        return self._inside(features, scale, 0, 0)

    def _inside(self, features: Tensor, scale: int, y: int, x: int) -> Tensor:
        top, left, bottom, right = (
            (edge - start) // scale for edge, start in zip(self.core, (y, x, y, x), strict=True)
        )
        return features[:, :, top:bottom, left:right]


def cut(height: int, width: int, side: int, halo: int, multiple: int) -> list[Tile]:
    """Tiles of a picture, row by row.

    Args:
        height: Of the picture; a multiple of `multiple`, as `width` is.
        width: Likewise.
        side: Of a tile, about, in pixels.
        halo: How far beyond its own pixels it must see.
        multiple: What all borders are multiples of.
    """
    halo = -(-halo // multiple) * multiple

    def spans(length: int) -> list[tuple[int, int]]:
        count = max(1, -(-length // max(side, multiple)))
        edges = [length * k // count // multiple * multiple for k in range(count)] + [length]
        return [(a, b) for a, b in pairwise(edges) if b > a]

    return [
        Tile(
            (top, left, bottom, right),
            (max(0, top - halo), max(0, left - halo), min(height, bottom + halo), min(width, right + halo)),
        )
        for top, bottom in spans(height)
        for left, right in spans(width)
    ]


def padded_part(
    read: Callable[[int, int, int, int], Tensor], size: tuple[int, int], box: tuple[int, int, int, int]
) -> Tensor:
    """A part of a picture of this (width, height), continued where it reaches beyond its right and lower border."""
    top, left, bottom, right = box
    inside = read(top, left, min(bottom, size[1]), min(right, size[0]))
    more = (right - left - inside.shape[3], bottom - top - inside.shape[2])
    return F.pad(inside, (0, more[0], 0, more[1]), mode="replicate") if any(more) else inside


def run_whole(steps: Stages) -> Tensor:
    """The result of a network that sees the whole picture, and measures what it needs itself."""
    try:
        next(steps)
        while True:
            steps.send(None)
    except StopIteration as end:
        result: Tensor = end.value
        return result


def run_with_statistics(steps: Stages, answer: Callable[[int, StatisticsRequest], Moments]) -> Tensor:
    """The result of a network that sees the whole picture, and is told what it needs.

    Args:
        steps: Of the network.
        answer: Number of the stop, from 0, and what is asked → moments.
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
    """Steps that each run in a context, which a stop leaves."""
    moments: Moments | None = None
    while True:
        with context():
            try:
                ask = steps.send(moments)
            except StopIteration as end:
                result: Tensor = end.value
                return result
        moments = yield ask
        del ask  # else it would live while the next stop is worked for
