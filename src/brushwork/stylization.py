"""The one place that joins device, color, method, alpha and recipe: photo + style → result."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from brushwork.checkpoints import Checkpoint
from brushwork.color import rgb_to_yiq
from brushwork.device import choose_device, out_of_memory
from brushwork.errors import BrushworkError, Interrupted, UsageError
from brushwork.features import FeatureNetwork
from brushwork.guidance import ColorControl, Regions
from brushwork.image import Picture, resize
from brushwork.io import MAX_PIXELS, read_image, read_size
from brushwork.methods import Method, load
from brushwork.progress import Progress
from brushwork.recipes import DEFAULT_SIZE, PictureSource, StyleSource, recipe_of, result_size, style_parts
from brushwork.settings import TRAINED, AdaINLite, Settings, method_name, option_of
from brushwork.styles import SavedStyle, is_saved, locate_style, read_style, write_style

__all__ = ["DEFAULT_SIZE", "Result", "encode_style", "result_size", "save_style", "save_styles", "stylize"]


@dataclass(frozen=True, eq=False)
class Result:
    """A stylized picture.

    Args:
        picture: With the content's alpha and EXIF.
        recipe: All that decided it; `brushwork rerun` obeys it.
        seconds: How long the method took for the picture, without reading files and encoding the style.
    """

    picture: Picture
    recipe: dict[str, Any]
    seconds: float


def stylize(
    content: PictureSource,
    style: StyleSource,
    settings: Settings | None = None,
    *,
    size: int | None = None,
    keep_color: str | None = None,
    keep_color_when: str | None = None,
    masks: Sequence[PictureSource] = (),
    device: str = "auto",
    method: Method | None = None,
    network: FeatureNetwork | None = None,
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Result:
    """A picture with the content of one and the style of another.

    Args:
        content: A photo: a file or a `Picture`.
        style: A painting: a file, a `Picture`, a built-in style's name, a saved style, or a blend such as
            "wave.jpg:0.7+feminine-wave:0.3", or the blend's parts.
        settings: The method and all its options; `AdaINLite()` by default.
        size: Longer side of the result in pixels; 0 keeps the photo's; None does too, but stops at 1024.
        keep_color: Keep the photo's colors, by "luminance", "cholesky" or "histogram" (docs/color.md).
        keep_color_when: "before" recolors the painting, "after" the result; None takes what suits `keep_color`.
        masks: A picture per style of the blend, white where it is wanted; black in all: the photo (docs/masks.md).
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        method: From `brushwork.methods.load`, to load its network once for many pictures; it brings its settings.
        network: Any feature network instead of the one in the settings (docs/weights.md).
        max_pixels: Larger files are refused before they are decoded.
        progress: Called after each step; what it raises ends the work.
        checkpoint: Keeps the work in a file, and goes on from it if it is there; remove it when the result is written.

    Raises:
        PictureError: A file that can't be read; the message names it.
        UsageError: A wrong value; the message says what is expected.
        WeightsError: A network's weights are not on this machine.
        Interrupted: Ctrl-C; `error.best` is the Result so far, None before the first step.
        BrushworkError: Memory ended, or the loss can't be tamed.
    """
    method = _checked(method, settings, network) or load(
        settings or AdaINLite(), choose_device(device), network=network
    )
    photo = _read_content(content, size, max_pixels)
    colors = ColorControl(_visible(photo, content), photo.alpha, keep_color, keep_color_when)
    init = _read_init(method, style, photo.size, max_pixels, colors)
    parts, notes = _style_values(method, style, method.sizes(*photo.size), max_pixels, colors)
    value = _in_regions(method, parts, masks, max_pixels) if masks else _blended(method, parts)
    recipe = recipe_of(method, content, style, size=size, **colors.recipe(), masks=masks, max_pixels=max_pixels)
    kept = None if checkpoint is None else dataclasses.replace(checkpoint, job=recipe)
    started = time.perf_counter()

    def finish(stylized: Tensor) -> Result:
        picture = dataclasses.replace(photo, pixels=colors.result(stylized), notes=(*photo.notes, *notes))
        return Result(picture, recipe, time.perf_counter() - started)

    listener = colors.progress(_with_alpha(progress, photo.alpha))
    work = partial(method, colors.content(colors.photo), value, init=init, progress=listener, checkpoint=kept)
    return _finished(work, finish, f"{photo.size[0]}×{photo.size[1]} on {method.device}")


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
    if method is not None and settings not in (None, method.settings):
        raise UsageError("settings and method disagree; a method brings its settings, so pass one of the two")
    if method is not None and network is not None:
        raise UsageError("a method brings its network; pass one of the two")
    return method


def encode_style(method: Method, style: StyleSource, sizes: list[int], *, max_pixels: int = MAX_PIXELS) -> Any:
    """The style value of a file, a `Picture`, a built-in name or a blend.

    Args:
        method: From `brushwork.methods.load`.
        style: See `stylize`.
        sizes: Longer sides it will be used at; `method.sizes(width, height)` tells.
        max_pixels: Larger files are refused before they are decoded.
    """
    return _blended(method, _style_values(method, style, sizes, max_pixels)[0])


def save_style(path: str | Path, method: Method, value: Any, **about: object) -> None:
    """Write a style value to a file that `--style` and `stylize` take.

    Args:
        path: Ends in .safetensors.
        method: The method that encoded it.
        value: From `encode_style`.
        about: Anything worth keeping with it: title, artist, year, source.

    Raises:
        BrushworkError: The file can't be written.
    """
    save_styles(path, [(method, value)], **about)


def save_styles(path: str | Path, values: Sequence[tuple[Method, Any]], **about: object) -> None:
    """Write one style's values for several methods to a file.

    Args:
        path: Ends in .safetensors.
        values: Methods, each with what its `encode_style` gave. One method with several style scales serves all
            scales between them.
        about: See `save_style`.

    Raises:
        BrushworkError: The file can't be written.
    """
    named = [(_label(method), method, value) for method, value in values]
    style = SavedStyle(
        {name: method.save_style(value) for name, method, value in named},
        {name: _style_origin(method) for name, method, _ in named},
        {key: str(word) for key, word in about.items()},
    )
    write_style(Path(path), style)


def _label(method: Method) -> str:
    """What a file calls a method's value: "adain-lite", "adain-lite@0.5" at another style scale."""
    scale = getattr(method.settings, "style_scale", 1.0)
    return method_name(method.settings) + (f"@{scale:g}" if scale != 1 else "")


