"""Stylizing photos: combines device, color, method, alpha and recipe."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from torch import Tensor

from brushwork.api.color_control import ColorControl
from brushwork.api.face_protection import Box, FaceProgress, protected
from brushwork.api.faces import face_mask, find_faces
from brushwork.api.presets import default_settings, for_saved_styles, preset_options
from brushwork.api.recipe import recipe_of, result_size
from brushwork.api.style_encoding import painting_pixels, read_mask, style_value, visible
from brushwork.errors import BrushworkError, Interrupted, UsageError
from brushwork.image import Picture, no_picture, resize
from brushwork.io import read_image, read_size, write_image
from brushwork.methods import Method, load
from brushwork.nn import FeatureNetwork
from brushwork.options.methods import AdaINLite
from brushwork.options.stylize import StylizeKeywords, StylizeOptions, recipe_defaults, with_changes
from brushwork.registry import settings_from
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.deprecation import renamed_keywords
from brushwork.runtime.device import choose_device
from brushwork.runtime.locking import locked
from brushwork.runtime.memory import out_of_memory
from brushwork.runtime.progress import Progress
from brushwork.runtime.provenance import Recipe
from brushwork.styles.references import StylePart, is_saved
from brushwork.styles.regions import Regions
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
        picture: The image, with the photo's alpha and EXIF.
        recipe: Everything that determined it, for `rerun`.
        seconds: Time that stylization took, excluding reading files and encoding the style.
    """

    picture: Picture
    recipe: Recipe
    seconds: float

    def save(
        self, path: str | Path, *, depth: int = 8, quality: int | None = None, strip_metadata: bool = False
    ) -> None:
        """Save the picture with its recipe, so that `brushwork rerun` can reproduce the same bytes.

        Args:
            path: The file to write, replaced if it exists; its suffix determines the format.
            depth: Bits per channel: 8, or 16 in PNG and TIFF.
            quality: 1 to 100, for JPEG, WebP and AVIF.
            strip_metadata: Omit EXIF and recipe.

        Raises:
            UsageError: A suffix, depth, size or quality that can't be written.
            PictureError: The file can't be written; an existing file is left unchanged.
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
    preset: str | None


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
    preset: str | None = None,
    options: StylizeOptions | None = None,
    network: FeatureNetwork | None = None,
    plan: Plan | None = None,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
    **keywords: Any,
) -> Any:
    """Render a photo in the style of a painting.

    Args:
        photo: A file or a `Picture`. A list of photos returns a list of results.
        style: A file, a `Picture`, the name of a built-in style, a saved style, or a blend. A blend is a string such as
            "wave.jpg:0.7+feminine-wave:0.3", a mapping, {"wave.jpg": 0.7, "feminine-wave": 0.3}, or pairs,
            (("wave.jpg", 0.7), (picture, 0.3)). A list of styles returns a list of results; with a list of photos too,
            a list per photo.
        method: A method's name, "gatys"; its options, `Gatys(steps=100)`; or a method from `brushwork.load`, which
            loads the network once for many calls.
        preset: Instead of a method: "draft", "good" or "best", see `preset_options`. Without both: "good", or
            whatever method a saved style is made for.
        options: `StylizeOptions`: size, color, masks, device and limits.
        network: A feature network to use instead of the one named in the method's options (docs/weights.md).
        plan: From `brushwork.tiling.plan.plan_job`; None makes one here if needed.
        progress: Called after each step; an exception it raises stops the work.
        checkpoint: Saves the state to a file, and resumes from it if it exists; delete it once the result is saved.
        **keywords: Fields of `StylizeOptions`, which override `options`: `size=512`, `keep_color="luminance"`,
            `masks=[...]`, `device="cuda"`, `max_memory=4_000_000_000`, `max_pixels=...`.

    Returns:
        A `Result`; a list of them if photo or style is a list; a list of lists if both are.

    Raises:
        PictureError: A file can't be read; the message names it.
        UsageError: An invalid value; the message says what is expected.
        WeightsError: A network's weights are not on this machine.
        Interrupted: Ctrl-C; `error.best` is the Result so far, or None before the first step. For a list, it is the
            list of completed results and the current one.
        BrushworkError: Out of memory, the loss diverges, or another process is using this checkpoint.
    """
    chosen: StylizeOptions = with_changes(options or StylizeOptions(), keywords)
    if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
        raise UsageError(f"checkpoint: expected a Checkpoint, got {checkpoint!r}; write Checkpoint(path)")
    if progress is not None and not callable(progress):
        raise UsageError(f"progress: expected a function, got {progress!r}")
    several = isinstance(photo, list) or _is_several(style)
    if several and not (plan is None and checkpoint is None):
        raise UsageError("plan and checkpoint work with a single picture; call stylize for each picture of the list")
    loaded = method_from(_chosen_method(method, preset, style), chosen.device, network)
    work = partial(stylize_photo, method=loaded, options=chosen, plan=plan, progress=progress, checkpoint=checkpoint)
    if not isinstance(photo, list):
        return _in_styles(work, photo, style)
    if not photo:
        raise UsageError("photo: expected at least one, got an empty list")
    return _each(partial(_in_styles, work, style=style), photo)


def _chosen_method(method: MethodSource, preset: str | None, style: Any) -> MethodSource:
    if preset is None:
        return default_settings(_several(style)) if method is None else method
    if method is not None:
        raise UsageError(f"preset and method are both given; pass preset_options({preset!r}, …) as the method")
    return for_saved_styles(preset_options(preset), _several(style))


def _several(style: Any) -> list[Any]:
    return list(style) if _is_several(style) else [style]


def method_from(method: MethodSource, device: str, network: FeatureNetwork | None = None) -> Method:
    """Load a method given by name or options; a loaded method is returned unchanged.

    Args:
        method: See `stylize`.
        device: The device to load its network on.
        network: A feature network to use instead of the one in the options.

    Raises:
        UsageError: Not a method, or a network given with a method that is already loaded.
        WeightsError: The network's weights are not on this machine.
    """
    if hasattr(method, "declaration"):
        if network is not None:
            raise UsageError("a loaded method has its own network; pass a loaded method or a network, not both")
        loaded: Method = method
        return loaded
    settings = AdaINLite() if method is None else settings_from(method, {}) if isinstance(method, str) else method
    return load(settings, choose_device(device), network=network)


def _is_several(style: object) -> bool:
    """Return whether this is a list of styles, rather than one style or the parts of a blend."""
    return isinstance(style, list) and not all(isinstance(part, tuple | StylePart) for part in style)


def _in_styles(work: Callable[[Any, Any], Result], content: Any, style: Any) -> Any:
    """Apply a style, or each of several, to a photo."""
    return _each(partial(work, content), style) if _is_several(style) else work(content, style)


def _each(work: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    """Call `work` for each value; Interrupted carries the results so far."""
    done: list[Any] = []
    try:
        for value in values:
            done.append(work(value))
    except (Interrupted, KeyboardInterrupt) as stop:
        best = getattr(stop, "best", None)
        words = str(stop) or "stopped early"
        raise Interrupted(words, done if best is None else [*done, best]) from None
    return done


def stylize_photo(
    source: PictureSource,
    style: StyleSource,
    *,
    method: Method,
    options: StylizeOptions,
    picture: Picture | None = None,
    encoded: tuple[Any, list[str]] | None = None,
    plan: Plan | None = None,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Result:
    """Stylize one photo in one style.

    Args:
        source: The photo.
        style: See `stylize`.
        method: From `brushwork.load`.
        options: The other settings.
        picture: The contents of `source`, if already read with `read_content`.
        encoded: The style's value and notes from `style_value` for a photo of this size, if they don't depend on it.
        plan: See `stylize`.
        progress: See `stylize`.
        checkpoint: See `stylize`.

    Raises:
        BrushworkError: See `stylize`.
    """
    photo, style = picture or read_content(source, options), resolve_style(style)
    colors = ColorControl(visible(photo, source), photo.alpha, options.keep_color, options.keep_color_when)
    init = _read_init(method, style, photo.size, options, colors)
    value, notes = encoded or style_value(method, style, method.sizes(*photo.size), colors, options)
    mask, more = _face_mask(photo, colors, options)
    recipe = recipe_of(method, source, style, options, size=photo.size)
    if checkpoint is not None:
        checkpoint = dataclasses.replace(checkpoint, job=recipe, defaults=recipe_defaults(method.settings))
    tiling = _tiling(plan, method, photo, value, options.max_memory)
    recipe |= {"tile": tiling.side} if tiling is not None else {}
    started, listener = time.perf_counter(), colors.progress(_with_alpha(progress, photo.alpha))

    def finish(pixels: Tensor) -> Result:
        finished = dataclasses.replace(photo, pixels=colors.result(pixels), notes=(*photo.notes, *notes, *more))
        return Result(finished, recipe, time.perf_counter() - started)

    seen, painted = colors.content(colors.photo), None
    faces = FaceProgress.of(listener, mask, photo.size, options.protect_faces)
    again = partial(
        _painted_part, method, style, value, init, size=photo.size, colors=colors, options=options, progress=faces
    )
    with locked(None if checkpoint is None else checkpoint.path), _memory_explained(method, photo.size):
        try:
            watch = listener if faces is None else faces.painting
            painted = method(seen, value, init=init, progress=watch, checkpoint=checkpoint, tiling=tiling)
            painted = painted if mask is None else protected(painted, seen, mask, options.protect_faces, again)
            return finish(painted)
        except (Interrupted, KeyboardInterrupt) as stop:  # finish the best pixels so far
            painted = stop.best if isinstance(stop, Interrupted) else painted
            best = None if painted is None else finish(painted)
            raise Interrupted(str(stop) or "stopped early", best) from None


@contextmanager
def _memory_explained(method: Method, size: tuple[int, int]) -> Iterator[None]:
    """Within this context, running out of memory is an error that says what to do."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        width, height = size
        raise BrushworkError(f"out of memory at {width}×{height} on {method.device}; use a smaller size") from error


