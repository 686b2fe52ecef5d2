"""A server that is killed at any moment: what it had accepted is there at the next start, once, and is finished."""

from __future__ import annotations

import io
import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from studios import Running, all_done

from brushwork.studio.client import Studio

Serve = Callable[..., Running]
Until = Callable[..., Any]
API = "/api/v1"
FLAGS = ("--workers", "1", "--devices", "cpu", "--jobs", "500", "--queue", "500", "--requests", "100000")
ASK = {"kind": "picture", "style": "great-wave", "method": "gatys", "size": 48}
SETTINGS = {"steps": 30, "tolerance": 0, "precision": "float32"}


def photo(seed: int) -> bytes:
    """A photo that no other is like, of more than a block, so that a kill falls into it."""
    pixels = np.random.default_rng(seed).integers(0, 256, (120, 160, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


class Sender(threading.Thread):
    """Sends photos and jobs until the server is gone, and notes what was accepted, and what it can't know."""

    def __init__(self, url: str, first: int, shared: str) -> None:
        super().__init__(daemon=True)
        self.url, self.number, self.shared = url, first, shared
        self.uploads: dict[str, bytes] = {}
        self.jobs: dict[str, str] = {}  # ID → key
        self.open: dict[str, Any] | None = None  # a submission without an answer

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=60) as client:
            try:
                while True:
                    self._send(client)
            except httpx.HTTPError:
                return

    def _send(self, client: httpx.Client) -> None:
        content = photo(self.number)
        answer = client.post(f"{API}/uploads", files={"file": (f"{self.number}.png", content)})
        if answer.is_success:
            self.uploads[answer.json()["id"]] = content
        self.number += 1
        if self.number % 10 == 1:
            key = str(uuid.uuid4())
            self.open = {
                "headers": {"idempotency-key": key},
                "json": {**ASK, "photo": self.shared, "settings": SETTINGS},
            }
            answer = client.post(f"{API}/jobs", **self.open)
            if answer.is_success:
                self.jobs[answer.json()["id"]] = key
            self.open = None
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="kills by signal")
@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_whenever_the_server_is_killed_nothing_that_it_accepted_is_lost(
    kills: int, serve: Serve, samples: Path, until: Until, tmp_path: Path
) -> None:
    running, draw = serve(*FLAGS), random.Random(0)
    folder, uploads, jobs = running.folder, dict[str, bytes](), dict[str, str]()
    with Studio(running.url) as studio:
        shared = studio.send(samples / "photo.png")
    for number in range(kills):
        sender = Sender(running.url, 1000 * number, shared)
        sender.start()
        time.sleep(draw.uniform(0, 3))
        running.process.kill()
        running.process.wait()
        sender.join()
        running = serve(*FLAGS, folder=folder)
        uploads |= sender.uploads
        jobs |= sender.jobs
        with Studio(running.url) as studio:
            assert set(uploads) <= {upload["id"] for upload in studio.uploads()}
            assert set(jobs) <= {job["id"] for job in studio.jobs()}
        if sender.open is not None:  # nobody knows whether it was accepted: sent again, it is there once
            with running.http() as client:
                answers = [client.post(f"{API}/jobs", **sender.open).json()["id"] for _ in range(2)]
            assert answers[0] == answers[1]
            jobs[answers[0]] = sender.open["headers"]["idempotency-key"]
    with Studio(running.url) as studio:
        until(lambda: all_done(studio), 1200)
        assert {job["id"] for job in studio.jobs()} == set(jobs)
        for job in jobs:
            studio.fetch(job, tmp_path / f"{job}.png")
    assert jobs
    assert len({(tmp_path / f"{job}.png").read_bytes() for job in jobs}) == 1
    kept = {path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 1 << 20}
    assert set(uploads.values()) <= kept
    assert not [path for path in folder.rglob("*") if path.name.startswith((".sent-", ".part"))]
    running.stop(signal.SIGINT)
