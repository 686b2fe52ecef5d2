"""`brushwork rerun`: the same bytes, from inputs found by their content."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from samples import write_recipe

from brushwork import Gatys, encode_style, load, read_image, read_recipe, save_style, stylize
from brushwork.image import Picture
from brushwork.io import write_image
from brushwork.runtime.provenance import Recipe
from brushwork.weights import find

Run = Callable[..., Any]


def make(run: Run, output: str, *options: str, style: str = "wave.jpg", photo: str = "photo.png") -> bytes:
    outcome = run(
        "stylize", photo, "--style", style, "-o", output, "--method", "gatys", "--steps", "4", "--json", *options
    )
    assert outcome.code == 0, outcome.out
    return Path(output).read_bytes()


@pytest.mark.parametrize(
    ("output", "options"),
    [
        ("out.png", []),
        ("out.jpg", ["--quality", "60"]),
        ("out.tif", ["--depth", "16"]),
        ("out.png", ["--depth", "16", "--keep-color", "luminance"]),
        ("out.png", ["--keep-color", "cholesky", "--init", "style"]),
        ("out.png", ["--keep-color", "histogram", "--keep-color-when", "after"]),
        ("out.png", ["--init", "noise", "--seed", "7"]),
        ("out.png", ["--init", "sea.png"]),
        ("out.png", ["--init", "style"]),
        ("out.webp", ["--size", "70", "--scales", "2"]),
        ("out.png", ["--size", "full", "--optimizer", "adam"]),
        ("out.png", ["--style-layers", "relu1_1,relu2_1", "--style-layer-weights", "2,1", "--style-scale", "0.5"]),
        ("out.png", ["--precision", "auto", "--loss", "paper", "--tv-weight", "0.1"]),
    ],
)
def test_the_same_bytes(output: str, options: list[str], run: Run, here: Path) -> None:
    made = make(run, output, *options)
    outcome = run("rerun", output, "-o", f"again{Path(output).suffix}")
    assert outcome.code == 0, outcome.err
    assert (here / f"again{Path(output).suffix}").read_bytes() == made


def test_the_same_bytes_with_alpha_and_a_blend(run: Run, here: Path) -> None:
    alpha = torch.linspace(0, 1, 40).expand(1, 1, 30, 40)
    write_image(Picture(torch.rand(1, 3, 30, 40), alpha), "cut.png")
    make(run, "out.png", style="wave.jpg:0.7+cut.png:0.3", photo="cut.png")
    assert run("rerun", "out.png").code == 0
    assert (here / "out_rerun.png").read_bytes() == (here / "out.png").read_bytes()
    assert read_image("out_rerun.png").alpha is not None


def test_inputs_are_found_by_content_in_other_folders_under_other_names(run: Run, here: Path) -> None:
    shutil.copy(find("vgg19-slim") or "", here / "mine.safetensors")
    save_style("saved.safetensors", load(Gatys()), encode_style(load(Gatys()), "sea.png", [48]))
    made = make(
        run, "out.png", "--network", str(here / "mine.safetensors"), "--init", "sea.png", style="wave.jpg+sea.png"
    )
    (here / "attic").mkdir()
    for old, new in {"photo.png": "a", "wave.jpg": "b.jpg", "sea.png": "noise", "mine.safetensors": "c.pt"}.items():
        (here / old).rename(here / "attic" / new)
    outcome = run("rerun", "out.png")
    assert outcome.code == 1
    assert "photo.png (SHA-256" in outcome.err
    assert "--in" in outcome.err
    assert run("rerun", "out.png", "--in", "attic").code == 0
    assert (here / "out_rerun.png").read_bytes() == made
    (here / "attic" / "c.pt").unlink()
    assert "mine.safetensors" in run("rerun", "out.png", "--in", "attic").err


def test_a_saved_style_is_found_again(run: Run, here: Path) -> None:
    save_style("saved.safetensors", load(Gatys()), encode_style(load(Gatys()), "sea.png", [48]))
    made = make(run, "out.png", style="saved.safetensors")
    assert run("rerun", "out.png").code == 0
    assert (here / "out_rerun.png").read_bytes() == made


def test_a_style_that_the_user_added_is_found_by_its_content(run: Run, here: Path) -> None:
    assert run("styles", "add", "wave.jpg", "--name", "mine").code == 0
    first = make(run, "out.png", style="mine")
    assert run("rerun", "out.png", "-o", "again.png").code == 0
    assert (here / "again.png").read_bytes() == first


def test_a_changed_input_is_not_taken_for_the_old_one(run: Run, here: Path) -> None:
    make(run, "out.png")
    write_image(Picture(torch.rand(1, 3, 40, 40)), "wave.jpg")
    assert "wave.jpg (SHA-256" in run("rerun", "out.png").err


def test_a_picture_without_recipe_or_with_a_damaged_one(run: Run, here: Path) -> None:
    assert "contains no recipe" in run("rerun", "photo.png").err
    assert run("rerun", "nothere.png").code == 1
    make(run, "out.png")
    recipe = dict(read_recipe("out.png") or {})
    damages: list[Any] = [[], {}, recipe | {"content": None}, recipe | {"size": "big"}, recipe | {"settings": 3}]
    damages += [{k: v for k, v in recipe.items() if k != name} for name in ("styles", "threads")]
    damages += [recipe | {"written": {}}]
    damages += [recipe | {"settings": recipe["settings"] | {"brilliance": 3}}, recipe | {"method": "oil"}]
    damages += [recipe | {"init": 3}, recipe | {"device": [1]}, recipe | {"styles": "x"}]
    damages += [recipe | {"content": {"name": [1]}}, recipe | {"threads": float("nan")}]
    for damaged in damages:
        write_recipe("bad.png", json.dumps(damaged))
        outcome = run("rerun", "bad.png")
        assert outcome.code in (1, 2)
        assert "bug" not in outcome.err
        assert outcome.err.count("\n") == 1


def test_nothing_is_overwritten(run: Run, here: Path) -> None:
    make(run, "out.png")
    for output in ("out.png", "photo.png", "wave.jpg"):
        before = (here / output).read_bytes()
        assert run("rerun", "out.png", "-o", output).code == 2
        assert (here / output).read_bytes() == before


def test_print_and_json(run: Run, here: Path) -> None:
    make(run, "out.png")
    recipe = json.loads(run("rerun", "out.png", "--print").out)
    assert recipe["content"]["name"] == "photo.png"
    assert recipe["settings"]["steps"] == 4
    (answer,) = run("rerun", "out.png", "--json").objects
    assert answer == {"picture": "out.png", "output": "out_rerun.png", "notes": []}


def test_another_version_or_device_is_remarked(run: Run, here: Path) -> None:
    make(run, "out.png")
    recipe = Recipe(read_recipe("out.png") or {}) | {"brushwork": "0.0.1", "device": "cuda:99"}
    write_image(read_image("out.png"), "other.png", recipe=recipe)
    assert run("rerun", "other.png").code == 2
    outcome = run("rerun", "other.png", "--device", "cpu")
    assert outcome.code == 0
    assert "Note: made with brushwork 0.0.1" in outcome.err
    assert "Note: made with device cuda:99, this is cpu" in outcome.err


def test_a_file_written_from_python_can_be_run_again(run: Run, here: Path) -> None:
    result = stylize("photo.png", "wave.jpg", Gatys(steps=2))
    write_image(result.picture, "from_python.png", recipe=result.recipe)
    assert run("rerun", "from_python.png").code == 0
    assert torch.equal(read_image("from_python.png").pixels, read_image("from_python_rerun.png").pixels)
