"""`brushwork faces`: the mask to correct."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from skimage import data

from brushwork import Picture, read_image, write_image

Run = Callable[..., Any]


def test_the_mask_is_written_and_taken(run: Run, here: Path) -> None:
    write_image(Picture.from_numpy(data.astronaut()[:256, 96:352]), "face.png")
    outcome = run("faces", "face.png", "-o", "mask.png")
    assert (outcome.code, outcome.out.strip()) == (0, "mask.png  1 face")
    mask = read_image("mask.png").pixels
    assert float(mask[0, 0, 102, 107]) > 0.9  # an eye
    assert float(mask[0, 0, -1, -1]) == 0
    outcome = run(
        "stylize", "face.png", "--style", "great-wave", "--preset", "draft", "--protect-faces", "0.8",
        "--face-mask", "mask.png",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err


def test_without_faces_the_mask_is_black(run: Run, here: Path) -> None:
    assert run("faces", "photo.png", "-o", "mask.png").out.strip() == "mask.png  0 faces"
    assert not bool(read_image("mask.png").pixels.any())


def test_what_cannot_be_is_refused(run: Run, here: Path) -> None:
    assert "is the photo" in run("faces", "photo.png", "-o", "photo.png").err
    assert "no.png: no such file" in run("faces", "no.png", "-o", "mask.png").err
    draft = ("stylize", "photo.png", "--style", "great-wave", "--preset", "draft", "--protect-faces", "1")
    assert "is one of the inputs" in run(*draft, "--face-mask", "mask.png", "-o", "mask.png").err
    assert "no.png: no such file" in run(*draft, "--face-mask", "no.png").err
