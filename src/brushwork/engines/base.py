"""What an engine promises: it calls a work's function for chunks of tasks in many processes, and survives their death.

Tasks and outcomes cross process borders, so they hold names of files rather than pixels.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, Protocol, TypeVar

__all__ = ["ATTEMPTS", "STARTS", "Chunks", "Engine", "Outcome", "Task", "Work"]

STARTS = 3  # times that each worker may die one after another before it is ready
ATTEMPTS = 2  # workers that a task may take down with it before it counts as failed

Task = TypeVar("Task", bound=Hashable)
Outcome = TypeVar("Outcome")


class Work(Protocol[Task, Outcome]):
    """What workers do; it is pickled and sent to each of them once."""

    def start(self, device: str) -> Callable[[list[Task]], list[Outcome]]:
        """Prepare this process, such as by loading a network, and return the function that does a chunk.

        Args:
            device: "cpu", or "cuda" for a worker that has a GPU.

        Raises:
            BrushworkError: No worker could do this work; it ends the run.
        """
        ...

    def lost(self, task: Task, why: str) -> Outcome:
        """Return the outcome of a task whose workers died."""
        ...


class Engine(Protocol):
    """Runs work in processes."""

    def run(self, work: Work[Task, Outcome], chunks: Iterator[list[Task]]) -> Iterator[list[Outcome]]:
        """Yield the outcomes of chunks as they are done, in any order.

        A chunk is taken only when a worker is about to need it. If a worker dies, its tasks are done again by others;
        one whose workers died `ATTEMPTS` times is `lost`. Closing the iterator ends the workers.

        Raises:
            BrushworkError: The workers can't start, or die before they are ready.
        """
        ...


class Chunks(Generic[Task, Outcome]):
    """Chunks that wait for a worker: those that a dead worker left, and then new ones.

    Args:
        work: What is done with them.
        new: The chunks, taken one by one.
    """

    def __init__(self, work: Work[Task, Outcome], new: Iterator[list[Task]]) -> None:
        self._work, self._new = work, new
        self._again: deque[list[Task]] = deque()
        self._deaths: Counter[Task] = Counter()

    def take(self) -> list[Task] | None:
        """Return the next chunk; None if there is none at the moment."""
        return self._again.popleft() if self._again else next(self._new, None)

    def more(self) -> bool:
        """Return whether `take` would return a chunk."""
        if not self._again and (chunk := next(self._new, None)) is not None:
            self._again.append(chunk)
        return bool(self._again)

    def give_back(self, held: list[list[Task]], why: str) -> list[Outcome]:
        """Take back the chunks of a worker that died, and return the outcomes of tasks that are given up.

        Args:
            held: Its chunks in order; it died in the first, whose tasks are tried again one by one. An empty first one
                blames none.
            why: How it died.
        """
        given_up = []
        for task in held[0] if held else ():
            self._deaths[task] += 1
            if len(held[0]) > 1 or self._deaths[task] < ATTEMPTS:  # another task of the chunk may be to blame
                self._again.append([task])
            else:
                given_up.append(self._work.lost(task, why))
        self._again.extend(held[1:])
        return given_up
