"""Worker processes that decode and stylize: started, monitored, and restarted when they die."""

from __future__ import annotations

import math
import multiprocessing
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from brushwork.errors import UsageError
from brushwork.runtime.openmp import COUNTS, configure_openmp, cpu_quota, usable_cpus
from brushwork.studio import job_process, quick_worker
from brushwork.studio.database import Database
from brushwork.studio.errors import DeadlineError, StudioError, UnavailableError
from brushwork.studio.files import StudioFiles, folder_bytes
from brushwork.studio.job_worker import Post
from brushwork.studio.limits import Limits
from brushwork.studio.log import log_to_stderr, logger
from brushwork.studio.turns import CLOSED, Turns

__all__ = ["CHECKERS", "CHECKS", "PAINTERS", "JobWorkers", "QuickWorkers", "devices_of"]

CHECKS, CHECKERS, PAINTERS = 48, 2, 1  # file checks that may wait; processes for checks; for previews

_SPAWN = multiprocessing.get_context("spawn")  # torch does not survive a fork
PATIENCE = 5.0  # seconds that a request waits for a worker
# Seconds after which a worker is killed; far more than any request takes on an idle machine.
DEADLINE = 45.0
DEADLINES = {"preview": 20.0, "film_preview": 30.0, "clip": 30.0, "cuts": 120.0, "convert": 120.0, "tiles": 120.0}
LOADING = 120.0  # seconds a worker may take to start
WATCHED = 0.3  # seconds between checks of a job worker
HEARD = 120.0  # seconds within which a job worker must react to a pause or cancel
AGAIN, MISSING = 1.0, 60.0  # seconds before a dead worker is restarted; before one whose device is missing
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,2})?")


