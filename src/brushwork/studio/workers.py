"""The processes that decode and paint: started, watched, and started again when they die."""

from __future__ import annotations

import heapq
import itertools
import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from brushwork.errors import BrushworkError, UsageError
from brushwork.openmp import configure_openmp
from brushwork.studio import job_work, quick_work
from brushwork.studio.faults import BusyError, StudioError
from brushwork.studio.limits import Limits
from brushwork.studio.log import log_to_stderr, logger
from brushwork.studio.places import Places
from brushwork.studio.store import Store

__all__ = ["JobWorker", "QuickWorker"]

_SPAWN = multiprocessing.get_context("spawn")  # torch survives no fork
# Seconds by which a request may be overtaken: nobody waits forever, also where previews never end.
URGENCY, LEAST = {"preview": 0, "check": 1, "masks": 1, "film_preview": 1}, 2  # swatches and the like can wait
ANSWER = 120.0  # seconds after which a quick worker counts as stuck
WATCHED = 0.3  # seconds between two looks at the job worker
HEARD = 120.0  # seconds in which the job worker must hear what is wanted of its job
AGAIN = 1.0  # seconds before a worker that died is started again


class _Turn:
    """A lock that goes to the first of those who wait, as if each had come by so many seconds later."""

    def __init__(self) -> None:
        self._changed, self._taken = threading.Condition(), False
        self._waiting: list[tuple[float, int]] = []
        self._numbers = itertools.count()

    @contextmanager
    def of(self, seconds: float) -> Iterator[None]:
        """Hold it; 0 is the most urgent."""
        mine = time.monotonic() + seconds, next(self._numbers)
        with self._changed:
            heapq.heappush(self._waiting, mine)
            self._changed.wait_for(lambda: not self._taken and self._waiting[0] == mine)
            heapq.heappop(self._waiting)
            self._taken = True
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()


class QuickWorker:
    """A process that answers one request after another.

    Args:
        most: Requests that may wait; more are refused.
    """

    def __init__(self, most: int) -> None:
        self._most, self._waiting = most, 0
        self._turn, self._count = _Turn(), threading.Lock()
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self.closed = False
        self.warm = False

    @property
    def waiting(self) -> int:
        """Requests that wait or are answered."""
        return self._waiting

    @property
    def pid(self) -> int | None:
        """Of the process."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Load what previews need, in the background."""
        threading.Thread(target=self._warm, name="warm", daemon=True).start()

    def _warm(self) -> None:
        try:
            self.call("ready")
            self.warm = True
        except BrushworkError:
            if not self.closed:
                logger.exception("the quick worker doesn't start")

    def call(self, function: str, /, **arguments: Any) -> Any:
        """What a function of `quick_work` gives.

        Raises:
            BusyError: So many wait already.
            StudioError: What the function refused, or the process died over it.
        """
        with self._count:
            if self._waiting >= self._most:
                raise BusyError("too many wait for a preview or a check just now; try again in a moment")
            self._waiting += 1
        try:
            with self._turn.of(URGENCY.get(function, LEAST)):
                return self._answered(function, arguments)
        finally:
            with self._count:
                self._waiting -= 1

    def _answered(self, function: str, arguments: dict[str, Any]) -> Any:
        if self.closed:
            raise BusyError("the studio is shutting down")
        if self._process is None or not self._process.is_alive():
            self._begin()
        assert self._connection is not None
        try:
            self._connection.send((function, arguments))
            if not self._connection.poll(ANSWER):
                raise TimeoutError
            value, error = self._connection.recv()
        except (EOFError, OSError, TimeoutError) as reason:
            if self.closed:
                raise BusyError("the studio is shutting down") from reason
            logger.error("the quick worker died", extra={"request": function, "reason": type(reason).__name__})
            self._end()
            self.start()
            raise StudioError("this file, or this request, ended the process that worked at it") from reason
        if error is not None:
            raise UsageError(error)
        return value

    def _begin(self) -> None:
        self._end()
        self._connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_quick, args=(theirs,), name="brushwork-quick", daemon=True)
        self._process.start()
        theirs.close()

    def _end(self) -> None:
        self.warm = False
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._connection = None

    def close(self) -> None:
        """End the process."""
        self.closed = True
        if self._process is not None:
            self._process.kill()


def _quick(connection: Connection) -> None:
    configure_openmp()
    log_to_stderr()
    quick_work.serve(connection)


class JobWorker:
    """A process that does jobs.

    Args:
        places: Where files lie.
        limits: Of pictures, films and time.
    """

    def __init__(self, places: Places, limits: Limits) -> None:
        self.places, self.limits, self.store = places, limits, places.store()
        self._closing = threading.Event()
        self._process: SpawnProcess | None = None
        self._thread = threading.Thread(target=self._watch, name="job worker", daemon=True)

    @property
    def pid(self) -> int | None:
        """Of the process."""
        return self._process.pid if self._process is not None else None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.is_alive()

    def start(self) -> None:
        """Begin; jobs that ran when the studio last ended are interrupted."""
        self._interrupt(self.store, "the studio ended meanwhile; it can be gone on with")
        self._thread.start()

    def _interrupt(self, store: Store, message: str) -> None:
        for identity in store.interrupt_running(message):
            logger.warning("job interrupted", extra={"job": identity})
            job = store.job(identity)
            if job is not None and job.status == "canceled":
                self.places.remove(job)

    def _watch(self) -> None:
        while not self._closing.is_set():
            ours, theirs = _SPAWN.Pipe()
            arguments = (self.places.root, self.limits, theirs)
            self._process = _SPAWN.Process(target=_jobs, args=arguments, name="brushwork-jobs", daemon=True)
            self._process.start()
            theirs.close()
            self._wait_for(self._process)
            ours.close()
            while not self._closing.is_set():
                logger.error("the job worker died", extra={"exit_code": self._process.exitcode})
                time.sleep(AGAIN)
                try:
                    reason = "its process ended, perhaps for want of memory; it can be gone on with"
                    self._interrupt(self.store, reason)
                    break
                except (OSError, sqlite3.Error):  # a full disk; until there is room, nothing can be begun
                    logger.exception("the jobs can't be written down")

    def _wait_for(self, process: SpawnProcess) -> None:
        """Until it ends; one that doesn't hear what its user wants is ended."""
        unheard, since = "", 0.0
        while process.is_alive() and not self._closing.is_set():
            process.join(WATCHED)
            try:
                wished = self.store.wished()
            except sqlite3.Error:
                continue
            if not wished or wished != unheard:
                unheard, since = wished, time.monotonic()
            elif time.monotonic() - since > HEARD:
                logger.error("the job worker doesn't hear", extra={"job": wished})
                process.kill()
                process.join()

    def close(self) -> None:
        """End it; its job can be gone on with."""
        self._closing.set()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._interrupt(self.store, "the studio was closed meanwhile; it can be gone on with")


def _jobs(*arguments: Any) -> None:
    configure_openmp()
    log_to_stderr()
    job_work.serve(*arguments)
