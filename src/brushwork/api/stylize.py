"""The one place that joins device, color, method, alpha and recipe: photo + style → result."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from torch import Tensor

from brushwork.api.color_control import ColorControl
from brushwork.api.recipe import recipe_of, result_size
from brushwork.api.style_encoding import painting_pixels, style_value, visible
from brushwork.errors import BrushworkError, Interrupted, UsageError
from brushwork.image import Picture, no_picture
from brushwork.io import read_image, read_size, write_image
from brushwork.methods import Method, load
from brushwork.nn import FeatureNetwork
from brushwork.options.methods import AdaINLite
from brushwork.options.stylize import StylizeKeywords, StylizeOptions, with_changes
from brushwork.registry import settings_from
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.deprecation import renamed_keywords
from brushwork.runtime.device import choose_device
from brushwork.runtime.locking import locked
from brushwork.runtime.memory import out_of_memory
from brushwork.runtime.progress import Progress
from brushwork.runtime.provenance import Recipe
from brushwork.styles.references import StylePart, is_saved
from brushwork.styles.sources import PictureSource, StyleSource, resolve_style
from brushwork.tiling.plan import Plan, plan_job, worth_a_plan
from brushwork.tiling.tiles import Tiling

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["MethodSource", "Result", "method_from", "read_content", "result_size", "stylize", "stylize_photo"]


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


MethodSource: TypeAlias = Any  # a method's name, its options, or a loaded method; None for the default
_Photo = TypeVar("_Photo", str, Path, Picture, PictureSource)
_Style = TypeVar("_Style", str, Path, Picture, PictureSource, dict[str, float], StyleSource)


class _Keywords(StylizeKeywords, total=False):
    """Keyword arguments of `stylize`, for type checkers."""

    options: StylizeOptions | None
    network: FeatureNetwork | None
    plan: Plan | None
    progress: Progress | None
    checkpoint: Checkpoint | None


@overload
def stylize(
    photo: PictureSource, style: StyleSource, method: MethodSource = None, **keywords: Unpack[_Keywords]
) -> Result: ...
@overload
def stylize(
    photo: list[_Photo], style: StyleSource, method: MethodSource = None, **keywords: Unpack[_Keywords]
) -> list[Result]: ...
@overload
def stylize(
    photo: PictureSource, style: list[_Style], method: MethodSource = None, **keywords: Unpack[_Keywords]
) -> list[Result]: ...
@overload
def stylize(
    photo: list[_Photo], style: list[_Style], method: MethodSource = None, **keywords: Unpack[_Keywords]
) -> list[list[Result]]: ...
@renamed_keywords(content="photo", settings="method")
def stylize(
    photo: Any,
    style: Any,
    method: MethodSource = None,
    *,
    options: StylizeOptions | None = None,
    network: FeatureNetwork | None = None,
    plan: Plan | None = None,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
    **keywords: Any,
) -> Any:
    """A picture with the content of one and the style of another.

    Args:
        photo: A file or a `Picture`. A list of photos gives a list of results.
        style: A painting: a file, a `Picture`, a built-in style's name, a saved style, or a blend: in words,
            "wave.jpg:0.7+feminine-wave:0.3", or with weights, {"wave.jpg": 0.7, "feminine-wave": 0.3}, also as pairs,
            (("wave.jpg", 0.7), (picture, 0.3)). A list of styles gives a list of results; for a list of photos too,
            a list for each photo.
        method: A method's name, "gatys"; its options, `Gatys(steps=100)`; or a method from `brushwork.load`, whose
            network is loaded once for many calls. None: `AdaINLite()`.
        options: `StylizeOptions`: size, color, masks, device and limits.
        network: Any feature network instead of the one that the method's options name (docs/weights.md).
        plan: From `brushwork.tiling.plan.plan_job`; None: made here where it is worth it.
        progress: Called after each step; what it raises ends the work.
        checkpoint: Keeps the work in a file, and goes on from it if it is there; remove it when the result is written.
        **keywords: Fields of `StylizeOptions`, which go before `options`: `size=512`, `keep_color="luminance"`,
            `masks=[...]`, `device="cuda"`, `max_memory=4_000_000_000`, `max_pixels=...`.

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
    chosen: StylizeOptions = with_changes(options or StylizeOptions(), keywords)
    if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
        raise UsageError(f"checkpoint: expected a Checkpoint, got {checkpoint!r}; write Checkpoint(path)")
    if progress is not None and not callable(progress):
        raise UsageError(f"progress: expected a function, got {progress!r}")
    several = isinstance(photo, list) or _is_several(style)
    if several and not (plan is None and checkpoint is None):
        raise UsageError("plan and checkpoint are of one picture; with a list, call stylize for each picture")
    loaded = method_from(method, chosen.device, network)
    work = partial(stylize_photo, method=loaded, options=chosen, plan=plan, progress=progress, checkpoint=checkpoint)
    if not isinstance(photo, list):
        return _in_styles(work, photo, style)
    if not photo:
        raise UsageError("photo: expected at least one, got an empty list")
    return _each(partial(_in_styles, work, style=style), photo)


