"""`brushwork camera`: a file played as camera, the page and its controls, strangers, cameras that vanish."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from sample_films import clip

from brushwork.errors import UsageError
from brushwork.video.camera import CameraServer, Controls, Newest

Run = Callable[..., Any]


def ask(address: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    wanted = urllib.request.Request(address, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(wanted, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.fixture
def server() -> Iterator[tuple[CameraServer, list[tuple[str, float]]]]:
    changes: list[tuple[str, float]] = []
    controls = Controls(["wave", "iris"], "wave", 1.0, lambda *look: changes.append(look), lambda: "3 frames in")
    server = CameraServer(Newest(), controls)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server, changes
    server.newest.end()
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_page_its_picture_and_its_controls(server: tuple[CameraServer, list[tuple[str, float]]]) -> None:
    camera, changes = server
    assert b"<title>brushwork camera</title>" in ask(camera.address)[1]
    assert json.loads(ask(f"{camera.address}look")[1])["report"] == "3 frames in"
    camera.newest.show(torch.rand(1, 3, 16, 16))
    assert ask(f"{camera.address}picture")[1].startswith(b"\xff\xd8")
    status, content = ask(f"{camera.address}look", {"style": "iris", "strength": 0.5})
    assert (status, changes) == (200, [("iris", 0.5)])
    assert json.loads(content)["style"] == "iris"


def test_the_stream_has_each_frame_until_the_camera_ends(server: tuple[CameraServer, list[tuple[str, float]]]) -> None:
    camera, _ = server
    camera.newest.show(torch.zeros(1, 3, 16, 16))
    camera.newest.end()
    _, content = ask(f"{camera.address}stream")
    assert content.count(b"--brushwork-frame") == 1


@pytest.mark.parametrize(
    "body", [{"style": "other"}, {"strength": 2}, {"strength": True}, {"strength": "much"}, {"strength": float("nan")}]
)
def test_wrong_values_are_refused(server: tuple[CameraServer, list[tuple[str, float]]], body: Any) -> None:
    camera, changes = server
    status, content = ask(f"{camera.address}look", body)
    assert (status, changes) == (400, [])
    assert "error" in json.loads(content)


def test_strangers_see_nothing(server: tuple[CameraServer, list[tuple[str, float]]]) -> None:
    camera, changes = server
    plain = camera.address.replace(camera.key, "guess")
    assert ask(plain)[0] == ask(f"{plain}look", {})[0] == 404
    assert ask(camera.address, Host="evil.example:80")[0] == 404
    assert ask(f"{camera.address}look", {"strength": 0.5}, **{"Content-Type": "text/plain"})[0] == 404
    assert ask(f"{camera.address}look", ["x" * 20_000])[0] == 413
    assert changes == []


def test_a_port_that_is_taken(server: tuple[CameraServer, list[tuple[str, float]]]) -> None:
    camera, _ = server
    with pytest.raises(UsageError, match="is taken"):
        CameraServer(Newest(), camera.controls, camera.server_address[1])


def test_a_file_as_camera(run: Run, here: Path) -> None:
    film = clip(here / "film.mkv", range(0, 400, 40))
    outcome = run("camera", film, "--style", "iris", "--no-browser", "--strength", "0.5")
    assert outcome.code == 0, outcome.err
    assert "film.mkv in the style of iris: http://127.0.0.1:" in outcome.err.replace("\n", "")
    assert "10 frames in" in outcome.err


def test_cameras_that_arent_there_or_vanish(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = run("camera", "/dev/video99", "--style", "iris", "--no-browser")
    assert outcome.code in (1, 2)
    assert "/dev/video99" in outcome.err
    assert outcome.err.count("\n") == 1
    from brushwork.io import streams

    frames = streams.StreamReader.frames

    def broken(self: Any, size: tuple[int, int]) -> Iterator[Any]:
        for number, frame in enumerate(frames(self, size)):
            if number == 3:
                self.damage.append(f"{self.name} breaks off after 3 frames: no such device")
                return
            yield frame

    monkeypatch.setattr(streams.StreamReader, "frames", broken)
    film = clip(here / "film.mkv", range(0, 400, 40))
    outcome = run("camera", film, "--style", "iris", "--no-browser")
    assert outcome.code == 1
    assert "breaks off after 3 frames: no such device; was the camera unplugged?" in outcome.err
