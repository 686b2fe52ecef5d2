"""The recipe of a result, stored in image files: a JSON object that is validated when it is created or read."""

from __future__ import annotations

import copy
import json
import math
import os
import reprlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, TypeAlias

from brushwork.errors import UsageError

__all__ = ["Recipe", "as_recipe"]


class Recipe(Mapping[str, Any]):
    """Everything that determined a result: settings, seed, SHA-256 of inputs and weights, versions, device, threads.

    `Result.recipe` and `read_recipe` return one, `rerun` and `write_image` accept one. It is an immutable mapping with
    the keys and values of its JSON; `recipe | {"device": "cpu"}` creates a modified copy.

    Args:
        values: The keys and values.

    Raises:
        UsageError: A value is missing or of the wrong type; the message names it.

    >>> Recipe.from_json('{"method": "gatys"}')
    Traceback (most recent call last):
    brushwork.errors.UsageError: recipe: brushwork is missing
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        if not isinstance(values, Mapping):
            _wrong("a JSON object is expected", values)
        try:
            self._values: dict[str, Any] = json.loads(json.dumps(dict(values), allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"recipe: contains values that JSON can't represent ({error})") from error
        _check(self._values)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Return the recipe in a JSON text.

        Raises:
            UsageError: Not JSON, or not a recipe; the message says what is wrong.
        """
        if not isinstance(text, str | bytes):
            _wrong("a JSON string is expected", text)
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"recipe: is not valid JSON ({error})") from error
        return cls(values)

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the JSON text, with sorted keys."""
        return json.dumps(self._values, indent=indent, sort_keys=True)

    def __getitem__(self, name: str) -> Any:
        return copy.deepcopy(self._values[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __or__(self, other: Mapping[str, Any]) -> Recipe:
        return Recipe({**self, **other})

    def __repr__(self) -> str:
        return f"Recipe({self.to_json()})"


def as_recipe(value: object) -> Recipe:
    """Return the recipe that was passed; a plain mapping is validated and converted.

    Raises:
        UsageError: It is neither; the message says how to get a recipe.
    """
    if isinstance(value, Recipe):
        return value
    if isinstance(value, str | bytes):
        raise UsageError("recipe: expected a Recipe, got a string; use Recipe.from_json(text)")
    if isinstance(value, Mapping):
        return Recipe(value)
    raise UsageError(
        f"recipe: expected a Recipe, got a {type(value).__name__}; pass Result.recipe, or a recipe from read_recipe"
    )


# Validators: each takes a key such as "styles[0].weight" and the value found there. -----------------------------------

_Check: TypeAlias = Callable[[str, Any], None]


def _wrong(expected: str, value: object, name: str = "") -> NoReturn:
    where = f"{name}: expected {expected}" if name else expected
    raise UsageError(f"recipe: {where}, got {reprlib.repr(value)}")


def _text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        _wrong("a string", value, name)


def _file_name(name: str, value: Any) -> None:
    _text(name, value)
    try:
        valid = b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        valid = False
    if not valid:
        _wrong("the name of a file", value, name)


def _flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        _wrong("true or false", value, name)


def _whole(low: int) -> _Check:
    def check(name: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            _wrong(f"a whole number of at least {low}", value, name)

    return check


def _weight(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        _wrong("a number of at least 0", value, name)
    try:
        float(value)
    except OverflowError:
        _wrong("a smaller number", value, name)


def _size(name: str, value: Any) -> None:
    if not isinstance(value, list) or len(value) != 2:
        _wrong("[width, height]", value, name)
    for side in value:
        _whole(1)(name, side)


def _depth(name: str, value: Any) -> None:
    if isinstance(value, bool) or value not in (8, 16):
        _wrong("8 or 16", value, name)


def _or_null(check: _Check) -> _Check:
    def optional(name: str, value: Any) -> None:
        if value is not None:
            check(name, value)

    return optional


def _list(check: _Check) -> _Check:
    def every(name: str, value: Any) -> None:
        if not isinstance(value, list):
            _wrong("a list", value, name)
        for number, part in enumerate(value):
            check(f"{name}[{number}]", part)

    return every


def _object(required: Mapping[str, _Check], optional: Mapping[str, _Check] | None = None) -> _Check:
    """Return a validator for a JSON object; unknown keys are ignored, for compatibility with later versions."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            _wrong("a JSON object", value, name)
        prefix = f"{name}." if name else ""
        for key, part in {**required, **(optional or {})}.items():
            if key in value:
                part(f"{prefix}{key}", value[key])
        for key in required:
            if key not in value:
                raise UsageError(f"recipe: {prefix}{key} is missing")

    return check


def _input(more: Mapping[str, _Check]) -> _Check:
    """Return a validator for the description of an input: a named file with its size, or an in-memory image."""
    in_memory = _object({"sha256": _text})
    file = _object({"name": _file_name, "bytes": _whole(0), "sha256": _text, **more})

    def check(name: str, value: Any) -> None:
        nameless = isinstance(value, Mapping) and "name" in value and value["name"] is None
        (in_memory if nameless else file)(name, value)

    return check


_NETWORK = _object({"name": _file_name, "sha256": _text})
# Settings that name a network's file, and the recipe key that identifies that file.
_PARTS = {"network": "weights", "decoder": "decoder", "model": "model"}
_SETTINGS = _object({}, dict.fromkeys((*_PARTS, "init"), _file_name))
_RECIPE = _object(
    {
        "brushwork": _text,
        "torch": _text,
        "method": _text,
        "settings": _SETTINGS,
        "content": _input({}),
        "styles": _list(_input({"weight": _weight})),
        "init": _or_null(_input({})),
        "size": _size,
        "keep_color": lambda name, value: None if isinstance(value, bool | None) else _text(name, value),
        "device": _text,
        "threads": _whole(1),
    },
    {
        "keep_color_when": _or_null(_text),
        "masks": _list(_input({})),
        "protect_faces": _weight,
        "face_mask": _or_null(_input({})),
        "tile": _or_null(_whole(1)),
        "dtype": _text,
        "weights": _or_null(_NETWORK),  # null: a network passed as a Python object
        "decoder": _NETWORK,
        "model": _NETWORK,
        "stopped_early": _flag,
        "before": _input({}),  # of `analogy`: A
        "painted": _list(_object({"frame": _whole(0), "picture": _or_null(_input({}))})),  # frames of a film
        "guide": _list(_input({})),  # of `quilt`, as the next two
        "tileable": _flag,
        "onto": _flag,
        "written": _object({"depth": _depth, "quality": _or_null(_whole(1))}),
    },
)


def _check(values: Mapping[str, Any]) -> None:
    _RECIPE("", values)
    needed = [part for option, part in _PARTS.items() if option in values["settings"]]
    needed += ["dtype"] if "precision" in values["settings"] else []
    for name in needed:
        if name not in values:
            raise UsageError(f"recipe: {name} is missing")
    if not values["styles"]:
        raise UsageError("recipe: styles: expected at least one, got none")
