"""Background threads: prefetching what is needed next, and finishing the work on the last item."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from queue import Full, Queue
from types import TracebackType
from typing import Any, Generic, TypeVar

__all__ = ["BackgroundWriter", "Prefetcher", "in_advance"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Prefetcher(Generic[Key, Value]):
    """A function whose next expected call runs ahead of time in another thread, one at a time.

    Args:
        function: The function to call. Its exceptions are raised in the call that asked for the value.
        order: The expected order of calls, repeated cyclically; other calls run on demand.

    >>> with Prefetcher(str.upper, ["a", "b"]) as upper:
    ...     upper("a"), upper("b"), upper("x")
    ('A', 'B', 'X')
    """

    def __init__(self, function: Callable[[Key], Value], order: Sequence[Key]) -> None:
        self._function = function
        self._next = dict(pairwise([*order, *order[:1]])) if len(order) > 1 else {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._coming: dict[Key, Future[Value]] = {}  # at most one

    def __call__(self, key: Key) -> Value:
        """Return the function's value."""
        found = self._coming.pop(key, None) or self._thread.submit(self._function, key)
        for unwanted in self._coming.values():
            unwanted.cancel()
        self._coming.clear()
        value = found.result()
        if key in self._next:
            self._coming[self._next[key]] = self._thread.submit(self._function, self._next[key])
        return value

    def __enter__(self) -> Prefetcher[Key, Value]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)


def in_advance(
    items: Iterable[Value], count: int = 2, *, begin: Callable[[], object] = lambda: None
) -> Iterator[Value]:
    """Yield the items, prefetched by another thread.

    Args:
        items: Its exceptions are raised here, in order.
        count: Maximum number of prefetched items.
        begin: Called first in the thread.

    >>> list(in_advance(range(5)))
    [0, 1, 2, 3, 4]
    """
    waiting: Queue[tuple[Any, BaseException | None]] = Queue(count)
    unwanted = threading.Event()

    def put(item: Any, error: BaseException | None) -> None:
        while not unwanted.is_set():
            try:
                waiting.put((item, error), timeout=0.1)
                return
            except Full:
                continue

    def make() -> None:
        try:
            begin()
            for item in items:
                put(item, None)
                if unwanted.is_set():
                    return
            put(None, StopIteration())
        except BaseException as error:
            put(None, error)

    thread = threading.Thread(target=make, name="in advance", daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item
    finally:
        unwanted.set()
        thread.join()


class BackgroundWriter:
    """Run calls in order in another thread; use it in a `with` block, which waits at its end until all are done.

    Args:
        count: Maximum number of pending calls; the caller blocks if there are more.
        begin: Called first in the thread.
    """

    def __init__(self, count: int = 2, *, begin: Callable[[], object] = lambda: None) -> None:
        self._count, self._thread = count, ThreadPoolExecutor(1, "afterwards", begin)
        self._waiting: deque[Future[object]] = deque()

    def __call__(self, function: Callable[..., object], *arguments: Any) -> None:
        """Schedule a call; raises the exception of an earlier one, if any."""
        while len(self._waiting) >= self._count:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(function, *arguments))

    def wait(self) -> None:
        """Block until all calls are done."""
        while self._waiting:
            self._waiting.popleft().result()

    def __enter__(self) -> BackgroundWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.wait()
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)
