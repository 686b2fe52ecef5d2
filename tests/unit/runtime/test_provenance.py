"""The one type for recipes: what it refuses, and that its JSON comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import samples

from brushwork import Picture, Recipe, read_recipe, rerun, write_image
from brushwork.errors import PictureError, UsageError

GOOD = samples.RECIPE


def test_there_and_back() -> None:
    recipe = Recipe(GOOD)
    assert recipe == GOOD
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.to_json() == json.dumps(GOOD, sort_keys=True)  # as files have always held it
    assert len(recipe) == len(GOOD)
    assert "Recipe(" in repr(recipe)


def test_it_stays_what_it_is() -> None:
    recipe = Recipe(GOOD)
    recipe["settings"]["steps"] = "many"
    assert recipe["settings"]["steps"] == 300
    assert (recipe | {"threads": 7})["threads"] == 7
    assert recipe["threads"] == 1
    with pytest.raises(TypeError):
        recipe["threads"] = 7  # type: ignore[index]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"init": 3}, "init: expected a JSON object, got 3"),
        ({"device": [1]}, r"device: expected a string, got \[1\]"),
        ({"styles": "x"}, "styles: expected a list, got 'x'"),
        ({"styles": []}, "styles: expected at least one"),
        ({"styles": [{"name": "a.png", "bytes": 1, "sha256": ""}]}, r"styles\[0\]\.weight is missing"),
        ({"styles": [{**GOOD["styles"][0], "weight": "1"}]}, r"styles\[0\]\.weight: expected a number"),
        ({"styles": [{**GOOD["styles"][0], "weight": 10**400}]}, r"styles\[0\]\.weight"),
        ({"content": {"name": [1]}}, r"content\.name: expected a string, got \[1\]"),
        ({"content": {**GOOD["content"], "name": [1]}}, r"content\.name: expected a string"),
        ({"content": {**GOOD["content"], "name": "a\0b"}}, r"content\.name: expected the name of a file"),
        ({"content": {**GOOD["content"], "name": "\ud800"}}, r"content\.name: expected the name of a file"),
        ({"settings": 3}, "settings: expected a JSON object"),
        ({"settings": {"network": 3}}, r"settings\.network: expected a string"),
        ({"settings": {"decoder": ""}}, "decoder is missing"),
        ({"size": [0, 5]}, "size: expected a whole number of at least 1, got 0"),
        ({"size": "big"}, "size: expected"),
        ({"threads": True}, "threads: expected a whole number"),
        ({"threads": float("nan")}, "JSON"),
        ({"tile": 0}, "tile: expected"),
        ({"written": {"depth": 12}}, r"written\.depth: expected 8 or 16, got 12"),
        ({"weights": "vgg"}, "weights: expected a JSON object"),
    ],
)
def test_damage_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named) as caught:
        Recipe({**GOOD, **change})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in GOOD if name not in ("masks", "keep_color_when", "note")])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is missing"):
        Recipe({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize("text", ["", "[]", "3", "nonsense", "[" * 100_000, '{"brushwork": 3}', '{"a": NaN}'])
def test_any_text_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        Recipe.from_json(text)
    if text:
        samples.write_recipe(tmp_path / "bad.png", text)
        with pytest.raises(PictureError, match=r"bad\.png: its recipe is damaged"):
            read_recipe(tmp_path / "bad.png")


def test_recipes_of_the_first_files_are_still_read() -> None:
    """They had no masks, and a flag for colors."""
    old = {key: value for key, value in GOOD.items() if key not in ("masks", "keep_color_when")}
    assert Recipe({**old, "keep_color": True})["keep_color"] is True


@pytest.mark.parametrize("value", ["{}", 3, None])
def test_what_is_no_recipe_is_told_how(value: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected a Recipe, got .*(from_json|read_recipe)"):
        rerun(value, [tmp_path])
    if value is not None:
        with pytest.raises(UsageError, match="expected a Recipe"):
            write_image(Picture.from_numpy(samples.ARRAY), tmp_path / "a.png", recipe=value)
