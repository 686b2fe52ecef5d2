"""Image quilting: textures of any size from a swatch, and pictures rendered in a texture."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from brushwork.api.recipe import input_record, result_size
from brushwork.api.stylize import Result
from brushwork.api.synthesize import check_texture_size
from brushwork.errors import BrushworkError, Interrupted, UsageError
from brushwork.image import Picture, no_picture, resize
from brushwork.io import MAX_PIXELS, read_image, read_size
from brushwork.methods.quilting.laying import Quilt, Swatch
from brushwork.methods.quilting.method import block_for, listener_of, luminance_guide, swatch_of, transfer
from brushwork.methods.quilting.quilter import Guide, lay
from brushwork.options.methods import Quilting
from brushwork.runtime.memory import out_of_memory
from brushwork.runtime.progress import Progress
from brushwork.runtime.provenance import Recipe
from brushwork.styles.sources import PictureSource
from brushwork.version import __version__

__all__ = ["QUILT", "quilt"]

QUILT = "quilt"  # in place of a method's name


def quilt(
    texture: PictureSource,
    size: tuple[int, int] | None = None,
    settings: Quilting | None = None,
    *,
    tileable: bool = False,
    mask: PictureSource | None = None,
    onto: PictureSource | None = None,
    guide: Sequence[PictureSource] = (),
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
) -> Result:
    """Synthesize a texture of any size from a swatch, or render a picture in it.

    Args:
        texture: The swatch: a file or a `Picture`. What is transparent in it isn't taken.
        size: (width, height) of the texture, in pixels; None with `onto`.
        settings: Block size, tolerance and seed; for `onto` also iterations, weights and correspondence.
        tileable: Whether the texture tiles seamlessly, in both directions.
        mask: What of the swatch may be taken: white; of the swatch's size.
        onto: A picture to render in the texture, at its own size up to 1024 px. `stylize(photo, texture, "quilting")`
            does the same, with a size and colors of your choice.
        guide: Two maps to compare instead of luminance: the texture's and the picture's, each of its picture's size.
        max_pixels: Larger files are rejected before they are decoded.
        progress: Called after each group of blocks; an exception it raises stops the work.

    Returns:
        A `Result`; its recipe can be given to `rerun`.

    Raises:
        UsageError: A swatch smaller than a block, a mask or map of another size, sides below 1 or more than 64 million
            pixels, or options that exclude each other.
        PictureError: A file can't be read.
        Interrupted: Ctrl-C; `error.best` holds the pixels so far.
    """
    settings = Quilting() if settings is None else settings
    if not isinstance(settings, Quilting):
        raise UsageError(f"settings: expected Quilting(…), got {settings!r}")
    if (size is None) == (onto is None):
        raise UsageError("expected either a size, for a texture, or a picture to render in it (onto)")
    _check_pairs(tileable, onto, guide)
    recipe = _recipe(texture, size, settings, tileable, mask, onto, guide)
    swatch = _swatch(texture, mask, settings, max_pixels)
    started = time.perf_counter()
    try:
        if onto is None:
            pixels = _synthesized(swatch, check_texture_size(size), settings, tileable, progress)
            made = Picture(pixels)
        else:
            photo = _read(onto, "onto", max_pixels, limited=True)
            pixels = transfer(
                swatch, _guide(swatch, photo, guide, settings, texture, max_pixels), settings,
                background=photo.pixels, progress=progress,
            )  # fmt: skip
            made = dataclasses.replace(photo, pixels=pixels)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise BrushworkError("out of memory; use a smaller size") from error
    return Result(made, recipe | {"size": list(made.size)}, time.perf_counter() - started)


def _check_pairs(tileable: bool, onto: PictureSource | None, guide: Sequence[PictureSource]) -> None:
    if onto is not None and tileable:
        raise UsageError("tileable: a picture rendered in a texture doesn't tile; leave out one of them")
    if guide and onto is None:
        raise UsageError("guide: belongs to a picture that is rendered in a texture (onto)")
    if len(guide) not in (0, 2):
        raise UsageError(f"guide: expected two maps, the texture's and the picture's, got {len(guide)}")


def _read(source: PictureSource, name: str, max_pixels: int, *, limited: bool = False) -> Picture:
    """Read a picture, limited to the size of results if asked."""
    if isinstance(source, Picture):
        return source
    if not isinstance(source, str | os.PathLike):
        raise no_picture(name, source)
    size = max(result_size(read_size(source, max_pixels=max_pixels), None)) if limited else None
    return read_image(source, size=size, max_pixels=max_pixels)


def _swatch(texture: PictureSource, mask: PictureSource | None, settings: Quilting, max_pixels: int) -> Swatch:
    picture = _read(texture, "texture", max_pixels)
    usable = picture.alpha
    if mask is not None:
        read = _read(mask, "mask", max_pixels)
        _check_same("mask", read, "the texture", picture)
        white = read.pixels.mean(1, keepdim=True)
        usable = white if usable is None else white * usable
    if settings.style_scale == 1:
        return swatch_of(picture.pixels, usable)
    size = _scaled(picture, settings)
    return swatch_of(resize(picture.visible(), size), None if usable is None else resize(usable, size))


def _scaled(picture: Picture, settings: Quilting) -> tuple[int, int]:
    width, height = (max(1, round(side * settings.style_scale)) for side in picture.size)
    return width, height


def _check_same(name: str, found: Picture, whose: str, expected: Picture) -> None:
    if found.size != expected.size:
        wanted = "×".join(map(str, expected.size))
        raise UsageError(f"{name}: expected {wanted} pixels like {whose}, got {'×'.join(map(str, found.size))}")


def _guide(
    swatch: Swatch, photo: Picture, guide: Sequence[PictureSource], settings: Quilting, texture: PictureSource,
    max_pixels: int,
) -> Guide:  # fmt: skip
    if not guide:
        return luminance_guide(swatch, photo.visible(), blurred=settings.correspondence == "blurred-luminance")
    of_texture = _read(guide[0], "guide", max_pixels)
    of_photo = _read(guide[1], "guide", max_pixels, limited=True)
    _check_same("guide: the first map", of_texture, "the texture", _read(texture, "texture", max_pixels))
    _check_same("guide: the second map", of_photo, "the picture", photo)
    size = (swatch.pixels.shape[2], swatch.pixels.shape[1])
    return Guide(resize(of_texture.pixels, size)[0], of_photo.pixels[0])


def _synthesized(
    swatch: Swatch, size: tuple[int, int], settings: Quilting, tileable: bool, progress: Progress | None
) -> Tensor:
    side = block_for(swatch, settings.block)
    kept: list[Quilt] = []
    try:
        return lay(
            swatch, size[::-1], side, tolerance=settings.block_tolerance, wraps=tileable, seed=settings.seed,
            listener=listener_of(progress, kept, None),
        ).pixels()  # fmt: skip
    except (KeyboardInterrupt, Interrupted) as stop:
        raise Interrupted(best=kept[-1].pixels() if kept else None) from stop


def _recipe(
    texture: PictureSource,
    size: tuple[int, int] | None,
    settings: Quilting,
    tileable: bool,
    mask: PictureSource | None,
    onto: PictureSource | None,
    guide: Sequence[PictureSource],
) -> Recipe:
    """Return the recipe, which has the form of a stylized picture's; the content of a texture is its swatch."""
    return Recipe(
        {
            "brushwork": __version__,
            "torch": torch.__version__,
            "method": QUILT,
            "settings": dataclasses.asdict(settings),
            "content": input_record(texture if onto is None else onto),
            "styles": [{**input_record(texture), "weight": 1.0}],
            "init": None,
            "size": [1, 1] if size is None else list(check_texture_size(size)),
            "keep_color": None,
            "masks": [] if mask is None else [input_record(mask)],
            "guide": [input_record(part) for part in guide],
            "tileable": tileable,
            "onto": onto is not None,
            "device": "cpu",
            "threads": torch.get_num_threads(),
        }
    )
