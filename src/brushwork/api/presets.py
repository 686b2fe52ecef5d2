"""Presets: settings by how much time a picture is worth. Does not import torch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brushwork.errors import BrushworkError, UsageError
from brushwork.options.film import FilmOptions
from brushwork.options.methods import DRAFT_MODEL, FILM_MODEL, AdaINLite, Gatys, Settings
from brushwork.options.stylize import with_changes
from brushwork.registry import OPTIONS, method_name, settings_from
from brushwork.runtime.tensor_files import read_metadata
from brushwork.styles.built_in import is_built_in
from brushwork.styles.references import is_saved, methods_of, read_origins, resolve_text
from brushwork.weights import embedded_model, sha256_of

if TYPE_CHECKING:
    from brushwork.styles.sources import StyleSource

__all__ = [
    "DRAFT",
    "FRAME_STEPS",
    "PRESETS",
    "default_settings",
    "film_preset",
    "for_saved_styles",
    "going_on",
    "preset_method",
    "preset_options",
]

EARLIER_NETWORKS = ("vgg19-slim",)  # of the presets, in earlier versions
EARLIER_MODELS = {DRAFT_MODEL: ("adain-lite-2", "adain-lite"), FILM_MODEL: ("adain-lite-film", "adain-lite-2")}

# Measured in docs/presets.md. What they have in common, and why, is in docs/methods/gatys.md, "Few evaluations".
_FEW_EVALUATIONS = Gatys(
    network="vgg19-slim-3",
    init="recolored",
    carry="change",
    first_step="polyak",
    final_colors="matched",
    gram_precision="network",
    local_weight=1.0,
    refine_network="vgg19.int8",
)
DRAFT = AdaINLite(model=DRAFT_MODEL)
PRESETS: Mapping[str, Settings] = {
    "draft": DRAFT,
    "good": with_changes(_FEW_EVALUATIONS, {"steps": 40, "coarsest": 256, "falloff": 0.5, "style_weight": 18.0}),
    "best": with_changes(_FEW_EVALUATIONS, {"steps": 100, "style_weight": 40.0, "refine_steps": 20}),
}

GOING_ON = 3  # by which the steps are divided if a picture is there to begin with

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
            most of them at small size and through a small network: seconds; "best", many evaluations: half a minute.
        **changes: Fields of the preset's options.

    Raises:
        UsageError: An unknown preset or field, or an invalid value.

    >>> preset_options("good", steps=50).steps
    50
    """
    settings: Settings = with_changes(_preset(name), changes)
    return settings


def going_on(settings: Settings, picture: str) -> Gatys:
    """Return settings that go on from a picture that is painted already: at full size only, in a third of the steps.

    The number of steps through the second network stays. How good that is: docs/presets.md, "From good to best".

    Args:
        settings: Those that would paint the picture from the photo.
        picture: The file of the picture that is there.

    Raises:
        UsageError: The method is not Gatys'.
    """
    if not isinstance(settings, Gatys):
        raise UsageError(f"{method_name(settings)} paints in one pass and can't go on from a picture; use gatys")
    return replace(settings, init=picture, scales=1, steps=max(1, settings.steps // GOING_ON))


def default_settings(styles: Iterable[StyleSource], given: Collection[str] = ()) -> Settings:
    """Return the settings for still pictures where neither a preset nor a method is named.

    They are those of "good"; of "draft", if a saved style is made for its method only or an option of it is given; or
    of the one method that a saved style is made for.

    Args:
        styles: All styles that are applied.
        given: Names of options that will be changed.
    """
    made_for = [_made_for(path) for style in styles for path in _files(style) if is_saved(path)]
    common = set(OPTIONS).intersection(*made_for)
    for name in ("good", "draft"):
        if preset_method(name) in common and all(hasattr(PRESETS[name], field) for field in given):
            return for_saved_styles(preset_options(name), styles)
    if len(common) == 1:
        only: Settings = settings_from(common.pop(), {})
        return only
    return for_saved_styles(preset_options("good"), styles)


def for_saved_styles(settings: Settings, styles: Iterable[StyleSource], given: Collection[str] = ()) -> Settings:
    """Return a preset's settings, with the networks of an earlier version if saved styles were made with those.

    Args:
        settings: Of a preset.
        styles: All styles that are applied.
        given: Names of options that were set beside the preset, and stay.
    """
    saved = [path for style in styles for path in _files(style) if is_saved(path) and not is_built_in(path)]
    if not saved:
        return settings
    made_with = [_weights_of(path, method_name(settings)) for path in saved]
    if isinstance(settings, AdaINLite):
        models = () if "model" in given else (settings.model, *EARLIER_MODELS.get(settings.model, ()))
        return replace(settings, model=next((name for name in models if _fits(name, made_with)), settings.model))
    if not isinstance(settings, Gatys):
        return settings
    if "refine_network" not in given and not _fits(settings.refine_network, made_with):
        settings = replace(settings, refine_network="")
    names = () if "network" in given else (settings.network, *EARLIER_NETWORKS)
    return replace(settings, network=next((name for name in names if _fits(name, made_with)), settings.network))


def _fits(network: str, made_with: Iterable[Collection[str]]) -> bool:
    """Return whether a network that comes with brushwork is among those that each style was made with."""
    file = embedded_model(network)
    if file is None:
        return False
    codes = read_metadata(file).get("codes") or sha256_of(file)  # one for films paints the codes of that for stills
    return all(codes in weights for weights in made_with)


def _weights_of(path: Path, method: str) -> set[str]:
    """Return the SHA-256 of the networks that a method's values in a saved style were made with."""
    try:
        origins = read_origins(path)
    except BrushworkError:
        return set()  # reported where the style is used
    made_with = [made for label, made in origins.items() if label.partition("@")[0] == method]
    return {made.get("model", made.get("weights", "")) for made in made_with}


def _files(style: StyleSource) -> list[Path]:
    try:
        if isinstance(style, str):
            return resolve_text(style).files
        from brushwork.styles.sources import resolve_style  # imports torch

        return resolve_style(style).files
    except BrushworkError:
        return []  # reported where the style is used


def _made_for(path: Path) -> list[str]:
    try:
        return methods_of(path)
    except BrushworkError:
        return list(OPTIONS)  # likewise


def film_preset(
    name: str, options: FilmOptions, styles: Iterable[StyleSource] = (), **changes: Any
) -> tuple[Settings, FilmOptions]:
    """Return the options of a preset for films: of the method, and of the film.

    Args:
        name: See `preset_options`; without the second network, which later frames would have no time for.
        options: The film's; what they don't say is the preset's.
        styles: All styles that are applied; see `for_saved_styles`.
        **changes: Fields of the preset's options.

    Raises:
        UsageError: See `preset_options`.

    >>> settings, options = film_preset("good", FilmOptions())
    >>> settings.steps, options.frame_steps
    (40, 2)
    """
    own = {"model": FILM_MODEL} if preset_method(name) == "adain-lite" else {"refine_network": ""}
    settings = for_saved_styles(preset_options(name, **{**own, **changes}), styles, changes)
    steps = FRAME_STEPS.get(name) if options.frame_steps is None else options.frame_steps
    return settings, with_changes(options, {"frame_steps": steps})


def _preset(name: str) -> Settings:
    if name not in PRESETS:
        raise UsageError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
