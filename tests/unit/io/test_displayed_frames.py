"""Frames as they are shown: upright, whole, with square pixels, in a range of colors that screens have."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from sample_films import clip, picture

from brushwork.errors import UsageError
from brushwork.io.film_formats import open_film


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("x", [1, -1])
@pytest.mark.parametrize("y", [1, -1])
def test_all_eight_orientations_are_shown_upright(transposed: bool, x: int, y: int, tmp_path: Path) -> None:
    """A display matrix (a b u, c d v, x y w) moves the pixel (p, q) to (ap + cq, bp + dq); checked with FFmpeg."""
    path = clip(tmp_path / "a.mp4")
    stored = next(iter(open_film(path).frames())).pixels
    data = path.read_bytes()
    numbers = [(0, y, 0), (x, 0, 0)] if transposed else [(x, 0, 0), (0, y, 0)]
    matrix = b"".join((65536 * value).to_bytes(4, "big", signed=True) for row in numbers for value in row)
    straight = b"".join((65536 * value).to_bytes(4, "big") for value in (1, 0, 0, 0, 1, 0))
    at = data.index(straight, data.index(b"tkhd"))  # the matrix of the track's header
    path.write_bytes(data[:at] + matrix + data[at + len(matrix) :])
    film = open_film(path)
    assert film.size == ((48, 64) if transposed else (64, 48))
    shown = stored.transpose(2, 3) if transposed else stored
    shown = shown.flip([axis for axis, sign in ((3, x), (2, y)) if sign < 0])
    assert torch.equal(next(iter(film.frames())).pixels, shown)


def test_hdr_is_refused_in_plain_words(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", pixels="yuv420p10le", trc=16)
    with pytest.raises(UsageError, match=r"HDR \(PQ\)"):
        open_film(path)


def test_an_interlaced_film_is_deinterlaced(tmp_path: Path) -> None:
    options = {"crf": "2", "bf": "0", "x264-params": "interlaced=1"}
    path = clip(tmp_path / "a.mp4", [40 * k for k in range(8)], pixels="yuv420p", size=(64, 64), options=options)
    film = open_film(path)
    frames = list(film.frames())
    assert any("deinterlaced" in note for note in film.notes)
    assert [frame.time * film.time_base * 1000 for frame in frames] == [40 * k for k in range(8)]
    assert {frame.duration * film.time_base for frame in frames[:-1]} == {Fraction(1, 25)}
    assert (frames[4].pixels - picture(4, 64, 64)).abs().mean() < 0.06


def test_pixels_that_are_not_square_become_so(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert open_film(tmp_path / "a.mkv").size == (96, 48)
