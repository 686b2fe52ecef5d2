"""Command-line flags generated from the fields of settings classes."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from brushwork.errors import UsageError
from brushwork.options.base import memory_limit, option_of, options_from, type_of

__all__ = [
    "Duration",
    "Memory",
    "Size",
    "WidthHeight",
    "flag_of",
    "given_options",
    "memory_limit",
    "method_options",
    "option_flags",
    "options_from_flags",
    "options_in_words",
    "settings_of",
    "without_method_options",
]


Command = TypeVar("Command", bound=Callable[..., Any])


class _List(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """Comma-separated values, for fields that are tuples."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.name = "NUMBERS" if kind is float else "NAMES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        """Return the values as a tuple; a tuple is returned unchanged."""
        if isinstance(value, tuple):
            return value
        try:
            pieces = value.replace("..", ",").split(",")  # 0.1..0.9, from the first to the last
            return tuple(self.kind(piece.strip()) for piece in pieces if piece.strip())
        except ValueError:
            self.fail(f"expected numbers separated by commas, got {value!r}", param, ctx)


class Size(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """A number of pixels, or "full"."""

    name = "PIXELS|full"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of pixels, or 0 for "full"."""
        if str(value) == "full":
            return 0
        if not str(value).isdecimal() or int(value) < 1:
            self.fail(f"expected a number of pixels of at least 1, or full, got {value!r}", param, ctx)
        return int(value)


class WidthHeight(click.ParamType):  # type: ignore[type-arg]
    """Width and height in pixels, such as 1024x768."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return both numbers."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(\d{1,9})[x×](\d{1,9})", str(value))
        if match is None:
            raise UsageError(f"--size: expected WIDTHxHEIGHT such as 1024x768, got {value!r}")
        return int(match[1]), int(match[2])


class Memory(click.ParamType):  # type: ignore[type-arg]
    """An amount of memory, such as 4GB."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        try:
            return value if isinstance(value, int) else memory_limit(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


class Duration(click.ParamType):  # type: ignore[type-arg]
    """A time, such as 90s, 5m or 1h; a number alone is seconds."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number of seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
        if match is None or not float(match[1]) > 0:
            self.fail(f"expected a time such as 90s or 5m, got {value!r}", param, ctx)
        return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def option_flags(kind: type[Any], *only: str) -> Callable[[Command], Command]:
    """Return a decorator that adds a flag for each field of a settings class, or only for the fields named."""

    def decorate(command: Command) -> Command:
        for name in reversed([name for name in option_of(kind) if not only or name in only]):
            command = _shared_flag(kind, name)(command)
        return command

    return decorate


def options_from_flags(kind: type[Any], values: dict[str, Any]) -> Any:
    """Create a settings object from a command's values, and remove them there; flags not given keep their default.

    Raises:
        UsageError: An invalid value.
    """
    found = {name: values.pop(name) for name in option_of(kind) if name in values}
    return kind(**{name: value for name, value in found.items() if value is not None})


def _shared_flag(kind: type[Any], name: str) -> Callable[[Command], Command]:
    option, default, hint = option_of(kind)[name], _default(kind, name), type_of(kind, name)
    if typing.get_origin(hint) is not tuple:  # but X | None
        hint = next((part for part in typing.get_args(hint) if part is not type(None)), hint)
    more: dict[str, Any] = {"help": option.help, "default": None}
    if option.kind == "files":
        more |= {"type": click.Path(path_type=Path), "multiple": True}
    elif typing.get_origin(hint) is tuple:
        more |= {"type": _List(typing.get_args(hint)[0])}
    elif hint is bool:
        more |= {"is_flag": True}
    elif option.kind:
        more |= {"type": {"size": Size(), "memory": Memory()}[option.kind]}
    elif option.choices:
        more |= {"type": click.Choice([str(choice) for choice in option.choices]), "callback": _converted(hint)}
    elif hint is int:
        more |= {
            "type": click.IntRange(
                None if option.low is None else int(option.low), None if option.high is None else int(option.high)
            )
        }
    else:
        more |= {"type": click.Path(path_type=Path) if hint is Path or option.file else hint}
    if default not in (None, (), False):
        more["help"] = f"{option.help} [{default}]"
    return click.option(flag_of(option.flag or name), name, **more)


def _converted(kind: type) -> Callable[[Any, Any, Any], Any]:
    return lambda ctx, param, value: None if value is None else kind(value)


def flag_of(name: str) -> str:
    """Return a field's flag: "style_weight" → "--style-weight"."""
    return f"--{name.replace('_', '-')}"


def method_options(methods: Mapping[str, type[Any]]) -> Callable[[Command], Command]:
    """Return a decorator that adds a flag for each field of each method; fields that methods share are added once."""

    def decorate(command: Command) -> Command:
        for name, owners in reversed(_owners(methods).items()):  # click lists the last decorator first
            command = _flag(name, {method: methods[method] for method in owners})(command)
        return command

    return decorate


def _owners(methods: Mapping[str, type[Any]]) -> dict[str, list[str]]:
    """Return a mapping from field name to the methods that have it."""
    owners: dict[str, list[str]] = {}
    for method, kind in methods.items():
        for name in option_of(kind):
            owners.setdefault(name, []).append(method)
    return owners


def _flag(name: str, kinds: Mapping[str, type[Any]]) -> Callable[[Command], Command]:
    shown = {method: _shown(_default(kind, name)) for method, kind in kinds.items()}
    defaults = ", ".join(f"{method} {value}" for method, value in shown.items())
    if len(set(shown.values())) == 1:
        defaults = next(iter(shown.values()))
    return click.option(
        flag_of(name),
        name,
        type=_type(name, list(kinds.values())),
        default=None,  # so that an option of another method is rejected only if it is given
        help=f"{option_of(next(iter(kinds.values())))[name].help} [{defaults}]",
    )


def _default(kind: type[Any], name: str) -> Any:
    return next(field.default for field in dataclasses.fields(kind) if field.name == name)


def _type(name: str, kinds: list[type[Any]]) -> Any:
    hint = type_of(kinds[0], name)
    if typing.get_origin(hint) is tuple:
        return _List(typing.get_args(hint)[0])
    # The choices of all methods; the settings class rejects those of other methods.
    choices = list(dict.fromkeys(choice for kind in kinds for choice in option_of(kind)[name].choices))
    return click.Choice(choices) if choices else hint


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(str(part) for part in default) or "empty"
    return f"{default:g}" if isinstance(default, float) else str(default)


def options_in_words(kind: type[Any]) -> list[dict[str, Any]]:
    """Return flag, help, default and allowed values of each option of a method."""
    return [
        {
            "flag": flag_of(name),
            "help": option.help,
            "default": _default(kind, name),
            "values": list(option.choices) or ("" if option.low is option.high is None else option.range),
        }
        for name, option in option_of(kind).items()
    ]


def settings_of(
    method: str,
    values: Mapping[str, Any],
    methods: Mapping[str, type[Any]],
    create: Callable[..., Any] | None = None,
) -> Any:
    """Create a method's settings from a command's values.

    Args:
        method: The value of --method.
        values: All values of the command; those not given are None.
        methods: The methods whose flags the command has.
        create: Field name → value as keywords → settings, if not the method's own defaults are to be changed.

    Raises:
        UsageError: An invalid value, or a flag of another method; the message names its methods and the valid flags.
    """
    owners, given = _owners(methods), given_options(values, methods)
    for name in given if method in methods else ():
        if method not in owners[name]:
            own = ", ".join(flag_of(field) for field in option_of(methods[method]))
            raise UsageError(
                f"{flag_of(name)} is not an option of {method}, but of {', '.join(owners[name])}; {method} has {own}"
            )
    return options_from(method, given, methods) if create is None else create(**given)


def given_options(values: Mapping[str, Any], methods: Mapping[str, type[Any]]) -> dict[str, Any]:
    """Return those of a command's values that are method options and were given."""
    owners = _owners(methods)
    return {name: value for name, value in values.items() if name in owners and value is not None}


def without_method_options(values: Mapping[str, Any], methods: Mapping[str, type[Any]]) -> dict[str, Any]:
    """Return a command's values without those that are method options."""
    return {name: value for name, value in values.items() if name not in _owners(methods)}
