"""The one place that joins device, color, method, alpha and recipe: photo + style → result."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from brushwork.color import keep_luminance
from brushwork.device import choose_device, out_of_memory
from brushwork.errors import BrushworkError, Interrupted, UsageError
from brushwork.features import FeatureNetwork
from brushwork.image import Picture, fit_size
from brushwork.io import MAX_PIXELS, read_image, read_size
from brushwork.methods import Method, load
from brushwork.progress import Progress
from brushwork.settings import Gatys, Settings, method_name, option_of
from brushwork.styles import SavedStyle, StylePart, is_saved, locate_style, parse_style, read_style, write_style
from brushwork.version import __version__
from brushwork.weights import sha256_of

__all__ = ["DEFAULT_SIZE", "Result", "encode_style", "result_size", "save_style", "stylize"]

DEFAULT_SIZE = 1024  # longer side of results from larger photos, unless a size is asked for
PictureSource = str | Path | Picture
StyleSource = PictureSource | Sequence[StylePart]


@dataclass(frozen=True, eq=False)
class Result:
    """A stylized picture.

    Args:
        picture: With the content's alpha and EXIF.
        recipe: All that decided it; `brushwork rerun` obeys it.
        seconds: How long it took, without reading and writing files.
    """

    picture: Picture
    recipe: dict[str, Any]
    seconds: float


def result_size(size: tuple[int, int], wanted: int | None) -> tuple[int, int]:
    """Width and height of the result for a photo of this size.

    Args:
        size: (width, height) of the photo in pixels.
        wanted: Longer side; 0 keeps the photo's size; None does so too, up to 1024.

    >>> result_size((4000, 3000), None), result_size((640, 480), None), result_size((4000, 3000), 0)
    ((1024, 768), (640, 480), (4000, 3000))
    """
    if wanted is None and max(size) > DEFAULT_SIZE:
        wanted = DEFAULT_SIZE
    return fit_size(size, wanted) if wanted else size


def stylize(
    content: PictureSource,
    style: StyleSource,
    settings: Settings | None = None,
    *,
    size: int | None = None,
    keep_color: bool = False,
    device: str = "auto",
    method: Method | None = None,
    network: FeatureNetwork | None = None,
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
) -> Result:
    """A picture with the content of one and the style of another.

    Args:
        content: A photo: a file or a `Picture`.
        style: A painting: a file, a `Picture`, a built-in style's name, a saved style, or a blend such as
            "wave.jpg:0.7+feminine-wave:0.3", or the blend's parts.
        settings: The method and all its options; `Gatys()` by default.
        size: Longer side of the result in pixels; 0 keeps the photo's; None does too, but stops at 1024.
        keep_color: Take only the style's light and dark, and keep the photo's colors.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        method: From `brushwork.methods.load`, to load its network once for many pictures; it brings its settings.
        network: Any feature network instead of the one in the settings (docs/weights.md).
        max_pixels: Larger files are refused before they are decoded.
        progress: Called after each step; what it raises ends the work.

    Raises:
        PictureError: A file that can't be read; the message names it.
        UsageError: A wrong value; the message says what is expected.
        WeightsError: A network's weights are not on this machine.
        Interrupted: Ctrl-C; `error.best` is the Result so far, None before the first step.
        BrushworkError: Memory ended, or the loss can't be tamed.
    """
    method = _checked(method, settings, network) or load(settings or Gatys(), choose_device(device), network=network)
    photo, photo_record = _read_content(content, size, max_pixels)
    pixels = _visible(photo, content)
    init, init_record = _read_init(method, style, photo.size, max_pixels)
    value, style_records, notes = _style_value(method, style, method.sizes(*photo.size), max_pixels)
    recipe = _recipe(method, photo_record, style_records, init_record, photo.size, keep_color)
    started = time.perf_counter()

    def finish(stylized: Tensor) -> Result:
        stylized = keep_luminance(stylized, pixels) if keep_color else stylized
        picture = dataclasses.replace(photo, pixels=stylized, notes=(*photo.notes, *notes))
        return Result(picture, recipe, time.perf_counter() - started)

    try:
        return finish(method(pixels, value, init=init, progress=progress))
    except Interrupted as stop:
        best = None if stop.best is None else finish(stop.best)
        raise Interrupted(str(stop), best) from None
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        width, height = photo.size
        raise BrushworkError(f"out of memory at {width}×{height} on {method.device}; take a smaller size") from error


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
    return _style_value(method, style, sizes, max_pixels)[0]


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
    words = {name: str(value) for name, value in about.items()}
    write_style(Path(path), SavedStyle(method.save_style(value), {**words, **_style_origin(method)}))


def _style_origin(method: Method) -> dict[str, str]:
    """What must agree for a saved style to be used: method, weights, and what shapes the statistics."""
    settings = method.settings
    recipe = method.recipe()
    weights = recipe["weights"]["sha256"] if recipe["weights"] else recipe.get("given", "given by the caller")
    origin = {"method": method_name(settings), "weights": weights}
    shaping = {"pooling", "padding", "style_scale"} & set(option_of(type(settings)))
    return origin | {name: str(getattr(settings, name)) for name in sorted(shaping)}


def _read_content(content: PictureSource, size: int | None, max_pixels: int) -> tuple[Picture, dict[str, Any]]:
    if isinstance(content, Picture):
        if result_size(content.size, size) != content.size:
            raise UsageError(
                f"a Picture is taken at its own size, {content.size}, not {result_size(content.size, size)}; "
                "resize it first, pass size=0, or pass its file"
            )
        return content, _picture_record(content)
    if not isinstance(content, str | Path):
        raise UsageError(
            f"expected a file or a Picture, got a {type(content).__name__}; wrap pixels in Picture(pixels)"
        )
    wanted = result_size(read_size(content, max_pixels=max_pixels), size)
    return read_image(content, size=max(wanted), max_pixels=max_pixels), _file_record(content)


def _style_value(
    method: Method, style: StyleSource, sizes: list[int], max_pixels: int
) -> tuple[Any, list[dict[str, Any]], list[str]]:
    """The style value, the records for the recipe, and remarks for the user."""
    if isinstance(style, Picture):
        value = method.encode_style(_visible(style, style), sizes=sizes, mask=style.alpha)
        return value, [_picture_record(style)], list(style.notes)
    parts = _parts(style)
    values: list[Any] = []
    notes: list[str] = []
    for part in parts:
        path = locate_style(part)
        if is_saved(path):
            values.append(_saved_value(method, path))
        else:
            picture = read_image(path, size=_enough(path, sizes, method, max_pixels), max_pixels=max_pixels)
            values.append(method.encode_style(_visible(picture, path), sizes=sizes, mask=picture.alpha))
            notes += picture.notes
    records = [{**_file_record(locate_style(part)), "weight": part.weight} for part in parts]
    value = values[0] if len(values) == 1 else method.blend(values, [part.weight for part in parts])
    return value, records, notes


def _parts(style: str | Path | Sequence[StylePart]) -> Sequence[StylePart]:
    if isinstance(style, Path):
        return [StylePart(str(style))]
    parts = parse_style(style) if isinstance(style, str) else style
    if not parts:
        raise UsageError("expected at least one style, got none")
    return parts


def _saved_value(method: Method, path: Path) -> Any:
    saved, origin = read_style(path), _style_origin(method)
    different = [
        f"{key} {saved.about.get(key, 'unknown')[:16]}, not {value[:16]}"
        for key, value in origin.items()
        if saved.about.get(key) != value
    ]
    if different:
        raise UsageError(f"{path} was made with other settings ({'; '.join(different)}); use those, or the painting")
    try:
        return method.load_style(saved.tensors)
    except (ValueError, RuntimeError, LookupError) as error:
        raise BrushworkError(f"{path} is damaged or of another version of brushwork; make it again") from error


def _visible(picture: Picture, source: object) -> Tensor:
    try:
        return picture.visible()
    except UsageError as error:
        raise UsageError(f"{source}: {error}" if isinstance(source, str | Path) else str(error)) from error


def _enough(path: Path, sizes: list[int], method: Method, max_pixels: int) -> int:
    """Longer side at which a painting is read: never more than the largest scale needs."""
    scale = getattr(method.settings, "style_scale", 1.0)
    return min(max(read_size(path, max_pixels=max_pixels)), max(1, round(max(sizes) * scale)))


def _read_init(
    method: Method, style: StyleSource, size: tuple[int, int], max_pixels: int
) -> tuple[Tensor | None, dict[str, Any] | None]:
    init = getattr(method.settings, "init", "content")
    if init in ("content", "noise"):
        return None, None
    if init != "style":
        return read_image(init, size=max(size), max_pixels=max_pixels).visible(), _file_record(init)
    if isinstance(style, Picture):
        return style.visible(), None
    path = locate_style(_parts(style)[0])
    if is_saved(path):
        raise UsageError("init=style needs the painting itself, and a saved style holds only its statistics")
    return read_image(path, size=max(size), max_pixels=max_pixels).visible(), None


def _recipe(
    method: Method,
    content: dict[str, Any],
    styles: list[dict[str, Any]],
    init: dict[str, Any] | None,
    size: tuple[int, int],
    keep_color: bool,
) -> dict[str, Any]:
    settings = dataclasses.asdict(method.settings)
    for name, option in option_of(type(method.settings)).items():
        if option.file:  # its name only: a picture that is given away should not tell of one's folders
            settings[name] = Path(settings[name]).name
    recipe = {
        "brushwork": __version__,
        "torch": torch.__version__,
        "method": method_name(method.settings),
        "settings": settings,
        "content": content,
        "styles": styles,
        "init": init,
        "size": list(size),
        "keep_color": keep_color,
        **method.recipe(),
        "device": str(method.device),
        "threads": torch.get_num_threads(),
    }
    return dict(json.loads(json.dumps(recipe)))  # what comes back from a file is the same


def _file_record(path: str | Path) -> dict[str, Any]:
    path = Path(path)
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}


def _picture_record(picture: Picture) -> dict[str, Any]:
    pixels = picture.pixels.detach().cpu().numpy()
    return {"name": None, "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}
