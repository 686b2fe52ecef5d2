"""The way of a preview: from the service to the pipe and from there to the network, with few functions on either side.

Counted are functions of the package on the stack at once: from the service to `send`, and from the worker's
loop to the first convolution that paints the photo.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

import brushwork
from brushwork.studio import quick_worker
from brushwork.studio.records import Upload
from brushwork.studio.schemas import Preview
from brushwork.studio.service import Service
from brushwork.studio.workers import QuickWorkers

ROOT = Path(brushwork.__file__).parent
MOST = 6  # functions on each side of the pipe


def own_frames(frame: FrameType | None) -> list[str]:
    """The package's functions on a stack, the outermost first."""
    names = list[str]()
    while frame is not None:
        if frame.f_code.co_filename.startswith(str(ROOT)):
            names.append(f"{Path(frame.f_code.co_filename).relative_to(ROOT)}:{frame.f_code.co_name}")
        frame = frame.f_back
    return names[::-1]


class Pipe:
    """A connection whose other end is this test: it notes what is sent and by whom, and passes on what is given."""

    def __init__(self, *received: Any) -> None:
        self.received, self.sent, self.frames = list(received), list[bytes](), list[str]()

    def send(self, message: Any) -> None:
        self.sent.append(pickle.dumps(message))
        self.frames = own_frames(sys._getframe())

    def poll(self, seconds: float) -> bool:
        return True

    def recv(self) -> Any:
        if not self.received:
            raise EOFError
        return self.received.pop(0)


class FirstConvolution:
    """A profile hook that keeps the stack of the first convolution after the style has been encoded."""

    def __init__(self) -> None:
        self.frames = list[str]()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and getattr(argument, "__name__", "") == "conv2d" and not self.frames:
            names = own_frames(frame)
            if not any(word in name for name in names for word in ("encode", "choose_dtype")):
                self.frames = names


@pytest.fixture
def pipe(service: Service) -> Pipe:
    """The pipe of the service's only preview worker, which answers once."""
    pipe, service.previews = Pipe((b"a JPEG", None)), QuickWorkers("previews", int, processes=1, most=2)
    (process,) = service.previews._processes
    process._connection = pipe  # type: ignore[assignment]
    process._process = SimpleNamespace(is_alive=lambda: True)  # type: ignore[assignment]
    service.previews._turns.add(process)
    return pipe


@pytest.fixture
def photo(take: Callable[..., Upload]) -> Upload:
    return take()


@pytest.fixture
def sent(service: Service, pipe: Pipe, photo: Upload) -> tuple[str, dict[str, Any]]:
    """What is sent through the pipe for a preview."""
    service.preview("ada", Preview(photo=photo.id, style="great-wave", keep_color="luminance", preset="good"))
    function, arguments = pickle.loads(pipe.sent[0])
    return function, arguments


def test_few_functions_lie_between_the_service_and_the_pipe(sent: tuple[str, dict[str, Any]], pipe: Pipe) -> None:
    assert pipe.frames[0] == "studio/picture_service.py:preview"
    assert len(pipe.frames) < MOST, pipe.frames


def test_the_checked_request_itself_crosses_the_pipe(sent: tuple[str, dict[str, Any]], photo: Upload) -> None:
    function, arguments = sent
    assert function == "preview"
    assert arguments["ask"] == Preview(photo=photo.id, style="great-wave", keep_color="luminance", preset="good")
    assert arguments["files"].source.name == photo.id


def test_few_functions_lie_between_the_pipe_and_the_network(
    sent: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick_worker.signal, "signal", lambda *_: None)
    quick_worker.load_previews()
    pipe, first = Pipe(sent), FirstConvolution()
    sys.setprofile(first)
    try:
        quick_worker.serve(pipe, int)  # type: ignore[arg-type]
    finally:
        sys.setprofile(None)
    content, error = pickle.loads(pipe.sent[-1])
    assert (error, content[:2]) == (None, b"\xff\xd8")
    assert first.frames[0] == "studio/quick_worker.py:serve"
    assert len(first.frames) <= MOST, first.frames
