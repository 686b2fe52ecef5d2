"""Whose turn it is with the quick worker, whose process is none here."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from brushwork import openmp
from brushwork.studio import workers
from brushwork.studio.faults import BusyError
from brushwork.studio.workers import QuickWorker

Until = Callable[..., Any]


class Answered:
    """What the worker was asked, in its order; each answer takes a while, the first one until it is let go."""

    def __init__(self, worker: QuickWorker, seconds: float) -> None:
        self.order, self.seconds, self.go = list[str](), seconds, threading.Event()
        worker._answered = self.answer  # type: ignore[method-assign]

    def answer(self, function: str, arguments: dict[str, Any]) -> str:
        self.order.append(function)
        self.go.wait(20)
        time.sleep(self.seconds)
        return function


def test_previews_go_first_then_checks_then_what_can_wait(until: Until) -> None:
    worker = QuickWorker(10)
    answered = Answered(worker, 0)
    asked = ("thumbnail", "swatch", "check", "preview", "convert", "preview")
    with ThreadPoolExecutor(len(asked)) as pool:
        for number, function in enumerate(asked, 1):
            pool.submit(worker.call, function)
            until(lambda number=number: worker.waiting == number)
            time.sleep(0.02)
        answered.go.set()
    assert answered.order == ["thumbnail", "preview", "preview", "check", "swatch", "convert"]


def test_nobody_waits_forever_because_of_others_previews() -> None:
    worker = QuickWorker(10)
    answered = Answered(worker, 0.02)
    answered.go.set()
    ending = threading.Event()

    def person() -> None:
        while not ending.is_set():
            worker.call("preview")

    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            pool.submit(person)
        time.sleep(0.1)
        began = time.monotonic()
        pool.submit(worker.call, "check").result(20)
        seconds = time.monotonic() - began
        ending.set()
    assert 0.5 < seconds < 5
    assert answered.order.count("preview") > 10


def test_more_than_may_wait_are_refused_at_once(until: Until) -> None:
    worker = QuickWorker(2)
    answered = Answered(worker, 0)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(worker.call, "check") for _ in range(2)]
        until(lambda: worker.waiting == 2)
        with pytest.raises(BusyError, match="try again in a moment"):
            worker.call("preview")
        answered.go.set()
        assert [one.result(20) for one in waiting] == ["check", "check"]
    assert worker.call("preview") == "preview"


def test_a_worker_that_is_closed_starts_no_more() -> None:
    worker = QuickWorker(2)
    worker.close()
    with pytest.raises(BusyError, match="shutting down"):
        worker.call("ready")
    assert worker.pid is None


@pytest.mark.parametrize(("worker", "work"), [(workers._quick, workers.quick_work), (workers._jobs, workers.job_work)])
def test_threads_of_both_processes_sleep_while_they_wait(worker: Any, work: Any, monkeypatch: Any) -> None:
    for name in openmp.WAITING:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    seen: list[str | None] = []
    monkeypatch.setattr(work, "serve", lambda *_: seen.append(os.environ.get("OMP_WAIT_POLICY")))
    monkeypatch.setattr(workers, "log_to_stderr", lambda: None)
    worker(None)
    assert seen == ["PASSIVE"]
