"""Recipes: everything that determines a result, recorded before stylization starts."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import torch

from brushwork.image import Picture, check_size, fit_size, no_picture
from brushwork.io import read_size
from brushwork.io.picture_film_reader import is_sequence, numbered
from brushwork.methods import Method
from brushwork.options.base import option_of
from brushwork.options.stylize import DEFAULT_SIZE, StylizeOptions
from brushwork.registry import method_name
from brushwork.runtime.provenance import Recipe
from brushwork.styles.sources import PictureSource, StyleSource, resolve_style
from brushwork.version import __version__
from brushwork.weights import sha256_of

__all__ = ["DEFAULT_SIZE", "FIRST_PICTURES", "input_record", "recipe_of", "result_size", "style_records"]

FIRST_PICTURES = ("content", "recolored", "noise", "style")  # values of `init` that aren't files


def result_size(size: tuple[int, int], wanted: int | None) -> tuple[int, int]:
    """Return width and height of the result for a photo of this size.

    Args:
        size: (width, height) of the photo in pixels.
        wanted: Longer side; 0 keeps the photo's size; None keeps it up to 1024.

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
    """Return the recipe of a `stylize` call; hashes the files without decoding images.

    Args:
        method: From `brushwork.load`.
        photo: See `stylize`.
        style: See `stylize`.
        options: The other settings.
        size: (width, height) of the result in pixels, if already known.

    Raises:
        PictureError: The photo is missing or can't be read.
        UsageError: An unknown style, or an invalid value.
    """
    settings = dataclasses.asdict(method.settings)
    for name, option in option_of(type(method.settings)).items():
        if option.file:  # only its name, because a shared image shouldn't reveal folder names
            settings[name] = Path(settings[name]).name
    if size is None:
        original = photo.size if isinstance(photo, Picture) else read_size(photo, max_pixels=options.max_pixels)
        size = result_size(original, options.size)
    values = {
        "brushwork": __version__,
        "torch": torch.__version__,
        "method": method_name(method.settings),
        "settings": settings,
        "content": input_record(photo),
        "styles": style_records(style),
        "init": _init_record(method, options.max_pixels),
        "size": list(size),
        **options.recorded,
        "masks": [input_record(mask) for mask in options.masks],
        "face_mask": None if options.face_mask is None else input_record(options.face_mask),
        **method.recipe(),
        "device": str(method.device),
        "threads": torch.get_num_threads(),
    }
    return Recipe(values)


def style_records(style: StyleSource) -> list[dict[str, Any]]:
    """Return a style's entries in a recipe: name, size, hash and weight of each part of a blend."""
    if isinstance(style, Picture):
        return [input_record(style)]
    return [{**input_record(source), "weight": weight} for source, weight in resolve_style(style).parts]


def _init_record(method: Method, max_pixels: int) -> dict[str, Any] | None:
    """Return the recipe's entry for the initial image, if the settings name a file."""
    init = getattr(method.settings, "init", "content")
    if init in FIRST_PICTURES:
        return None
    read_size(init, max_pixels=max_pixels)  # raises a one-line error if it can't be read
    return input_record(init)


def input_record(source: PictureSource) -> dict[str, Any]:
    """Return an input's entry in a recipe: its name, size in bytes and hash; the hash alone for a `Picture`.

    Raises:
        PictureError: The file is missing or can't be read.
        UsageError: Neither a file nor a `Picture`.
    """
    if isinstance(source, Picture):
        pixels = source.pixels.detach().cpu().numpy()
        return {"name": None, "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}
    if not isinstance(source, str | os.PathLike):
        raise no_picture("picture", source)
    path = Path(source)
    if not path.exists():
        read_size(path)  # raises a one-line error
    if is_sequence(path):
        files = numbered(path)
        digest = hashlib.sha256("".join(sha256_of(file) for file in files).encode()).hexdigest()
        return {"name": path.name, "bytes": sum(file.stat().st_size for file in files), "sha256": digest}
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
