"""Films from file to file: times, colors, sizes, codecs, segments."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from sample_films import TIMES, clip, packets, picture, written

from brushwork.errors import PictureError, UsageError
from brushwork.io.film_formats import check_film_target, open_film
from brushwork.io.films import FULL, LIMITED
from brushwork.io.video_writer import Encoding


def test_times_and_colors_are_kept(tmp_path: Path) -> None:
    film = open_film(clip(tmp_path / "a.mp4"))
    frames = list(film.frames())
    assert [frame.time * film.time_base * 1000 for frame in frames] == TIMES
    for k, frame in enumerate(frames):
        assert (frame.pixels - picture(k)).abs().mean() < 0.01
    assert len(list(film.frames(4))) == 2
    assert torch.equal(next(iter(film.frames(4))).pixels, frames[4].pixels)
    assert next(iter(film.frames(0, (32, 24)))).pixels.shape == (1, 3, 24, 32)


@pytest.mark.parametrize("matrix", [1, 5, 6])
@pytest.mark.parametrize("span", [LIMITED, FULL])
def test_matrix_and_range_are_honoured_and_written(matrix: int, span: int, tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", matrix=matrix, span=span)
    assert (next(iter(open_film(path).frames())).pixels - picture(0)).abs().mean() < 0.01
    frames, _ = written(path, tmp_path / "out.mp4")
    assert (frames[3].pixels - picture(3)).abs().mean() < 0.02
    assert (open_film(tmp_path / "out.mp4").colors.matrix, open_film(tmp_path / "out.mp4").colors.range) == (
        matrix,
        span,
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_segments_are_joined_with_times_and_sound(suffix: str, tmp_path: Path) -> None:
    source = clip(tmp_path / f"a{suffix}", sound=True)
    frames, notes = written(source, tmp_path / f"out{suffix}")
    film = open_film(tmp_path / f"out{suffix}")
    assert [round(frame.time * film.time_base * 1000) for frame in frames] == TIMES
    assert all((frame.pixels - picture(k)).abs().mean() < 0.02 for k, frame in enumerate(frames))
    assert packets(tmp_path / f"out{suffix}") == packets(source)
    assert notes == []
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["comment"] == '{"made": "here"}'


def test_odd_sizes_are_made_even_and_said(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mkv", size=(63, 47))
    frames, notes = written(source, tmp_path / "out.mp4", encoding=Encoding())
    assert frames[0].pixels.shape == (1, 3, 48, 64)
    assert notes == ["out.mp4: made 64x48, because yuv420p requires even sides"]


@pytest.mark.parametrize("codec", ["h265", "vp9"])
def test_other_codecs(codec: str, tmp_path: Path) -> None:
    frames, _ = written(clip(tmp_path / "a.mp4", size=(128, 96)), tmp_path / "out.mp4", encoding=Encoding(codec))
    assert len(frames) == len(TIMES)
    assert (frames[5].pixels - picture(5, 128, 96)).abs().mean() < 0.03


def test_prores_is_deep(tmp_path: Path) -> None:
    frames, _ = written(clip(tmp_path / "a.mp4"), tmp_path / "out.mov", encoding=Encoding("prores"))
    assert (frames[2].pixels - picture(2)).abs().mean() < 0.02
    assert av.open(str(tmp_path / "out.mov")).streams.video[0].pix_fmt == "yuv422p10le"


def test_ten_bits_are_read(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", pixels="yuv444p10le")
    values = next(iter(open_film(path).frames())).pixels * 255
    assert (values - values.round()).abs().max() > 0.05


@pytest.mark.parametrize(
    ("name", "encoding", "words"),
    [
        ("a.xyz", Encoding(), "videos can be written as"),
        ("a.webm", Encoding("h264"), "support vp9, not h264"),
        ("a.mp4", Encoding(quality=0), "quality from 1"),
        ("a.mp4", Encoding(pixel_format="rgbx"), "libx264 supports"),
        ("none/a.mp4", Encoding(), "doesn't exist"),
    ],
)
def test_targets_are_checked_beforehand(name: str, encoding: Encoding, words: str, tmp_path: Path) -> None:
    with pytest.raises((UsageError, PictureError), match=words):
        check_film_target(tmp_path / name, encoding)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_the_frame_rate_is_written(suffix: str, tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mkv", [40 * k for k in range(8)], pixels="yuv420p")
    written(source, tmp_path / f"out{suffix}", encoding=Encoding())
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.streams.video[0].average_rate == 25


def test_a_stream_without_times_has_those_of_its_rate(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.h264"), "w", format="h264") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        out.mux(stream.encode(None))
    film = open_film(tmp_path / "a.h264")
    assert [frame.time * film.time_base for frame in film.frames()] == [Fraction(k, 25) for k in range(5)]
