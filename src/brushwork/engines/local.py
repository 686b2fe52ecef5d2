"""Work in processes of this machine."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import connection
from typing import Any, Generic

from brushwork.engines.base import STARTS, Chunks, Outcome, Task, Work
from brushwork.errors import BrushworkError
from brushwork.runtime.openmp import configure_openmp

__all__ = ["LocalEngine"]

_SPAWN = multiprocessing.get_context("spawn")  # torch does not survive a fork
AHEAD = 2  # chunks that a worker holds, so that it needn't wait for the next


class LocalEngine:
    """Processes of this machine.

    Args:
        workers: Number of processes.
        device: Device of all of them.
    """

    def __init__(self, workers: int, device: str = "auto") -> None:
        self.workers, self.device = workers, device

    def run(self, work: Work[Task, Outcome], chunks: Iterator[list[Task]]) -> Iterator[list[Outcome]]:
        """Yield the outcomes of chunks as they are done; see `Engine.run`."""
        waiting, started, early = Chunks(work, chunks), 0, 0
        workers: list[_Worker[Task, Outcome]] = []
        try:
            while True:
                while len(workers) < self.workers and (chunk := waiting.take([])) is not None:
                    started += 1
                    workers.append(_Worker(work, self.device, started))
                    workers[-1].give(chunk)
                for worker in workers:
                    while len(worker.held) < AHEAD and (chunk := waiting.take(worker.held)) is not None:
                        worker.give(chunk)
                busy = [worker for worker in workers if worker.held]
                if not busy:
                    return
                for worker in _ready(busy):
                    try:
                        outcomes = worker.receive()
                        early = 0
                    except (EOFError, OSError):
                        workers.remove(worker)
                        early += not worker.started
                        if early >= STARTS * self.workers:
                            raise BrushworkError(f"no worker could start: {worker.death()}") from None
                        outcomes = waiting.give_back(worker.held, worker.death(), started=worker.started)
                    if outcomes:
                        yield outcomes
        finally:
            for worker in workers:
                worker.end()


class _Worker(Generic[Task, Outcome]):
    """A process that does one chunk after another."""

    def __init__(self, work: Work[Task, Outcome], device: str, number: int) -> None:
        configure_openmp()
        self.connection, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(
            target=_serve, args=(theirs, work, device), name=f"brushwork-{number}", daemon=True
        )
        self.process.start()
        theirs.close()
        self.held: list[list[Task]] = []
        self.started = False  # whether it has prepared its work

    def give(self, chunk: list[Task]) -> None:
        self.held.append(chunk)
        with suppress(OSError):  # a dead worker is noticed when its outcomes are received
            self.connection.send(chunk)

    def receive(self) -> list[Outcome]:
        """Return the outcomes of its first chunk, or none if it has just started.

        Raises:
            EOFError, OSError: It died.
        """
        outcomes = self.connection.recv()
        if isinstance(outcomes, BaseException):
            raise outcomes
        if self.started:
            self.held.pop(0)
        self.started = True
        return list(outcomes)

    def death(self) -> str:
        """Return how the process ended."""
        self.process.join()
        code = self.process.exitcode or 0
        if code == -signal.SIGKILL:
            return "its worker process was killed, perhaps because memory ran out"
        return f"its worker process ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}"

    def end(self) -> None:
        """Kill the process; outputs are replaced whole, so nothing is left half written."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _ready(workers: list[_Worker[Task, Outcome]]) -> list[_Worker[Task, Outcome]]:
    """Wait until some workers have outcomes or have died, and return them."""
    found = connection.wait([worker.connection for worker in workers])
    return [worker for worker in workers if worker.connection in found]


def _serve(channel: Any, work: Work[Any, Any], device: str) -> None:
    """Do chunks until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    try:
        do: Callable[[list[Any]], list[Any]] = work.start(device)
        channel.send([])
    except BrushworkError as error:
        channel.send(error)
        sys.exit(0)
    with suppress(EOFError, OSError):
        while True:
            channel.send(do(channel.recv()))
