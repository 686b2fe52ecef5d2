"""The recipe of a result: all that decides it, known before the work begins."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import torch

from brushwork.image import Picture, check_size, fit_size
from brushwork.io import read_size
from brushwork.io.picture_films import is_sequence, numbered
from brushwork.methods import Method
from brushwork.options.base import option_of
from brushwork.options.stylize import DEFAULT_SIZE, StylizeOptions
from brushwork.registry import method_name
from brushwork.runtime.provenance import Recipe
from brushwork.styles.sources import PictureSource, StyleSource, resolve_style
from brushwork.version import __version__
from brushwork.weights import sha256_of

__all__ = ["DEFAULT_SIZE", "FIRST_PICTURES", "recipe_of", "result_size", "style_records"]

FIRST_PICTURES = ("content", "noise", "style")  # of `init`, beside files


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
    photo: PictureSource,
    style: StyleSource,
    options: StylizeOptions,
    *,
    size: tuple[int, int] | None = None,
) -> Recipe:
    """The recipe that the result of `stylize` will have; files are hashed, but no picture is decoded.

    Args:
        method: From `brushwork.load`.
        photo: See `stylize`.
        style: See `stylize`.
        options: What decides the result beside them.
        size: (width, height) of the result in pixels, if it is known already.

    Raises:
        PictureError: A photo that is missing or can't be read.
        UsageError: A style that isn't there, or a wrong value.
    """
    settings = dataclasses.asdict(method.settings)
    for name, option in option_of(type(method.settings)).items():
        if option.file:  # its name only: a picture that is given away should not tell of one's folders
            settings[name] = Path(settings[name]).name
    if size is None:
        original = photo.size if isinstance(photo, Picture) else read_size(photo, max_pixels=options.max_pixels)
        size = result_size(original, options.size)
    values = {
        "brushwork": __version__,
        "torch": torch.__version__,
        "method": method_name(method.settings),
        "settings": settings,
        "content": _record(photo),
        "styles": style_records(style),
        "init": _init_record(method, options.max_pixels),
        "size": list(size),
        "keep_color": options.keep_color,
        "keep_color_when": options.keep_color_when,
        "masks": [_record(mask) for mask in options.masks],
        **method.recipe(),
        "device": str(method.device),
        "threads": torch.get_num_threads(),
    }
    return Recipe(values)


def style_records(style: StyleSource) -> list[dict[str, Any]]:
    """What a recipe holds of a style: name, size, hash and weight of each of a blend's."""
    if isinstance(style, Picture):
        return [_record(style)]
    return [{**_record(source), "weight": weight} for source, weight in resolve_style(style).parts]


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
