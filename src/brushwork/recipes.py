"""The recipe of a result: all that decides it, known before the work begins."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch

from brushwork.errors import UsageError
from brushwork.image import Picture, fit_size
from brushwork.io import MAX_PIXELS, read_size
from brushwork.io.picture_films import numbered
from brushwork.methods import Method
from brushwork.settings import check_keep_color, method_name, option_of
from brushwork.styles import StylePart, locate_style, parse_style
from brushwork.version import __version__
from brushwork.weights import sha256_of

__all__ = ["DEFAULT_SIZE", "PictureSource", "StyleSource", "recipe_of", "result_size", "style_parts", "style_records"]

DEFAULT_SIZE = 1024  # longer side of results from larger photos, unless a size is asked for
PictureSource: TypeAlias = str | Path | Picture
StyleSource: TypeAlias = PictureSource | Sequence[StylePart]


def result_size(size: tuple[int, int], wanted: int | None) -> tuple[int, int]:
    """Width and height of the result for a photo of this size.

    Args:
        size: (width, height) of the photo in pixels.
        wanted: Longer side; 0 keeps the photo's size; None does so too, up to 1024.

    >>> result_size((4000, 3000), None), result_size((640, 480), None), result_size((4000, 3000), 0)
    ((1024, 768), (640, 480), (4000, 3000))
    """
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
) -> dict[str, Any]:
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
    recipe = {
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
    return dict(json.loads(json.dumps(recipe)))  # what comes back from a file is the same


def style_parts(style: str | Path | Sequence[StylePart]) -> Sequence[StylePart]:
    """The styles of a blend, one or more.

    Raises:
        UsageError: There is none.
    """
    if isinstance(style, Path):
        return [StylePart(str(style))]
    parts = parse_style(style) if isinstance(style, str) else style
    if not parts:
        raise UsageError("expected at least one style, got none")
    return parts


def style_records(style: StyleSource) -> list[dict[str, Any]]:
    """What a recipe holds of a style: name, size, hash and weight of each of a blend's."""
    if isinstance(style, Picture):
        return [_record(style)]
    return [{**_record(locate_style(part)), "weight": part.weight} for part in style_parts(style)]


def _init_record(method: Method, max_pixels: int) -> dict[str, Any] | None:
    """The picture to start from, where the settings name a file."""
    init = getattr(method.settings, "init", "content")
    if init in ("content", "noise", "style"):
        return None
    read_size(init, max_pixels=max_pixels)  # says in one line what is wrong with it
    return _record(init)


def _record(source: PictureSource) -> dict[str, Any]:
    if isinstance(source, Picture):
        pixels = source.pixels.detach().cpu().numpy()
        return {"name": None, "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}
    path = Path(source)
    if path.is_dir() or "%" in path.name:
        files = numbered(path)
        digest = hashlib.sha256("".join(sha256_of(file) for file in files).encode()).hexdigest()
        return {"name": path.name, "bytes": sum(file.stat().st_size for file in files), "sha256": digest}
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
