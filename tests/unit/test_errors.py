from __future__ import annotations

from pathlib import Path

import pytest

from brushwork import errors
from brushwork.errors import BrushworkError, Interrupted, UsageError

KINDS = [name for name in errors.__all__ if isinstance(getattr(errors, name), type)]


@pytest.mark.parametrize("name", KINDS)
def test_one_except_clause_catches_all(name: str) -> None:
    kind = getattr(errors, name)
    more = (Path("out.png"),) if name == "SavedElsewhereError" else ()
    with pytest.raises(BrushworkError, match="what was got"):
        raise kind("what was got, what to do", *more)
    assert name in (errors.__doc__ or "")


def test_exit_codes() -> None:
    codes = {name: getattr(errors, name).exit_code for name in KINDS}
    assert codes == {
        "BrushworkError": 1,
        "Interrupted": 130,
        "PictureError": 1,
        "SavedElsewhereError": 1,
        "UsageError": 2,
        "WeightsError": 1,
    }


def test_a_wrong_value_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="wrong"):
        raise UsageError("wrong")


def test_an_interruption_carries_the_best_so_far() -> None:
    assert Interrupted().best is None
    assert Interrupted("stopped", best=3).best == 3
