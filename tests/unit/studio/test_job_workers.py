"""Several job workers side by side: each job is taken once, and whichever of them is killed, nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from studios import all_done

from brushwork.errors import UsageError
from brushwork.studio.client import Studio
from brushwork.studio.files import StudioFiles
from brushwork.studio.job_process import NICE
from brushwork.studio.job_worker import Post, Work
from brushwork.studio.records import Job, Upload
from brushwork.studio.schemas import Picture
from brushwork.studio.service import Service
from brushwork.studio.workers import devices_of

Serve = Callable[..., Any]
Until = Callable[..., Any]
ASK: dict[str, Any] = {"style": "great-wave", "method": "gatys", "size": 48}


@pytest.mark.parametrize(
    ("words", "workers", "devices"),
    [
        ("auto", None, ("auto",)), ("auto", 2, ("auto", "auto")), ("cpu, cuda:0", None, ("cpu", "cuda:0")),
        ("cpu,cuda:1", 3, ("cpu", "cuda:1", "cpu")),
    ],
)  # fmt: skip
def test_workers_take_the_devices_in_turn(words: str, workers: int | None, devices: tuple[str, ...]) -> None:
    assert devices_of(words, workers) == devices


@pytest.mark.parametrize(("words", "workers"), [("gpu", None), ("cuda:x", None), ("", None), ("cpu,cuda:0", 1)])
def test_devices_that_make_no_sense_are_refused(words: str, workers: int | None) -> None:
    with pytest.raises(UsageError, match=r"--devices|--workers"):
        devices_of(words, workers)


def job_workers(running: Any) -> list[int]:
    """Processes of the job workers, which are the nicest."""
    found = dict[int, int]()
    for task in Path(f"/proc/{running.process.pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # one that has just ended
            for child in (task / "children").read_text().split():
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found[int(child)] = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[16])
    return [process for process, nice in found.items() if nice >= NICE]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes by Linux's /proc")
@pytest.mark.parametrize("kills", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_whichever_worker_is_killed_and_whenever_all_jobs_are_done_once_and_alike(
    kills: int, serve: Serve, samples: Path, until: Until, tmp_path: Path
) -> None:
    running, draw = serve("--workers", "2", "--devices", "cpu", "--jobs", "50"), random.Random(0)
    settings = {"steps": 40, "tolerance": 0, "precision": "float32"}
    with Studio(running.url) as studio:
        ask = {**ASK, "photo": studio.send(samples / "photo.png"), "settings": settings}
        jobs = [studio.submit("picture", **ask)["id"] for _ in range(3 + kills // 10)]
        until(lambda: sum(job["status"] == "running" for job in studio.jobs()) == 2)  # side by side
        for _ in range(kills):
            time.sleep(draw.uniform(0, 2))
            os.kill(draw.choice(job_workers(running)), signal.SIGKILL)
            until(lambda: len(job_workers(running)) == 2)
            for job in studio.jobs():
                if job["status"] == "interrupted":
                    studio.job(job["id"], "resume")
        until(lambda: all_done(studio), 1200)
        for job in jobs:
            studio.fetch(job, tmp_path / f"{job}.png")
        assert len({(tmp_path / f"{job}.png").read_bytes() for job in jobs}) == 1
    names = [event["worker"] for event in running.events() if event["event"] == "a job worker died"]
    assert len(names) == kills


def test_a_studio_that_is_asked_to_end_saves_its_jobs_which_go_on_at_the_next_start(
    serve: Serve, samples: Path, until: Until
) -> None:
    running = serve("--workers", "2", "--devices", "cpu", "--stop-seconds", "60")
    settings = {"steps": 300, "tolerance": 0, "precision": "float32"}
    with Studio(running.url) as studio:
        ask = {**ASK, "photo": studio.send(samples / "photo.png"), "settings": settings}
        jobs = [studio.submit("picture", **ask)["id"] for _ in range(2)]
        until(lambda: all(studio.job(job)["progress"].get("step", 0) >= 15 for job in jobs))
    running.stop(signal.SIGTERM)
    database = StudioFiles(running.folder).database()
    stopped = [database.job(job) for job in jobs]
    assert [job and (job.status, job.message) for job in stopped] == [("waiting", "")] * 2
    again = serve("--workers", "2", "--devices", "cpu", folder=running.folder)
    with Studio(again.url) as studio:
        first = [until(lambda job=job: [s for s in [studio.job(job)["progress"]["step"]] if s not in (
            found.progress["step"] for found in stopped if found)])[0] for job in jobs]  # fmt: skip
        assert min(first) > 10  # from their checkpoints
        for job in jobs:
            studio.job(job, "cancel")


def test_a_worker_without_its_device_takes_no_job(serve: Serve, samples: Path, until: Until) -> None:
    running = serve("--devices", "cpu,cuda:63")
    with Studio(running.url) as studio:
        photo = studio.send(samples / "photo.png")
        jobs = [studio.submit("picture", photo=photo, style="great-wave", preset="draft", size=48)["id"] for _ in "ab"]
        assert [studio.wait(job)["status"] for job in jobs] == ["done"] * 2
    until(lambda: any(event["event"] == "a device is missing" for event in running.events()))
    with running.http() as http:
        assert http.get("/ready").json()["ready"]


def test_a_job_is_done_on_its_worker_s_device(
    service: Service, take: Callable[..., Upload], monkeypatch: pytest.MonkeyPatch
) -> None:
    service.submit("ada", Picture(photo=take().id, style="great-wave", size=48))
    job: Job | None = service.database.claim("jobs-2", "cuda:63", ("cpu", "cuda:63"))
    assert job is not None
    Work(job, service.files, service.database, service.limits, post=Post("jobs-2", "cuda:63")).run()
    done = service.job("ada", job.id)
    assert (done.status, done.worker, done.device) == ("failed", "jobs-2", "cuda:63")
    assert "cuda" in done.message
