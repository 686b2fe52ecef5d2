"""Running all tiles from one statistics request of a network to the next, and tracking their progress."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from brushwork.runtime.device import torch_threads
from brushwork.runtime.memory import one_heap
from brushwork.runtime.progress import Pace, Progress, Step
from brushwork.tiling.feature_cache import FeatureCache, FirstFeatures
from brushwork.tiling.tiles import Canvas, Moments, Stages, StatisticsRequest, Sums, Tile

__all__ = ["TileProgress", "first_moments", "in_turn", "over_tiles", "put", "reporting"]


Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class TileProgress:
    """The progress of all tiles, sufficient to resume with newly created tiles.

    Args:
        side: Side of the tiles.
        known: Statistics of the whole image, one entry per request.
        painted: Numbers of the finished tiles.
        note: Called after each update.
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
    """Run a network on all tiles, together from one statistics request to the next.

    Args:
        tiles: See `cut`.
        begin: Returns the stages of a tile.
        done: Receives the output of each tile.
        cache: Storage for suspended tiles, closed at the end; None keeps them in memory.
        recompute_stages: Number of first requests at which tiles are not stored but later recomputed from the start;
            worthwhile if little computation precedes them.
        progress: The progress so far, updated in place.
        passed: Called after each tile in each pass.
        workers: Number of tiles processed in parallel; see `in_turn`.
    """
    cache, progress = cache or FeatureCache(), progress or TileProgress()
    run = _Run(tiles, begin, done, cache, max(recompute_stages, len(progress.known)), progress, passed, workers)
    try:
        while run.to_next_stop():
            progress.note()
    finally:
        cache.close()


@dataclass
class _Run:
    """The state of `over_tiles`; `waiting` holds the suspended tiles."""

    tiles: Sequence[Tile]
    begin: Callable[[Tile], Stages]
    done: Callable[[Tile, Tensor], None]
    cache: FeatureCache
    recompute_stages: int
    progress: TileProgress
    passed: Callable[[Tile], None]
    workers: int
    waiting: dict[int, Stages] = field(default_factory=dict)

    def to_next_stop(self) -> bool:
        """Advance all tiles to their next request; returns whether there was one."""
        sums, device, stopped = Sums(), torch.device("cpu"), False
        known = list(self.progress.known)
        restarts = len(known) <= self.recompute_stages
        self.cache.turn()

        def advance(number: int) -> tuple[Stages, StatisticsRequest | Tensor]:
            stages = self.begin(self.tiles[number]) if restarts else self.waiting.pop(number)
            self.cache.take(number)
            return stages, _next_stop(stages, [None, *known] if restarts else known[-1:])

        open_tiles = [number for number in range(len(self.tiles)) if number not in self.progress.painted]
        for number, (stages, found) in in_turn(advance, open_tiles, self.workers):
            tile = self.tiles[number]
            if isinstance(found, Tensor):
                self._finish(number, found)
            else:
                stopped, device = True, found.features.device
                sums.ask(tile, found)
                self._wait(number, stages, found, keep=len(known) >= self.recompute_stages)
            del found, stages
            self.passed(tile)
        if stopped:
            self.progress.known.append(sums.moments(device))
        return stopped

    def _finish(self, number: int, pixels: Tensor) -> None:
        tile = self.tiles[number]
        self.done(tile, tile.painted(pixels))
        self.progress.painted.add(number)
        self.progress.note()

    def _wait(self, number: int, stages: Stages, request: StatisticsRequest, *, keep: bool) -> None:
        if keep:
            self.waiting[number] = stages
            self.cache.put(number, request)
        else:
            stages.close()


def first_moments(
    tiles: Sequence[Tile],
    begin: Callable[[Tile], Stages],
    passed: Callable[[Tile], None],
    features: FirstFeatures | None = None,
    workers: int = 1,
) -> Moments:
    """Compute the first statistics from tiles with the smaller halo that suffices for them.

    Args:
        tiles: All tiles.
        begin: See `over_tiles`.
        passed: See `over_tiles`.
        features: Stores the features of the first request.
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
    """Send these moments to the stages; returns their next request, or their result."""
    try:
        for moments in told:
            ask = steps.send(moments)
    except StopIteration as end:
        result: Tensor = end.value
        return result
    return ask


def in_turn(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[tuple[Item, Result]]:
    """Map a function over items in parallel threads; yields the results in order.

    Two tiles on one core each are faster than one after the other on both, because reading, sums and writing use only
    one core and overlap with the computation of the other tile.

    Args:
        work: Called in threads that share the cores.
        items: The items.
        workers: Number of threads; 1 runs without threads.
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
    own = torch_threads(share)
    with one_heap(), own, ThreadPoolExecutor(workers, "tile", torch.set_num_threads, (share,)) as pool:
        try:
            for item in items:
                coming.append((item, pool.submit(worked, item)))
                if len(coming) > workers:
                    yield _next(coming)
            while coming:
                yield _next(coming)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _next(coming: deque[tuple[Item, Future[Result]]]) -> tuple[Item, Result]:
    item, future = coming.popleft()
    return item, future.result()


def put(canvas: Canvas, tile: Tile, pixels: Tensor) -> None:
    """Write a tile's output to the canvas, without the padding at the right and bottom."""
    top, left, bottom, right = tile.core
    width, height = canvas.size
    inside = pixels[:, :, : min(bottom, height) - top, : min(right, width) - left]
    canvas.write(top, left, inside.clamp(0, 1).float().cpu())


def reporting(
    canvas: Canvas, steps: int, progress: Progress | None, preview: Callable[[], Tensor]
) -> Callable[[], None]:
    """Return a function that reports each tile to the progress callback."""
    started, count, pace = time.perf_counter(), 0, Pace()

    def passed() -> None:
        nonlocal count
        count += 1
        if progress is not None:
            seconds, left = time.perf_counter() - started, pace.seconds_left(count, max(0, steps - count))
            progress(Step(count, max(steps, count), 0.0, {}, canvas.size, seconds, left, preview))

    return passed
