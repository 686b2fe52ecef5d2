"""Processes that are killed: what goes on, what is told, and that nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from studios import PATIENCE, cancel_all

from brushwork.errors import BrushworkError
from brushwork.studio.client import Studio
from brushwork.studio.files import StudioFiles

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes by Linux's /proc")

Serve = Callable[..., Any]
Until = Callable[..., Any]
SLOW: dict[str, Any] = {"kind": "picture", "style": "great-wave", "method": "gatys", "size": 64}
ENDLESS = {**SLOW, "settings": {"steps": 1_000_000, "tolerance": 0}}


def workers(server: int) -> list[int]:
    """The processes of a server's workers; that of jobs, which is the nicest one, is the last."""

    def nice(process: str) -> int:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[16])

    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    # Processes are started by the thread that wants them; all threads' children count.
    for task in Path(f"/proc/{server}/task").iterdir():
        children += (task / "children").read_text().split()
    spawned = [
        child for child in dict.fromkeys(children)
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]  # fmt: skip
    return [int(child) for child in sorted(spawned, key=nice)]


def quick_worker(running: Any, name: str) -> int:
    """The process that answers requests as the worker of this name."""
    ready = [event for event in running.events() if event["event"] == "worker ready" and event["worker"] == name]
    return int(ready[-1]["pid"])


def lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" or len(list(Path(f"/proc/{process}/task").iterdir())) > 1
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def running(serve: Serve, until: Until) -> Any:
    running = serve()
    until(lambda: any(event.get("worker") == "brushwork-checks-2" for event in running.events()))
    return running


@pytest.fixture
def studio(running: Any) -> Iterator[Studio]:
    with Studio(running.url) as client:
        yield client
        cancel_all(client)


def step(studio: Studio, job: str) -> int:
    return int(studio.job(job)["progress"].get("step", 0))


def kill_at_work(studio: Studio, job: str, running: Any, until: Until) -> int:
    """Kill the job worker in the middle of a job; the step at which it was."""
    until(lambda: step(studio, job) >= 25)
    os.kill(workers(running.process.pid)[-1], signal.SIGKILL)
    until(lambda: studio.job(job)["status"] != "running")
    return step(studio, job)


def test_a_job_whose_worker_is_killed_is_interrupted_and_goes_on_where_it_was_after_the_next_one(
    studio: Studio, running: Any, samples: Path, until: Until, tmp_path: Path
) -> None:
    settings = {"steps": 60, "tolerance": 0, "precision": "float32"}
    ask = {**SLOW, "photo": studio.send(samples / "photo.png"), "settings": settings}
    job = studio.submit(**ask)["id"]
    following = studio.submit("picture", photo=ask["photo"], style="great-wave", preset="draft", size=64)["id"]
    before = workers(running.process.pid)
    reached = kill_at_work(studio, job, running, until)
    facts = studio.job(job)
    assert facts["status"] == "interrupted"
    assert "you can resume this job" in facts["message"]
    assert reached < 60
    assert studio.wait(following)["status"] == "done"
    after = workers(running.process.pid)
    assert (set(after[:-1]), after[-1] != before[-1]) == (set(before[:-1]), True)
    with pytest.raises(BrushworkError, match="is interrupted"):
        studio.wait(job)
    studio.job(job, "resume")
    told = [facts["progress"]["step"] for facts in studio.events(job) if facts["status"] == "running"]
    assert studio.job(job)["status"] == "done"
    assert studio.job(job)["message"] == ""
    later = [number for number in told if number != reached]
    assert later[0] > 10  # from its checkpoint, not from the beginning
    whole = studio.submit(**ask)["id"]
    studio.wait(whole)
    for identity in (job, whole):
        studio.fetch(identity, tmp_path / f"{identity}.tif")
    first, second = ((tmp_path / f"{identity}.tif").read_bytes() for identity in (job, whole))
    assert first == second


@pytest.mark.parametrize(("wish", "after"), [("cancel", "canceled"), ("pause", "paused")])
def test_a_wish_survives_the_worker_that_it_was_meant_for(
    wish: str, after: str, studio: Studio, running: Any, samples: Path, until: Until
) -> None:
    job = studio.submit(**ENDLESS, photo=studio.send(samples / "photo.png"))["id"]
    until(lambda: step(studio, job) >= 1)
    worker = workers(running.process.pid)[-1]
    os.kill(worker, signal.SIGSTOP)
    studio.job(job, wish)
    os.kill(worker, signal.SIGKILL)
    assert until(lambda: [s for s in [studio.job(job)["status"]] if s != "running"]) == [after]


