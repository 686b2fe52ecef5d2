"""Shared by several commands: help texts, and a short and a complete help page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import rich_click as click

from brushwork.options.flags import given_options, options_in_words, settings_of
from brushwork.options.stylize import with_changes
from brushwork.registry import OPTIONS, method_name

__all__ = ["STYLE_HELP", "chosen_settings", "look_options", "short_help"]

PRESET_NAMES = ("draft", "good", "best")  # written here again, so that --help needn't import them

STYLE_HELP = (
    "an image file, a built-in style, a saved style, or a blend such as wave.jpg:0.7+feminine-wave:0.3; "
    "given more than once, each style is applied to each photo"
)


def look_options(default: str) -> Callable[[Any], Any]:
    """Return a decorator that adds --preset, with this default, and --method, which `chosen_settings` reads."""
    preset = click.option(
        "--preset",
        type=click.Choice(PRESET_NAMES),
        help=f"draft: a moment; good: seconds; best: a minute [{default}, if no method is named]",
    )
    method = click.option("--method", help="see: brushwork methods [that of the preset]")
    return lambda command: preset(method(command))


def chosen_settings(
    preset: str | None, method: str | None, values: Mapping[str, Any], styles: Sequence[str], *, film: bool = False
) -> Any:
    """Return the settings that --preset, --method and the methods' flags ask for; a flag wins over the preset.

    Args:
        preset: The value of --preset.
        method: The value of --method.
        values: All values of the command.
        styles: The styles, which have a say if neither is given.
        film: Whether they are for a film.

    Raises:
        UsageError: An invalid value, a flag of another method, or a preset of another method.
    """
    if method is not None and preset is None:
        return settings_of(method, values, OPTIONS)
    from brushwork.api.presets import default_settings, film_preset, for_saved_styles, preset_method, preset_options
    from brushwork.options.film import FilmOptions

    if preset is None and not film:
        default = default_settings(styles, given_options(values, OPTIONS))
        return settings_of(method_name(default), values, OPTIONS, lambda **changes: with_changes(default, changes))
    preset = preset or "draft"

    def options(**changes: Any) -> Any:
        if film:
            return film_preset(preset, FilmOptions(), styles, **changes)[0]
        return for_saved_styles(preset_options(preset, **changes), styles, changes)

    return settings_of(preset_method(preset, method), values, OPTIONS, options)


def short_help(
    panels: Mapping[str, Sequence[str]], methods: Mapping[str, type[Any]]
) -> Callable[[click.RichCommand], click.RichCommand]:
    """Return a command decorator: `--help` shows the common options in panels, and `--help-all` shows all options.

    Args:
        panels: Title → parameter names, in order.
        methods: Name → options class; `--help-all` lists the options of each method separately.
    """

    def decorate(command: click.RichCommand) -> click.RichCommand:
        shown = [name for names in panels.values() for name in names]
        flags = {param.name: max(param.opts, key=len) for param in command.params}
        for param in command.params:
            if isinstance(param, click.Option) and param.name not in shown:
                param.hidden = True
        for title, names in panels.items():
            command.add_panel(click.RichOptionPanel(title, options=[flags[name] for name in names]))
        command.params.append(
            click.Option(
                ["--help-all"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_help_all(methods),
                help="show all options, including those of every method",
            )
        )
        return command

    return decorate


def _help_all(methods: Mapping[str, type[Any]]) -> Callable[[click.Context, click.Parameter, bool], None]:
    def show(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if not value:
            return
        own = {row["flag"] for kind in methods.values() for row in options_in_words(kind)}
        for other in ctx.command.params:
            if isinstance(other, click.Option):
                other.hidden = bool(own & set(other.opts))  # listed below, under each method's name
        click.echo(ctx.get_help())
        for line in method_lines(methods):
            click.echo(line)
        ctx.exit()

    return show


def method_lines(methods: Mapping[str, type[Any]]) -> list[str]:
    """Return each method and its options as lines of text."""
    lines: list[str] = []
    for name, kind in methods.items():
        lines.append(f"{name}: {(kind.__doc__ or '').splitlines()[0]}")
        for row in options_in_words(kind):
            values = row["values"] if isinstance(row["values"], str) else ", ".join(row["values"])
            default = ",".join(map(str, row["default"])) if isinstance(row["default"], tuple) else row["default"]
            lines.append(f"  {row['flag']:<26}{row['help']} [{values}{'; ' if values else ''}default {default}]")
    return lines
