"""The recipe of a result: all that decides it, known before the work begins."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch

from brushwork.errors import UsageError
from brushwork.image import Picture, check_size, fit_size, no_picture
from brushwork.io import MAX_PIXELS, read_size
from brushwork.io.picture_films import is_sequence, numbered
from brushwork.methods import Method
from brushwork.options.base import check_keep_color, option_of
from brushwork.registry import method_name
from brushwork.runtime.provenance import Recipe
from brushwork.styles.references import StylePart, locate_style, parse_style
from brushwork.version import __version__
from brushwork.weights import sha256_of

__all__ = [
    "DEFAULT_SIZE",
    "FIRST_PICTURES",
    "Blend",
    "PictureSource",
    "StyleSource",
    "check_masks",
    "recipe_of",
    "result_size",
    "style_parts",
    "style_records",
]

FIRST_PICTURES = ("content", "noise", "style")  # of `init`, beside files
DEFAULT_SIZE = 1024  # longer side of results from larger photos, unless a size is asked for
PictureSource: TypeAlias = str | Path | Picture
WeightedStyle: TypeAlias = tuple[str, float] | tuple[Path, float] | tuple[Picture, float]
# A blend: {"wave.jpg": 0.7, "sea.jpg": 0.3}, or pairs of a style and its weight.
Blend: TypeAlias = (
    Mapping[str, float]
    | Mapping[Path, float]
    | Mapping[Picture, float]
    | Sequence[StylePart]
    | Sequence[WeightedStyle]
    | Sequence[tuple[str, float]]
    | Sequence[tuple[Path, float]]
    | Sequence[tuple[Picture, float]]
)
StyleSource: TypeAlias = PictureSource | Blend


def result_size(size: tuple[int, int], wanted: int | None) -> tuple[int, int]:
    """Width and height of the result for a photo of this size.

    Args:
        size: (width, height) of the photo in pixels.
        wanted: Longer side; 0 keeps the photo's size; None does so too, up to 1024.

    >>> result_size((4000, 3000), None), result_size((640, 480), None), result_size((4000, 3000), 0)
    ((1024, 768), (640, 480), (4000, 3000))
    """
    wanted = None if wanted is None else check_size(wanted, "size")
    if wanted is None and max(size) > DEFAULT_SIZE:
        wanted = DEFAULT_SIZE
    return fit_size(size, wanted) if wanted else size


def recipe_of(
    method: Method,
    content: PictureSource,
    style: StyleSource,
    *,
    size: int | None = None,
    keep_color: str | None = None,
    keep_color_when: str | None = None,
    masks: Sequence[PictureSource] = (),
    original: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Recipe:
    """The recipe that the result of `stylize` will have; files are hashed, but no picture is decoded.

    Args:
        method: From `brushwork.methods.load`.
        content: See `stylize`, as all that follows.
        style: A painting or several.
        size: Longer side of the result.
        keep_color: How colors are kept.
        keep_color_when: Before or after.
        masks: One per style of the blend, or none.
        original: (width, height) of the content, if it is a film.
        max_pixels: Larger files are refused.

    Raises:
        PictureError: A photo that is missing or can't be read.
        UsageError: A style that isn't there, or a wrong value.
    """
    settings = dataclasses.asdict(method.settings)
    for name, option in option_of(type(method.settings)).items():
        if option.file:  # its name only: a picture that is given away should not tell of one's folders
            settings[name] = Path(settings[name]).name
    way, when = check_keep_color(keep_color, keep_color_when)
    if original is None:
        original = content.size if isinstance(content, Picture) else read_size(content, max_pixels=max_pixels)
    values = {
        "brushwork": __version__,
        "torch": torch.__version__,
        "method": method_name(method.settings),
        "settings": settings,
        "content": _record(content),
        "styles": style_records(style),
        "init": _init_record(method, max_pixels),
        "size": list(result_size(original, size)),
        "keep_color": way,
        "keep_color_when": when,
        "masks": [_record(mask) for mask in masks],
        **method.recipe(),
        "device": str(method.device),
        "threads": torch.get_num_threads(),
    }
    return Recipe(values)


def style_parts(style: StyleSource) -> list[tuple[Path | Picture, float]]:
    """The paintings of a style, one or more, as files or pictures, and their weights.

    Args:
        style: See `stylize`.

    Raises:
        UsageError: There is none, one isn't there, or a weight is no number of at least 0.
    """
    if isinstance(style, Picture):
        return [(style, 1.0)]
    if isinstance(style, str):
        return [(locate_style(part), part.weight) for part in parse_style(style)]
    if isinstance(style, os.PathLike):
        return [(locate_style(StylePart(os.fspath(style))), 1.0)]
    parts = [_part(pair) for pair in _pairs(style)]
    if not parts:
        raise UsageError("expected at least one style, got none")
    if not sum(weight for _, weight in parts) > 0:
        raise UsageError("style: the weights sum to 0; give at least one style a weight above 0")
    return parts


def _pairs(style: object) -> Iterable[Any]:
    if isinstance(style, Mapping):
        return style.items()
    if isinstance(style, list | tuple):
        return style
    raise no_picture("style", style)


def _part(pair: object) -> tuple[Path | Picture, float]:
    """One style of a blend and its weight."""
    if isinstance(pair, StylePart):
        pair = (pair.reference, pair.weight)
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise UsageError(
            f"style: expected pairs of a style and its weight, such as ('wave.jpg', 0.7), got {pair!r}; "
            "for several styles give a list of them to stylize"
        )
    reference, weight = pair
    try:
        share = math.nan if isinstance(weight, str) else float(weight)
    except (TypeError, ValueError, OverflowError):
        share = math.nan
    if not 0 <= share < math.inf:
        raise UsageError(f"style {reference!r}: expected a weight of at least 0, got {weight!r}")
    if isinstance(reference, Picture):
        return reference, share
    if not isinstance(reference, str | os.PathLike):
        raise no_picture("style", reference)
    return locate_style(StylePart(os.fspath(reference))), share


def style_records(style: StyleSource) -> list[dict[str, Any]]:
    """What a recipe holds of a style: name, size, hash and weight of each of a blend's."""
    if isinstance(style, Picture):
        return [_record(style)]
    return [{**_record(source), "weight": weight} for source, weight in style_parts(style)]


def check_masks(masks: object) -> None:
    """Refuse a single mask that is not in a list.

    Raises:
        UsageError: It is no list or tuple.
    """
    if not isinstance(masks, list | tuple):
        raise UsageError(f"masks: expected a list with a mask per style, got a {type(masks).__name__}; write [mask]")


def _init_record(method: Method, max_pixels: int) -> dict[str, Any] | None:
    """The picture to start from, where the settings name a file."""
    init = getattr(method.settings, "init", "content")
    if init in FIRST_PICTURES:
        return None
    read_size(init, max_pixels=max_pixels)  # says in one line what is wrong with it
    return _record(init)


def _record(source: PictureSource) -> dict[str, Any]:
    if isinstance(source, Picture):
        pixels = source.pixels.detach().cpu().numpy()
        return {"name": None, "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}
    path = Path(source)
    if is_sequence(path):
        files = numbered(path)
        digest = hashlib.sha256("".join(sha256_of(file) for file in files).encode()).hexdigest()
        return {"name": path.name, "bytes": sum(file.stat().st_size for file in files), "sha256": digest}
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
