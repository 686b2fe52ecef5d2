"""What an engine promises: it calls a work's function for chunks of tasks in many processes, and survives their death.

Tasks and outcomes cross process borders, so they hold names of files rather than pixels.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, Protocol, TypeVar

__all__ = ["ATTEMPTS", "STARTS", "Chunks", "Engine", "Outcome", "Task", "Work"]

STARTS = 3  # times that each worker may die one after another before it is ready
ATTEMPTS = 2  # workers that may die of a task, holding nothing else, before it counts as failed

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
    """Chunks that wait for a worker: new ones, and single tasks of workers that died.

    Which task a worker died of can't be told: it may have finished the first and died in the next before its answer
    was sent. So all that it held is suspected, and done again by workers that hold nothing else.

    Args:
        work: What is done with them.
        new: The chunks, taken one by one.
    """

    def __init__(self, work: Work[Task, Outcome], new: Iterator[list[Task]]) -> None:
        self._work, self._new = work, new
        self._peeked: list[list[Task]] = []
        self._suspects: deque[Task] = deque()
        self._suspected: set[Task] = set()
        self._deaths: Counter[Task] = Counter()  # of workers that held nothing else

    def take(self, held: list[list[Task]]) -> list[Task] | None:
        """Return the next chunk for a worker that holds these; None if there is none for it at the moment."""
        if held and held[-1][0] in self._suspected:
            return None
        if self._suspects and not held:
            return [self._suspects.popleft()]
        return self._peeked.pop() if self._peeked else next(self._new, None)

    def more(self) -> bool:
        """Return whether chunks are left."""
        if not self._peeked and (chunk := next(self._new, None)) is not None:
            self._peeked.append(chunk)
        return bool(self._peeked or self._suspects)

    def give_back(self, held: list[list[Task]], why: str, *, started: bool = True) -> list[Outcome]:
        """Take back the chunks of a worker that died, and return the outcomes of tasks that are given up.

        Args:
            held: Its chunks.
            why: How it died.
            started: Whether it had begun to work; if not, no task is to blame.
        """
        tasks = [task for chunk in held for task in chunk]
        if started and len(tasks) == 1:
            self._deaths[tasks[0]] += 1
            if self._deaths[tasks[0]] == ATTEMPTS:
                return [self._work.lost(tasks[0], why)]
        self._suspects.extend(tasks)
        self._suspected.update(tasks)
        return []