def _style_origin(method: Method) -> dict[str, str]:
    """What must agree for a saved style to be used: weights, and what shapes the statistics."""
    settings = method.settings
    recipe = method.recipe()
    parts = {part: recipe[part] for part in ("weights", "model") if part in recipe}
    origin = {
        part: found["sha256"] if found else recipe.get("given", "given by the caller") for part, found in parts.items()
    }
    shaping = {"pooling", "padding", "statistic", "style_scale"} & set(option_of(type(settings)))
    return origin | {name: str(getattr(settings, name)) for name in sorted(shaping)}


def _read_content(content: PictureSource, size: int | None, max_pixels: int) -> Picture:
    if isinstance(content, Picture):
        if result_size(content.size, size) != content.size:
            raise UsageError(
                f"a Picture is taken at its own size, {content.size}, not {result_size(content.size, size)}; "
                "resize it first, pass size=0, or pass its file"
            )
        return content
    if not isinstance(content, str | Path):
        raise UsageError(
            f"expected a file or a Picture, got a {type(content).__name__}; wrap pixels in Picture(pixels)"
        )
    wanted = result_size(read_size(content, max_pixels=max_pixels), size)
    return read_image(content, size=max(wanted), max_pixels=max_pixels)


def _style_values(
    method: Method, style: StyleSource, sizes: list[int], max_pixels: int, colors: ColorControl | None = None
) -> tuple[list[tuple[Any, float]], list[str]]:
    """Values and weights of a blend's styles, and remarks for the user."""
    if isinstance(style, Picture):
        value = method.encode_style(_painting(style, style, colors), sizes=sizes, mask=style.alpha)
        return [(value, 1.0)], list(style.notes)
    values: list[tuple[Any, float]] = []
    notes: list[str] = []
    for part in style_parts(style):
        path = locate_style(part)
        if is_saved(path):
            if colors is not None and colors.when == "before":
                raise UsageError(
                    f"keep_color before needs the painting itself, and {path} holds only its statistics; "
                    "take the painting's picture, or keep_color_when after (--keep-color-when after)"
                )
            values.append((_saved_value(method, path), part.weight))
        else:
            picture = read_image(path, size=_enough(path, sizes, method, max_pixels), max_pixels=max_pixels)
            value = method.encode_style(_painting(picture, path, colors), sizes=sizes, mask=picture.alpha)
            values.append((value, part.weight))
            notes += picture.notes
    return values, notes


def _blended(method: Method, parts: Sequence[tuple[Any, float]]) -> Any:
    values = [value for value, _ in parts]
    return values[0] if len(values) == 1 else method.blend(values, [weight for _, weight in parts])


