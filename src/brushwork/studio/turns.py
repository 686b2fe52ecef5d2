"""A fair queue for workers: users take turns, and the number and time of waiting requests are bounded."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from brushwork.studio.errors import BusyError, SupersededError, UnavailableError

__all__ = ["Turns"]

Worker = TypeVar("Worker")
LATELY = 0.2  # weight of the last turn in the moving average of turn times
CLOSED = "the studio is shutting down"


@dataclass(eq=False)
class _Waiting:
    """A request waiting for a worker or an error."""

    user: str
    topic: str
    worker: object = None
    error: Exception | None = None

    @property
    def settled(self) -> bool:
        return self.worker is not None or self.error is not None


class Turns(Generic[Worker]):
    """Assigns free workers to waiting requests, alternating between users; each user's requests stay in order.

    A request is refused at once if too many are waiting or the expected wait is too long.

    Args:
        most: Maximum number of waiting requests.
        patience: Seconds that a request may wait.
    """

    def __init__(self, most: int, patience: float) -> None:
        self.most, self.patience = most, patience
        self._changed = threading.Condition()
        self._free: list[Worker] = []
        self._waiting: list[_Waiting] = []
        self._running: Counter[str] = Counter()
        self._last: dict[str, int] = {}  # user → number of their last turn
        self._numbers = itertools.count(1)
        self._seconds = 0.0  # moving average of the duration of a turn
        self._closed = False

    @property
    def waiting(self) -> int:
        """Number of waiting requests."""
        return len(self._waiting)

    def add(self, worker: Worker) -> None:
        """Make a worker available."""
        with self._changed:
            self._free.append(worker)
            self._assign()

    @contextmanager
    def turn(self, user: str, topic: str = "") -> Iterator[Worker]:
        """Wait for a worker. It stays taken until it is passed to `add` again.

        Args:
            user: Whose request it is.
            topic: A request replaces the same user's waiting request of the same topic; empty: none.

        Raises:
            BusyError: Too many requests are waiting.
            SupersededError: A newer request replaced this one.
            UnavailableError: No worker was free in time.
        """
        worker = self._wait(_Waiting(user, topic))
        began = time.monotonic()
        try:
            yield worker
        finally:
            with self._changed:
                self._seconds += LATELY * (time.monotonic() - began - self._seconds)
                self._running[user] -= 1
                self._assign()

    def _wait(self, mine: _Waiting) -> Worker:
        with self._changed:
            if self._closed:
                raise UnavailableError(CLOSED)
            self._supersede(mine)
            if self._full():
                self._make_room(mine.user)
            self._waiting.append(mine)
            self._assign()
            if not self._changed.wait_for(lambda: mine.settled, self.patience):
                late = UnavailableError("the studio is busy; try again in a moment", max(2, round(self._expected())))
                self._settle(mine, late)
            if mine.error is not None:
                raise mine.error
            return mine.worker  # type: ignore[return-value]

    def _supersede(self, newer: _Waiting) -> None:
        for older in list(self._waiting):
            if newer.topic and (older.user, older.topic) == (newer.user, newer.topic):
                self._settle(older, SupersededError("superseded by a newer request"))

    def _expected(self) -> float:
        """Estimated wait of one more request, in seconds, from the recent duration of turns."""
        workers = len(self._free) + sum(self._running.values())
        return (len(self._waiting) + 1) * self._seconds / max(1, workers)

    def _full(self) -> bool:
        """Whether to refuse requests; one may always wait, so that the average recovers after a very long turn."""
        waiting = len(self._waiting)
        return waiting >= self.most or (waiting > 0 and self._expected() > self.patience)

    def _make_room(self, user: str) -> None:
        """Refuse the last request of the user with the most requests, possibly this one."""
        counts = Counter(one.user for one in self._waiting)
        greediest, count = counts.most_common(1)[0]
        message = f"{len(self._waiting)} requests are already waiting; try again in a moment"
        refusal = BusyError(message, max(2, round(self._expected())))
        if count <= counts[user] + 1:
            raise refusal
        self._settle(next(one for one in reversed(self._waiting) if one.user == greediest), refusal)

    def _settle(self, one: _Waiting, error: Exception) -> None:
        self._waiting.remove(one)
        one.error = error
        self._changed.notify_all()

    def _assign(self) -> None:
        while self._free and (eligible := [one for one in self._waiting if self._may_run(one.user)]):
            chosen = min(eligible, key=lambda one: self._last.get(one.user, 0))
            self._waiting.remove(chosen)
            self._last[chosen.user] = next(self._numbers)
            self._running[chosen.user] += 1
            chosen.worker = self._free.pop(0)
            self._changed.notify_all()

    def _may_run(self, user: str) -> bool:
        """Whether a user may take a worker; with several users, the last free one goes to a user without any."""
        return not self._running[user] or len(self._free) > 1 or self._last.keys() == {user}

    def close(self) -> None:
        """Refuse all waiting and future requests."""
        with self._changed:
            self._closed = True
            for one in list(self._waiting):
                self._settle(one, UnavailableError(CLOSED))
