from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from brushwork.errors import PictureError, UsageError
from brushwork.image import Picture
from brushwork.io import read_image, write_image
from brushwork.io.film_formats import check_film_target, film_writer, open_film
from brushwork.io.video_writer import Encoding

DELAYS = [100, 40, 250, 100]


def frame(k: int) -> torch.Tensor:
    return torch.full((1, 3, 20, 30), 0.2 + 0.2 * k)


def folder_of(path: Path, names: list[str]) -> Path:
    path.mkdir()
    for k, name in enumerate(names):
        write_image(Picture(frame(k)), path / name)
    return path


def animation(path: Path) -> Path:
    images = [Image.fromarray((frame(k)[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)) for k in range(4)]
    more = {"lossless": True} if path.suffix == ".webp" else {}
    images[0].save(path, save_all=True, append_images=images[1:], duration=DELAYS, loop=0, **more)
    return path


def copied(film: Path, output: Path) -> None:
    source = open_film(film)
    parts = output.with_name("parts")
    parts.mkdir()
    writer = film_writer(output, source, source.size, Encoding(), parts)
    writer.begin(0, 0)
    for shown in source.frames():
        writer.write(shown)
    writer.end()
    writer.join(1, None, output)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animations_keep_their_times(suffix: str, tmp_path: Path) -> None:
    film = open_film(animation(tmp_path / f"a{suffix}"))
    frames = list(film.frames())
    assert [shown.duration for shown in frames] == DELAYS
    assert [shown.time for shown in frames] == [0, 100, 140, 390]
    assert all((shown.pixels - frame(k)).abs().max() < 0.02 for k, shown in enumerate(frames))
    assert len(list(film.frames(3))) == 1
    copied(tmp_path / f"a{suffix}", tmp_path / f"out{suffix}")
    again = list(open_film(tmp_path / f"out{suffix}").frames())
    assert [shown.duration for shown in again] == DELAYS
    assert all((shown.pixels - frame(k)).abs().mean() < 0.03 for k, shown in enumerate(again))


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    images = [Image.new("RGBA", (8, 8), (200, 0, 0, 255 * k)) for k in (0, 1)]
    images[0].save(tmp_path / "a.webp", save_all=True, append_images=images[1:], duration=50, lossless=True)
    first, second = open_film(tmp_path / "a.webp").frames()
    assert bool((first.pixels == 1).all())
    assert second.pixels[0, 1].max() < 0.01


def test_one_picture_is_no_film(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.gif")
    with pytest.raises(PictureError, match="brushwork stylize"):
        open_film(tmp_path / "a.gif")


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", ["a2.png", "a10.png", "a1.png"])
    (folder / "notes.txt").write_text("no picture")
    (folder / "cover.png").write_bytes((folder / "a1.png").read_bytes())
    film = open_film(folder)
    assert (film.count, film.size) == (3, (30, 20))
    values = [float(shown.pixels.mean()) for shown in film.frames()]
    assert values == pytest.approx([0.6, 0.2, 0.4], abs=0.01)
    assert [file.time for file in open_film(folder / "a%d.png").frames(1)] == [1, 2]


def test_a_folder_is_written(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", ["00001.png", "00002.png"])
    copied(source, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["00001.png", "00002.png"]
    assert torch.equal(read_image(tmp_path / "out" / "00002.png").pixels, read_image(source / "00002.png").pixels)
    (tmp_path / "parts").rmdir()
    copied(source, tmp_path / "%03d.jpg")
    assert (tmp_path / "002.jpg").exists()


def test_frames_of_two_sizes_are_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", ["1.png"])
    write_image(Picture(torch.zeros(1, 3, 9, 9)), folder / "2.png")
    with pytest.raises(PictureError, match="make all frames the same size"):
        list(open_film(folder).frames())


@pytest.mark.parametrize("name", ["empty", "pattern%d-%d.png", "%05d.png"])
def test_no_frames_are_said(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises((PictureError, UsageError), match=r"numbered names|one number"):
        open_film(tmp_path / name)


def test_a_pattern_is_checked(tmp_path: Path) -> None:
    check_film_target(tmp_path / "out", Encoding())
    check_film_target(tmp_path / "%05d.png", Encoding(), 16)
    with pytest.raises(UsageError, match="numbered pictures"):
        check_film_target(tmp_path / "%d%d.png", Encoding())
    with pytest.raises(UsageError, match="16"):
        check_film_target(tmp_path / "%d.jpg", Encoding(), 16)


@pytest.mark.parametrize("name", ["50% off.gif", "%05d.webp", "a%d%d.gif"])
def test_a_percent_sign_in_the_name_of_a_file_that_is_there_means_nothing(name: str, tmp_path: Path) -> None:
    assert open_film(animation(tmp_path / name)).count == len(DELAYS)


@pytest.mark.parametrize("name", ["50% off.gif", "50% off.mp4", "%05d.gif"])
def test_a_percent_sign_in_the_name_of_a_film_to_write_means_nothing(name: str, tmp_path: Path) -> None:
    check_film_target(tmp_path / name, Encoding())
    if name.endswith(".gif"):
        copied(animation(tmp_path / "a.gif"), tmp_path / name)
        assert open_film(tmp_path / name).count == len(DELAYS)
