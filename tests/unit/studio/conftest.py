"""Studios to test, and small pictures and films to send them."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from PIL import Image
from skimage import data
from studios import Running, launch, until

from brushwork.errors import BrushworkError, UsageError
from brushwork.studio import job_worker
from brushwork.studio.files import StudioFiles
from brushwork.studio.job_worker import Work
from brushwork.studio.limits import Limits
from brushwork.studio.quick_worker import FUNCTIONS
from brushwork.studio.records import Job, Upload
from brushwork.studio.service import Service


@pytest.fixture(scope="session", name="until")
def until_fixture() -> Callable[..., Any]:
    return until


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Running]]:
    """Start a studio, in a folder of its own or a given one, with these flags and users; it ends with the module."""
    started = list[Running]()

    def start(*flags: str, users: tuple[str, ...] = (), folder: Path | None = None) -> Running:
        started.append(
            launch(folder or tmp_path_factory.mktemp("studio") / "folder", "--api-only", *flags, users=users)
        )
        return started[-1]

    yield start
    for running in started:
        running.stop()


def film(path: Path, frames: int) -> Path:
    """A film of 96 × 64 pixels, 8 frames a second, in which a cat goes by."""
    still = np.asarray(Image.fromarray(data.chelsea()).resize((128, 64)))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for k in range(frames):
            shown = np.ascontiguousarray(still[:, 2 * (k % 16) : 2 * (k % 16) + 96])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        out.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session", name="film")
def film_fixture() -> Callable[[Path, int], Path]:
    return film


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photo.png (160 × 120), wave.jpg (96 × 96) and film.mp4 (8 frames, 96 × 64)."""
    folder = tmp_path_factory.mktemp("samples")
    Image.fromarray(data.coffee()).resize((160, 120)).save(folder / "photo.png")
    Image.fromarray(data.astronaut()).resize((96, 96)).save(folder / "wave.jpg")
    film(folder / "film.mp4", 8)
    return folder


def sent(client: httpx.Client, path: Path) -> str:
    """Send a file; its id."""
    answer = client.post("/api/uploads", files={"file": (path.name, path.read_bytes())})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture(scope="session", name="sent")
def sent_fixture() -> Callable[[httpx.Client, Path], str]:
    return sent


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own for what is done in this process, and word of each step."""
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(job_worker, "TOLD_EVERY", 0)


def in_process(folder: Path, **limits: Any) -> Service:
    """A studio whose workers' work is done in this process."""

    def call(function: str, /, *, user: str, topic: str = "", **arguments: Any) -> Any:
        try:
            return FUNCTIONS[function](**arguments)
        except BrushworkError as error:
            raise UsageError(str(error)) from None

    service = Service(StudioFiles(folder), Limits(**limits))
    for workers in (service.checks, service.previews):
        workers.call = call  # type: ignore[method-assign]
    return service


@pytest.fixture
def service(tmp_path: Path, home: None) -> Service:
    return in_process(tmp_path / "studio", upload_mb=1, megapixels=0.05, video_seconds=2, batch=3, jobs=4, previews=2)


@pytest.fixture
def take(service: Service, samples: Path) -> Callable[..., Upload]:
    def take(name: str = "photo.png", user: str = "ada", content: bytes | None = None, called: str = "") -> Upload:
        sent = service.files.root / ".sent-1"
        sent.write_bytes((samples / name).read_bytes() if content is None else content)
        return service.take(user, sent, called or name)

    return take


@pytest.fixture
def do(service: Service) -> Callable[..., Job]:
    """Submit a job and do it; what it is told at each step may be answered with a wish."""

    def do(ask: Any, wish: Callable[[Mapping[str, Any]], str] | None = None, job: Job | None = None) -> Job:
        job = job or service.submit("ada", ask)
        claimed, tell = service.database.claim(), service.database.tell
        assert claimed is not None
        assert claimed.id == job.id

        def told(identity: str, progress: Mapping[str, Any]) -> None:
            tell(identity, progress)
            if wish is not None and wish(progress):
                service.database.want(identity, wish(progress))

        service.database.tell = told  # type: ignore[method-assign]
        Work(claimed, service.files, service.database, service.limits).run()
        service.database.tell = tell  # type: ignore[method-assign]
        return service.job("ada", job.id)

    return do


@pytest.fixture(scope="module", autouse=True)
def event_loops() -> Iterator[None]:
    """What Gradio leaves unclosed goes with its tests, and is not held against those that follow."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
