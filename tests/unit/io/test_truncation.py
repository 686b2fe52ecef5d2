"""Films that end before their container says."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from sample_films import clip

from brushwork.io.film_formats import open_film
from brushwork.io.truncation import is_cut_off

CODECS = {".webm": "libvpx-vp9", ".avi": "mpeg4", ".flv": "flv1", ".mpg": "mpeg2video"}


def film(path: Path) -> Path:
    """A film of 20 frames in any container; an .mp4 has its index at the beginning."""
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix in (".mp4", ".mov") else {}) as out:
        stream = out.add_stream(CODECS.get(path.suffix, "libx264"), rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(20):
            noise = np.random.default_rng(k).integers(0, 255, (48, 64, 3), np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def formats(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.format.name


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi", ".flv", ".ts", ".mpg"])
def test_a_cut_film_is_told_from_a_whole_one(suffix: str, tmp_path: Path) -> None:
    path = film(tmp_path / f"a{suffix}")
    name, content = formats(path), path.read_bytes()
    assert not is_cut_off(path, name)
    read = open_film(path)
    assert len(list(read.frames())) == 20
    assert read.damage == []
    for share in (0.31, 0.65, 0.93):
        path.write_bytes(content[: int(len(content) * share) | 1])
        assert is_cut_off(path, name)
        cut = open_film(path)
        count = len(list(cut.frames()))
        assert cut.damage[0].startswith(f"a{suffix} is cut off after {count} frames, at ")
    for length in (*range(100), len(content) // 2):  # whatever is there, it is only looked at
        path.write_bytes(content[:length])
        is_cut_off(path, name)


def test_a_recording_of_unknown_length_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    content = bytearray(clip(path).read_bytes())
    at = content.index(b"\x18\x53\x80\x67") + 4  # the segment's length
    content[at : at + 8] = b"\x01" + b"\xff" * 7
    path.write_bytes(content)
    assert not is_cut_off(path, formats(path))


def test_bytes_behind_a_film_are_no_damage(tmp_path: Path) -> None:
    for suffix in (".mp4", ".mkv", ".avi"):
        path = film(tmp_path / f"a{suffix}")
        path.write_bytes(path.read_bytes() + bytes(1000))
        assert not is_cut_off(path, formats(path))


def test_dropped_frames_in_an_avi_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=60)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for k in (0, 1, 2, 6, 7, 11):  # the container lists the others as empty
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24").reformat(
                format="yuvj420p"
            )
            frame.pts = k
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 12
    read = open_film(path)
    assert [round(frame.time * read.time_base * 60) for frame in read.frames()] == [0, 1, 2, 6, 7, 11]
    assert read.damage == []