def test_a_preview_whose_worker_is_killed_is_refused_and_the_next_one_comes(
    studio: Studio, running: Any, samples: Path
) -> None:
    photo = studio.send(samples / "photo.png")
    ask: dict[str, Any] = {"photo": photo, "style": "great-wave", "size": 64}
    ask |= {"settings": {"precision": "float32"}}  # each process may find another one faster
    before = studio.preview(**ask)
    worker = quick_worker(running, "brushwork-previews-1")
    os.kill(worker, signal.SIGSTOP)
    with running.http() as http:
        assert http.get("/health").status_code == 200
        assert studio.send(samples / "wave.jpg")  # files are checked by others
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(studio.preview, **ask)
        time.sleep(0.5)
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(BrushworkError, match="worker process crashed"):
            asked.result(PATIENCE)
    assert studio.preview(**ask) == before
    assert studio.send(samples / "wave.jpg")


def test_who_needs_no_worker_waits_for_none(studio: Studio, running: Any, samples: Path) -> None:
    photo = studio.send(samples / "photo.png")
    checkers = [quick_worker(running, f"brushwork-checks-{number}") for number in (1, 2)]
    with running.http() as http, ThreadPoolExecutor(45) as pool:
        http.get("/health")
        for worker in checkers:
            os.kill(worker, signal.SIGSTOP)
        try:
            waiting = [pool.submit(http.get, f"/api/uploads/{photo}/view.jpg?size={64 + k}") for k in range(45)]
            time.sleep(0.5)
            with running.http() as other:
                assert all(other.get(path).is_success for path in ("/health", "/api/jobs", "/metrics"))
            assert not any(one.done() for one in waiting)
        finally:
            for worker in checkers:
                os.kill(worker, signal.SIGCONT)
        assert all(one.result(PATIENCE).is_success for one in waiting)


def test_a_killed_studio_takes_its_workers_with_it_and_loses_nothing(
    running: Any, serve: Serve, samples: Path, until: Until, tmp_path: Path
) -> None:
    with Studio(running.url) as studio:
        photo = studio.send(samples / "photo.png")
        done = studio.submit("picture", photo=photo, style="great-wave", preset="draft", size=64)["id"]
        studio.wait(done)
        studio.fetch(done, tmp_path / "before.png")
        long = studio.submit(**{**SLOW, "settings": {"steps": 60, "tolerance": 0}}, photo=photo)["id"]
        waiting = [
            studio.submit("picture", photo=photo, style="feminine-wave", preset="draft", size=64)["id"]
            for _ in range(2)
        ]
        paused = studio.submit("picture", photo=photo, style="great-wave", preset="draft", size=64)["id"]
        studio.job(paused, "pause")
        until(lambda: step(studio, long) >= 15)
        processes = workers(running.process.pid)
    assert len(processes) == 4
    running.process.kill()
    running.process.wait()
    until(lambda: not any(map(lives, processes)))
    again = serve(folder=running.folder)
    with Studio(again.url) as studio:
        facts = {job["id"]: job for job in studio.jobs()}
        assert facts[long]["status"] == "interrupted"
        assert "the studio was stopped" in facts[long]["message"]
        assert facts[paused]["status"] == "paused"
        studio.fetch(done, tmp_path / "after.png")
        assert (tmp_path / "after.png").read_bytes() == (tmp_path / "before.png").read_bytes()
        for identity in waiting:
            assert studio.wait(identity)["status"] == "done"
        for identity in (long, paused):
            studio.job(identity, "resume")
            assert studio.wait(identity)["status"] == "done"
        assert studio.preview(photo, "great-wave", size=64)


def test_a_studio_that_is_asked_to_end_does_so_soon_and_its_job_waits_for_the_next_start(
    serve: Serve, samples: Path, until: Until
) -> None:
    running = serve()
    with Studio(running.url) as studio:
        job = studio.submit(**ENDLESS, photo=studio.send(samples / "photo.png"))["id"]
        until(lambda: step(studio, job) >= 1)
        processes = workers(running.process.pid)
    running.stop(signal.SIGTERM)
    until(lambda: not any(map(lives, processes)))
    found = StudioFiles(running.folder).database().job(job)
    assert found is not None
    assert (found.status, found.message, found.ended) == ("waiting", "", None)  # it goes on at the next start
