"""Types accepted as photos and styles, and resolving and validating blends."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from brushwork.errors import UsageError
from brushwork.image import Picture, no_picture
from brushwork.styles.references import ResolvedStyle, StylePart, locate_style, resolve_text

__all__ = ["Blend", "PictureSource", "ResolvedStyle", "StyleSource", "resolve_style"]


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


StyleSource: TypeAlias = PictureSource | Blend | ResolvedStyle


def resolve_style(style: StyleSource) -> ResolvedStyle:
    """Locate the files of a style.

    Args:
        style: See `stylize`.

    Raises:
        UsageError: No style, an unknown style, or a weight that is not a number of at least 0.
    """
    if isinstance(style, ResolvedStyle):
        return style
    if isinstance(style, str):
        return resolve_text(style)
    return ResolvedStyle(tuple(_parts(style)), os.fspath(style) if isinstance(style, os.PathLike) else "")


def _parts(style: os.PathLike[str] | Picture | Blend) -> list[tuple[Path | Picture, float]]:
    if isinstance(style, Picture):
        return [(style, 1.0)]
    if isinstance(style, os.PathLike):
        return [(locate_style(StylePart(os.fspath(style))), 1.0)]
    if isinstance(style, tuple) and len(style) == 2 and isinstance(style[1], int | float):
        raise UsageError(f"style: a pair of a style and its weight is a part of a blend; write [{style!r}]")
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
    """Return one style of a blend and its weight."""
    if isinstance(pair, StylePart):
        pair = (pair.reference, pair.weight)
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise UsageError(
            f"style: expected pairs of a style and its weight, such as ('wave.jpg', 0.7), got {pair!r}; "
            "for several styles, pass a list of them to stylize"
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
