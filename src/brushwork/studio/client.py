"""A client for API v1 of the studio.

>>> with Studio("http://127.0.0.1:7860") as studio:  # doctest: +SKIP
...     studio.stylize("boat.jpg", "great-wave", "painted.png")
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NoReturn, TypedDict, TypeVar, cast

import httpx

from brushwork.errors import BrushworkError
from brushwork.runtime.atomic_files import replacing
from brushwork.studio.errors import BusyError
from brushwork.studio.v1.signing import verified

__all__ = [
    "FaceFacts",
    "JobFacts",
    "Point",
    "Progress",
    "RefusedError",
    "Studio",
    "StyleFacts",
    "TileFacts",
    "UploadFacts",
    "verified",
]

Answer = TypeVar("Answer")
Kind = Literal["picture", "video", "batch", "grid", "texture"]
Tiled = Literal["uploads", "jobs"]  # whose pictures have tiles; a job's is its result
TRIES = 60  # attempts while the studio is busy
LOST = 3  # attempts of a request that may be sent again, while connections break


class UploadFacts(TypedDict):
    """An uploaded file."""

    id: str
    kind: Literal["picture", "film"]
    name: str
    bytes: int
    made: float
    width: int
    height: int
    frames: int | None
    seconds: float | None


class TileFacts(TypedDict):
    """A picture in tiles: its size, and the side of a tile, in pixels."""

    width: int
    height: int
    side: int


class Point(TypedDict):
    """A place in a picture, as shares of its width and height."""

    x: float
    y: float


class FaceFacts(TypedDict):
    """A face in a picture; its box goes from the brows to the chin."""

    center: Point
    width: float
    height: float
    eyes: list[Point]
    mouth: Point
    probability: float


class Progress(TypedDict, total=False):
    """How far a job is; empty before its first step."""

    share: float
    step: int
    steps: int
    seconds: float
    seconds_left: float
    done: int
    all: int


class JobFacts(TypedDict, total=False):
    """A job and its progress; `request` is not part of events, and `preview` of nothing else."""

    id: str
    kind: Kind
    title: str
    status: Literal["waiting", "running", "paused", "interrupted", "done", "stopped", "failed", "canceled"]
    progress: Progress
    message: str
    made: float
    started: float | None
    ended: float | None
    result: bool
    request: dict[str, Any] | None
    preview: str | None


class StyleFacts(TypedDict):
    """A style of the library."""

    name: str
    title: str
    artist: str
    own: bool
    methods: list[str]


class RefusedError(BrushworkError):
    """The studio refused a request; the message is the studio's.

    Args:
        problem: The problem as the studio described it: type, title, status, detail.
    """

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(str(problem["detail"]))
        self.problem = problem


class Studio:
    """A studio, on this machine or another.

    Args:
        url: Its address.
        name: User name, if the studio requires a login.
        password: Password of this user.
        timeout: Seconds to wait for a response.

    Raises:
        RefusedError, BusyError: The studio refused a request; it stays busy.
        BrushworkError: It can't be reached.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:7860", name: str = "", password: str = "", timeout: float = 120
    ) -> None:
        self._http = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1", timeout=timeout)
        if name:
            token = self._json("POST", "/sessions", json={"name": name, "password": password})["token"]
            self._http.headers["authorization"] = f"Bearer {token}"

    def __enter__(self) -> Studio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def stylize(self, photo: str | Path, style: str | Path, output: str | Path, **wishes: Any) -> JobFacts:
        """Stylize a photo and write the result.

        Args:
            photo: Path of the photo.
            style: Name of a library style, or path of a painting.
            output: Path ending in .png, .jpg or .tif.
            wishes: preset or method, settings, size, keep_color, keep_color_when, depth; without a preset or a
                method, the preset is "good".

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
        headers = _key("")

        def sent() -> str:
            with Path(path).open("rb") as file:
                facts = self._json("POST", "/uploads", files={"file": (Path(path).name, file)}, headers=headers)
                return str(facts["id"])

        return _patiently(sent)

    def submit(self, kind: Kind, *, key: str = "", **ask: Any) -> JobFacts:
        """Submit a job, retrying while the studio is busy.

        Args:
            kind: "picture", "video", "batch", "grid" or "texture".
            key: An Idempotency-Key, if this request may come again from another process; "": one of its own.
            ask: photo, style, preset, webhook and others, see the API's description.

        Returns:
            The job's facts.
        """
        headers = _key(key)
        return _patiently(
            lambda: cast(JobFacts, self._json("POST", "/jobs", json={"kind": kind, **ask}, headers=headers))
        )

    def events(self, job: str) -> Iterator[JobFacts]:
        """Yield a job's facts whenever they change, until it ends, pauses or is interrupted."""
        return (cast(JobFacts, facts) for name, facts in self._stream(job) if name != "picture")

    def pictures(self, job: str) -> Iterator[bytes]:
        """Yield a job's intermediate pictures as JPEG, until it ends, pauses or is interrupted."""
        return (
            base64.b64decode(facts["jpeg"]) for name, facts in self._stream(job, pictures=True) if name == "picture"
        )

    def wait(
        self, job: str, progress: Callable[[JobFacts], None] | None = None,
        picture: Callable[[bytes], None] | None = None,
    ) -> JobFacts:  # fmt: skip
        """Wait until a job is done.

        Args:
            job: Its ID.
            progress: Called with its facts when they change.
            picture: Called with each intermediate picture as JPEG.

        Returns:
            The job's facts.

        Raises:
            BrushworkError: It failed, or was canceled, paused or interrupted.
        """
        last: JobFacts = {}
        for name, facts in self._stream(job, pictures=picture is not None):
            if name != "picture":
                last = cast(JobFacts, facts)
                if progress is not None:
                    progress(last)
            elif picture is not None:
                picture(base64.b64decode(facts["jpeg"]))
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

    def faces(self, upload: str) -> list[FaceFacts]:
        """The faces in an upload, the surest first; retries while the studio is busy."""
        return _patiently(lambda: cast(list[FaceFacts], self._json("GET", f"/uploads/{upload}/faces")))

    def face_mask(self, upload: str) -> bytes:
        """The mask by which an upload's faces are protected, as PNG; corrected and sent, it is a `face_mask`."""
        return _patiently(lambda: self._asked("GET", f"/uploads/{upload}/face-mask").content)

    def tiles(self, identity: str, of: Tiled = "uploads") -> TileFacts:
        """The size of an upload, or of a job's result, and of its tiles; retries while the studio is busy."""
        return _patiently(lambda: cast(TileFacts, self._json("GET", f"/{of}/{identity}/tiles")))

    def tile(self, identity: str, level: int, column: int, row: int, of: Tiled = "uploads") -> bytes:
        """A tile as JPEG; level 0 is the full size, and each next one half as wide and high."""
        return _patiently(lambda: self._asked("GET", f"/{of}/{identity}/tiles/{level}/{column}/{row}").content)

    def job(self, job: str, action: str = "") -> JobFacts:
        """A job's facts, optionally after an action: "pause", "resume" or "cancel"."""
        found = self._json("POST", f"/jobs/{job}/{action}") if action else self._json("GET", f"/jobs/{job}")
        return cast(JobFacts, found)

    def delete(self, job: str) -> None:
        """Delete a job and its result."""
        self._asked("DELETE", f"/jobs/{job}")

    def jobs(self) -> list[JobFacts]:
        """All of your jobs, newest first."""
        return list(self._all("/jobs"))

    def uploads(self) -> list[UploadFacts]:
        """All of your uploads, newest first."""
        return list(self._all("/uploads"))

    def styles(self) -> list[StyleFacts]:
        """The styles of the library, by name."""
        return list(self._all("/styles"))

    def webhook_secret(self) -> str:
        """What signs your webhooks, for `verified`."""
        return str(self._json("GET", "/webhooks")["secret"])

    def _all(self, path: str) -> Iterator[Any]:
        cursor = ""
        while True:
            page = self._json("GET", path, params={"limit": 200, **({"cursor": cursor} if cursor else {})})
            yield from page["items"]
            cursor = page["next"]
            if not cursor:
                return

    def _stream(self, job: str, pictures: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        """Names and contents of a job's events."""
        wanted = {"pictures": "true"} if pictures else {}
        try:
            with self._http.stream("GET", f"/jobs/{job}/events", params=wanted, timeout=None) as answer:
                if answer.is_error:
                    answer.read()
                    _raise(answer)
                name = ""
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        yield name, json.loads(line.removeprefix("data: "))
        except httpx.HTTPError as error:
            raise BrushworkError(f"the studio can't be reached: {error}") from error

    def _json(self, method: str, path: str, **given: Any) -> Any:
        return self._asked(method, path, **given).json()

    def _asked(self, method: str, path: str, **given: Any) -> httpx.Response:
        again = LOST if given.get("headers") and "files" not in given else 1
        for attempt in range(1, again + 1):
            try:
                answer = self._http.request(method, path, **given)
                break
            except httpx.HTTPError as error:
                if attempt == again or isinstance(error, httpx.ConnectError):
                    raise BrushworkError(f"the studio can't be reached: {error}") from error
        if answer.is_error:
            _raise(answer)
        return answer


def _key(key: str) -> dict[str, str]:
    """The header that makes it harmless to send a request again."""
    return {"idempotency-key": key or str(uuid.uuid4())}


def _patiently(ask: Callable[[], Answer]) -> Answer:
    """Return the response to a request, retrying while the studio is busy."""
    for _ in range(TRIES):
        try:
            return ask()
        except BusyError as busy:
            time.sleep(busy.seconds)
    raise BrushworkError("the studio stays busy; try again later")


def _raise(answer: httpx.Response) -> NoReturn:
    try:
        problem = answer.json()
        message = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        message = f"the studio answered {answer.status_code}"
        problem = {"type": "about:blank", "status": answer.status_code, "detail": message}
    if answer.status_code in (429, 503):
        raise BusyError(message, int(answer.headers.get("retry-after", 2)))
    raise RefusedError(problem)