def _in_regions(
    method: Method, parts: Sequence[tuple[Any, float]], masks: Sequence[PictureSource], max_pixels: int
) -> Regions:
    if not method.declaration.regions:
        raise UsageError(f"masks: {method_name(method.settings)} with these settings takes none")
    if len(masks) != len(parts):
        raise UsageError(f"expected a mask per style, got {len(masks)} for {len(parts)}: 'wave.jpg+sea.jpg' takes two")
    if any(weight != 1 for _, weight in parts):
        raise UsageError("with masks the weights of a blend mean nothing: leave them out, and paint the masks grey")
    read = [_mask(mask, max_pixels) for mask in masks]
    height, width = max(mask.shape[2] for mask in read), max(mask.shape[3] for mask in read)
    return Regions([value for value, _ in parts], torch.cat([resize(mask, (width, height)) for mask in read]))


def _mask(source: PictureSource, max_pixels: int) -> Tensor:
    """How bright a picture is, (1, 1, H, W); what is transparent is black."""
    picture = source if isinstance(source, Picture) else read_image(source, max_pixels=max_pixels)
    bright = rgb_to_yiq(picture.pixels)[:, :1].clamp(0, 1)
    return bright if picture.alpha is None else bright * picture.alpha


def _saved_value(method: Method, path: Path) -> Any:
    """A saved style's value at the style scale that is wanted, between those of the file if need be."""
    saved, name, origin = read_style(path), method_name(method.settings), _style_origin(method)
    wanted = float(origin.pop("style_scale", 1.0))
    kept = {label: found for label, found in saved.origins.items() if label.partition("@")[0] == name}
    if not kept:
        mend = f"train a network for it: brushwork train {name}" if name in TRAINED else "take the painting itself"
        raise UsageError(f"{path} is a style for {', '.join(saved.methods)}, not for {name}; {mend}")
    try:
        labels = {float(found.get("style_scale", 1.0)): label for label, found in kept.items()}
        low = max((scale for scale in labels if scale <= wanted), default=min(labels))
        high = min((scale for scale in labels if scale >= wanted), default=max(labels))
    except ValueError as error:
        raise _damaged(path) from error
    different = [
        f"{key} {kept[labels[scale]].get(key, 'unknown')[:16]}, not {value[:16]}"
        for scale in sorted({low, high})
        for key, value in origin.items()
        if kept[labels[scale]].get(key) != value
    ]
    if not low <= wanted <= high:
        scales = " to ".join(f"{scale:g}" for scale in sorted({min(labels), max(labels)}))
        different.append(f"style_scale {scales}, not {wanted:g}")
    if different:
        raise UsageError(f"{path} was made with other settings ({'; '.join(different)}); use those, or the painting")
    try:
        values = [method.load_style(saved.values[labels[scale]]) for scale in (low, high)]
    except (ValueError, RuntimeError, LookupError, TypeError) as error:
        raise _damaged(path) from error
    share = math.log(wanted / low) / math.log(high / low) if low < high else 0.0
    return method.blend(values, [1 - share, share]) if low < high else values[0]


def _damaged(path: Path) -> BrushworkError:
    return BrushworkError(f"{path} is damaged or of another version of brushwork; make it again")


def _visible(picture: Picture, source: object) -> Tensor:
    try:
        return picture.visible()
    except UsageError as error:
        raise UsageError(f"{source}: {error}" if isinstance(source, str | Path) else str(error)) from error


def _painting(picture: Picture, source: object, colors: ColorControl | None) -> Tensor:
    """A painting as the method should see it."""
    pixels = _visible(picture, source)
    return pixels if colors is None else colors.style(pixels, picture.alpha)


def _enough(path: Path, sizes: list[int], method: Method, max_pixels: int) -> int:
    """Longer side at which a painting is read: never more than the method looks at."""
    return min(max(read_size(path, max_pixels=max_pixels)), method.painting_size(sizes))


def _read_init(
    method: Method, style: StyleSource, size: tuple[int, int], max_pixels: int, colors: ColorControl
) -> Tensor | None:
    init = getattr(method.settings, "init", "content")
    if init in ("content", "noise"):
        return None
    if init != "style":
        return colors.content(read_image(init, size=max(size), max_pixels=max_pixels).visible())
    if isinstance(style, Picture):
        return _painting(style, style, colors)
    path = locate_style(style_parts(style)[0])
    if is_saved(path):
        raise UsageError("init=style needs the painting itself, and a saved style holds only its statistics")
    return _painting(read_image(path, size=max(size), max_pixels=max_pixels), path, colors)
