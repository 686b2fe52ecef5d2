"""Stylizing images larger than memory, from file to file."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from brushwork.api.color_control import ColorControl
from brushwork.api.recipe import recipe_of, result_size
from brushwork.api.style_encoding import style_value
from brushwork.api.stylize import MethodSource, method_from
from brushwork.errors import UsageError
from brushwork.image import Picture
from brushwork.io import PictureReader, PictureWriter, read_size
from brushwork.methods.base import PartwiseMethod
from brushwork.methods.one_pass import thumbnail_size
from brushwork.options.stylize import OutputOptions, StylizeOptions, recipe_defaults, with_changes
from brushwork.registry import method_name
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.deprecation import renamed_keywords
from brushwork.runtime.locking import locked
from brushwork.runtime.progress import Progress
from brushwork.runtime.provenance import Recipe
from brushwork.styles.sources import ResolvedStyle, StyleSource, resolve_style
from brushwork.tiling.plan import Plan, plan_job
from brushwork.tiling.tiles import Canvas, Tiling

__all__ = ["Streamed", "stylize_file"]


@dataclass(frozen=True)
class Streamed:
    """The outcome of `stylize_file`.

    Args:
        size: (width, height) in pixels.
        recipe: Everything that determined the result.
        notes: One-line notes for the user.
        seconds: Total time, including reading and writing.
    """

    size: tuple[int, int]
    recipe: Recipe
    notes: tuple[str, ...]
    seconds: float


@renamed_keywords(content="photo", settings="method")
def stylize_file(
    photo: str | Path,
    style: StyleSource,
    output: str | Path,
    method: MethodSource = None,
    *,
    options: StylizeOptions | None = None,
    written: OutputOptions | None = None,
    plan: Plan | None = None,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
    **keywords: Any,
) -> Streamed:
    """Stylize from file to file, tile by tile, with the same result as `stylize`.

    The photo's own style (for a strength below 1) and the histograms for color matching are measured on a thumbnail.

    Args:
        photo: An image file.
        style: See `stylize`.
        output: The file to write; never left partially written.
        method: A feed-forward method; see `stylize`.
        options: See `stylize`.
        written: `OutputOptions`: depth, quality, metadata.
        plan: From `brushwork.tiling.plan.plan_job`; None makes one here.
        progress: Called after each tile; an exception it raises stops the work.
        checkpoint: Saves the state and, in a separate file, the finished pixels; both are deleted at the end.
        **keywords: Fields of `StylizeOptions` and of `OutputOptions`, which override `options` and `written`.

    Raises:
        PictureError, UsageError, WeightsError: As for `stylize`.
        Interrupted: Ctrl-C; there is no result.
        SavedElsewhereError: The output could not be written, and the result was saved to a different file.
        BrushworkError: Out of disk space or memory.
    """
    of_output: dict[str, Any] = {
        name: keywords.pop(name) for name in ("depth", "quality", "strip_metadata") if name in keywords
    }
    out: OutputOptions = with_changes(written or OutputOptions(), of_output)
    chosen: StylizeOptions = with_changes(options or StylizeOptions(), keywords)
    if chosen.protect_faces:
        raise UsageError("protect_faces needs the whole picture in memory; choose a smaller size")
    loaded = method_from(method, chosen.device)
    if not isinstance(loaded, PartwiseMethod):
        raise UsageError(f"{method_name(loaded.settings)} can't process a file in parts; use stylize")
    return _streamed(
        photo,
        resolve_style(style),
        Path(output),
        loaded,
        chosen,
        out,
        plan=plan,
        progress=progress,
        checkpoint=checkpoint,
    )


def _streamed(
    source: str | Path,
    style: ResolvedStyle,
    output: Path,
    method: PartwiseMethod,
    options: StylizeOptions,
    out: OutputOptions,
    *,
    plan: Plan | None,
    progress: Progress | None,
    checkpoint: Checkpoint | None,
) -> Streamed:
    started = time.perf_counter()
    original = read_size(source, max_pixels=options.max_pixels)
    size = result_size(original, options.size)
    longer = None if size == original else max(size)
    reader = PictureReader(source, size=longer, max_pixels=options.max_pixels, strict=options.strict)
    photo = _Photo(reader, options.keep_color, options.keep_color_when)
    value, notes = style_value(method, style, method.sizes(*reader.size), photo.colors, options)
    recipe = recipe_of(method, source, style, options, size=reader.size)
    bands = 4 * out.depth // 8
    plan = plan or plan_job(method, reader.size, value, max_memory=options.max_memory, file=output, bands=bands)
    tiling = plan.tiling or Tiling(max(reader.size))
    recipe |= {"tile": tiling.side}
    spool = None
    if checkpoint is not None:
        spool = checkpoint.path.with_name(f"{checkpoint.path.name}.pixels")
        checkpoint = dataclasses.replace(
            checkpoint,
            job=recipe | {"written": out.written},
            defaults=recipe_defaults(method.settings),
            resume=checkpoint.resume and spool.exists(),  # it holds the finished pixels
        )
    with locked(None if checkpoint is None else checkpoint.path, output):
        with PictureWriter(
            output, reader.size, alpha=reader.alpha, depth=out.depth, quality=out.quality, spool=spool,
            beside=Path(source),
            exif=None if out.strip_metadata else reader.exif,
            recipe=None if out.strip_metadata else recipe,
        ) as writer:  # fmt: skip
            canvas = photo.canvas(writer, photo.finisher(method, value))
            method.paint(canvas, value, tiling=tiling, progress=progress, checkpoint=checkpoint)
        if checkpoint is not None:
            checkpoint.remove()
    return Streamed(reader.size, recipe, (*reader.notes, *notes), time.perf_counter() - started)


class _Photo:
    """The photo as input for the method and for color matching.

    Args:
        reader: Reads its parts.
        way: How to keep colors.
        when: "before" or "after" stylization.
    """

    def __init__(self, reader: PictureReader, way: str | None, when: str | None) -> None:
        self.reader = reader
        small = self.small if way is not None else Picture(torch.zeros(1, 3, 1, 1))
        self.colors = ColorControl(small.visible(), small.alpha, way, when)
        self.needed = reader.alpha or way == "luminance"  # when parts are written

    @cached_property
    def small(self) -> Picture:
        """The photo's thumbnail."""
        return self.reader.thumbnail(max(thumbnail_size(self.reader.size)))

    def thumbnail(self) -> Tensor:
        """Return the thumbnail as input for the method."""
        return self.colors.content(self.small.visible())

    def seen(self, top: int, left: int, bottom: int, right: int) -> Tensor:
        """Return a part as input for the method."""
        return self.colors.content(self.reader.visible(top, left, bottom, right)[0])

    def canvas(self, writer: PictureWriter, finish: Callable[[Tensor, Tensor], Tensor]) -> Canvas:
        """Return a canvas that reads parts of the photo and writes finished parts to the writer."""

        def write(top: int, left: int, pixels: Tensor) -> None:
            bottom, right = top + pixels.shape[2], left + pixels.shape[3]
            original, alpha = self.reader.visible(top, left, bottom, right) if self.needed else (pixels, None)
            writer.write(top, left, finish(pixels, original), alpha)

        return Canvas(self.reader.size, self.seen, write, self.thumbnail)

    def finisher(self, method: PartwiseMethod, value: Any) -> Callable[[Tensor, Tensor], Tensor]:
        """Return a function from a stylized part and the photo's part to a part of the result."""
        if self.colors.way is None or self.colors.when == "before":
            return lambda painted, original: self.colors.part(painted, original, painted)
        small = method(self.thumbnail(), value)
        return lambda painted, original: self.colors.part(painted, original, small)
