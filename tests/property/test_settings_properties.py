from __future__ import annotations

import contextlib
import dataclasses
import json
import typing
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from brushwork.errors import UsageError
from brushwork.options.base import option_of
from brushwork.registry import OPTIONS, settings_from
from brushwork.styles.references import parse_style

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.floats(), max_size=6)
)


@st.composite
def values(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    method = draw(st.sampled_from(sorted(OPTIONS)))
    return method, draw(st.dictionaries(st.sampled_from(list(option_of(OPTIONS[method]))), ANYTHING, max_size=4))


@example(("gatys", {"seed": 2**63}))
@given(drawn=values())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_settings_are_refused_or_survive_a_recipe(drawn: tuple[str, dict[str, Any]]) -> None:
    method, given_values = drawn
    with contextlib.suppress(UsageError):
        made = settings_from(method, given_values)
        hints = typing.get_type_hints(type(made))
        for field in dataclasses.fields(made):
            assert isinstance(getattr(made, field.name), typing.get_origin(hints[field.name]) or hints[field.name])
        assert settings_from(method, json.loads(json.dumps(dataclasses.asdict(made)))) == made


@given(st.lists(st.tuples(st.from_regex(r"[a-z]{1,8}\.jpg", fullmatch=True), st.integers(1, 99)), min_size=1))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_blend_says_what_it_was_made_of(parts: list[tuple[str, int]]) -> None:
    text = "+".join(f"{name}:{weight / 10}" for name, weight in parts)
    assert [(part.reference, part.weight) for part in parse_style(text)] == [(name, w / 10) for name, w in parts]


@example("+".join(["a-painting-with-a-long-name.jpg:0.5"] * 200))
@example("wave.jpg:nan")
@example("a:1+")
@given(st.text())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_style_argument_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert all(part.reference and part.weight >= 0 for part in parse_style(text))
