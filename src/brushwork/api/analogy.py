"""Image analogies: A is to A' as B is to the result."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from brushwork.api.recipe import input_record, result_size
from brushwork.api.stylize import Result
from brushwork.api.synthesize import check_texture_size
from brushwork.errors import BrushworkError, UsageError
from brushwork.image import Picture, no_picture, resize
from brushwork.io import MAX_PIXELS, read_image, read_size
from brushwork.methods import load
from brushwork.methods.analogies.method import Pair, grown, pair_of
from brushwork.methods.gatys.doodle import labeled
from brushwork.methods.gatys.method import GatysMethod
from brushwork.options.base import option_of
from brushwork.options.methods import Analogies, Gatys
from brushwork.patches.labels import planes_of
from brushwork.runtime.memory import out_of_memory
from brushwork.runtime.progress import Progress
from brushwork.runtime.provenance import Recipe
from brushwork.styles.sources import PictureSource
from brushwork.version import __version__

__all__ = ["ANALOGY", "DOODLE", "analogy", "read_pair"]

LARGEST = 1 << 24  # maximum pixels of a texture
ANALOGY = "analogy"  # in place of a method's name
# Neural doodles. Source: Champandard 2016, arXiv:1603.01768: patches of relu3_1 and relu4_1, no content.
DOODLE = Gatys(statistic="patch", style_layers=("relu3_1", "relu4_1"), content_weight=0.0)


def analogy(
    a: PictureSource | None,
    a_prime: PictureSource,
    b: PictureSource | None,
    settings: Analogies | Gatys | None = None,
    *,
    size: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
) -> Result:
    """Make of B what A' is of A: a learned filter, a painting from a doodle, or a texture.

    Args:
        a: A: a file or a `Picture`; None: A' without its strokes. With compare="labels" it is a map in flat colors,
            each the label of a region.
        a_prime: A', of A's size. What is transparent in it isn't taken.
        b: B, at its own size up to 1024 px; None for a texture from A' alone.
        settings: What is compared, whose colors, and the search. `Gatys(statistic="patch", …)`, such as `DOODLE`:
            instead of copying pixels, it optimizes B' so that patches of its features, with labels, are those of A'.
        size: (width, height) of the texture, in pixels; only without B.
        max_pixels: Larger files are rejected before they are decoded.
        progress: Called after each part of the search; an exception it raises stops the work.

    Returns:
        A `Result`; its recipe can be given to `rerun`.

    Raises:
        UsageError: A and A' of different sizes, labels of B that A lacks, or options that exclude each other.
        PictureError: A file can't be read.
        Interrupted: Ctrl-C; `error.best` holds the pixels so far.
    """
    settings = Analogies() if settings is None else settings
    if not isinstance(settings, Analogies | Gatys):
        raise UsageError(f"settings: expected Analogies(…) or Gatys(…), got {settings!r}")
    _check_sources(a, b, size, settings)
    method = None if isinstance(settings, Analogies) else load(settings)
    pair = read_pair(a, a_prime, Analogies() if isinstance(settings, Gatys) else settings, max_pixels)
    photo = None if b is None else _read(b, "B", max_pixels)
    recipe = _recipe((a, a_prime, b), size, settings, {} if method is None else method.recipe())
    started = time.perf_counter()
    try:
        content = check_texture_size(size, LARGEST)[::-1] if photo is None else photo.visible()
        if isinstance(method, GatysMethod) and isinstance(content, Tensor):
            pixels = _optimized(pair, content, method, progress)
        else:
            assert isinstance(settings, Analogies)
            pixels = grown(pair, content, settings, progress=progress)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise BrushworkError("out of memory; use smaller pictures, or search='patchmatch'") from error
    made = Picture(pixels) if photo is None else dataclasses.replace(photo, pixels=pixels)
    return Result(made, recipe | {"size": list(made.size)}, time.perf_counter() - started)


def _optimized(pair: Pair, content: Tensor, method: GatysMethod, progress: Progress | None) -> Tensor:
    """Return a neural doodle, pixels (1, 3, H, W); it begins with the mean color of each label in A'."""
    source, target = planes_of(pair.before[0], content[0])
    doodle = labeled(method, source, target)
    known = source * pair.usable
    means = torch.einsum("nhw,chw->cn", known, pair.after[0]) / known.sum((1, 2)).clamp(min=1)
    start = torch.einsum("cn,nhw->chw", means, target)[None].clamp(0, 1)
    sizes = doodle.sizes(content.shape[3], content.shape[2])
    style = doodle.encode_style(pair.after, sizes=sizes, mask=pair.usable[None, None].float())
    return doodle(content, style, init=start, progress=progress)


