"""Damaged films: told and read as far as they go, refused with strict, before any frame is painted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sample_films import clip, picture

from brushwork import PictureError, stylize_video
from brushwork.image import Picture
from brushwork.io import write_image


def cut_stream(folder: Path) -> Path:
    path = clip(folder / "cut.ts", [40 * k for k in range(20)], pixels="yuv420p")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3 // 188 * 188 + 100])
    return path


def cut_film(folder: Path) -> Path:
    path = clip(folder / "cut.mkv", [40 * k for k in range(60)], options={"crf": "2", "bf": "0", "g": "5"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return path


def cut_animation(folder: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (6, 48, 64, 3), np.uint8)
    frames = [Image.fromarray(samples) for samples in noise]
    path = folder / "cut.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return path


def folder_with_a_damaged_frame(folder: Path) -> Path:
    path = folder / "frames"
    path.mkdir()
    for k in range(3):
        write_image(Picture(picture(k)), path / f"{k}.png")
    content = bytearray((path / "1.png").read_bytes())
    at = content.index(b"IDAT") + 20
    content[at : at + 8] = bytes(8)
    (path / "1.png").write_bytes(content)
    return path


@pytest.mark.parametrize("make", [cut_stream, cut_film, cut_animation, folder_with_a_damaged_frame])
def test_damage_is_told_or_refused(make: Callable[[Path], Path], tmp_path: Path) -> None:
    film, output = make(tmp_path), tmp_path / "out.mp4"
    with pytest.raises(PictureError, match=r"(cut|1)\.\w+:? is (cut off|damaged).*leave out --strict"):
        stylize_video(film, "feminine-wave", output, smoothing=0, size=32, strict=True)
    assert not output.exists()
    assert not (tmp_path / "out.mp4.parts").exists()
    done = stylize_video(film, "feminine-wave", output, smoothing=0, size=32)
    assert sum("is cut off" in note or "is damaged" in note for note in done.notes) == 1
    assert "strict" not in done.recipe


def test_a_sound_film_passes(tmp_path: Path) -> None:
    film = clip(tmp_path / "a.mkv")
    done = stylize_video(film, "feminine-wave", tmp_path / "out.mp4", smoothing=0, size=32, strict=True)
    assert done.notes == ()


def test_a_film_refused_before_anything_is_finished_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for k, size in enumerate(((64, 48), (64, 48), (48, 64))):
        write_image(Picture(picture(k, *size)), tmp_path / "frames" / f"{k}.png")
    with pytest.raises(PictureError, match="make all frames the same size"):
        stylize_video(tmp_path / "frames", "feminine-wave", tmp_path / "out.mp4", smoothing=0, size=32)
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]
