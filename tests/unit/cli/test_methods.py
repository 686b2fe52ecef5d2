from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brushwork.settings import METHODS, option_of

Run = Callable[..., Any]


def test_every_method_with_every_option(run: Run) -> None:
    outcome = run("methods")
    assert outcome.code == 0
    for name, kind in METHODS.items():
        assert f"{name}: " in outcome.out
        for field, option in option_of(kind).items():
            assert f"--{field.replace('_', '-')} " in outcome.out
            assert option.help in outcome.out
    assert run("methods", "--json").objects == [{name: list(option_of(kind)) for name, kind in METHODS.items()}]
