"""Pictures that need not fit into memory: from file to file, planned before the work begins."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from brushwork.api.color_control import ColorControl
from brushwork.api.recipe import PictureSource, StyleSource, check_masks, recipe_of, result_size
from brushwork.api.style_encoding import style_value
from brushwork.errors import UsageError
from brushwork.image import Picture
from brushwork.io import MAX_PIXELS, PictureReader, PictureWriter, read_size
from brushwork.methods import Method, load
from brushwork.methods.one_pass import OnePass, thumbnail_size
from brushwork.options.methods import AdaINLite, Settings
from brushwork.registry import method_name
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.device import choose_device
from brushwork.runtime.locking import locked
from brushwork.runtime.progress import Progress
from brushwork.runtime.provenance import Recipe
from brushwork.tiling.plan import Plan, plan_job
from brushwork.tiling.tiles import Canvas, Tiling

__all__ = ["Streamed", "stylize_file"]


@dataclass(frozen=True)
class Streamed:
    """A stylized picture that went to its file.

    Args:
        size: (width, height) in pixels.
        recipe: All that decided it.
        notes: One-line remarks for the user.
        seconds: How long it took, from the first pixel read to the file.
    """

    size: tuple[int, int]
    recipe: Recipe
    notes: tuple[str, ...]
    seconds: float


def stylize_file(
    content: str | Path,
    style: StyleSource,
    output: str | Path,
    settings: Settings | None = None,
    *,
    method: Method | None = None,
    plan: Plan | None = None,
    max_memory: int | None = None,
    device: str = "auto",
    size: int | None = None,
    keep_color: str | None = None,
    keep_color_when: str | None = None,
    masks: Sequence[PictureSource] = (),
    max_pixels: int = MAX_PIXELS,
    depth: int = 8,
    quality: int | None = None,
    strip_metadata: bool = False,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Streamed:
    """Stylize a file into a file, part by part; the result is that of `stylize`.

    What a method or a way of keeping colors must know beforehand of the colors of the photo, its own style where the
    strength is below 1 and the histograms to match, is that of a thumbnail.

    Args:
        content: A photo's file.
        style: See `stylize`.
        output: The file to write, whole or not at all.
        settings: A method of one pass and its options; `AdaINLite()` by default.
        method: From `brushwork.methods.load`, instead of settings.
        plan: From `brushwork.tiling.plan.plan_job`; None: made here.
        max_memory: Bytes that the process may hold; None: what is free, with a margin.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        size: See `stylize`.
        keep_color: See `stylize`.
        keep_color_when: See `stylize`.
        masks: See `stylize`.
        max_pixels: See `stylize`.
        depth: Bits per channel of the file.
        quality: Of formats that have one.
        strip_metadata: Write no EXIF and no recipe.
        progress: Called after each tile; what it raises ends the work.
        checkpoint: Keeps the work, and beside it what is painted, in files that are removed in the end.

    Raises:
        PictureError, UsageError, WeightsError: As `stylize`.
        Interrupted: Ctrl-C; there is no result.
        SavedElsewhereError: The result could not be written to the output, and is in another file.
        BrushworkError: Disk or memory ended.
    """
    check_masks(masks)
    method = method or load(AdaINLite() if settings is None else settings, choose_device(device))
    if not isinstance(method, OnePass):
        raise UsageError(f"{method_name(method.settings)} paints no file part by part; use stylize")
    started = time.perf_counter()
    reader = PictureReader(content, size=_longer(content, size, max_pixels), max_pixels=max_pixels)
    photo = _Photo(reader, keep_color, keep_color_when)
    value, notes = style_value(
        method, style, method.sizes(*reader.size), photo.colors, masks=masks, max_pixels=max_pixels
    )
    recipe = recipe_of(
        method, content, style, size=size, **photo.colors.recipe(), masks=masks, max_pixels=max_pixels
    )  # fmt: skip
    plan = plan or plan_job(method, reader.size, value, max_memory=max_memory, file=Path(output), bands=4 * depth // 8)
    tiling = plan.tiling or Tiling(max(reader.size))
    recipe |= {"tile": tiling.side}
    written = {"depth": depth, "quality": quality}
    spool = None if checkpoint is None else checkpoint.path.with_name(f"{checkpoint.path.name}.pixels")
    kept = _kept(checkpoint, recipe | {"written": written}, spool)
    with locked(None if kept is None else kept.path, Path(output)):
        with PictureWriter(
            output, reader.size, alpha=reader.alpha, **written, spool=spool,  # type: ignore[arg-type]
            beside=Path(content),
            exif=None if strip_metadata else reader.exif,
            recipe=None if strip_metadata else recipe,
        ) as writer:  # fmt: skip
            canvas = photo.canvas(writer, photo.finisher(method, value))
            method.paint(canvas, value, tiling=tiling, progress=progress, checkpoint=kept)
        if kept is not None:
            kept.remove()
    return Streamed(reader.size, recipe, (*reader.notes, *notes), time.perf_counter() - started)


def _longer(content: str | Path, size: int | None, max_pixels: int) -> int | None:
    """The longer side that the photo is brought to; None: its own."""
    original = read_size(content, max_pixels=max_pixels)
    wanted = result_size(original, size)
    return None if wanted == original else max(wanted)


def _kept(checkpoint: Checkpoint | None, job: Recipe, spool: Path | None) -> Checkpoint | None:
    """The checkpoint of this job; without what has been painted it begins anew."""
    if checkpoint is None or spool is None:
        return None
    return dataclasses.replace(checkpoint, job=job, resume=checkpoint.resume and spool.exists())


class _Photo:
    """The photo as methods and colors want it.

    Args:
        reader: Gives its parts.
        way: How colors are kept.
        when: Before or after.
    """

    def __init__(self, reader: PictureReader, way: str | None, when: str | None) -> None:
        self.reader = reader
        small = self.small if way is not None else Picture(torch.zeros(1, 3, 1, 1))
        self.colors = ColorControl(small.visible(), small.alpha, way, when)
        self.needed = reader.alpha or way == "luminance"  # when parts are written

    @cached_property
    def small(self) -> Picture:
        """Its thumbnail."""
        return self.reader.thumbnail(max(thumbnail_size(self.reader.size)))

    def thumbnail(self) -> Tensor:
        """What the method should see of that."""
        return self.colors.content(self.small.visible())

    def seen(self, top: int, left: int, bottom: int, right: int) -> Tensor:
        """What the method should see of a part."""
        return self.colors.content(self.reader.visible(top, left, bottom, right)[0])

    def canvas(self, writer: PictureWriter, finish: Callable[[Tensor, Tensor], Tensor]) -> Canvas:
        """What is painted on: parts are read here, and written there when they are finished."""

        def write(top: int, left: int, pixels: Tensor) -> None:
            bottom, right = top + pixels.shape[2], left + pixels.shape[3]
            original, alpha = self.reader.visible(top, left, bottom, right) if self.needed else (pixels, None)
            writer.write(top, left, finish(pixels, original), alpha)

        return Canvas(self.reader.size, self.seen, write, self.thumbnail)

    def finisher(self, method: OnePass[Any], value: Any) -> Callable[[Tensor, Tensor], Tensor]:
        """What makes a painted part, and the photo's, a part of the result."""
        if self.colors.way is None or self.colors.when == "before":
            return lambda painted, original: self.colors.part(painted, original, painted)
        small = method(self.thumbnail(), value)
        return lambda painted, original: self.colors.part(painted, original, small)
