"""The library's side of rerun; the bytes are compared in cli/test_rerun.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from brushwork import FeatureExtractor, Gatys, rerun, stylize
from brushwork.errors import BrushworkError
from brushwork.image import Picture
from brushwork.io import write_image
from brushwork.weights import find


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("photo.png", "wave.png"):
        write_image(Picture(torch.rand(1, 3, 36, 48)), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_same_pixels_and_recipe_with_the_threads_of_then(here: Path) -> None:
    made = stylize("photo.png", "wave.png", Gatys(steps=3, init="noise", seed=4))
    before = torch.get_num_threads()
    again, remarks = rerun(made.recipe | {"threads": before + 1}, [here])
    assert torch.get_num_threads() == before
    assert remarks == []
    assert again.recipe == made.recipe | {"threads": before + 1}
    same, _ = rerun(made.recipe, [here])
    assert torch.equal(same.picture.pixels, made.picture.pixels)


def test_a_network_of_the_same_name_but_other_content_is_not_taken(here: Path) -> None:
    (here / "net").mkdir()
    shutil.copy(find("vgg19-slim") or "", here / "net" / "mine.safetensors")
    made = stylize("photo.png", "wave.png", Gatys(steps=2, network=str(here / "net" / "mine.safetensors")))
    assert made.recipe["settings"]["network"] == "mine.safetensors"
    (here / "mine.safetensors").write_bytes(b"another")
    with pytest.raises(BrushworkError, match=r"weights mine\.safetensors \(SHA-256 .*\), not found; .* --in$"):
        rerun(made.recipe, [here])
    again, _ = rerun(made.recipe, [here, here / "net"])
    assert torch.equal(again.picture.pixels, made.picture.pixels)


def test_other_embedded_weights_than_then_name_the_version(here: Path) -> None:
    made = stylize("photo.png", "wave.png", Gatys(steps=2))
    old = made.recipe | {"weights": {"name": "vgg19-slim", "sha256": "0" * 64}, "brushwork": "0.0.1"}
    with pytest.raises(BrushworkError, match=r"or install brushwork 0\.0\.1"):
        rerun(old, [here])


def test_what_no_recipe_can_give_again_is_refused(here: Path) -> None:
    picture = Picture(torch.rand(1, 3, 36, 48))
    with pytest.raises(BrushworkError, match="pictures in memory"):
        rerun(stylize(picture, "wave.png", Gatys(steps=2)).recipe, [here])
    network = FeatureExtractor(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1)), {"conv": "0"})
    settings = Gatys(steps=2, content_layers=("conv",), style_layers=("conv",))
    with pytest.raises(BrushworkError, match="network passed in Python"):
        rerun(stylize("photo.png", "wave.png", settings, network=network).recipe, [here])
    recipe = stylize("photo.png", "wave.png", Gatys(steps=2)).recipe
    with pytest.raises(BrushworkError, match="stopped early"):
        rerun(recipe | {"stopped_early": True}, [here])


def test_a_recipe_s_names_lead_to_no_other_folder(here: Path) -> None:
    made = stylize("photo.png", "wave.png", Gatys(steps=2))
    (here / "deep").mkdir()
    crafted = made.recipe | {"content": made.recipe["content"] | {"name": "../photo.png"}}
    with pytest.raises(BrushworkError, match="was not found in"):
        rerun(crafted, [here / "deep"])
