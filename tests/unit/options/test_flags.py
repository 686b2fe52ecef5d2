"""Flags from fields; tried with a second method, since an option must be refused where it doesn't belong."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import rich_click as click
from click.testing import CliRunner

from brushwork.cli.stylize import stylize
from brushwork.errors import UsageError
from brushwork.options.base import Option
from brushwork.options.flags import flag_of, method_options, settings_of, without_method_options
from brushwork.options.methods import Gatys
from brushwork.registry import OPTIONS


@dataclass(frozen=True)
class Sketch:
    """A method of this test alone."""

    hatching: Annotated[float, Option("lines per millimeter", 0)] = 3.0
    steps: Annotated[int, Option("strokes", 1)] = 50
    optimizer: Annotated[str, Option("hand", choices=("left", "right"))] = "left"


BOTH: dict[str, type[Any]] = {"gatys": Gatys, "sketch": Sketch}


def parse(*arguments: str) -> Any:
    @click.command()
    @click.option("--method", "method", default="gatys")
    @method_options(BOTH)
    def command(method: str, **values: Any) -> Any:
        assert without_method_options({**values, "size": 3}, BOTH) == {"size": 3}
        return settings_of(method, values, BOTH)

    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.return_value


def test_every_field_is_a_flag_of_stylize_with_its_help() -> None:
    flags = {flag: parameter for parameter in stylize.params for flag in parameter.opts}
    for kind in OPTIONS.values():
        for field in dataclasses.fields(kind):
            assert flag_of(field.name) in flags
            assert flags[flag_of(field.name)].help  # type: ignore[union-attr]


def test_values_reach_the_settings_with_their_types() -> None:
    assert parse() == Gatys()
    settings = parse(
        "--steps", "7", "--style-weight", "5", "--style-layers", "relu1_1, relu2_1", "--style-layer-weights", "1,.5",
        "--seed", "9", "--init", "noise",
    )  # fmt: skip
    assert settings == Gatys(
        steps=7,
        style_weight=5.0,
        style_layers=("relu1_1", "relu2_1"),
        style_layer_weights=(1.0, 0.5),
        seed=9,
        init="noise",
    )


def test_an_option_of_another_method_is_refused_with_those_that_fit() -> None:
    assert parse("--method", "sketch", "--hatching", "2", "--steps", "4") == Sketch(2.0, 4)
    with pytest.raises(UsageError, match=r"--hatching is not an option of gatys, but of sketch; gatys has --network"):
        parse("--hatching", "2")
    with pytest.raises(
        UsageError, match=r"--style-weight is not an option of sketch, but of gatys; .* --hatching, --steps"
    ):
        parse("--method", "sketch", "--style-weight", "2")
    with pytest.raises(UsageError, match="unknown method 'oil'; choose from gatys, sketch"):
        parse("--method", "oil", "--hatching", "2")


def test_a_shared_flag_takes_what_either_method_takes() -> None:
    assert parse("--method", "sketch", "--optimizer", "right").optimizer == "right"
    with pytest.raises(UsageError, match="optimizer: expected one of lbfgs, adam, got 'right'"):
        parse("--optimizer", "right")


def test_a_shared_flag_shows_each_default() -> None:
    @click.command()
    @method_options(BOTH)
    def command(**_: Any) -> None: ...

    steps = next(parameter for parameter in command.params if parameter.name == "steps")
    assert "sketch 50" in steps.help  # type: ignore[union-attr]
    assert f"gatys {Gatys().steps}" in steps.help  # type: ignore[union-attr]
