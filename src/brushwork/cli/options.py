"""The command's flags, made from the settings' fields."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import rich_click as click

from brushwork.settings import METHODS, Option, option_of

__all__ = ["given_options", "method_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


class _List(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """Comma-separated values, for fields that are tuples."""

    name = "list"

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.name = "NUMBERS" if kind is float else "NAMES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        """The tuple; a tuple stays what it is."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(self.kind(piece.strip()) for piece in value.split(",") if piece.strip())
        except ValueError:
            self.fail(f"expected numbers with commas between them, got {value!r}", param, ctx)


def method_options(methods: Mapping[str, type[Any]] = METHODS) -> Callable[[Command], Command]:
    """A decorator that adds a flag for every field of every method; a field that several share is added once."""

    def decorate(command: Command) -> Command:
        owners: dict[str, list[str]] = {}
        for method, kind in methods.items():
            for name in option_of(kind):
                owners.setdefault(name, []).append(method)
        for name in reversed(owners):  # click lists the last decoration first
            command = _flag(methods[owners[name][0]], name, owners[name])(command)
        return command

    return decorate


def _flag(kind: type[Any], name: str, owners: list[str]) -> Callable[[Command], Command]:
    option = option_of(kind)[name]
    default = next(field.default for field in dataclasses.fields(kind) if field.name == name)
    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        type=_type(typing.get_type_hints(kind)[name], option),
        default=None,  # only what is given reaches the settings, so another method's option can be refused
        help=f"{option.help} [{', '.join(owners)}; {_shown(default)}]",
    )


def _type(hint: Any, option: Option) -> Any:
    if typing.get_origin(hint) is tuple:
        return _List(typing.get_args(hint)[0])
    return click.Choice(option.choices) if option.choices else hint


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(str(part) for part in default) or "equal"
    return f"{default:g}" if isinstance(default, float) else str(default)


def given_options(values: Mapping[str, Any], methods: Mapping[str, type[Any]] = METHODS) -> dict[str, Any]:
    """Of a command's values, the method options that were given."""
    names = {name for kind in methods.values() for name in option_of(kind)}
    return {name: value for name, value in values.items() if name in names and value is not None}
