"""Small weights files in every layout, a store of their own for each test, and a server that can break off."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from torch import Tensor
from weights_samples import Server, random_tensors


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("BRUSHWORK_WEIGHTS", raising=False)
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def named() -> dict[str, Tensor]:
    """The first four layers, two stages, which VGG-16 and VGG-19 share."""
    return random_tensors("vgg19", 4)


@pytest.fixture
def server() -> Iterator[Server]:
    plan = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            plan.ranges.append(wanted)
            start = int(re.findall(r"\d+", wanted)[0]) if wanted and not plan.ignore_range else 0
            if plan.status != 200 or (start and start >= len(plan.body)):
                self.send_response(plan.status if plan.status != 200 else 416)
                self.send_header("Content-Range", f"bytes */{len(plan.body)}")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(plan.body) - 1}/{len(plan.body)}")
            self.send_header("Content-Length", str(len(plan.body) - start))
            self.end_headers()
            count = plan.break_after.pop(0) if plan.break_after else len(plan.body)
            self.wfile.write(plan.body[start : start + count])

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    plan.url = f"http://127.0.0.1:{http.server_port}/weights.pth"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield plan
    http.shutdown()
    http.server_close()
    thread.join()
