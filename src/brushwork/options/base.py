"""Option metadata (help text and allowed values) and validation of settings classes."""

from __future__ import annotations

import dataclasses
import functools
import math
import numbers
import os
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brushwork.errors import UsageError

__all__ = [
    "KEEP_COLOR",
    "KEEP_COLOR_WHEN",
    "Checked",
    "Option",
    "check_keep_color",
    "defaults_of",
    "memory_limit",
    "option_of",
    "options_from",
    "type_of",
]


@dataclass(frozen=True)
class Option:
    """Help text and allowed values of a settings field.

    Args:
        help: One line for the user.
        low: Smallest value.
        high: Largest value.
        choices: Allowed values; an empty tuple allows any.
        file: Whether the value may name a file.
        kind: How the command-line flag is parsed, if not by its type: "size", "memory", "files".
        flag: The flag's name, if it differs from the field's.
        recorded: Whether the field goes into the recipe under its name. False for what doesn't change the result, and
            for what the recipe records in another form.
    """

    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str | int, ...] = ()
    file: bool = False
    kind: str = ""
    flag: str = ""
    recorded: bool = True

    def check(self, name: str, value: object) -> None:
        """Raise UsageError if the value is not allowed."""
        if value is None:
            return
        if self.choices and value not in self.choices:
            raise UsageError(f"{name}: expected one of {', '.join(map(str, self.choices))}, got {value!r}")
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float) and not isinstance(number, bool) and not self._fits(number):
                raise UsageError(f"{name}: expected {self.range}, got {number}")

    def _fits(self, number: float) -> bool:
        low, high = (-math.inf if self.low is None else self.low), (math.inf if self.high is None else self.high)
        return low <= number <= high and abs(number) != math.inf  # not isfinite, which fails at very long numbers

    @property
    def range(self) -> str:
        """Return a description of the allowed numbers."""
        if self.low is None and self.high is None:
            return "a finite number"
        if self.high is None:
            return f"a number of at least {self.low:g}"
        return (
            f"a number of at most {self.high:g}" if self.low is None else f"a number from {self.low:g} to {self.high:g}"
        )


# Works with every method; see brushwork.api.color_control.
KEEP_COLOR = Option("how to keep the photo's colors", choices=("luminance", "cholesky", "histogram"))


KEEP_COLOR_WHEN = Option(
    "recolor the painting before stylization, or the result after [luminance: after; otherwise before]",
    choices=("before", "after"),
)


def check_keep_color(way: str | None, when: str | None) -> tuple[str | None, str | None]:
    """Check how and when to keep the photo's colors, and return both with `when` filled in.

    Args:
        way: A choice of KEEP_COLOR, or None to not keep them.
        when: A choice of KEEP_COLOR_WHEN, or None for the default of `way`.

    Raises:
        UsageError: An invalid value, or `when` without `way`.

    >>> check_keep_color("cholesky", None)
    ('cholesky', 'before')
    """
    if way is not None:
        KEEP_COLOR.check("keep_color", way)
    if when is not None:
        KEEP_COLOR_WHEN.check("keep_color_when", when)
    if way is None:
        if when is not None:
            raise UsageError(f"keep_color_when: {when!r} needs keep_color: {', '.join(map(str, KEEP_COLOR.choices))}")
        return None, None
    return way, when or ("after" if way == "luminance" else "before")


class Checked:
    """Base class of settings: validates every field against its type and its Option on construction."""

    def __post_init__(self) -> None:
        for name, option in option_of(type(self)).items():
            value = getattr(self, name)
            if option.choices:  # first, so that the message lists them even if the type is wrong
                option.check(name, value)
            value = _typed(name, value, type_of(type(self), name))
            object.__setattr__(self, name, value)
            option.check(name, value)


_WORDS = {int: "a whole number", float: "a number", str: "a string", Path: "a file"}


def _typed(name: str, value: object, kind: Any) -> object:
    """Convert a value to its field's type: lists become tuples, and integers become floats in float fields."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):  # X | None
        return None if value is None else _typed(name, value, typing.get_args(kind)[0])
    if kind is Any:
        return value
    if kind is bool:
        if not isinstance(value, bool):
            raise UsageError(f"{name}: expected True or False, got {value!r}")
        return value
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise UsageError(f"{name}: expected a list, got {value!r}; write [{value!r}]")
        return tuple(_typed(name, part, typing.get_args(kind)[0]) for part in value)
    if kind is str and isinstance(value, os.PathLike):
        return os.fspath(value)
    if kind is Path and isinstance(value, str | os.PathLike):
        return Path(value)
    allowed = {int: numbers.Integral, float: numbers.Real}.get(kind, kind)  # including NumPy scalars
    if isinstance(value, bool) or not isinstance(value, allowed):
        text = str(value).strip().removesuffix(".0")
        mend = f"; write {name}={text}" if kind is int and text.isdecimal() else ""
        raise UsageError(f"{name}: expected {_WORDS[kind]}, got {value!r}{mend}")
    try:
        return kind(value)
    except OverflowError as error:  # an integer too large for a float
        raise UsageError(f"{name}: expected {_WORDS[kind]}, got one that is too large") from error


def option_of(kind: type[Any]) -> Mapping[str, Option]:
    """Return a mapping from field name to Option, in the order of declaration."""
    return {name: option for name, (_, option) in _fields(kind).items()}  # type: ignore[arg-type]  # see type_of


def type_of(kind: type[Any], name: str) -> Any:
    """Return a field's type, without its Option."""
    return _fields(kind)[name][0]  # type: ignore[arg-type]  # a class is hashable; mypy looks at its instances


@functools.cache  # reading all type hints again for every flag took half of the command's startup time
def _fields(kind: type[Any]) -> Mapping[str, tuple[Any, Option]]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: typing.get_args(hints[field.name]) for field in dataclasses.fields(kind)}


def defaults_of(kind: type[Any]) -> dict[str, Any]:
    """Return a mapping from field name to default, for the fields that have one."""
    return {f.name: f.default for f in dataclasses.fields(kind) if f.default is not dataclasses.MISSING}


def options_from(method: str, values: Mapping[str, Any], classes: Mapping[str, type[Any]]) -> Any:
    """Create a method's options from names and values.

    Args:
        method: A key of `classes`.
        values: Field name → value; omitted fields keep their default.
        classes: Method name → options class.

    Raises:
        UsageError: An unknown method, or an option that this method doesn't have; the message names those that do.
    """
    if method not in classes:
        raise UsageError(f"unknown method {method!r}; choose from {', '.join(classes)}")
    own = option_of(classes[method])
    for name in values:
        if name not in own:
            others = [other for other, kind in classes.items() if name in option_of(kind)]
            belongs = f"belongs to {', '.join(others)}" if others else "belongs to no method"
            raise UsageError(f"{name} is not an option of {method}: it {belongs}; {method} has {', '.join(own)}")
    return classes[method](**values)


def memory_limit(words: str) -> int:
    """Return the number of bytes in "4GB", "500 MB" or "2GiB".

    Raises:
        UsageError: Anything else.

    >>> memory_limit("4GB"), memory_limit("1.5 GiB")
    (4000000000, 1610612736)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*", words, re.IGNORECASE)
    if match is None or not float(match[1]):
        raise UsageError(f"max_memory: expected an amount such as 4GB or 500MB, got {words!r}")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** " KMGT".index(match[2].upper() or " "))
