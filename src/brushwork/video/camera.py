"""A painted camera in the browser: a small server on this machine, with the newest frame as JPEG after JPEG."""

from __future__ import annotations

import io
import json
import secrets
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from brushwork.errors import BrushworkError, UsageError
from brushwork.video.camera_page import PAGE

__all__ = ["CameraServer", "Controls", "Newest"]

QUALITY = 85
LONGEST = 10_000  # bytes of a request
BOUNDARY = "brushwork-frame"
WAIT = 5.0  # seconds until somebody who waits for a frame looks whether the camera has ended


class Newest:
    """The newest frame as JPEG; who is slow misses some."""

    def __init__(self) -> None:
        self._changed, self._number, self._jpeg, self.ended = threading.Condition(), 0, b"", False

    def show(self, pixels: Tensor) -> None:
        """Show pixels (1, 3, H, W) in [0, 1]."""
        samples = (pixels[0].permute(1, 2, 0) * 255).round().clamp(0, 255).numpy().astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(samples)).save(file, "JPEG", quality=QUALITY)
        with self._changed:
            self._number, self._jpeg = self._number + 1, file.getvalue()
            self._changed.notify_all()

    def end(self) -> None:
        """Wake all who wait: there are no more frames."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def after(self, number: int) -> tuple[int, bytes]:
        """Return the number and JPEG of a frame after this one; the last one once there are no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > number or self.ended, WAIT)
            return self._number, self._jpeg


class Controls:
    """What the page can change.

    Args:
        styles: Names to choose from.
        style: The present one.
        strength: From 0 to 1.
        change: Receives a new style's name and strength.
        report: Returns words about the frames so far.
    """

    def __init__(
        self, styles: Sequence[str], style: str, strength: float, change: Callable[[str, float], None],
        report: Callable[[], str],
    ) -> None:  # fmt: skip
        self.styles, self.style, self.strength = styles, style, strength
        self._change, self._report = change, report

    def state(self) -> dict[str, Any]:
        """Return what the page shows."""
        return {
            "styles": list(self.styles), "style": self.style, "strength": self.strength, "report": self._report(),
        }  # fmt: skip

    def set(self, wanted: Any) -> None:
        """Change the look.

        Raises:
            UsageError: An unknown style, or a strength outside [0, 1].
        """
        wanted = wanted if isinstance(wanted, dict) else {}
        style, strength = wanted.get("style", self.style), wanted.get("strength", self.strength)
        if style not in self.styles:
            raise UsageError(f"style {style!r} is not in the list")
        if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength <= 1:
            raise UsageError(f"strength: expected a number from 0 to 1, got {strength!r}")
        self._change(style, float(strength))
        self.style, self.strength = style, float(strength)


class CameraServer(ThreadingHTTPServer):
    """Serves the page to this machine, at an address that others can't guess.

    Args:
        newest: The frames.
        controls: What the page can change.
        port: 0 for a free one.
    """

    daemon_threads = True

    def __init__(self, newest: Newest, controls: Controls, port: int = 0) -> None:
        self.newest, self.controls, self.key = newest, controls, secrets.token_urlsafe(16)
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise UsageError(f"port {port} is taken ({error.strerror}); choose another with --port") from error

    @property
    def address(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.server_address[1]}/{self.key}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of browsers that have gone."""


class _Handler(BaseHTTPRequestHandler):
    server: CameraServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: object) -> None:
        """Say nothing."""

    def _part(self) -> str | None:
        """Return the path after the key; None for a stranger, or for a page of another site that knows our port."""
        host = self.headers.get("Host", "").rpartition(":")[0]
        _, key, *rest = [*self.path.split("/", 2), ""]
        known = host in ("127.0.0.1", "localhost") and secrets.compare_digest(key.encode(), self.server.key.encode())
        return rest[0] if known else None

    def do_GET(self) -> None:
        """Answer with the page, the stream, a picture, or the state of the controls."""
        part = self._part()
        if part == "":
            self._send(PAGE.encode(), "text/html; charset=utf-8")
        elif part == "look":
            self._send(json.dumps(self.server.controls.state()).encode(), "application/json")
        elif part == "picture":
            self._send(self.server.newest.after(0)[1], "image/jpeg")
        elif part == "stream":
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Change the look."""
        if self._part() != "look" or self.headers.get("Content-Type") != "application/json":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            self.server.controls.set(json.loads(self.rfile.read(int(length))))
        except (BrushworkError, ValueError) as error:
            self._send(json.dumps({"error": str(error)}).encode(), "application/json", HTTPStatus.BAD_REQUEST)
            return
        self._send(json.dumps(self.server.controls.state()).encode(), "application/json")

    def _send(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def _stream(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        seen = 0
        while True:
            number, jpeg = self.server.newest.after(seen)
            if number > seen:
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                seen = number
            elif self.server.newest.ended:
                return
