"""A studio with low limits, whoever asks it, and who hears its webhooks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from studios import cancel_all, launch

from brushwork.studio.client import Studio

JOBS = 4
LIMITS = ("--jobs", JOBS, "--body-kb", 16, "--upload-mb", 1, "--megapixels", 0.05, "--requests", 100_000)


@dataclass
class Receiver:
    """What an address that hears webhooks has heard, and what it answers, one after the other."""

    url: str = ""
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def place(self) -> str:
        return self.url.removeprefix("http://").partition("/")[0]


@pytest.fixture(scope="session")
def listening() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = receiver.answers.pop(0) if receiver.answers else 204
            self.send_response(status)
            if status == 307:
                self.send_header("location", f"{receiver.url}/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def receiver(listening: Receiver) -> Receiver:
    listening.heard.clear()
    listening.answers.clear()
    return listening


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, listening: Receiver) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("studio") / "folder"
    running = launch(folder, "--api-only", "--webhook-allow", listening.place, *map(str, LIMITS))
    yield running
    running.stop()


@pytest.fixture
def http(running: Any) -> Iterator[httpx.Client]:
    with running.http() as client:
        client.base_url = f"{running.url}/api/v1/"
        yield client


@pytest.fixture
def studio(running: Any) -> Iterator[Studio]:
    with Studio(running.url) as client:
        yield client
        cancel_all(client)


@pytest.fixture(scope="session")
def photo(running: Any, samples: Path) -> str:
    with Studio(running.url) as client:
        return client.send(samples / "photo.png")


@pytest.fixture
def done(studio: Studio, photo: str) -> Callable[..., str]:
    """A job that is done; its ID."""

    def done(**ask: Any) -> str:
        wanted = {"photo": photo, "style": "great-wave", "preset": "draft", "size": 64, **ask}
        return studio.wait(studio.submit("picture", **wanted)["id"])["id"]

    return done
