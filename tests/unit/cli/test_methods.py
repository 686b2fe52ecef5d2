from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brushwork.options.base import option_of
from brushwork.registry import OPTIONS

Run = Callable[..., Any]


def test_every_method_with_every_option(run: Run) -> None:
    outcome = run("methods")
    assert outcome.code == 0
    for name, kind in OPTIONS.items():
        assert f"{name}: " in outcome.out
        for field, option in option_of(kind).items():
            assert f"--{field.replace('_', '-')} " in outcome.out
            assert option.help in outcome.out
    (listed,) = run("methods", "--json").objects
    assert listed.keys() == OPTIONS.keys()
    steps = next(row for row in listed["gatys"] if row["flag"] == "--steps")
    assert steps["default"] == 300
    assert steps["values"] == "a number of at least 1"
    assert next(row for row in listed["gatys"] if row["flag"] == "--pooling")["values"] == ["max", "average"]
