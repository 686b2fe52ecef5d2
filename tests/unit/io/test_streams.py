"""Streams and cameras: files played as cameras, cameras that aren't there, formats, and what breaks off."""

from __future__ import annotations

import io
import time
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch
from sample_films import clip

from brushwork.errors import PictureError, UsageError
from brushwork.io.films import Colors
from brushwork.io.streams import StreamWriter, open_camera, open_stream, stream_format


def test_frames_and_times_of_a_file(tmp_path: Path) -> None:
    source = open_stream(clip(tmp_path / "film.mkv", [0, 40, 80, 160]))
    assert source.size == (64, 48)
    frames = list(source.frames((32, 24)))
    assert [frame.time for frame in frames] == [0, 40, 80, 160]
    assert frames[0].pixels.shape == (1, 3, 24, 32)
    assert abs(float(frames[2].pixels[..., :8].mean()) - 0.3) < 0.02
    source.close()


def test_a_file_is_played_as_a_camera_in_its_own_time(tmp_path: Path) -> None:
    film, started = clip(tmp_path / "film.mp4", [0, 100, 300]), time.monotonic()
    with open_camera(str(film)) as source:
        assert len(list(source.frames((64, 48)))) == 3
    assert time.monotonic() - started > 0.29


def test_a_camera_that_isnt_there(tmp_path: Path) -> None:
    with pytest.raises((PictureError, UsageError), match="video99"):
        open_camera("/dev/video99")


def test_a_camera_that_vanishes(tmp_path: Path) -> None:
    film = clip(tmp_path / "film.nut", range(0, 800, 40), codec="rawvideo", pixels="yuv420p", options={})
    whole = film.read_bytes()
    film.write_bytes(whole[: len(whole) // 2])
    with open_camera(str(film)) as source:
        assert 5 < len(list(source.frames((64, 48)))) < 15
    film.write_bytes(whole[:60])
    with pytest.raises(PictureError, match=r"film\.nut"):
        open_camera(str(film))


def test_files_that_are_no_video(tmp_path: Path) -> None:
    (tmp_path / "text.mkv").write_text("no video")
    for name in ("text.mkv", "none.mkv"):
        with pytest.raises(PictureError, match=name):
            open_stream(tmp_path / name)


@pytest.mark.parametrize("size", [(64, 48), (33, 21)])
@pytest.mark.parametrize("form", ["y4m", "nut", "matroska"])
def test_what_is_written_comes_back(form: str, size: tuple[int, int]) -> None:
    file = io.BytesIO()
    writer = StreamWriter(file, form, size, Fraction(25), Colors())
    for number in range(3):
        writer.write(torch.full((1, 3, size[1], size[0]), 0.2 + 0.3 * number), 40 * number)
    content = file.getvalue()
    writer.close()
    content = max(content, file.getvalue() if not file.closed else b"", key=len)
    with av.open(io.BytesIO(content)) as found:
        frames = [frame.to_ndarray(format="rgb24").mean() / 255 for frame in found.decode(video=0)]
        stream = found.streams.video[0]
        assert (stream.width, stream.height) == (size[0] // 2 * 2, size[1] // 2 * 2)
    assert frames == pytest.approx([0.2, 0.5, 0.8], abs=0.02)


def test_formats() -> None:
    assert stream_format(Path("-"), None) == "y4m"
    assert stream_format(Path("a.mkv"), None) == "matroska"
    assert stream_format(Path("a.bin"), "nut") == "nut"
    with pytest.raises(UsageError, match="written as y4m, nut, matroska"):
        stream_format(Path("a.avi"), None)


def test_a_virtual_camera_that_isnt_there() -> None:
    with pytest.raises(PictureError, match="can't be written"):
        StreamWriter("/dev/video99", "v4l2", (64, 48), Fraction(25), Colors())
