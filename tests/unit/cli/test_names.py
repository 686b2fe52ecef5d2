"""Names of files that look like syntax: what exists as a file is a file, whatever its name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
NAMES = ("12:30.png", "100% done.png", "100%d.png", "b[1].png", "[ab]*?.png", "-p.png", "a+b.png", "w.jpg:0.7", "~.png")


@pytest.mark.parametrize("name", NAMES)
def test_a_photo_a_style_a_mask_and_an_output_may_have_any_name(run: Run, here: Path, name: str) -> None:
    for given in {name, f"{name}.png"}:
        shutil.copy("wave.jpg", given)
    told = run("stylize", name, "--style", name, "--mask", name, "-o", f"{name}.png", "--size", 32)
    assert (told.code, told.out) == (0, "")
    assert run("stylize", name, "--style", f"{name}:0.5+{name}:0.5", "-o", "out/", "--size", 32).code == 0
    assert run("plan", name, "--style", name).code == 0


@pytest.mark.parametrize("name", ["12:30", "100% done", "100%d", "b[1]", "-p.in", "a+b", "in:0.7", "~"])
def test_a_film_a_folder_of_frames_and_what_is_made_of_them_may_have_any_name(run: Run, here: Path, name: str) -> None:
    folder = here / name
    folder.mkdir()
    for frame in ("1.png", "2.png"):
        shutil.copy("photo.png", folder / frame)
    film = f"{name}.mp4"
    style = ("--style", "feminine-wave", "--size", 32)
    assert run("video", name, *style, "-o", f"./{film}").code == 0
    assert run("video", film, *style).code == 0  # under its default name
    assert run("video", film, *style, "-o", f"other {film}").code == 0
    assert run("video", name, *style).code == 0
    assert (here / f"{name}_feminine-wave".replace(".", "_") / "00001.png").is_file()
    assert (here / f"{name}_feminine-wave.mp4").is_file()


def test_home_is_expanded_in_every_part_of_a_blend(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here / "home"))
    (here / "home").mkdir()
    shutil.move("sea.png", here / "home" / "sea.png")
    told = run("stylize", "photo.png", "--style", "wave.jpg:0.7+~/sea.png:0.3", "--size", 32)
    assert told.code == 0
    assert (here / "photo_wave-0.7+sea-0.3.png").is_file()


@pytest.mark.parametrize("address", ["https://example.org/a.jpg?size=[1]", "file:///home/a.jpg", "s3://bucket/a.jpg"])
def test_an_address_is_not_fetched_and_that_is_said(run: Run, here: Path, address: str) -> None:
    for ask in (
        ("stylize", address, "--style", "wave.jpg"),
        ("stylize", "photo.png", "--style", address),
        ("stylize", "photo.png", "--style", f"{address}:0.5+wave.jpg"),
        ("stylize", "photo.png", "--style", "wave.jpg", "--mask", address),
        ("plan", address, "--style", "wave.jpg"),
        ("video", address, "--style", "feminine-wave"),
    ):
        told = run(*ask)
        assert told.code != 0
        assert "brushwork fetches nothing; download the file and pass its name" in told.err
        assert "Traceback" not in told.err
