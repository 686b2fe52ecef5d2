"""All tiles on their way from stop to stop of a network, how far they are, and where they wait."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

import torch
from torch import Tensor

from brushwork.errors import BrushworkError
from brushwork.tiling import Ask, Moments, Steps, Sums, Tile

__all__ = ["FirstFeatures", "Journal", "Shelf", "first_moments", "over_tiles"]


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


class FirstFeatures:
    """What the first stop asks about, kept of the whole picture: each tile gives its own part, and sees more of it.

    So no part is made twice, and none waits twice.

    Args:
        size: (width, height) of the picture in pixels.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._memory: mmap.mmap | None = None
        self._whole = torch.empty(0)
        self._gone = 0  # bytes at the beginning that are given back

    def put(self, tile: Tile, features: Tensor) -> None:
        """Take a tile's part of features (1, C, h, w) of what it sees."""
        scale = (tile.seen[2] - tile.seen[0]) // features.shape[2]
        if not len(self._whole):
            shape = 1, self.size[1] // scale, self.size[0] // scale, features.shape[1]
            if features.device.type == "cpu":
                self._memory = _memory(math.prod(shape) * features.element_size())
                self._whole = torch.frombuffer(self._memory, dtype=features.dtype).view(shape).permute(0, 3, 1, 2)
            else:
                self._whole = features.new_empty(shape).permute(0, 3, 1, 2)
        tile.kept_of_whole(self._whole, scale).copy_(tile.kept(features))

    def seen(self, tile: Tile) -> Tensor:
        """The features of what a tile sees; what lies above it, no later one will see, and is given back."""
        scale = self.size[0] // self._whole.shape[3]
        top, left, bottom, right = (edge // scale for edge in tile.seen)
        if self._memory is not None and hasattr(self._memory, "madvise"):
            row = self._whole[0, :, 0].numel() * self._whole.element_size()
            above = top * row // mmap.PAGESIZE * mmap.PAGESIZE
            if above > self._gone:
                self._memory.madvise(mmap.MADV_DONTNEED, self._gone, above - self._gone)
                self._gone = above
        return self._whole[:, :, top:bottom, left:right].contiguous(memory_format=torch.channels_last)


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


def first_moments(
    tiles: Sequence[Tile],
    begin: Callable[[Tile], Steps],
    passed: Callable[[], None],
    features: FirstFeatures | None = None,
) -> Moments:
    """What all tiles are told at their first stop, of tiles that see no farther than is needed for that.

    Args:
        tiles: All of them.
        begin: See `over_tiles`.
        passed: See `over_tiles`.
        features: Takes what they ask about.
    """
    sums, device = Sums(), torch.device("cpu")
    for tile in tiles:
        steps = begin(tile)
        ask = next(steps)
        device = ask.features.device
        sums.ask(tile, ask)
        if features is not None:
            features.put(tile, ask.features)
        steps.close()
        del steps, ask
        passed()
    return sums.moments(device)


def _next_stop(steps: Steps, told: Sequence[Moments | None]) -> Ask:
    """Where steps stop after they have been told so much."""
    for moments in told:
        ask = steps.send(moments)
    return ask