def _face_mask(photo: Picture, colors: ColorControl, options: StylizeOptions) -> tuple[Tensor | None, list[str]]:
    """Return what is to be protected, (1, 1, h, w), if anything is; and notes for the user."""
    if not options.protect_faces:
        return None, []
    if options.face_mask is not None:
        mask, notes = read_mask(options.face_mask, options)
        return mask, list(notes)
    faces = find_faces(colors.photo)
    if not faces:
        return None, ["no faces were found to protect; a mask can say where they are (--face-mask)"]
    return face_mask(faces, photo.size), []


def _painted_part(
    method: Method,
    style: StyleSource,
    value: Any,
    init: Tensor | None,
    part: Tensor,
    box: Box,
    *,
    size: tuple[int, int],
    colors: ColorControl,
    options: StylizeOptions,
    progress: FaceProgress | None,
) -> Tensor | None:
    """Return the painting of an enlarged part of the photo; None where a mask keeps the photo."""
    width, height = size
    top, left, bottom, right = box
    plain = dataclasses.replace(options, masks=())
    sizes = method.sizes(part.shape[3], part.shape[2])
    if not isinstance(value, Regions):
        own, _ = style_value(method, style, sizes, colors, plain)
    else:
        shares = value.shares(height, width, box)
        if shares is None or not shares.any():
            return None
        styles, _ = style_value(method, style, sizes, colors, options)
        own = Regions(styles.styles, shares)
    start = None if init is None else resize(init, size)[:, :, top:bottom, left:right]
    return method(part, own, init=start, progress=None if progress is None else progress.face(box))