def method_from(method: MethodSource, device: str, network: FeatureNetwork | None = None) -> Method:
    """The loaded method of a name, of options, or of a method that is loaded already.

    Args:
        method: See `stylize`.
        device: Where its network is loaded.
        network: Another feature network.

    Raises:
        UsageError: None of these; a network beside a loaded method, which brings its own.
        WeightsError: The network's weights are not on this machine.
    """
    if hasattr(method, "declaration"):
        if network is not None:
            raise UsageError("a loaded method brings its network; pass one of the two")
        loaded: Method = method
        return loaded
    settings = AdaINLite() if method is None else settings_from(method, {}) if isinstance(method, str) else method
    return load(settings, choose_device(device), network=network)


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


def stylize_photo(
    source: PictureSource,
    style: StyleSource,
    *,
    method: Method,
    options: StylizeOptions,
    picture: Picture | None = None,
    plan: Plan | None = None,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Result:
    """One photo in one style.

    Args:
        source: The photo.
        style: See `stylize`.
        method: From `brushwork.load`.
        options: What decides the result beside them.
        picture: What `source` holds, if it has been read already with `read_content`.
        plan: See `stylize`, as all that follows.
        progress: Called after each step.
        checkpoint: Keeps the work.

    Raises:
        BrushworkError: See `stylize`.
    """
    photo = read_content(source, options) if picture is None else picture
    style = resolve_style(style)
    colors = ColorControl(visible(photo, source), photo.alpha, options.keep_color, options.keep_color_when)
    init = _read_init(method, style, photo.size, options.max_pixels, colors)
    value, notes = style_value(method, style, method.sizes(*photo.size), colors, options)
    recipe = recipe_of(method, source, style, options, size=photo.size)
    kept = None if checkpoint is None else dataclasses.replace(checkpoint, job=recipe)
    tiling = _tiling(plan, method, photo, value, options.max_memory)
    recipe |= {"tile": tiling.side} if tiling is not None else {}
    started = time.perf_counter()

    def finish(pixels: Tensor) -> Result:
        finished = dataclasses.replace(photo, pixels=colors.result(pixels), notes=(*photo.notes, *notes))
        return Result(finished, recipe, time.perf_counter() - started)

    listener = colors.progress(_with_alpha(progress, photo.alpha))
    seen, painted = colors.content(colors.photo), None
    with locked(None if kept is None else kept.path):
        try:
            painted = method(seen, value, init=init, progress=listener, checkpoint=kept, tiling=tiling)
            return finish(painted)
        except (Interrupted, KeyboardInterrupt) as stop:  # what there is, is finished too
            painted = stop.best if isinstance(stop, Interrupted) else painted
            words = str(stop) or "stopped before the end"
            raise Interrupted(words, None if painted is None else finish(painted)) from None
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            where = f"{photo.size[0]}×{photo.size[1]} on {method.device}"
            raise BrushworkError(f"out of memory at {where}; take a smaller size") from error


def _tiling(plan: Plan | None, method: Method, photo: Picture, value: Any, max_memory: int | None) -> Tiling | None:
    """The tiles of a plan, which is made here where it is worth it and there is none; None: the whole."""
    if plan is None and worth_a_plan(photo.size, max_memory):
        plan = plan_job(method, photo.size, value, max_memory=max_memory)
    return None if plan is None else plan.tiling


def _with_alpha(progress: Progress | None, alpha: Tensor | None) -> Progress | None:
    if progress is None or alpha is None:
        return progress
    return lambda step: progress(dataclasses.replace(step, alpha=alpha))


def read_content(source: PictureSource, options: StylizeOptions) -> Picture:
    """The photo at the size at which it will be painted; see `stylize` for errors."""
    if isinstance(source, Picture):
        wanted = result_size(source.size, options.size)
        if wanted != source.size:
            raise UsageError(
                f"a Picture is taken at its own size, {source.size}, not {wanted}; "
                "resize it first, pass size=0, or pass its file"
            )
        return source
    if not isinstance(source, str | os.PathLike):
        raise no_picture("photo", source)
    wanted = result_size(read_size(source, max_pixels=options.max_pixels), options.size)
    return read_image(source, size=max(wanted), max_pixels=options.max_pixels)


def _read_init(
    method: Method, style: StyleSource, size: tuple[int, int], max_pixels: int, colors: ColorControl
) -> Tensor | None:
    init = getattr(method.settings, "init", "content")
    if init in ("content", "noise"):
        return None
    if init != "style":
        return colors.content(read_image(init, size=max(size), max_pixels=max_pixels).visible())
    source = resolve_style(style).parts[0][0]
    if isinstance(source, Picture):
        return painting_pixels(source, source, colors)
    if is_saved(source):
        raise UsageError("init=style needs the painting itself, and a saved style holds only its statistics")
    return painting_pixels(read_image(source, size=max(size), max_pixels=max_pixels), source, colors)
