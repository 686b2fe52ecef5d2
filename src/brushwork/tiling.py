"""A picture in tiles, painted as if it were whole: what a network must know of all of it is gathered first.

A network is written as steps: a generator that stops where it needs mean and variance of features over the whole
picture. Alone, it measures them itself. Over tiles, all come to the same stop, their sums are joined, and all go on.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import BrushworkError

__all__ = [
    "Ask", "Canvas", "Demand", "Journal", "Moments", "Seen", "Shelf", "Steps", "Sums", "Tile", "Tiling",
    "alone", "cut", "first_moments", "over_tiles", "padded_part", "within",
]  # fmt: skip

Box: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right in pixels
NEAR = 16  # pixels
ROWS = 1 << 15  # positions that are summed in float32, before float64 takes over


@dataclass(frozen=True)
class Ask:
    """A stop of a network.

    Args:
        features: Whose mean and variance it needs, (1, C, h, w).
        weights: How much each position counts, in each of N ways, (N, 1, h, w); None: all alike, N is 1.
        keep: What else it needs when it goes on.
        near: Whether these are features of what is near alone, see `Seen`.
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


Steps: TypeAlias = Generator[Ask, Moments | None, Tensor]


class Sums:
    """Weights, means and squared deviations, gathered part by part in float64.

    Source: Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample Variance", The American Statistician.
    """

    def __init__(self) -> None:
        self.weight, self.mean, self.spread = (torch.zeros((), dtype=torch.float64) for _ in range(3))

    def add(self, features: Tensor, weights: Tensor | None = None) -> None:
        """Add what a part has; see `Ask`."""
        rows = features[0].permute(1, 2, 0).flatten(0, 1)
        counts = None if weights is None else weights.flatten(1)
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS].float()
            if counts is None:
                mean = part.mean(0, keepdim=True)
                self._join(torch.tensor([float(len(part))]), mean, (part - mean).square().sum(0, keepdim=True))
            else:
                self._weighted(part, counts[:, start : start + ROWS].float())

    def ask(self, tile: Tile, ask: Ask) -> None:
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
class Seen:
    """What a network is shown: a photo, or a tile of it.

    Args:
        read: Gives its pixels, (1, 3, h, w), each time anew, so that none need to stay in memory.
        shares: Of each style at each pixel, (N, 1, h, w); None for one style, everywhere.
        top: Where in the picture it begins.
        left: Likewise.
        near: Of a tile, which waits for others: where in what it sees is what it gives, and 16 pixels around. The last
            layers of a network that sees no farther need no more; and what is quickly made again need not be kept.
    """

    read: Callable[[], Tensor]
    shares: Tensor | None = None
    top: int = 0
    left: int = 0
    near: Box | None = None

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

    def photo_like(self, painted: Tensor) -> Tensor:
        """The pixels of what is seen, or of what is near, whichever was painted."""
        photo = self.photo
        return photo if photo.shape == painted.shape else self.nearby(photo)


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
        again: See `over_tiles`.
        room: Bytes of memory for what waits; the rest goes to disk.
        folder: On which disk; None: all stays in memory.
        memory: Bytes that the process should hold at most; 0: it doesn't matter.
    """

    side: int
    again: int = 0
    room: int = 0
    folder: Path | None = None
    memory: int = 0


@dataclass(frozen=True)
class Demand:
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


def alone(steps: Steps) -> Tensor:
    """The result of a network that sees the whole picture, and measures what it needs itself."""
    try:
        next(steps)
        while True:
            steps.send(None)
    except StopIteration as end:
        result: Tensor = end.value
        return result


def within(context: Callable[[], AbstractContextManager[Any]], steps: Steps) -> Steps:
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


class Shelf:
    """Where tiles that wait put what they need later: beside the working memory, then into files without a name.

    Within the working memory it would leave holes that nothing fits into.

    Args:
        folder: On whose disk the files are; None: all stays in memory.
        room: Bytes that stay in memory all the same.

    Raises:
        BrushworkError: While putting: the disk is full.
    """

    def __init__(self, folder: Path | None = None, room: int = 0) -> None:
        self.folder, self.room = folder, room
        self._away: dict[int, list[tuple[torch.UntypedStorage, int, BinaryIO | mmap.mmap, int]]] = {}
        self._held = 0  # bytes in memory
        self._old: BinaryIO | None = None  # what the tiles left there when they were here last
        self._new: BinaryIO | None = None

    def turn(self) -> None:
        """All tiles come once more: what they put away from now on lies in a new file, and the oldest one goes."""
        if self._old is not None:
            self._old.close()
        self._old, self._new = self._new, None

    def put(self, number: int, ask: Ask) -> None:
        """Take what a tile needs out of the working memory; tensors of a GPU stay where they are."""
        if ask.features.device.type != "cpu":
            return
        size = ask.waiting
        place: BinaryIO | mmap.mmap
        try:
            if self.folder is None or self._held + size <= self.room:
                self._held += size
                place = _memory(size)
            else:
                self._new = self._new or cast(BinaryIO, tempfile.TemporaryFile(dir=self.folder, buffering=0))  # noqa: SIM115
                place = self._new
            self._away[number] = []
            for storage in ask.storages:
                start = place.seek(0, os.SEEK_END) if place is self._new else place.tell()
                self._away[number].append((storage, storage.nbytes(), place, start))
                _write_all(place, _bytes_of(storage))
                storage.resize_(0)
        except OSError as error:
            raise BrushworkError(f"{self.folder}: can't put away what waits: {error.strerror}") from error

    def take(self, number: int) -> None:
        """Bring back what a tile needs."""
        for storage, size, place, start in self._away.pop(number, []):
            storage.resize_(size)
            place.seek(start)
            _read_all(place, _bytes_of(storage))
            if isinstance(place, mmap.mmap):
                self._held -= size
                if place.tell() == len(place):
                    place.close()

    def close(self) -> None:
        """Give memory and disk back."""
        for file in (self._old, self._new):
            if file is not None:
                file.close()
        self._away, self._held, self._old, self._new = {}, 0, None, None


def _memory(size: int) -> mmap.mmap:
    """Memory of its own, in large pages where there are: to take gigabytes in small ones is slow."""
    if not hasattr(mmap, "MAP_ANONYMOUS"):
        return mmap.mmap(-1, size)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a system without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _write_all(file: BinaryIO | mmap.mmap, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]  # a call moves 2 GB at most


def _read_all(file: BinaryIO | mmap.mmap, data: memoryview) -> None:
    if isinstance(file, mmap.mmap):
        start = file.tell()
        with memoryview(file) as view:
            data[:] = view[start : start + len(data)]
        file.seek(start + len(data))
        return
    while data:
        data = data[file.readinto(data) :]  # type: ignore[attr-defined]


def _bytes_of(storage: torch.UntypedStorage) -> memoryview:
    """The memory itself; NumPy's view of it would keep torch from giving it back."""
    return memoryview((ctypes.c_char * storage.nbytes()).from_address(storage.data_ptr())).cast("B")


