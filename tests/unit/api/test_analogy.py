from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from brushwork import Analogies, Gatys, Interrupted, UsageError, analogy, read_image, read_recipe, rerun, stylize
from brushwork.api.analogy import DOODLE
from brushwork.cli.analogy import analogy as command
from brushwork.runtime.progress import Step


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name, (width, height) in (("a", (40, 32)), ("a_prime", (40, 32)), ("b", (36, 44))):
        Image.fromarray(random.integers(0, 255, (height, width, 3), np.uint8)).save(f"{name}.png")
        labels = np.zeros((height, width, 3), np.uint8)
        labels[:, width // 2 :] = 0, 0, 255
        Image.fromarray(labels).save(f"{name}_labels.png")
    return tmp_path


@pytest.mark.parametrize(
    ("sources", "options"),
    [
        (("a.png", "a_prime.png", "b.png"), {}),
        (
            ("a.png", "a_prime.png", "b.png"),
            {"settings": Analogies(search="hertzmann", filters="steerable", remap="none", levels=2)},
        ),
        (("a_labels.png", "a_prime.png", "b_labels.png"), {"settings": Analogies(compare="labels")}),
        ((None, "a_prime.png", "b.png"), {"settings": Analogies(compare="color", style_scale=0.8)}),
        ((None, "a_prime.png", None), {"size": (33, 30), "settings": Analogies(seed=4)}),
        (("a_labels.png", "a_prime.png", "b_labels.png"), {"settings": replace(DOODLE, steps=2)}),
    ],
    ids=["pair", "hertzmann", "labels", "painting", "texture", "neural"],
)
def test_its_recipe_makes_the_same_bytes_again(folder: Path, sources: Any, options: dict[str, Any]) -> None:
    analogy(*sources, **options).save("made.png")
    recipe = read_recipe("made.png")
    assert recipe is not None
    again, notes = rerun(recipe, [folder])
    again.save("again.png")
    assert notes == []
    assert Path("made.png").read_bytes() == Path("again.png").read_bytes()
    assert read_image("made.png").size == ((36, 44) if "size" not in options else (33, 30))


def test_a_saved_pair_is_a_style(folder: Path) -> None:
    told = CliRunner().invoke(command, ["a.png", "a_prime.png", "-o", "pair.safetensors"])
    assert told.exit_code == 0, told.output
    painted = stylize("b.png", "pair.safetensors", Analogies()).picture.pixels
    assert torch.equal(painted, analogy("a.png", "a_prime.png", "b.png").picture.pixels)


@pytest.mark.parametrize(
    ("sources", "options", "told"),
    [
        (("a.png", "b.png", "b.png"), {}, "A and A' must have the same size, got 40×32 and 36×44"),
        (("a.png", "a_prime.png", None), {}, "either B, a picture, or the size"),
        (("a.png", "a_prime.png", None), {"size": (9, 9)}, "a texture is made from A' alone"),
        ((None, "a_prime.png", None), {"size": (0, 9)}, "sides of at least 1"),
        ((None, "a_prime.png", "b.png"), {"settings": Analogies(compare="labels")}, "labels need it"),
        (("a.png", "a_prime.png", "b.png"), {"settings": Analogies(compare="labels")}, "A: expected a map of"),
        ((None, "a_prime.png", "b.png"), {"settings": DOODLE}, "A: labels need it"),
        ((None, "a_prime.png", None), {"size": (9, 9), "settings": DOODLE}, "size: without B"),
        (
            ("a_labels.png", "a_prime.png", "b_labels.png"),
            {"settings": Gatys()},
            "expected the statistic",
        ),
        (("a.png", "a_prime.png", 3), {}, "B: expected a file or a Picture"),
    ],
)
def test_what_does_not_fit_is_refused(folder: Path, sources: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        analogy(*sources, **options)


@pytest.mark.parametrize("search", ["patchmatch", "hertzmann"])
def test_stopped_it_keeps_what_it_has(folder: Path, search: str) -> None:
    def stop(step: Step) -> None:
        if step.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        analogy("a.png", "a_prime.png", "b.png", Analogies(search=search), progress=stop)
    assert caught.value.best.shape == (1, 3, 44, 36)


def test_the_command_writes_a_picture(folder: Path) -> None:
    run = CliRunner().invoke(command, ["a.png", "a_prime.png", "b.png", "-o", "out.png", "--levels", "2", "--json"])
    assert run.exit_code == 0, run.output
    assert read_image("out.png").size == (36, 44)
    assert CliRunner().invoke(command, ["a_prime.png", "--size", "30x20", "-o", "texture.png"]).exit_code == 0
    assert read_image("texture.png").size == (30, 20)


def test_a_neural_doodle_puts_each_texture_where_its_label_is(folder: Path) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 32:] = np.random.default_rng(0).integers(0, 2, (16, 8, 1), np.uint8).repeat(4, 0).repeat(4, 1) * 255
    labels = np.zeros((64, 64, 3), np.uint8)
    labels[:, 32:] = 0, 0, 255
    Image.fromarray(picture).save("texture.png")
    Image.fromarray(labels).save("map.png")
    Image.fromarray(np.ascontiguousarray(labels.transpose(1, 0, 2)[::-1])).save("asked.png")  # blue above
    made = analogy("map.png", "texture.png", "asked.png", replace(DOODLE, steps=30)).picture.pixels
    assert made[..., :24, :].std() > 1.5 * made[..., 40:, :].std()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a.png", "-o", "out.png"], "expected A A_PRIME B"),
        (["a.png", "b.png", "--size", "9x9", "-o", "out.png"], "from A_PRIME alone"),
        (["a.png", "a_prime.png", "b.png", "--neural", "-o", "out.png"], "--neural: expected --compare labels"),
        (["a.png", "a_prime.png", "b.png", "--steps", "9", "-o", "out.png"], "--steps: belongs to --neural"),
        (["a.png", "-o", "out.safetensors"], "two pictures"),
        (["a.png", "a_prime.png", "b.png", "-o", "b.png"], "one of the inputs"),
    ],
)
def test_the_command_says_what_is_wrong(folder: Path, arguments: list[str], told: str) -> None:
    run = CliRunner().invoke(command, arguments)
    assert isinstance(run.exception, UsageError)
    assert told in str(run.exception)
