"""Animations as films: rounds, times, transparency."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sample_films import written

from brushwork.io.film_formats import open_film
from brushwork.io.image_file import read_image
from brushwork.io.video_writer import Encoding


def animation(path: Path, plays: int) -> Path:
    """An animation of four frames, whose right half is transparent in all but one."""
    shown = []
    for k in range(4):
        samples = np.full((48, 64, 4), 255, np.uint8)
        samples[:, :32, :3] = 60 * k
        samples[:, 32:, 3] = 255 if k == 3 else 0
        shown.append(Image.fromarray(samples, "RGBA"))
    repeats = plays - 1 if path.suffix == ".gif" and plays else plays
    loop: dict[str, Any] = {} if path.suffix == ".gif" and plays == 1 else {"loop": repeats}
    shown[0].save(
        path, save_all=True, append_images=shown[1:], duration=[20, 500, 70, 100], disposal=2,
        **loop, **({"lossless": True} if path.suffix == ".webp" else {}),
    )  # fmt: skip
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("out", [".gif", ".webp"])
@pytest.mark.parametrize("plays", [0, 1, 3])
def test_animations_keep_rounds_times_and_transparency(suffix: str, out: str, plays: int, tmp_path: Path) -> None:
    source = animation(tmp_path / f"a{suffix}", plays)
    film = open_film(source)
    assert (film.plays, film.alpha, film.rate) == (plays, True, Fraction(4000, 690))
    frames, notes = written(source, tmp_path / f"out{out}", encoding=Encoding())
    assert notes == []
    assert open_film(tmp_path / f"out{out}").plays == plays
    assert [frame.duration for frame in frames] == [20, 500, 70, 100]
    assert [frame.alpha is None for frame in frames] == [False, False, False, True]


def test_a_film_says_that_it_is_played_once(tmp_path: Path) -> None:
    _, notes = written(animation(tmp_path / "a.webp", 3), tmp_path / "out.webm", encoding=Encoding())
    assert notes == ["a.webp is played 3 times; out.webm once"]


def test_an_animated_png_is_named_by_its_frames(tmp_path: Path) -> None:
    assert read_image(animation(tmp_path / "a.png", 0)).notes == ("a.png: first of 4 frames",)
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png")
    assert read_image(tmp_path / "b.png").notes == ()
