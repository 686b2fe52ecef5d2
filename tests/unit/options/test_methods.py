from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

from brushwork.errors import UsageError
from brushwork.options.base import Option, option_of
from brushwork.options.methods import Gatys
from brushwork.registry import OPTIONS, method_name, settings_from


@dataclass(frozen=True)
class Sketch:
    """A method of this test alone."""

    hatching: Annotated[float, Option("lines per millimeter", 0)] = 3.0


@pytest.mark.parametrize("method", OPTIONS)
def test_defaults_are_valid_and_every_field_is_explained(method: str) -> None:
    settings = settings_from(method, {})
    assert method_name(settings) == method
    for option in option_of(type(settings)).values():
        assert option.help
        assert "\n" not in option.help


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"steps": 0}, "steps: expected a number of at least 1, got 0"),
        ({"steps": 2.5}, "steps: expected a whole number, got 2.5"),
        ({"steps": "many"}, "steps: expected a whole number"),
        ({"steps": True}, "steps: expected a whole number"),
        ({"style_weight": -1}, "style_weight: expected a number of at least 0, got -1"),
        ({"style_weight": float("nan")}, "style_weight: .* got nan"),
        ({"style_weight": float("inf")}, "style_weight: .* got inf"),
        ({"style_weight": 10**400}, "style_weight: .* too large"),
        ({"seed": 10**400}, "seed: expected a number from 0"),
        ({"style_scale": 9}, r"style_scale: expected a number from 0\.1 to 4, got 9"),
        ({"optimizer": "sgd"}, "optimizer: expected one of lbfgs, adam, got 'sgd'"),
        ({"style_layers": "relu1_1"}, r"style_layers: expected a list, got 'relu1_1'; write \['relu1_1'\]"),
        ({"style_layers": (1,)}, "style_layers: expected a string, got 1"),
        ({"content_layers": ()}, "content_layers: expected at least one layer"),
        ({"style_layer_weights": (1.0,)}, "style_layer_weights: expected 5 numbers"),
        ({"content_layer_weights": (-1.0,)}, "content_layer_weights: .* got -1"),
        ({"seed": -1}, "seed: .* got -1"),
        ({"init": None}, "init: expected a string, got None"),
    ],
)
def test_wrong_values_are_refused_by_name(values: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        settings_from("gatys", values)
    with pytest.raises(ValueError, match=words):
        Gatys(**values)


def test_values_take_their_field_s_type() -> None:
    settings = Gatys(
        steps=np.int64(3),  # type: ignore[arg-type]
        style_weight=5,
        content_layer_weights=[1],  # type: ignore[arg-type]
        init=Path("folder") / "first.png",  # type: ignore[arg-type]
    )
    assert (settings.steps, settings.content_layer_weights) == (3, (1.0,))
    assert type(settings.style_weight) is float
    assert type(settings.steps) is int
    assert settings.init == str(Path("folder/first.png"))
    with pytest.raises(FrozenInstanceError):
        settings.steps = 4  # type: ignore[misc]


def test_no_layers_are_needed_where_their_weight_is_0() -> None:
    assert Gatys(content_layers=(), content_weight=0).content_layers == ()


def test_style_layers_are_the_statistic_s_own_unless_they_are_named() -> None:
    five = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    assert Gatys().layers("style") == five
    assert replace(Gatys(), statistic="patch").layers("style") == ("relu2_1", "relu3_1", "relu4_1")
    assert Gatys(statistic="patch", style_layers=("relu2_1",)).layers("style") == ("relu2_1",)
    assert Gatys().layers("content") == ("relu4_2",)


def test_the_paper_s_loss_is_that_of_gram_matrices() -> None:
    with pytest.raises(UsageError, match=r"'paper' only supports .* 'gram', got 'histogram'; use 'normalized'"):
        Gatys(loss="paper", statistic="histogram")


def test_an_option_of_another_method_is_refused() -> None:
    methods: dict[str, type[Any]] = {"gatys": Gatys, "sketch": Sketch}
    with pytest.raises(UsageError, match="hatching is not an option of gatys: it belongs to sketch; gatys has network"):
        settings_from("gatys", {"hatching": 2.0}, methods)
    with pytest.raises(UsageError, match="belongs to no method"):
        settings_from("gatys", {"brilliance": 2.0})
    with pytest.raises(UsageError, match="unknown method 'oil'; choose from adain-lite, adain, conditional"):
        settings_from("oil", {})


def test_ranges_in_words() -> None:
    assert Option("x").range == "a finite number"
    assert Option("x", high=3).range == "a number of at most 3"
    assert Option("x", -2, 3).range == "a number from -2 to 3"
