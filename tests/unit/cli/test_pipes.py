"""Pictures and videos by standard input and output: nothing else gets there, and whatever breaks off is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image
from sample_films import clip

from brushwork.cli import lite
from brushwork.cli.pipes import piped
from brushwork.errors import UsageError

Run = Callable[..., Any]
DRAFT = ("--style", "great-wave", "--preset", "draft")


@contextmanager
def streams(monkeypatch: pytest.MonkeyPatch, given: bytes, out: Path) -> Iterator[None]:
    """Standard input with these bytes, and standard output into a file."""
    source = out.with_name("given")
    source.write_bytes(given)
    with source.open() as stdin, out.open("w") as stdout, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", stdin)
        patch.setattr(sys, "stdout", stdout)
        yield


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.mark.parametrize("form", ["png", "jpg"])
def test_a_picture_in_and_a_picture_out(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = Path("photo.png").read_bytes()
    with streams(monkeypatch, photo, here / "out"):
        outcome = run("stylize", "-", *DRAFT, "-o", "-", "--format", form)
    assert outcome.code == 0, outcome.err
    assert "standard input in the style of great-wave: 48×36" in outcome.err
    with Image.open(here / "out") as made:
        assert (made.format, made.size) == ({"png": "PNG", "jpg": "JPEG"}[form], (48, 36))
    assert run("stylize", "photo.png", *DRAFT, "-o", f"b.{form}").code == 0
    with Image.open(here / "out") as made, Image.open(f"b.{form}") as wanted:
        assert made.tobytes() == wanted.tobytes()


def test_standard_input_into_a_file_and_a_file_to_standard_output(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with streams(monkeypatch, Path("photo.png").read_bytes(), here / "out"):
        assert run("stylize", "-", *DRAFT, "-o", "a.png").code == 0
        assert run("stylize", "photo.png", *DRAFT, "-o", "-").code == 0
    assert size(here / "a.png") == size(here / "out") == (48, 36)


def test_without_torch(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with streams(monkeypatch, Path("photo.png").read_bytes(), here / "out"), pytest.raises(SystemExit) as stop:
        lite.main(["stylize", "-", "--style", "iris", "-o", "-"])
    assert stop.value.code == 0
    assert capsys.readouterr().err.startswith("standard output  48×36")
    assert size(here / "out") == (48, 36)


def test_a_picture_that_breaks_off(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for given, words in ((Path("photo.png").read_bytes()[:900], "damaged or incomplete"), (b"", "is empty")):
        with streams(monkeypatch, given, here / "out"):
            outcome = run("stylize", "-", *DRAFT, "-o", "-")
        assert outcome.code == 1
        assert f"Error: standard input: {words}" in outcome.err.replace("can't be read because it is ", "")
        assert (here / "out").read_bytes() == b""


def test_arguments_that_make_no_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    cases: list[tuple[tuple[str, ...], str | None, bool, str]] = [
        (("-", "b.png"), "-", False, "the only photo"),
        (("-",), None, False, "has no name"),
        (("a.png",), "-", True, "both want standard output"),
    ]
    for photos, output, as_json, words in cases:
        with pytest.raises(UsageError, match=words), piped(photos, output, "png", as_json=as_json):
            pass
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    with (
        pytest.raises(UsageError, match="expected a picture on standard input"),
        piped(("-",), "-", "png", as_json=False),
    ):
        pass


def test_a_reader_that_has_gone_ends_the_command_quietly(here: Path) -> None:
    film = clip(here / "film.mp4", range(0, 2000, 40))
    for line in (["stylize", "photo.png", *DRAFT, "-o", "-"], ["video", str(film), "--style", "iris", "-o", "-"]):
        reading, writing = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", "brushwork", *line], stdout=writing, stderr=subprocess.PIPE, text=True
        )
        os.close(writing)
        os.close(reading)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 1
        assert "Error" not in err
        assert "Traceback" not in err


@pytest.mark.parametrize(("form", "codec"), [("y4m", "rawvideo"), ("nut", "rawvideo"), ("matroska", "h264")])
def test_a_stream_in_and_a_stream_out(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, form: str, codec: str
) -> None:
    film = clip(here / "film.mkv", [0, 40, 80, 120, 160, 200])
    with streams(monkeypatch, film.read_bytes(), here / "out"):
        outcome = run("video", "-", "--style", "iris", "-o", "-", "--format", form)
    assert outcome.code == 0, outcome.err
    assert "6 frames in, 6 out, 0 dropped" in outcome.err
    with av.open(str(here / "out")) as made:
        frames = list(made.decode(video=0))
        assert (len(frames), frames[0].width, frames[0].height) == (6, 64, 48)
        assert made.streams.video[0].codec_context.name == codec
        if form != "y4m":
            assert [round(1000 * float(frame.time)) for frame in frames] == [0, 40, 80, 120, 160, 200]


def test_live_repeats_frames_where_y4m_has_no_times(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = clip(here / "film.mkv", [0, 40, 200, 240])
    with streams(monkeypatch, film.read_bytes(), here / "out"):
        outcome = run("video", "-", "--style", "iris", "-o", "-", "--live")
    assert outcome.code == 0, outcome.err
    written = (here / "out").read_bytes().count(b"FRAME\n")
    assert written >= 1
    if "4 out" in outcome.err:
        assert written == 7


def test_streams_that_break_off(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = clip(here / "film.nut", range(0, 800, 40), codec="rawvideo", pixels="yuv420p", options={}).read_bytes()
    with streams(monkeypatch, film[: len(film) // 2], here / "out"):
        outcome = run("video", "-", "--style", "iris", "-o", "-")
    assert outcome.code == 0, outcome.err
    assert "frames in" in outcome.err
    for given in (b"", b"no video", film[:40]):
        with streams(monkeypatch, given, here / "out"):
            outcome = run("video", "-", "--style", "iris", "-o", "-")
        assert outcome.code == 1
        assert "Error: standard input: " in outcome.err
        assert outcome.err.count("\n") == 1


def test_what_streams_cant_do(run: Run, here: Path) -> None:
    film = clip(here / "film.mkv", [0, 40])
    for more, words in {
        ("-o", "-", "--preset", "good"): "gatys is too slow for streams",
        ("-o", "-", "--resume"): "can't be combined",
        ("-o", "out.avi", "--live"): "written as y4m, nut, matroska",
        ("--live",): "needs --style and -o",
    }.items():
        outcome = run("video", film, "--style", "iris", *more)
        assert outcome.code == 2
        assert words in outcome.err