@dataclass
class Journal:
    """How far all tiles have come; with it, others than those that came so far can go on.

    Args:
        side: Of the tiles.
        known: What has been measured of the whole picture, stop by stop.
        painted: Numbers of the tiles that are done.
        note: Called when there is more in it.
    """

    side: int = 0
    known: list[Moments] = field(default_factory=list)
    painted: set[int] = field(default_factory=set)
    note: Callable[[], None] = lambda: None


def over_tiles(
    tiles: Sequence[Tile],
    begin: Callable[[Tile], Steps],
    done: Callable[[Tile, Tensor], None],
    *,
    shelf: Shelf | None = None,
    again: int = 0,
    journal: Journal | None = None,
    passed: Callable[[], None] = lambda: None,
) -> None:
    """Let a network paint all tiles, going from stop to stop together.

    Args:
        tiles: See `cut`.
        begin: The steps that paint what a tile sees.
        done: Takes what each tile gives.
        shelf: Where they wait, which is closed in the end; None: in memory.
        again: At so many stops, the first ones, nothing is kept: the tile begins anew. Worth it where little work
            comes before.
        journal: What is done already, and what will be.
        passed: Called after each tile, on each way through all of them.
    """
    shelf, journal = shelf or Shelf(), journal or Journal()
    again = max(again, len(journal.known))
    waiting: dict[int, Steps] = {}
    try:
        while _pass(tiles, begin, done, shelf, again, journal, waiting, passed):
            journal.note()
    finally:
        shelf.close()


def _pass(
    tiles: Sequence[Tile],
    begin: Callable[[Tile], Steps],
    done: Callable[[Tile, Tensor], None],
    shelf: Shelf,
    again: int,
    journal: Journal,
    waiting: dict[int, Steps],
    passed: Callable[[], None],
) -> bool:
    """All tiles to their next stop; whether there was one."""
    sums, device, stopped = Sums(), torch.device("cpu"), False
    anew = len(journal.known) <= again
    shelf.turn()
    for number, tile in enumerate(tiles):
        if number in journal.painted:
            continue
        steps = begin(tile) if anew else waiting.pop(number)
        shelf.take(number)
        try:
            ask = _next_stop(steps, [None, *journal.known] if anew else journal.known[-1:])
        except StopIteration as end:
            done(tile, tile.painted(end.value))
            journal.painted.add(number)
            journal.note()
            passed()
            continue
        stopped, device = True, ask.features.device
        sums.ask(tile, ask)
        if len(journal.known) >= again:
            waiting[number] = steps
            shelf.put(number, ask)
        else:
            steps.close()
        del ask, steps
        passed()
    if stopped:
        journal.known.append(sums.moments(device))
    return stopped


def first_moments(tiles: Sequence[Tile], begin: Callable[[Tile], Steps], passed: Callable[[], None]) -> Moments:
    """What all tiles are told at their first stop, of tiles that see no farther than is needed for that."""
    sums, device = Sums(), torch.device("cpu")
    for tile in tiles:
        steps = begin(tile)
        ask = next(steps)
        device = ask.features.device
        sums.ask(tile, ask)
        steps.close()
        del steps, ask
        passed()
    return sums.moments(device)


def _next_stop(steps: Steps, told: Sequence[Moments | None]) -> Ask:
    """Where steps stop after they have been told so much."""
    for moments in told:
        ask = steps.send(moments)
    return ask
