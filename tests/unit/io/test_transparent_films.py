"""Transparency of films: read on white, kept where the output can hold it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from sample_films import written

from brushwork.io.film_formats import open_film
from brushwork.io.video_writer import Encoding


def see_through(path: Path, codec: str, pixels: str, options: dict[str, str] | None = None) -> Path:
    """A video of red, whose transparent half hides blue."""
    samples = np.zeros((48, 64, 4), np.uint8)
    samples[:, :32], samples[:, 32:] = (220, 30, 30, 255), (0, 0, 255, 0)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        if path.suffix == ".webm":
            stream.metadata["alpha_mode"] = "1"
        for k in range(6):
            samples[:, :32, 0] = 200 + 10 * k
            out.mux(stream.encode(av.VideoFrame.from_ndarray(samples, format="rgba").reformat(format=pixels)))
        out.mux(stream.encode(None))
    return path


SEE_THROUGH = [
    ("a.mov", "qtrle", "argb"),
    ("a.mov", "png", "rgba"),
    ("a.mov", "prores_ks", "yuva444p10le"),
    ("a.webm", "libvpx-vp9", "yuva420p"),
    ("a.webm", "libvpx", "yuva420p"),
]


@pytest.mark.parametrize(("name", "codec", "pixels"), SEE_THROUGH)
def test_transparent_films_are_read_on_white(name: str, codec: str, pixels: str, tmp_path: Path) -> None:
    film = open_film(see_through(tmp_path / name, codec, pixels, {"auto-alt-ref": "0"} if "vpx" in codec else None))
    frames = list(film.frames())
    assert film.alpha
    assert len(frames) == 6
    for frame in (*frames, next(film.frames(0, (32, 24)))):
        assert frame.alpha is not None
        width = frame.pixels.shape[3]
        assert frame.alpha[..., : width // 2 - 4].min() > 0.98
        assert frame.alpha[..., width // 2 + 4 :].max() < 0.02
        assert frame.pixels[..., width // 2 + 4 :].min() > 0.97  # white, not the hidden blue
        assert frame.pixels[0, 2].min() > 0.05


@pytest.mark.parametrize("name", ["out.mov", "out.webm", "out.mkv", "out.webp", "out.gif", "out"])
def test_transparency_is_kept_where_it_can_be(name: str, tmp_path: Path) -> None:
    source = see_through(tmp_path / "a.mov", "qtrle", "argb")
    frames, notes = written(source, tmp_path / name, encoding=Encoding())
    assert notes == []
    assert len(frames) == 6
    for frame in frames:
        assert frame.alpha is not None
        assert frame.alpha[..., :24].min() > 0.98
        assert frame.alpha[..., 40:].max() < 0.02


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("out.mp4", Encoding()),
        ("out.mov", Encoding("h264")),
        ("out.mov", Encoding(pixel_format="yuv420p")),
        ("%02d.jpg", Encoding()),
    ],
)
def test_lost_transparency_is_said(name: str, encoding: Encoding, tmp_path: Path) -> None:
    frames, notes = written(see_through(tmp_path / "a.mov", "qtrle", "argb"), tmp_path / name, encoding=encoding)
    assert [note for note in notes if "transparent areas are painted on white" in note] == notes
    assert len(notes) == 1
    assert all(frame.alpha is None and frame.pixels[..., 40:].min() > 0.95 for frame in frames)