def _tiling(plan: Plan | None, method: Method, photo: Picture, value: Any, max_memory: int | None) -> Tiling | None:
    """Return the tiling of the plan, which is made here if needed; None processes the whole image at once."""
    if plan is None and worth_a_plan(photo.size, max_memory):
        plan = plan_job(method, photo.size, value, max_memory=max_memory)
    return None if plan is None else plan.tiling


def _with_alpha(progress: Progress | None, alpha: Tensor | None) -> Progress | None:
    if progress is None or alpha is None:
        return progress
    return lambda step: progress(dataclasses.replace(step, alpha=alpha))


def read_content(source: PictureSource, options: StylizeOptions) -> Picture:
    """Read the photo at the size of the result; see `stylize` for errors."""
    if isinstance(source, Picture):
        wanted = result_size(source.size, options.size)
        if wanted != source.size:
            raise UsageError(
                f"a Picture is used at its own size, {source.size}, not {wanted}; "
                "resize it first, pass size=0, or pass its file"
            )
        return source
    if not isinstance(source, str | os.PathLike):
        raise no_picture("photo", source)
    wanted = result_size(read_size(source, max_pixels=options.max_pixels), options.size)
    return read_image(source, size=max(wanted), max_pixels=options.max_pixels, strict=options.strict)


def _read_init(
    method: Method, style: StyleSource, size: tuple[int, int], options: StylizeOptions, colors: ColorControl
) -> Tensor | None:
    init = getattr(method.settings, "init", "content")
    if init in ("content", "recolored", "noise"):
        return None
    read = partial(read_image, size=max(size), max_pixels=options.max_pixels, strict=options.strict)
    if init != "style":
        return colors.content(read(init).visible())
    source = resolve_style(style).parts[0][0]
    if isinstance(source, Picture):
        return painting_pixels(source, source, colors)
    if is_saved(source):
        raise UsageError(
            "init=style needs the painting itself, but a saved style contains only its statistics; use another init"
        )
    return painting_pixels(read(source), source, colors)
