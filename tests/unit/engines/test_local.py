from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from brushwork.engines.base import Chunks
from brushwork.engines.local import LocalEngine
from brushwork.errors import BrushworkError


@dataclass(frozen=True)
class Doubling:
    """Doubles numbers; dies at 13, and once at 7."""

    folder: str
    unable: bool = False
    early: int = 0  # workers that die while they start

    def start(self, device: str) -> Callable[[list[int]], list[str]]:
        dead = len(list(Path(self.folder).glob("early-*")))
        if dead < self.early:
            Path(self.folder, f"early-{dead}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.unable:
            raise BrushworkError("no weights here")
        return lambda chunk: [self.double(number) for number in chunk]

    def double(self, number: int) -> str:
        once = Path(self.folder, "died")
        if number == 13 or (number == 7 and not once.exists()):
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return f"{2 * number} by {os.getpid()}"

    def lost(self, task: int, why: str) -> str:
        return f"{task} lost: {why}"


def numbers(outcomes: list[list[str]]) -> list[int]:
    return sorted(int(words.split()[0]) for words in itertools.chain(*outcomes))


def test_all_are_done_by_all_workers(tmp_path: Path) -> None:
    chunks = ([k, k + 1] for k in range(0, 40, 2))
    outcomes = list(LocalEngine(2).run(Doubling(str(tmp_path)), (chunk for chunk in chunks if not {7, 13} & {*chunk})))
    assert numbers(outcomes) == [2 * k for k in range(40) if k // 2 not in (3, 6)]
    assert len({words.split()[-1] for words in itertools.chain(*outcomes)}) <= 2


def test_a_dead_worker_costs_its_task_only_if_it_dies_again(tmp_path: Path) -> None:
    outcomes = list(itertools.chain(*LocalEngine(2).run(Doubling(str(tmp_path)), iter([[5, 7, 9], [11, 13], [15]]))))
    lost = [words for words in outcomes if "lost" in words]
    assert lost == ["13 lost: its worker process was killed, perhaps because memory ran out"]
    assert numbers([[words for words in outcomes if words not in lost]]) == [10, 14, 18, 22, 30]


def test_chunks_are_taken_when_a_worker_needs_them(tmp_path: Path) -> None:
    taken = []

    def chunks() -> Iterator[list[int]]:
        for number in range(100, 200):
            taken.append(number)
            yield [number]

    running = LocalEngine(1).run(Doubling(str(tmp_path)), chunks())
    for count in range(1, 4):
        next(running)
        assert len(taken) <= count + 2
    running.close()


def test_closing_ends_the_workers(tmp_path: Path) -> None:
    running = LocalEngine(1).run(Doubling(str(tmp_path)), ([k] for k in range(100, 1000)))
    worker = int(next(running)[0].split()[-1])
    running.close()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_work_that_cant_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(BrushworkError, match="no weights here"):
        list(LocalEngine(1).run(Doubling(str(tmp_path), unable=True), iter([[1]])))


def test_workers_that_die_while_they_start_blame_no_task(tmp_path: Path) -> None:
    assert numbers(list(LocalEngine(1).run(Doubling(str(tmp_path), early=2), iter([[1], [2]])))) == [2, 4]
    with pytest.raises(BrushworkError, match="no worker could start: its worker process was killed"):
        list(LocalEngine(1).run(Doubling(str(tmp_path), early=9), iter([[1]])))


def test_what_a_dead_worker_held_is_done_alone() -> None:
    waiting = Chunks(Doubling(""), iter([[1, 2], [3], [4]]))
    held = [chunk for _ in range(2) if (chunk := waiting.take([])) is not None]
    assert waiting.give_back(held, "died") == []
    assert waiting.take([[9]]) == [4]  # a worker that holds something else
    assert waiting.take([]) == [1]
    assert waiting.take([[1]]) is None
    assert waiting.give_back([[1]], "died") == []
    assert [waiting.take([]) for _ in range(3)] == [[2], [3], [1]]
    assert waiting.give_back([[1]], "died") == ["1 lost: died"]
    assert not waiting.more()
