"""Processes that are late or die: their requests are told so, and the next ones are answered."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from studios import PATIENCE

from brushwork.errors import UsageError
from brushwork.runtime import openmp
from brushwork.studio import workers
from brushwork.studio.errors import DeadlineError, StudioError, UnavailableError
from brushwork.studio.job_worker import Post
from brushwork.studio.workers import QuickWorkers

Until = Callable[..., Any]


@contextmanager
def started(until: Until) -> Iterator[QuickWorkers]:
    """One process, which loads nothing beforehand."""
    quick = QuickWorkers("checks", int, processes=1, most=2, patience=PATIENCE)
    quick.start()
    until(lambda: quick.ready)
    yield quick
    quick.close()


@pytest.fixture(scope="module")
def quick(until: Until) -> Iterator[QuickWorkers]:
    """One process for all tests; each test ends with one that answers."""
    with started(until) as quick:
        yield quick


@pytest.fixture
def ask(quick: QuickWorkers, tmp_path: Path) -> Callable[[], tuple[int, int]]:
    """A small request: the size of a picture of 8 × 6 pixels."""
    Image.new("RGB", (8, 6)).save(tmp_path / "small.png")

    def asking() -> tuple[int, int]:
        facts = quick.call("check", user="ada", path=str(tmp_path / "small.png"), megapixels=1, seconds=1)
        return facts["width"], facts["height"]

    return asking


def process(quick: QuickWorkers) -> int:
    found = quick._processes[0]._process
    assert found is not None
    assert found.pid is not None
    return found.pid


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_request_over_its_deadline_is_told_so_and_the_next_one_is_answered(
    quick: QuickWorkers, ask: Callable[[], tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    late = process(quick)
    os.kill(late, signal.SIGSTOP)
    with monkeypatch.context() as patched:
        patched.setitem(workers.DEADLINES, "check", 0.3)
        with pytest.raises(DeadlineError, match="took too long and was stopped") as caught:
            ask()
    assert (caught.value.status, caught.value.seconds > 0) == (504, True)
    assert ask() == (8, 6)
    assert process(quick) != late


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_a_request_whose_process_dies_is_told_so_and_the_next_one_is_answered(
    quick: QuickWorkers, ask: Callable[[], tuple[int, int]]
) -> None:
    os.kill(process(quick), signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        time.sleep(0.2)
        os.kill(process(quick), signal.SIGKILL)
        with pytest.raises(StudioError, match="worker process crashed"):
            asked.result(PATIENCE)
    assert ask() == (8, 6)


def test_a_process_that_died_while_nobody_asked_is_started_again(
    quick: QuickWorkers, ask: Callable[[], tuple[int, int]]
) -> None:
    died = quick._processes[0]._process
    assert died is not None
    died.kill()
    died.join()
    assert ask() == (8, 6)


def test_what_a_function_refuses_is_said_and_the_process_stays(
    quick: QuickWorkers, ask: Callable[[], tuple[int, int]], tmp_path: Path
) -> None:
    before = process(quick)
    Image.new("1", (5000, 5000)).save(tmp_path / "large.png")
    with pytest.raises(UsageError, match="5000 x 5000 pixels are more than"):
        quick.call("check", user="ada", path=str(tmp_path / "large.png"), megapixels=1, seconds=1)
    assert ask() == (8, 6)
    assert process(quick) == before


def test_workers_that_are_closed_answer_no_more(until: Until) -> None:
    with started(until) as quick:
        quick.close()
        with pytest.raises(UnavailableError, match="shutting down"):
            quick.call("check", user="ada", path="small.png", megapixels=1, seconds=1)


@pytest.mark.parametrize(
    ("worker", "work", "arguments"),
    [
        (workers._quick, workers.quick_worker, (None, int)),
        (workers._jobs, workers.job_process, (None, None, Post(), None)),
    ],
)
def test_threads_of_all_processes_sleep_while_they_wait(
    worker: Any, work: Any, arguments: tuple[Any, ...], monkeypatch: Any
) -> None:
    for name in openmp.WAITING:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    seen: list[str | None] = []
    monkeypatch.setattr(work, "serve", lambda *_: seen.append(os.environ.get("OMP_WAIT_POLICY")))
    monkeypatch.setattr(workers, "log_to_stderr", lambda: None)
    worker(*arguments)
    assert seen == ["PASSIVE"]