class _QuickProcess:
    """A process that answers one request at a time.

    Args:
        name: Name of the process.
        load: What the process does before its first request; a function of `quick_worker`.
    """

    def __init__(self, name: str, load: Callable[[], object]) -> None:
        self.name, self._load = name, load
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            EOFError, OSError: The process died.
        """
        self._connection, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_quick, args=(theirs, self._load), name=self.name, daemon=True)
        process.start()
        self._process = process
        theirs.close()
        self._receive(LOADING)
        logger.info("worker ready", extra={"worker": self.name, "pid": process.pid})

    def answer(self, function: str, arguments: dict[str, Any]) -> Any:
        """The result of a function of `quick_worker`, and its error message or None.

        Raises:
            EOFError, OSError: The process died.
            TimeoutError: It took longer than its deadline.
        """
        if self._process is None or not self._process.is_alive():  # it died while idle
            self.end()
            self.start()
        assert self._connection is not None
        self._connection.send((function, arguments))
        return self._receive(DEADLINES.get(function, DEADLINE))

    def _receive(self, seconds: float) -> Any:
        assert self._connection is not None
        if not self._connection.poll(seconds):
            raise TimeoutError
        return self._connection.recv()

    def kill(self) -> None:
        """Kill the process; a pending request gets an error."""
        if self._process is not None:
            self._process.kill()

    def end(self) -> None:
        """Kill the process and close its connection; only for the thread that holds it."""
        self.kill()
        if self._process is not None:
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None


class QuickWorkers:
    """A pool of processes that answer requests of one kind.

    Args:
        name: Name of the kind.
        load: What each process does before its first request; a function of `quick_worker`.
        processes: Number of processes.
        most: Maximum number of waiting requests; more are refused.
        patience: Seconds that a request may wait.
    """

    def __init__(
        self, name: str, load: Callable[[], object], *, processes: int, most: int, patience: float = PATIENCE
    ) -> None:
        self.name = name
        self._processes = [_QuickProcess(f"brushwork-{name}-{number}", load) for number in range(1, processes + 1)]
        self._ready: set[str] = set()
        self._turns = Turns[_QuickProcess](most, patience)
        self._closing = threading.Event()

    @property
    def waiting(self) -> int:
        """Number of waiting requests."""
        return self._turns.waiting

    @property
    def ready(self) -> bool:
        """Whether at least one process is ready."""
        return bool(self._ready)

    def start(self) -> None:
        """Start the processes in the background, one after another."""
        threading.Thread(target=self._start, args=self._processes, name=self.name, daemon=True).start()

    def _start(self, *processes: _QuickProcess) -> None:
        for process in processes:
            while not self._closing.is_set():
                try:
                    process.start()
                except (EOFError, OSError):  # TimeoutError is an OSError
                    process.end()
                    if not self._closing.wait(AGAIN):
                        logger.exception("a worker does not start", extra={"worker": process.name})
                else:
                    self._ready.add(process.name)
                    self._turns.add(process)
                    break
            if self._closing.is_set():
                process.end()

    def call(self, function: str, /, *, user: str, topic: str = "", **arguments: Any) -> Any:
        """Run a function of `quick_worker` and return its result.

        Args:
            function: Its name.
            user: Whose request it is; users take turns.
            topic: The request replaces the same user's waiting request of the same topic; empty: none.
            arguments: The function's arguments.

        Raises:
            BusyError: Too many requests are waiting, or this one waited or ran for too long.
            SupersededError: A newer request replaced it.
            UsageError: The function refused its input.
            StudioError: The process died while handling it.
        """
        with self._turns.turn(user, topic) as process:
            value, error = self._answered(process, function, arguments)
        if error is not None:
            raise UsageError(error)
        return value

    def _answered(self, process: _QuickProcess, function: str, arguments: dict[str, Any]) -> Any:
        try:
            answer = process.answer(function, arguments)
        except (EOFError, OSError) as reason:
            if self._closing.is_set():
                raise UnavailableError(CLOSED) from reason
            late = isinstance(reason, TimeoutError)
            logger.error("a worker was late" if late else "a worker died",
                         extra={"worker": process.name, "request": function})  # fmt: skip
            self._restart(process)
            if late:
                raise DeadlineError(
                    "this took too long and was stopped; try a smaller file, or try again later"
                ) from reason
            raise StudioError("the worker process crashed while handling this file or request") from reason
        self._turns.add(process)
        return answer

    def _restart(self, process: _QuickProcess) -> None:
        self._ready.discard(process.name)
        process.end()
        threading.Thread(target=self._start, args=(process,), name=self.name, daemon=True).start()

    def close(self) -> None:
        """Stop the processes."""
        self._closing.set()
        self._turns.close()
        for process in self._processes:
            process.kill()


def _quick(connection: Connection, load: Callable[[], object]) -> None:
    configure_openmp()
    log_to_stderr()
    quick_worker.serve(connection, load)


class _JobProcess:
    """A process that runs jobs, one at a time; it is started again when it dies.

    Args:
        files: The studio's folder.
        limits: Limits of pictures, videos and run time.
        post: Where it works.
    """

    def __init__(self, files: StudioFiles, limits: Limits, post: Post) -> None:
        self.files, self.limits, self.post, self.database = files, limits, post, files.database()
        self.closing = threading.Event()
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._watch, name=post.name, daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.is_alive()

    def start(self) -> None:
        """Start the process."""
        self._thread.start()

    def _watch(self) -> None:
        while not self.closing.is_set():
            self._connection, theirs = _SPAWN.Pipe()
            arguments = (self.files.root, self.limits, self.post, theirs)
            process = _SPAWN.Process(target=_jobs, args=arguments, name=f"brushwork-{self.post.name}", daemon=True)
            process.start()
            self._process = process
            theirs.close()
            self._wait_for(process)
            if not self.closing.is_set():
                self._connection.close()
                self._died(process)

    def _died(self, process: SpawnProcess) -> None:
        """Record what became of its job, and wait until the process may be started again."""
        logger.error("a job worker died", extra={"worker": self.post.name, "exit_code": process.exitcode})
        while not self.closing.wait(MISSING if process.exitcode == job_process.NO_DEVICE else AGAIN):
            try:
                reason = "the worker process ended, possibly out of memory; you can resume this job"
                interrupt(self.files, self.database, reason, worker=self.post.name)
                break
            except (OSError, sqlite3.Error):  # disk full: no job can start until there is space
                logger.exception("cannot record interrupted jobs")

    def _wait_for(self, process: SpawnProcess) -> None:
        """Wait until the process ends; kill it if it does not react to a pause or cancel."""
        unheard, since = "", 0.0
        while process.is_alive() and not self.closing.is_set():
            process.join(WATCHED)
            try:
                wished = self.database.wished(self.post.name)
            except sqlite3.Error:
                continue
            if not wished or wished != unheard:
                unheard, since = wished, time.monotonic()
            elif time.monotonic() - since > HEARD:
                logger.error("a job worker does not respond", extra={"worker": self.post.name, "job": wished})
                process.kill()
                process.join()

    def stop(self) -> None:
        """Tell the process to stop; `closing` must be set."""
        if self._thread.is_alive():
            self._thread.join()
        if self._connection is not None:
            with suppress(OSError):
                self._connection.send("stop")

    def end(self, seconds: float) -> None:
        """Wait until the process has stopped; kill it after so many seconds."""
        if self._process is not None:
            self._process.join(max(0.0, seconds))
            self._process.kill()
            self._process.join()


class JobWorkers:
    """The processes that run jobs, side by side.

    Args:
        files: The studio's folder.
        limits: Limits of pictures, videos and run time.
        devices: One for each process.
    """

    def __init__(self, files: StudioFiles, limits: Limits, devices: tuple[str, ...] = ("auto",)) -> None:
        self.files, self.limits, self.database = files, limits, files.database()
        self._processes = [
            _JobProcess(files, limits, Post(f"jobs-{number}", device, devices))
            for number, device in enumerate(devices, 1)
        ]

    @property
    def alive(self) -> int:
        """Number of running processes."""
        return sum(process.alive for process in self._processes)

    def start(self) -> None:
        """Start the processes; jobs that were running when the studio last ended become interrupted."""
        interrupt(self.files, self.database, "the studio was stopped; you can resume this job")
        for process in self._processes:
            process.start()

    def close(self) -> None:
        """Stop the processes. Jobs save themselves, and go on when the studio is started again."""
        for process in self._processes:
            process.closing.set()
        for process in self._processes:
            process.stop()
        until = time.monotonic() + self.limits.stop_seconds
        for process in self._processes:
            process.end(until - time.monotonic())
        interrupt(self.files, self.database, "", after="waiting")  # those that weren't quick enough


def interrupt(
    files: StudioFiles, database: Database, message: str, *, worker: str | None = None, after: str = "interrupted"
) -> None:
    """Change the status of running jobs, see `Database.interrupt_running`, and record the size of their files.

    Those that their users have discarded are deleted, as their worker would have done.
    """
    for discarded in database.discarded(worker):
        database.remove_job(discarded.id)
        files.remove(discarded)
    for identity in database.interrupt_running(message, worker=worker, after=after):
        logger.warning("job interrupted", extra={"job": identity})
        job = database.job(identity)
        if job is not None and job.status == "canceled":
            files.remove(job)
        database.resize(identity, folder_bytes(files.job(identity)))


def devices_of(words: str, workers: int | None) -> tuple[str, ...]:
    """The device of each worker; several take the named ones in turn.

    Raises:
        UsageError: An unknown name, or fewer workers than devices.

    >>> devices_of("cpu,cuda:0", 3)
    ('cpu', 'cuda:0', 'cpu')
    """
    named = [word.strip() for word in words.split(",")]
    for name in named:
        if not _DEVICE.fullmatch(name):
            raise UsageError(f"--devices: expected auto, cpu, mps, cuda or cuda:N, separated by commas, got {name!r}")
    count = workers or len(named)
    if count < len(named):
        raise UsageError(f"--workers {count} are fewer than the {len(named)} devices; name fewer devices")
    return tuple(named[number % len(named)] for number in range(count))


def _jobs(root: Path, limits: Limits, post: Post, server: Connection) -> None:
    beside = sum(device in ("auto", "cpu") for device in post.devices)
    if beside > 1 and not any(name in os.environ for name in COUNTS):  # workers share the CPUs
        os.environ["OMP_NUM_THREADS"] = str(max(1, round(min(usable_cpus(), cpu_quota() or math.inf)) // beside))
    configure_openmp()
    log_to_stderr()
    job_process.serve(root, limits, post, server)
