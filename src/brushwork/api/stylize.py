"""The one place that joins device, color, method, alpha and recipe: photo + style → result."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, overload

from torch import Tensor

from brushwork.api.color_control import ColorControl
from brushwork.api.recipe import (
    DEFAULT_SIZE,
    Blend,
    PictureSource,
    StyleSource,
    check_masks,
    recipe_of,
    result_size,
    style_parts,
)
from brushwork.api.style_encoding import painting_pixels, style_value, visible
from brushwork.errors import BrushworkError, Interrupted, UsageError
from brushwork.image import Picture, check_size, no_picture
from brushwork.io import MAX_PIXELS, read_image, read_size, write_image
from brushwork.methods import Method, load
from brushwork.nn import FeatureNetwork
from brushwork.options.methods import AdaINLite, Settings
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.device import choose_device
from brushwork.runtime.locking import locked
from brushwork.runtime.memory import out_of_memory
from brushwork.runtime.progress import Progress
from brushwork.runtime.provenance import Recipe
from brushwork.styles.references import StylePart, is_saved
from brushwork.tiling.plan import Plan, plan_job, worth_a_plan
from brushwork.tiling.tiles import Tiling

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["DEFAULT_SIZE", "Result", "read_content", "result_size", "stylize"]


@dataclass(frozen=True, eq=False)
class Result:
    """A stylized picture.

    Args:
        picture: With the content's alpha and EXIF.
        recipe: All that decided it; `rerun` obeys it.
        seconds: How long the method took for the picture, without reading files and encoding the style.
    """

    picture: Picture
    recipe: Recipe
    seconds: float

    def save(
        self, path: str | Path, *, depth: int = 8, quality: int | None = None, strip_metadata: bool = False
    ) -> None:
        """Write the picture with its recipe, so that `brushwork rerun` makes the same bytes again.

        Args:
            path: The file to write, replaced if it exists; its suffix gives the format.
            depth: Bits per channel: 8, or 16 in PNG and TIFF.
            quality: 1 to 100, of JPEG, WebP and AVIF.
            strip_metadata: Leave EXIF and recipe out.

        Raises:
            UsageError: A suffix, depth, size or quality that can't be written.
            PictureError: The file can't be written; what was there before is still there.
        """
        write_image(self.picture, path, depth=depth, quality=quality, strip_metadata=strip_metadata, recipe=self.recipe)


class _Options(TypedDict, total=False):
    """Keyword arguments of `stylize`."""

    photo: Picture | None
    size: int | None
    keep_color: str | None
    keep_color_when: str | None
    masks: Sequence[PictureSource]
    device: str
    method: Method | None
    network: FeatureNetwork | None
    max_pixels: int
    max_memory: int | None
    plan: Plan | None
    progress: Progress | None
    checkpoint: Checkpoint | None


_Photo = TypeVar("_Photo", str, Path, Picture, PictureSource)
_Style = TypeVar("_Style", str, Path, Picture, PictureSource, dict[str, float], StyleSource)


@overload
def stylize(
    content: PictureSource, style: StyleSource, settings: Settings | None = None, **options: Unpack[_Options]
) -> Result: ...
@overload
def stylize(
    content: list[_Photo], style: StyleSource, settings: Settings | None = None, **options: Unpack[_Options]
) -> list[Result]: ...
@overload
def stylize(
    content: PictureSource, style: list[_Style], settings: Settings | None = None, **options: Unpack[_Options]
) -> list[Result]: ...
@overload
def stylize(
    content: list[_Photo], style: list[_Style], settings: Settings | None = None, **options: Unpack[_Options]
) -> list[list[Result]]: ...
def stylize(
    content: Any,
    style: Any,
    settings: Settings | None = None,
    *,
    photo: Picture | None = None,
    size: int | None = None,
    keep_color: str | None = None,
    keep_color_when: str | None = None,
    masks: Sequence[PictureSource] = (),
    device: str = "auto",
    method: Method | None = None,
    network: FeatureNetwork | None = None,
    max_pixels: int = MAX_PIXELS,
    max_memory: int | None = None,
    plan: Plan | None = None,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Any:
    """A picture with the content of one and the style of another.

    Args:
        content: A photo: a file or a `Picture`. A list of photos gives a list of results.
        style: A painting: a file, a `Picture`, a built-in style's name, a saved style, or a blend: in words,
            "wave.jpg:0.7+feminine-wave:0.3", or with weights, {"wave.jpg": 0.7, "feminine-wave": 0.3}, also as pairs,
            (("wave.jpg", 0.7), (picture, 0.3)). A list of styles gives a list of results; for a list of photos too,
            a list for each photo.
        settings: The method and all its options; `AdaINLite()` by default.
        photo: What `content` holds, if it has been read already with `read_content`.
        size: Longer side of the result in pixels; 0 keeps the photo's; None does too, but stops at 1024.
        keep_color: Keep the photo's colors, by "luminance", "cholesky" or "histogram" (docs/color.md).
        keep_color_when: "before" recolors the painting, "after" the result; None takes what suits `keep_color`.
        masks: A picture per style of the blend, white where it is wanted; black in all: the photo (docs/masks.md).
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        method: From `brushwork.load`, to load its network once for many calls; it brings its settings.
        network: Any feature network instead of the one in the settings (docs/weights.md).
        max_pixels: Larger files are refused before they are decoded.
        max_memory: Bytes that the process may hold; a picture that would take more is worked at in tiles, with the
            same result. None: what is free, with a margin.
        plan: From `brushwork.tiling.plan.plan_job`; None: made here where it is worth it.
        progress: Called after each step; what it raises ends the work.
        checkpoint: Keeps the work in a file, and goes on from it if it is there; remove it when the result is written.

    Returns:
        A `Result`; a list of them where photos or styles are a list; a list of lists where both are.

    Raises:
        PictureError: A file that can't be read; the message names it.
        UsageError: A wrong value; the message says what is expected.
        WeightsError: A network's weights are not on this machine.
        Interrupted: Ctrl-C; `error.best` is the Result so far, None before the first step. Of a list, it is a list of
            the results that are done, and of the one so far.
        BrushworkError: Memory ended, the loss can't be tamed, or another process works with this checkpoint.
    """
    check_masks(masks)
    _check_limits(max_pixels=max_pixels, max_memory=max_memory)
    if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
        raise UsageError(f"checkpoint: expected a Checkpoint, got {checkpoint!r}; write Checkpoint(path)")
    if progress is not None and not callable(progress):
        raise UsageError(f"progress: expected a function, got {progress!r}")
    several = isinstance(content, list) or _is_several(style)
    if several and not (photo is None and plan is None and checkpoint is None):
        raise UsageError("photo, plan and checkpoint are of one picture; with a list, call stylize for each picture")
    work = partial(
        _stylized,
        method=_checked(method, settings, network)
        or load(AdaINLite() if settings is None else settings, choose_device(device), network=network),
        photo=photo, size=size, keep_color=keep_color, keep_color_when=keep_color_when, masks=masks,
        max_pixels=max_pixels, max_memory=max_memory, plan=plan, progress=progress, checkpoint=checkpoint,
    )  # fmt: skip
    if not isinstance(content, list):
        return _in_styles(work, content, style)
    if not content:
        raise UsageError("content: expected at least one photo, got an empty list")
    return _each(partial(_in_styles, work, style=style), content)


def _is_several(style: object) -> bool:
    """Whether these are several styles, rather than one or the parts of a blend."""
    return isinstance(style, list) and not all(isinstance(part, tuple | StylePart) for part in style)


def _in_styles(work: Callable[[Any, Any], Result], content: Any, style: Any) -> Any:
    """A photo in a style, or in each of several."""
    return _each(partial(work, content), style) if _is_several(style) else work(content, style)


def _each(work: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    """What becomes of each value; where it is stopped, what there is so far."""
    done: list[Any] = []
    try:
        for value in values:
            done.append(work(value))
    except (Interrupted, KeyboardInterrupt) as stop:
        best = getattr(stop, "best", None)
        words = str(stop) or "stopped before the end"
        raise Interrupted(words, done if best is None else [*done, best]) from None
    return done


def _check_limits(**limits: object) -> None:
    for name, limit in limits.items():
        if limit is not None and check_size(limit, name) < 1:
            raise UsageError(f"{name}: expected at least 1, got {limit}")


def _stylized(
    content: PictureSource,
    style: PictureSource | Blend,
    *,
    method: Method,
    photo: Picture | None,
    size: int | None,
    keep_color: str | None,
    keep_color_when: str | None,
    masks: Sequence[PictureSource],
    max_pixels: int,
    max_memory: int | None,
    plan: Plan | None,
    progress: Progress | None,
    checkpoint: Checkpoint | None,
) -> Result:
    """One photo in one style, see `stylize`."""
    photo = read_content(content, size, max_pixels) if photo is None else photo
    colors = ColorControl(visible(photo, content), photo.alpha, keep_color, keep_color_when)
    init = _read_init(method, style, photo.size, max_pixels, colors)
    value, notes = style_value(method, style, method.sizes(*photo.size), colors, masks=masks, max_pixels=max_pixels)
    recipe = recipe_of(method, content, style, size=size, **colors.recipe(), masks=masks, max_pixels=max_pixels)
    kept = None if checkpoint is None else dataclasses.replace(checkpoint, job=recipe)
    started = time.perf_counter()

    def finish(stylized: Tensor) -> Result:
        picture = dataclasses.replace(photo, pixels=colors.result(stylized), notes=(*photo.notes, *notes))
        return Result(picture, recipe, time.perf_counter() - started)

    tiling = _tiling(plan, method, photo, value, max_memory)
    recipe |= {"tile": tiling.side} if tiling is not None else {}
    listener = colors.progress(_with_alpha(progress, photo.alpha))
    work = partial(
        method, colors.content(colors.photo), value, init=init, progress=listener, checkpoint=kept, tiling=tiling
    )
    with locked(None if kept is None else kept.path):
        return _finished(work, finish, f"{photo.size[0]}×{photo.size[1]} on {method.device}")


def _tiling(plan: Plan | None, method: Method, photo: Picture, value: Any, max_memory: int | None) -> Tiling | None:
    """The tiles of a plan, which is made here where it is worth it and there is none; None: the whole."""
    if plan is None and worth_a_plan(photo.size, max_memory):
        plan = plan_job(method, photo.size, value, max_memory=max_memory)
    return None if plan is None else plan.tiling


def _with_alpha(progress: Progress | None, alpha: Tensor | None) -> Progress | None:
    if progress is None or alpha is None:
        return progress
    return lambda step: progress(dataclasses.replace(step, alpha=alpha))


def _finished(work: Callable[[], Tensor], finish: Callable[[Tensor], Result], where: str) -> Result:
    """What the method gives, finished; where it is stopped, so is what there is."""
    pixels: Tensor | None = None
    try:
        pixels = work()
        return finish(pixels)
    except (Interrupted, KeyboardInterrupt) as stop:
        if isinstance(stop, Interrupted):
            pixels = stop.best
        words = str(stop) or "stopped before the end"
        raise Interrupted(words, None if pixels is None else finish(pixels)) from None
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise BrushworkError(f"out of memory at {where}; take a smaller size") from error


def _checked(method: Method | None, settings: Settings | None, network: FeatureNetwork | None) -> Method | None:
    """The method, which brings its settings and its network, so that others beside it would be ignored."""
    if method is not None and not hasattr(method, "declaration"):
        raise UsageError(f"method: expected what brushwork.load gives, got {method!r}; write load(Gatys())")
    if method is not None and settings not in (None, method.settings):
        raise UsageError("settings and method disagree; a method brings its settings, so pass one of the two")
    if method is not None and network is not None:
        raise UsageError("a method brings its network; pass one of the two")
    return method


def read_content(content: PictureSource, size: int | None, max_pixels: int = MAX_PIXELS) -> Picture:
    """The photo at the size at which it will be painted; see `stylize` for arguments and errors."""
    if isinstance(content, Picture):
        if result_size(content.size, size) != content.size:
            raise UsageError(
                f"a Picture is taken at its own size, {content.size}, not {result_size(content.size, size)}; "
                "resize it first, pass size=0, or pass its file"
            )
        return content
    if not isinstance(content, str | os.PathLike):
        raise no_picture("content", content)
    wanted = result_size(read_size(content, max_pixels=max_pixels), size)
    return read_image(content, size=max(wanted), max_pixels=max_pixels)


def _read_init(
    method: Method, style: StyleSource, size: tuple[int, int], max_pixels: int, colors: ColorControl
) -> Tensor | None:
    init = getattr(method.settings, "init", "content")
    if init in ("content", "noise"):
        return None
    if init != "style":
        return colors.content(read_image(init, size=max(size), max_pixels=max_pixels).visible())
    source = style_parts(style)[0][0]
    if isinstance(source, Picture):
        return painting_pixels(source, source, colors)
    if is_saved(source):
        raise UsageError("init=style needs the painting itself, and a saved style holds only its statistics")
    return painting_pixels(read_image(source, size=max(size), max_pixels=max_pixels), source, colors)
