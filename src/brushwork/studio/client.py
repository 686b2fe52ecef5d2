"""A client for the studio's HTTP API.

>>> with Studio("http://127.0.0.1:7860") as studio:  # doctest: +SKIP
...     studio.stylize("boat.jpg", "great-wave", "painted.png")
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

from brushwork.errors import BrushworkError
from brushwork.runtime.atomic_files import replacing
from brushwork.studio.errors import BusyError

__all__ = ["Studio"]

Answer = TypeVar("Answer")
TRIES = 60  # attempts while the studio is busy


class Studio:
    """A studio, on this machine or another.

    Args:
        url: Its address.
        name: User name, if the studio requires a login.
        password: Password of this user.
        timeout: Seconds to wait for a response.

    Raises:
        BrushworkError: The studio refused a request; the message is the studio's.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:7860", name: str = "", password: str = "", timeout: float = 120
    ) -> None:
        self._http = httpx.Client(base_url=f"{url.rstrip('/')}/api", timeout=timeout)
        if name:
            token = self._json("POST", "/sessions", json={"name": name, "password": password})["token"]
            self._http.headers["authorization"] = f"Bearer {token}"

    def __enter__(self) -> Studio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def stylize(self, photo: str | Path, style: str | Path, output: str | Path, **wishes: Any) -> dict[str, Any]:
        """Stylize a photo and write the result.

        Args:
            photo: Path of the photo.
            style: Name of a library style, or path of a painting.
            output: Path ending in .png, .jpg or .tif.
            wishes: preset or method, settings, size, keep_color, keep_color_when, depth.

        Returns:
            The job's facts.
        """
        chosen = f"@{self.send(style)}" if Path(style).is_file() else str(style)
        job = self.submit("picture", photo=self.send(photo), style=chosen, **wishes)
        done = self.wait(job["id"])
        self.fetch(done["id"], output)
        return done

    def send(self, path: str | Path) -> str:
        """Upload a file, retrying while the studio is busy; returns its ID."""

        def sent() -> str:
            with Path(path).open("rb") as file:
                return str(self._json("POST", "/uploads", files={"file": (Path(path).name, file)})["id"])

        return _patiently(sent)

    def submit(self, kind: str, **ask: Any) -> dict[str, Any]:
        """Submit a job, retrying while the studio is busy; returns its facts."""
        return _patiently(lambda: dict(self._json("POST", "/jobs", json={"kind": kind, **ask})))

    def events(self, job: str) -> Iterator[dict[str, Any]]:
        """Yield a job's facts whenever they change, until it ends, pauses or is interrupted."""
        with self._http.stream("GET", f"/jobs/{job}/events", timeout=None) as answer:
            if answer.is_error:
                answer.read()
                _raise(answer)
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def wait(self, job: str, progress: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
        """Wait until a job is done; returns its facts.

        Raises:
            BrushworkError: It failed, or was canceled, paused or interrupted.
        """
        last: dict[str, Any] = {}
        for last in self.events(job):
            if progress is not None:
                progress(last)
        if last.get("status") not in ("done", "stopped"):
            raise BrushworkError(f"job {job} is {last.get('status', 'gone')}: {last.get('message', '')}".rstrip(": "))
        return last

    def fetch(self, job: str, output: str | Path) -> None:
        """Download a job's result, in the format of the output's suffix."""
        path = Path(output)
        form = {".jpg": "jpeg", ".jpeg": "jpeg", ".tif": "tiff", ".tiff": "tiff"}.get(path.suffix.lower())
        with self._http.stream("GET", f"/jobs/{job}/result", params={"format": form} if form else {}) as answer:
            if answer.is_error:
                answer.read()
                _raise(answer)
            with replacing(path) as file:
                for block in answer.iter_bytes():
                    file.write(block)

    def preview(self, photo: str, style: str, **wishes: Any) -> bytes:
        """A preview of an uploaded photo at screen size, as JPEG; retries while the studio is busy."""
        wanted = {"photo": photo, "style": style, **wishes}
        return _patiently(lambda: self._asked("POST", "/previews", json=wanted).content)

    def job(self, job: str, action: str = "") -> dict[str, Any]:
        """A job's facts, optionally after an action: "pause", "resume" or "cancel"."""
        return dict(self._json("POST", f"/jobs/{job}/{action}") if action else self._json("GET", f"/jobs/{job}"))

    def jobs(self) -> list[dict[str, Any]]:
        """All of your jobs, newest first."""
        return list(self._json("GET", "/jobs"))

    def styles(self) -> list[dict[str, Any]]:
        """The styles of the library."""
        return list(self._json("GET", "/styles"))

    def _json(self, method: str, path: str, **given: Any) -> Any:
        return self._asked(method, path, **given).json()

    def _asked(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **given)
        except httpx.HTTPError as error:
            raise BrushworkError(f"the studio can't be reached: {error}") from error
        if answer.is_error:
            _raise(answer)
        return answer


def _patiently(ask: Callable[[], Answer]) -> Answer:
    """Return the response to a request, retrying while the studio is busy."""
    for _ in range(TRIES):
        try:
            return ask()
        except BusyError as busy:
            time.sleep(busy.seconds)
    raise BrushworkError("the studio stays busy; try again later")


def _raise(answer: httpx.Response) -> None:
    try:
        message = answer.json()["error"]
    except (ValueError, KeyError):
        message = f"the studio answered {answer.status_code}"
    if answer.status_code in (429, 503):
        raise BusyError(message, int(answer.headers.get("retry-after", 2)))
    raise BrushworkError(message)
