"""Where features wait between two stages of all tiles: beside the working memory, then on disk."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import tempfile
from collections import defaultdict
from pathlib import Path
from threading import Lock
from typing import BinaryIO, cast

import torch
from torch import Tensor

from brushwork.errors import BrushworkError
from brushwork.tiling.tiles import StatisticsRequest, Tile

__all__ = ["FeatureCache", "FirstFeatures"]


SPARE = 4  # pieces of memory of a size that are kept for the next tiles


class FeatureCache:
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
        self._lock = Lock()
        self._away: dict[int, list[tuple[torch.UntypedStorage, int, BinaryIO | mmap.mmap, int]]] = {}
        self._held = 0  # bytes in memory
        self._spare: defaultdict[int, list[mmap.mmap]] = defaultdict(list)  # size → memory that was taken back
        self._old: BinaryIO | None = None  # what the tiles left there when they were here last
        self._new: BinaryIO | None = None

    def turn(self) -> None:
        """All tiles come once more: what they put away from now on lies in a new file, and the oldest one goes."""
        if self._old is not None:
            self._old.close()
        self._old, self._new = self._new, None
        self._spare.clear()

    def put(self, number: int, ask: StatisticsRequest) -> None:
        """Take what a tile needs out of the working memory; tensors of a GPU stay where they are."""
        if ask.features.device.type != "cpu":
            return
        with self._lock:
            self._put(number, ask)

    def _put(self, number: int, ask: StatisticsRequest) -> None:
        size = ask.waiting
        place: BinaryIO | mmap.mmap
        try:
            if self.folder is None or self._held + size <= self.room:
                self._held += size
                place = self._spare[size].pop() if self._spare[size] else _memory(size)
                place.seek(0)
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
        with self._lock:
            self._take(number)

    def _take(self, number: int) -> None:
        for storage, size, place, start in self._away.pop(number, []):
            storage.resize_(size)
            place.seek(start)
            _read_all(place, _bytes_of(storage))
            if isinstance(place, mmap.mmap):
                self._held -= size
                if place.tell() == len(place):
                    self._spare[len(place)].append(place)
                    del self._spare[len(place)][:-SPARE]

    def close(self) -> None:
        """Give memory and disk back."""
        for file in (self._old, self._new):
            if file is not None:
                file.close()
        self._away, self._held, self._old, self._new = {}, 0, None, None
        self._spare.clear()


def _memory(size: int, *, at_once: bool = True) -> mmap.mmap:
    """Memory of its own, taken at once or page by page; huge pages take five times longer once gigabytes are used."""
    if not hasattr(mmap, "MAP_ANONYMOUS"):
        return mmap.mmap(-1, size)
    populated = getattr(mmap, "MAP_POPULATE", 0) if at_once else 0
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | populated)


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
                self._memory = _memory(math.prod(shape) * features.element_size(), at_once=False)
                self._whole = torch.frombuffer(self._memory, dtype=features.dtype).view(shape).permute(0, 3, 1, 2)
            else:
                self._whole = features.new_empty(shape).permute(0, 3, 1, 2)
        tile.kept_of_whole(self._whole, scale).copy_(tile.kept(features))

    def seen(self, tile: Tile) -> Tensor:
        """The features of what a tile sees."""
        top, left, bottom, right = (edge // self._scale for edge in tile.seen)
        return self._whole[:, :, top:bottom, left:right].contiguous(memory_format=torch.channels_last)

    def done(self, tile: Tile) -> None:
        """Give back what lies above the tile: those that come later won't see it."""
        if self._memory is None or not hasattr(self._memory, "madvise"):
            return
        row = self._whole[0, :, 0].numel() * self._whole.element_size()
        above = tile.seen[0] // self._scale * row // mmap.PAGESIZE * mmap.PAGESIZE
        if above > self._gone:
            self._memory.madvise(mmap.MADV_DONTNEED, self._gone, above - self._gone)
            self._gone = above

    @property
    def _scale(self) -> int:
        return self.size[0] // self._whole.shape[3]
