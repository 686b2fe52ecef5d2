"""Studios in processes of their own, and pictures as they answer with them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from brushwork.studio.client import RefusedError, Studio
from brushwork.studio.users import Users

PATIENCE = 300.0  # seconds that a test waits for what must come, however busy the machine is
PASSWORDS = {"ada": "correct horse", "bob": "battery staple", "eve": "tr0ub4dor&3"}


@dataclass
class Running:
    """A studio as its users and its administrator see it."""

    process: subprocess.Popen[bytes]
    url: str
    folder: Path
    log: Path

    def http(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=PATIENCE, **options)

    @contextmanager
    def logged_in(self, name: str, **options: Any) -> Iterator[httpx.Client]:
        with self.http(**options) as client:
            answer = client.post("/api/sessions", json={"name": name, "password": PASSWORDS[name]})
            assert answer.status_code == 201, answer.text
            client.headers["authorization"] = f"Bearer {answer.json()['token']}"
            yield client

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def stop(self, how: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def until(found: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What a function gives, as soon as it is something."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"waited {seconds} seconds in vain"
        time.sleep(0.05)
    return value


def started(running: Running) -> list[dict[str, Any]]:
    return [event for event in running.events() if event["event"] == "the studio is there"]


def launch(folder: Path, *flags: str, users: tuple[str, ...] = ()) -> Running:
    folder.mkdir(parents=True, exist_ok=True)
    for name in users:
        Users(folder / "users.json").add(name, PASSWORDS[name])
    log = folder.with_name(f"{folder.name}-{time.monotonic_ns()}.log")
    command = [sys.executable, "-m", "brushwork", "studio", "--no-browser", "--port", "0", "--folder", str(folder)]
    environment = {**os.environ, "BRUSHWORK_HOME": str(folder.with_name("home")), "OMP_NUM_THREADS": "1"}
    environment.pop("BRUSHWORK_WEIGHTS", None)
    with log.open("wb") as file:
        process = subprocess.Popen([*command, *flags], stdout=file, stderr=file, env=environment)
    running = Running(process, "", folder, log)
    try:
        until(lambda: process.poll() is not None or started(running))
        running.url = started(running)[0]["url"]
        with running.http() as client:
            until(lambda: client.get("/ready").status_code == 200)
    except BaseException:
        process.kill()
        process.wait()
        print(log.read_text())
        raise
    return running


def picture(content: bytes | Path) -> np.ndarray[Any, Any]:
    """A file's pixels, (H, W, 3) from 0 to 255."""
    with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content) as opened:
        return np.asarray(opened.convert("RGB")).astype(float)


def all_done(client: Studio) -> bool:
    """Whether all jobs are done; those that were interrupted are resumed."""
    for job in client.jobs():
        if job["status"] == "interrupted":
            client.job(job["id"], "resume")
    return all(job["status"] == "done" for job in client.jobs())


def cancel_all(client: Studio) -> None:
    """Cancel the jobs that are left; one that ends meanwhile is refused."""
    for job in client.jobs():
        if job["status"] in ("waiting", "running", "paused", "interrupted"):
            with suppress(RefusedError):
                client.job(job["id"], "cancel")
