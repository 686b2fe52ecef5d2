"""`--preset`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from brushwork import read_image, read_recipe, rerun
from brushwork.api import presets
from brushwork.cli import arguments

Run = Callable[..., Any]


def test_the_command_has_all_presets() -> None:
    assert list(arguments.PRESET_NAMES) == list(presets.PRESETS)


def test_the_recipe_holds_the_settings_so_that_presets_may_change(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = ("stylize", "photo.png", "--style", "wave.jpg", "--preset", "good", "--steps", "5", "-o", "out.png")
    outcome = run(*good)
    assert outcome.code == 0, outcome.err
    recipe = read_recipe("out.png")
    assert (recipe["settings"]["init"], recipe["settings"]["steps"]) == ("recolored", 5)
    monkeypatch.setattr(presets, "PRESETS", {})
    again, _ = rerun(recipe, here)
    difference = again.picture.pixels - read_image("out.png").pixels
    assert difference.abs().max() <= 0.5001 / 255  # what eight bits cut off
    assert torch.count_nonzero(difference)


def test_a_preset_of_another_method_is_refused(run: Run, here: Path) -> None:
    outcome = run("stylize", "photo.png", "--style", "wave.jpg", "--preset", "draft", "--method", "gatys")
    assert outcome.code == 2
    assert "preset draft is of adain-lite, not of gatys" in outcome.err


def test_plan_takes_a_preset(run: Run, here: Path) -> None:
    plan = ("plan", "photo.png", "--style", "wave.jpg", "--size", "256", "--json", "--preset")
    draft, good = (run(*plan, preset).objects[0]["seconds"] for preset in ("draft", "good"))
    assert draft < good
