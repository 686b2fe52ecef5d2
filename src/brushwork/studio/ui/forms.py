"""Forms generated from the settings of methods, including new ones."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from brushwork.options.base import Option, option_of
from brushwork.options.methods import AdaINLite
from brushwork.studio.schemas import methods
from brushwork.studio.ui import texts
from brushwork.studio.ui.context import QUIET
from brushwork.studio.ui.gradio_import import gr

__all__ = ["BY_QUALITY", "PRESET_FIELDS", "Form"]

BY_QUALITY = ""  # in the menu of methods: none, but that of a preset
PRESET_FIELDS = ("strength", "style_scale")  # options of all presets' methods

FIRST = ("strength", "style_scale", "steps", "style_weight")  # always visible; the rest is under "More options"


class Form:
    """A menu of methods and the options of each.

    Args:
        presets: Whether a preset, chosen elsewhere, may take the place of a method. It does at first; the menu is then
            folded away, and the options that all presets have are above it.
    """

    def __init__(self, *, presets: bool = False) -> None:
        self.kinds = methods() | ({BY_QUALITY: AdaINLite} if presets else {})
        self.fields: list[tuple[str, str]] = []  # method and option of each input
        self.inputs: list[Any] = []
        self.groups: dict[str, gr.Group] = {}
        choices = [(texts.METHODS.get(name, name), name) for name in methods()]
        first = "adain-lite"
        if presets:
            choices, first = [(texts.BY_QUALITY, BY_QUALITY), *choices], BY_QUALITY
            with gr.Group() as self.groups[BY_QUALITY]:
                for name in PRESET_FIELDS:
                    self._field(BY_QUALITY, AdaINLite, name, option_of(AdaINLite)[name])
        folded = gr.Accordion(texts.CHOOSE_METHOD, open=False) if presets else None
        with folded or nullcontext():
            self.method = gr.Dropdown(choices, value=first, label=texts.METHOD)
            for name, kind in methods().items():
                with gr.Group(visible=name == first) as self.groups[name]:
                    self._options(name, kind)
        self.panels = [*self.groups.values(), *([folded] if folded else [])]  # what `shown` updates
        self.method.change(self.shown, self.method, self.panels, **QUIET)

    def _options(self, method: str, kind: type[Any]) -> None:
        options = {name: option for name, option in option_of(kind).items() if not option.file}
        first = [name for name in FIRST if name in options]
        for name in first:
            self._field(method, kind, name, options[name])
        with gr.Accordion(texts.MORE, open=False):
            for name, option in options.items():
                if name not in first:
                    self._field(method, kind, name, option)

    def _field(self, method: str, kind: type[Any], name: str, option: Option) -> None:
        self.fields.append((method, name))
        self.inputs.append(_component(name, option, typing.get_type_hints(kind)[name], _default(kind, name)))

    def shown(self, method: str) -> list[Any]:
        """Updates of `panels`, so that the options of a method are visible."""
        groups = [gr.Group(visible=name == method) for name in self.groups]
        return groups if BY_QUALITY not in self.groups else [*groups, gr.Accordion(open=method != BY_QUALITY)]

    def settings(self, method: str, values: Sequence[Any]) -> dict[str, Any]:
        """The options of a method that differ from their defaults, given the values of all inputs."""
        found = {}
        for (owner, name), value in zip(self.fields, values, strict=True):
            default = _default(self.kinds[owner], name)
            wanted = _value(value, default)
            if owner == method and wanted != default:
                found[name] = list(wanted) if isinstance(wanted, tuple) else wanted
        return found

    def settings_in(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        """The same, given the values of components, among them all inputs and the method."""
        return self.settings(values[self.method], [values[field] for field in self.inputs])

    def filled(self, method: str, settings: Mapping[str, Any]) -> list[Any]:
        """Values of all inputs: the given settings of a method, and defaults for the others."""
        return [
            _shown(settings[name] if owner == method and name in settings else _default(self.kinds[owner], name))
            for owner, name in self.fields
        ]


def _component(name: str, option: Option, hint: Any, default: Any) -> Any:
    label = texts.LABELS.get(name, name.replace("_", " ").capitalize())
    if option.choices:
        return gr.Dropdown(list(option.choices), value=default, label=label, info=option.help)
    if hint in (int, float) and option.low is not None and option.high is not None and option.high < 100:
        step = 1 if hint is int else 0.05
        return gr.Slider(option.low, option.high, default, step=step, label=label, info=option.help)
    if hint in (int, float):
        return gr.Number(default, label=label, info=option.help, precision=0 if hint is int else None)
    return gr.Textbox(_shown(default), label=label, info=option.help, max_length=400)


def _default(kind: type[Any], name: str) -> Any:
    return next(field.default for field in dataclasses.fields(kind) if field.name == name)


def _shown(value: Any) -> Any:
    """A value as an input displays it; lists are joined by commas."""
    return ", ".join(str(part) for part in value) if isinstance(value, tuple | list) else value


def _value(shown: Any, default: Any) -> Any:
    """The value of an input, converted to the type of the default."""
    if isinstance(default, tuple):
        pieces = [piece.strip() for piece in str(shown or "").split(",") if piece.strip()]
        numbers = bool(pieces) and all(piece.replace(".", "", 1).isdigit() for piece in pieces)
        return tuple(float(piece) if numbers else piece for piece in pieces)
    if shown is None:
        return default
    return float(shown) if isinstance(default, float) else shown
