"""What will be asked for next is fetched while the last is worked with."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from types import TracebackType
from typing import Generic, TypeVar

__all__ = ["Ahead"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Ahead(Generic[Key, Value]):
    """A function whose next call is made beforehand, in another thread, one at a time.

    Args:
        function: What to call. What it raises, the call that wanted it raises.
        order: In which it will most likely be called, over and over; other calls are made when they come.

    >>> with Ahead(str.upper, ["a", "b"]) as upper:
    ...     upper("a"), upper("b"), upper("x")
    ('A', 'B', 'X')
    """

    def __init__(self, function: Callable[[Key], Value], order: Sequence[Key]) -> None:
        self._function = function
        self._next = dict(pairwise([*order, *order[:1]])) if len(order) > 1 else {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._coming: dict[Key, Future[Value]] = {}  # one at most

    def __call__(self, key: Key) -> Value:
        """What the function gives."""
        found = self._coming.pop(key, None) or self._thread.submit(self._function, key)
        for unwanted in self._coming.values():
            unwanted.cancel()
        self._coming.clear()
        value = found.result()
        if key in self._next:
            self._coming[self._next[key]] = self._thread.submit(self._function, self._next[key])
        return value

    def __enter__(self) -> Ahead[Key, Value]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
