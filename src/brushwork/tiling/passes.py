"""All tiles on their way from stop to stop of a network, how far they are, and where they wait."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import BinaryIO, TypeVar, cast

import torch
from torch import Tensor

from brushwork.errors import BrushworkError
from brushwork.runtime.memory import one_heap
from brushwork.runtime.progress import Pace, Progress, Step
from brushwork.tiling.tiles import Canvas, Moments, Stages, StatisticsRequest, Sums, Tile

__all__ = [
    "FeatureCache",
    "FirstFeatures",
    "TileProgress",
    "first_moments",
    "in_turn",
    "over_tiles",
    "put",
    "reporting",
]

SPARE = 4  # pieces of memory of a size that are kept for the next tiles

Item = TypeVar("Item")
Result = TypeVar("Result")


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


@dataclass
class TileProgress:
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
    begin: Callable[[Tile], Stages],
    done: Callable[[Tile, Tensor], None],
    *,
    cache: FeatureCache | None = None,
    recompute_stages: int = 0,
    progress: TileProgress | None = None,
    passed: Callable[[Tile], None] = lambda _: None,
    workers: int = 1,
) -> None:
    """Let a network paint all tiles, going from stop to stop together.

    Args:
        tiles: See `cut`.
        begin: The steps that paint what a tile sees.
        done: Takes what each tile gives.
        cache: Where they wait, which is closed in the end; None: in memory.
        recompute_stages: At so many stops, the first ones, nothing is kept: the tile begins anew. Worth it where
            little work comes before.
        progress: What is done already, and what will be.
        passed: Called after each tile, on each way through all of them.
        workers: Tiles that are worked at at the same time, see `in_turn`.
    """
    cache, progress = cache or FeatureCache(), progress or TileProgress()
    recompute_stages = max(recompute_stages, len(progress.known))
    waiting: dict[int, Stages] = {}
    try:
        while _pass(tiles, begin, done, cache, recompute_stages, progress, waiting, passed, workers):
            progress.note()
    finally:
        cache.close()


def _pass(
    tiles: Sequence[Tile],
    begin: Callable[[Tile], Stages],
    done: Callable[[Tile, Tensor], None],
    cache: FeatureCache,
    recompute_stages: int,
    progress: TileProgress,
    waiting: dict[int, Stages],
    passed: Callable[[Tile], None],
    workers: int,
) -> bool:
    """All tiles to their next stop; whether there was one."""
    sums, device, stopped = Sums(), torch.device("cpu"), False
    restarts, known = len(progress.known) <= recompute_stages, list(progress.known)
    cache.turn()

    def advance(number: int) -> tuple[Stages, StatisticsRequest | Tensor]:
        steps = begin(tiles[number]) if restarts else waiting.pop(number)
        cache.take(number)
        return steps, _next_stop(steps, [None, *known] if restarts else known[-1:])

    for number, (stages, found) in in_turn(
        advance, [n for n in range(len(tiles)) if n not in progress.painted], workers
    ):
        tile = tiles[number]
        if isinstance(found, Tensor):
            done(tile, tile.painted(found))
            progress.painted.add(number)
            progress.note()
        else:
            stopped, device = True, found.features.device
            sums.ask(tile, found)
            if len(known) >= recompute_stages:
                waiting[number] = stages
                cache.put(number, found)
            else:
                stages.close()
        del found, stages
        passed(tile)
    if stopped:
        progress.known.append(sums.moments(device))
    return stopped


def first_moments(
    tiles: Sequence[Tile],
    begin: Callable[[Tile], Stages],
    passed: Callable[[Tile], None],
    features: FirstFeatures | None = None,
    workers: int = 1,
) -> Moments:
    """What all tiles are told at their first stop, of tiles that see no farther than is needed for that.

    Args:
        tiles: All of them.
        begin: See `over_tiles`.
        passed: See `over_tiles`.
        features: Takes what they ask about.
        workers: See `over_tiles`.
    """
    sums, device = Sums(), torch.device("cpu")

    def first(tile: Tile) -> StatisticsRequest:
        steps = begin(tile)
        try:
            return next(steps)
        finally:
            steps.close()

    for tile, ask in in_turn(first, tiles, workers):
        device = ask.features.device
        sums.ask(tile, ask)
        if features is not None:
            features.put(tile, ask.features)
        del ask
        passed(tile)
    return sums.moments(device)


def _next_stop(steps: Stages, told: Sequence[Moments | None]) -> StatisticsRequest | Tensor:
    """Where steps stop after they have been told so much, or what they give in the end."""
    try:
        for moments in told:
            ask = steps.send(moments)
    except StopIteration as end:
        result: Tensor = end.value
        return result
    return ask


def in_turn(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[tuple[Item, Result]]:
    """What a function gives for each item, in their order, while it works at the next ones.

    Two tiles with one core each take less time than one after the other with both: reading, sums and writing, which one
    core does, are done beside the work of the other.

    Args:
        work: Called in threads that share the cores.
        items: One by one.
        workers: So many at the same time; 1 is without threads.
    """
    if workers == 1:
        for item in items:
            yield item, work(item)
        return
    cores, inference = torch.get_num_threads(), torch.is_inference_mode_enabled()

    def worked(item: Item) -> Result:
        with torch.inference_mode(inference):
            return work(item)

    share = max(1, cores // workers)
    coming: deque[tuple[Item, Future[Result]]] = deque()
    with one_heap(), ThreadPoolExecutor(workers, "tile", torch.set_num_threads, (share,)) as pool:
        torch.set_num_threads(share)
        try:
            for item in items:
                coming.append((item, pool.submit(worked, item)))
                if len(coming) > workers:
                    yield _next(coming)
            while coming:
                yield _next(coming)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            torch.set_num_threads(cores)


def _next(coming: deque[tuple[Item, Future[Result]]]) -> tuple[Item, Result]:
    item, future = coming.popleft()
    return item, future.result()


def put(canvas: Canvas, tile: Tile, pixels: Tensor) -> None:
    """Put what a tile gives on the canvas, without what continues the photo at its right and lower border."""
    top, left, bottom, right = tile.core
    width, height = canvas.size
    inside = pixels[:, :, : min(bottom, height) - top, : min(right, width) - left]
    canvas.write(top, left, inside.clamp(0, 1).float().cpu())


def reporting(
    canvas: Canvas, steps: int, progress: Progress | None, preview: Callable[[], Tensor]
) -> Callable[[], None]:
    """What tells a listener of each tile."""
    started, count, pace = time.perf_counter(), 0, Pace()

    def passed() -> None:
        nonlocal count
        count += 1
        if progress is not None:
            seconds, left = time.perf_counter() - started, pace.seconds_left(count, max(0, steps - count))
            progress(Step(count, max(steps, count), 0.0, {}, canvas.size, seconds, left, preview))

    return passed