def read_pair(
    a: PictureSource | None, a_prime: PictureSource, settings: Analogies, max_pixels: int = MAX_PIXELS
) -> Pair:
    """Return A and A' as a style of the method "analogies", for `save_style`.

    Args:
        a: See `analogy`.
        a_prime: See `analogy`.
        settings: Its style scale is applied.
        max_pixels: See `analogy`.

    Raises:
        UsageError: They are of different sizes.
        PictureError: A file can't be read.
    """
    after = _read(a_prime, "A'", max_pixels)
    before = None if a is None else _read(a, "A", max_pixels)
    if before is not None and before.size != after.size:
        wanted, found = ("×".join(map(str, picture.size)) for picture in (before, after))
        raise UsageError(f"A and A' must have the same size, got {wanted} and {found}")
    width, height = (max(1, round(side * settings.style_scale)) for side in after.size)
    mask = None if after.alpha is None else resize(after.alpha, (width, height))
    return pair_of(
        None if before is None else resize(before.visible(), (width, height)),
        resize(after.visible(), (width, height)),
        mask,
    )


def _check_sources(
    a: PictureSource | None, b: PictureSource | None, size: tuple[int, int] | None, settings: Analogies | Gatys
) -> None:
    if (b is None) == (size is None):
        raise UsageError("expected either B, a picture, or the size of a texture")
    if b is None and a is not None:
        raise UsageError("A: a texture is made from A' alone; leave it out, or pass B")
    labels = isinstance(settings, Gatys) or settings.compare == "labels"
    if b is not None and a is None and labels:
        raise UsageError("A: labels need it, the map of A' in flat colors")
    if b is None and isinstance(settings, Gatys):
        raise UsageError("size: without B, a texture, expected Analogies(…)")


def _read(source: PictureSource, name: str, max_pixels: int) -> Picture:
    """Read a picture, limited to the size of results."""
    if isinstance(source, Picture):
        return source
    if not isinstance(source, str | os.PathLike):
        raise no_picture(name, source)
    return read_image(
        source, size=max(result_size(read_size(source, max_pixels=max_pixels), None)), max_pixels=max_pixels
    )


def _recipe(
    sources: tuple[PictureSource | None, PictureSource, PictureSource | None],
    size: tuple[int, int] | None,
    settings: Analogies | Gatys,
    network: Mapping[str, Any],
) -> Recipe:
    """Return the recipe, which has the form of a stylized picture's; the content of a texture is A'."""
    a, a_prime, b = sources
    values = dataclasses.asdict(settings)
    for name, option in option_of(type(settings)).items():
        if option.file:  # only its name, because a shared image shouldn't reveal folder names
            values[name] = Path(values[name]).name
    return Recipe(
        {
            **network,
            "brushwork": __version__,
            "torch": torch.__version__,
            "method": ANALOGY,
            "settings": values,
            "content": input_record(a_prime if b is None else b),
            "styles": [{**input_record(a_prime), "weight": 1.0}],
            "init": None,
            "size": [1, 1] if size is None else list(check_texture_size(size, LARGEST)),
            "keep_color": None,
            "onto": b is not None,
            "device": "cpu",
            "threads": torch.get_num_threads(),
        }
        | ({} if a is None else {"before": input_record(a)})
    )
