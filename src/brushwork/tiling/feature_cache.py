"""Storage for the features of suspended tiles: in separate memory, then on disk."""

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


SPARE = 4  # maximum number of free buffers per size kept for reuse


class FeatureCache:
    """Stores tensors of suspended tiles: in separate memory, then in unnamed temporary files.

    Left in the working memory, they would fragment it.

    Args:
        folder: Folder of the temporary files; None keeps everything in memory.
        room: Bytes to keep in memory before using files.

    Raises:
        BrushworkError: From `put`: the disk is full.
    """

    def __init__(self, folder: Path | None = None, room: int = 0) -> None:
        self.folder, self.room = folder, room
        self._lock = Lock()
        self._away: dict[int, list[tuple[torch.UntypedStorage, int, BinaryIO | mmap.mmap, int]]] = {}
        self._held = 0  # bytes in memory
        self._spare: defaultdict[int, list[mmap.mmap]] = defaultdict(list)  # size → free buffers
        self._old: BinaryIO | None = None  # written in the previous pass
        self._new: BinaryIO | None = None

    def turn(self) -> None:
        """Start a new pass over all tiles: write to a new file from now on, and delete the oldest one."""
        if self._old is not None:
            self._old.close()
        self._old, self._new = self._new, None
        self._spare.clear()

    def put(self, number: int, ask: StatisticsRequest) -> None:
        """Move a tile's tensors out of the working memory; GPU tensors are left in place."""
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
            raise BrushworkError(f"{self.folder}: can't write temporary data: {error.strerror}") from error

    def take(self, number: int) -> None:
        """Restore a tile's tensors."""
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
        """Release memory and disk space."""
        for file in (self._old, self._new):
            if file is not None:
                file.close()
        self._away, self._held, self._old, self._new = {}, 0, None, None
        self._spare.clear()


def _memory(size: int, *, at_once: bool = True) -> mmap.mmap:
    """Map memory, populated at once or on demand; no huge pages, which take five times longer beyond some gigabytes."""
    if not hasattr(mmap, "MAP_ANONYMOUS"):
        return mmap.mmap(-1, size)
    populated = getattr(mmap, "MAP_POPULATE", 0) if at_once else 0
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | populated)


def _write_all(file: BinaryIO | mmap.mmap, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]  # a call writes at most 2 GB


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
    """Return a view of the memory; a NumPy view would prevent torch from freeing it."""
    return memoryview((ctypes.c_char * storage.nbytes()).from_address(storage.data_ptr())).cast("B")


class FirstFeatures:
    """The features of the first statistics request, stored for the whole image.

    Each tile stores its core and later reads it with its halo, so nothing is computed or stored twice.

    Args:
        size: (width, height) of the image in pixels.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._memory: mmap.mmap | None = None
        self._whole = torch.empty(0)
        self._gone = 0  # bytes at the beginning that have been released

    def put(self, tile: Tile, features: Tensor) -> None:
        """Store the core of a tile's features (1, C, h, w)."""
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
        """Return the features of a tile with its halo."""
        top, left, bottom, right = (edge // self._scale for edge in tile.seen)
        return self._whole[:, :, top:bottom, left:right].contiguous(memory_format=torch.channels_last)

    def done(self, tile: Tile) -> None:
        """Release the rows above the tile, which later tiles don't need."""
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
