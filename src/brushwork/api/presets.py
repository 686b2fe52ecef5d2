"""Presets: settings by how much time a picture is worth. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brushwork.errors import UsageError
from brushwork.options.film import FilmOptions
from brushwork.options.methods import FILM_MODEL, AdaINLite, Gatys, Settings
from brushwork.options.stylize import with_changes
from brushwork.registry import method_name
from brushwork.weights import find

__all__ = ["FRAME_STEPS", "PRESETS", "film_preset", "preset_method", "preset_options"]

BEST_NETWORK = "vgg19.caffe"  # used by "best" if it is installed

# Measured in docs/presets.md. What they have in common, and why, is in docs/methods/gatys.md, "Few evaluations".
_FEW_EVALUATIONS = Gatys(
    init="recolored", carry="change", first_step="polyak", final_colors="matched", gram_precision="network"
)
PRESETS: Mapping[str, Settings] = {
    "draft": AdaINLite(),
    "good": with_changes(_FEW_EVALUATIONS, {"steps": 40, "coarsest": 256, "falloff": 0.5, "style_weight": 20.0}),
    "best": with_changes(_FEW_EVALUATIONS, {"steps": 300}),
}

FRAME_STEPS: Mapping[str, int] = {"good": 2, "best": 20}  # of films; measured in docs/video.md


def preset_method(name: str, method: str | None = None) -> str:
    """Return the name of a preset's method.

    Args:
        name: "draft", "good" or "best".
        method: The method that was asked for beside the preset, if any.

    Raises:
        UsageError: An unknown preset, or another method than the preset's.

    >>> preset_method("good")
    'gatys'
    """
    own = method_name(_preset(name))
    if method not in (None, own):
        raise UsageError(f"preset {name} is of {own}, not of {method}; leave out one of the two")
    return own


def preset_options(name: str, **changes: Any) -> Settings:
    """Return the options of a preset, some of them changed.

    Args:
        name: "draft", one pass of a network: a fraction of a second; "good", a few evaluations of Gatys' objective,
            most of them at small size: seconds; "best", a full optimization, through VGG-19 if it is installed: a
            minute.
        **changes: Fields of the preset's options.

    Raises:
        UsageError: An unknown preset or field, or an invalid value.

    >>> preset_options("good", steps=50).steps
    50
    """
    preset = _preset(name)
    if name == "best" and find(BEST_NETWORK) is not None:
        changes = {"network": BEST_NETWORK, **changes}
    settings: Settings = with_changes(preset, changes)
    return settings


def film_preset(name: str, options: FilmOptions, **changes: Any) -> tuple[Settings, FilmOptions]:
    """Return the options of a preset for films: of the method, and of the film.

    Args:
        name: See `preset_options`; the first frame is like a still of this preset.
        options: The film's; what they don't say is the preset's.
        **changes: Fields of the preset's options.

    Raises:
        UsageError: See `preset_options`.

    >>> settings, options = film_preset("good", FilmOptions())
    >>> settings.steps, options.frame_steps
    (40, 2)
    """
    if name == "draft":
        changes = {"model": FILM_MODEL, **changes}
    settings = preset_options(name, **changes)
    steps = FRAME_STEPS.get(name) if options.frame_steps is None else options.frame_steps
    return settings, with_changes(options, {"frame_steps": steps})


def _preset(name: str) -> Settings:
    if name not in PRESETS:
        raise UsageError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
