from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from brushwork import Interrupted, Picture, Quilting, UsageError, quilt, read_image, read_recipe, rerun, stylize
from brushwork.cli.quilt import quilt as command
from brushwork.runtime.progress import Step


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name, size in (
        ("texture.png", (40, 48)),
        ("photo.png", (60, 50)),
        ("map.png", (60, 50)),
        ("own.png", (40, 48)),
    ):
        Image.fromarray(random.integers(0, 255, (size[1], size[0], 3), np.uint8)).save(name)
    mask = np.zeros((48, 40), np.uint8)
    mask[10:, 5:] = 255
    Image.fromarray(mask).save("mask.png")
    return tmp_path


@pytest.mark.parametrize(
    "options",
    [
        {"size": (70, 55)},
        {"size": (70, 55), "tileable": True, "mask": "mask.png", "settings": Quilting(block=12, seed=3)},
        {"onto": "photo.png", "settings": Quilting(block=9, iterations=2, correspondence="blurred-luminance")},
        {"onto": "photo.png", "guide": ("own.png", "map.png"), "settings": Quilting(block=9, style_scale=0.9)},
    ],
    ids=["plain", "tileable", "onto", "guide"],
)
def test_its_recipe_makes_the_same_bytes_again(folder: Path, options: dict[str, Any]) -> None:
    quilt("texture.png", **options).save("made.png")
    recipe = read_recipe("made.png")
    assert recipe is not None
    again, notes = rerun(recipe, [folder])
    again.save("again.png")
    assert notes == []
    assert Path("made.png").read_bytes() == Path("again.png").read_bytes()
    assert read_image("made.png").size == ((70, 55) if "size" in options else (60, 50))


def test_onto_is_what_stylize_paints(folder: Path) -> None:
    settings = Quilting(block=9, iterations=2)
    painted = stylize("photo.png", "texture.png", settings).picture.pixels
    assert torch.equal(quilt("texture.png", onto="photo.png", settings=settings).picture.pixels, painted)


def test_transparent_parts_are_not_taken() -> None:
    alpha = torch.zeros(1, 1, 30, 30)
    alpha[..., :20] = 1
    pixels = torch.rand(1, 3, 30, 30)
    pixels[..., 20:] = 1
    made = quilt(Picture(pixels, alpha), (40, 40), Quilting(block=8)).picture
    assert made.alpha is None
    assert made.pixels.max() < 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "either a size"),
        ({"size": (10, 10), "onto": "photo.png"}, "either a size"),
        ({"size": (0, 10)}, "sides of at least 1"),
        ({"size": (10**5, 10**5)}, "at most 67,108,864 pixels"),
        ({"size": 10}, r"size: expected \(width, height\)"),
        ({"size": (60, 60), "settings": Quilting(block=41)}, "less than a block of 41"),
        ({"size": (60, 60), "mask": "photo.png"}, "mask: expected 40×48 pixels like the texture, got 60×50"),
        ({"size": (60, 60), "guide": ("own.png", "map.png")}, "guide: belongs to a picture"),
        ({"onto": "photo.png", "guide": ("own.png",)}, "guide: expected two maps"),
        ({"onto": "photo.png", "guide": ("map.png", "map.png")}, "guide: the first map: expected 40×48"),
        ({"onto": "photo.png", "guide": ("own.png", "own.png")}, "guide: the second map: expected 60×50"),
        ({"onto": "photo.png", "tileable": True}, "tileable"),
        ({"size": (60, 60), "settings": "gatys"}, "settings: expected Quilting"),
    ],
)
def test_what_cannot_be_quilted_is_told(folder: Path, options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        quilt("texture.png", **options)


@pytest.mark.parametrize("options", [{"size": (70, 55)}, {"onto": "photo.png"}])
def test_it_can_be_stopped(folder: Path, options: dict[str, Any]) -> None:
    steps: list[Step] = []

    def stop(step: Step) -> None:
        steps.append(step)
        if step.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        quilt("texture.png", settings=Quilting(block=12), progress=stop, **options)
    assert caught.value.best.isfinite().all()
    assert steps[0].preview().shape == caught.value.best.shape


def test_the_command(folder: Path) -> None:
    run = CliRunner().invoke
    made = run(command, ["texture.png", "--size", "50x44", "--block", "12", "--tileable", "-o", "out.png"])
    assert made.exit_code == 0, made.output
    assert read_image("out.png").size == (50, 44)
    onto = ["texture.png", "--onto", "photo.png", "--alpha", "0.2..0.8", "--iterations", "2", "-o", "onto.png"]
    made = run(command, [*onto, "--guide", "own.png", "map.png"])
    assert made.exit_code == 0, made.output
    recipe = read_recipe("onto.png")
    assert recipe is not None
    assert recipe["settings"]["alpha"] == [0.2, 0.8]
    assert [part["name"] for part in recipe["guide"]] == ["own.png", "map.png"]
    for wrong in (["--size", "50"], [], ["--size", "50x44", "-o", "texture.png"]):
        refused = run(command, ["texture.png", "-o", "refused.png", *wrong])
        assert isinstance(refused.exception, UsageError)
    assert not Path("refused.png").exists()
