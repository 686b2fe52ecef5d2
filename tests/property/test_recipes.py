"""Whatever befalls a recipe, `rerun` gives a result or one line."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brushwork import Gatys, Picture, Recipe, rerun, stylize, write_image
from brushwork.errors import BrushworkError

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 40), st.floats(), st.text(max_size=4), st.just("a\0\ud800"),
    st.lists(st.one_of(st.none(), st.integers(-2, 2), st.text(max_size=2)), max_size=2),
    st.dictionaries(st.sampled_from(["name", "sha256", "bytes", "weight"]), st.integers(0, 3), max_size=2),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in a JSON value, nested ones too."""
    if path:
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


@pytest.fixture(scope="module", params=["gatys", "adain-lite"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    here = tmp_path_factory.mktemp("here")
    for name in ("photo.png", "wave.png", "sea.png"):
        write_image(Picture(torch.rand(1, 3, 20, 24)), here / name)
    chosen = Gatys(steps=1, scales=1, init=str(here / "sea.png")) if request.param == "gatys" else None
    result = stylize(here / "photo.png", here / "wave.png", chosen, keep_color="luminance", masks=[here / "sea.png"])
    return dict(result.recipe | {"tile": 64}), here


@given(data=st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_a_damaged_recipe_gives_a_result_or_a_brushwork_error(
    made: tuple[dict[str, Any], Path], data: st.DataObject
) -> None:
    recipe, here = made
    damaged = copy.deepcopy(recipe)
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(list(places(damaged))))
        at: Any = damaged
        for key in way:
            at = at[key]
        if data.draw(st.booleans()):
            del at[last]
        else:
            at[last] = data.draw(VALUES)
        if not damaged:
            break
    told = ""
    try:
        rerun(Recipe(damaged), [here])
    except BrushworkError as error:
        told = str(error)
    assert len(told.splitlines()) <= 1


def test_a_line_break_in_a_name_is_shown_escaped(made: tuple[dict[str, Any], Path]) -> None:
    recipe, here = made
    damaged = copy.deepcopy(recipe)
    name = next(option for option in ("network", "model") if option in damaged["settings"])
    damaged["settings"][name] = "a\x85\nb"
    with pytest.raises(BrushworkError, match=r"a\\x85\\nb"):
        rerun(Recipe(damaged), [here])
