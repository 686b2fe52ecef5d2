"""What is no film, or a damaged one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from sample_films import clip, picture

from brushwork.errors import PictureError, UsageError
from brushwork.image import Picture
from brushwork.io.film_formats import open_film
from brushwork.io.image_file import write_image


def test_a_truncated_film_goes_as_far_as_it_goes(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", [40 * k for k in range(60)], options={"crf": "2", "bf": "0", "g": "5"})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    film = open_film(path)
    frames = list(film.frames())
    assert 10 < len(frames) < 60
    assert film.damage[0].startswith(f"a.mkv is cut off after {len(frames)} frames, at ")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"no film" * 100, "is not a readable video"), (b"OggS" + bytes(200), "is not a readable video")],
)
def test_what_is_no_film_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(PictureError, match=words):
        open_film(tmp_path / "a.mp4")
    with pytest.raises(PictureError, match="no such file"):
        open_film(tmp_path / "b.mp4")


def test_large_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="--max-pixels"):
        open_film(clip(tmp_path / "a.mp4"), max_pixels=1000)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.avif", "a.bmp"])
def test_a_still_picture_is_no_film(name: str, tmp_path: Path) -> None:
    write_image(Picture(picture(2)), tmp_path / name)
    with pytest.raises(PictureError, match="is a still picture, not a video; use brushwork stylize"):
        open_film(tmp_path / name)


@pytest.mark.parametrize("name", ["song.mp3", "song.m4a"])
def test_a_song_with_a_cover_is_no_film(name: str, tmp_path: Path) -> None:
    with av.open(str(tmp_path / name), "w", format="mp3" if name.endswith("mp3") else "mp4") as out:
        tones = out.add_stream("libmp3lame" if name.endswith("mp3") else "aac", rate=48_000)
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        out.mux(cover.encode(av.VideoFrame(64, 48, "yuvj420p")))
        out.mux(cover.encode(None))
        for k in range(20):
            beep = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            beep.sample_rate, beep.pts, beep.time_base = 48_000, k * 1024, Fraction(1, 48_000)
            out.mux(tones.encode(beep))
        out.mux(tones.encode(None))
    with pytest.raises(PictureError, match="is a sound file with a cover picture, not a video"):
        open_film(tmp_path / name)


def test_half_a_transport_stream_is_cut_off(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.ts", [40 * k for k in range(40)], pixels="yuv420p")
    film = open_film(path)
    assert len(list(film.frames())) == 40
    assert film.damage == film.notes == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 // 188 * 188 + 100])
    film = open_film(path)
    count = len(list(film.frames()))
    assert 5 < count < 40
    assert film.damage[0].startswith(f"a.ts is cut off after {count} frames, at ")


@pytest.mark.parametrize("name", ["*.jpg", "frame?.png"])
def test_wildcards_are_answered(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a folder such as .*, or a pattern such as .*%d"):
        open_film(tmp_path / name)
