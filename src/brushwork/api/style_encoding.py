"""Encoding styles from files, images, names, saved styles and blends; saving encoded styles."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from brushwork.api.color_control import ColorControl
from brushwork.color import rgb_to_yiq
from brushwork.errors import BrushworkError, UsageError
from brushwork.image import Picture, no_picture, resize
from brushwork.io import read_image, read_size
from brushwork.methods import Method
from brushwork.options.base import option_of
from brushwork.options.stylize import MAX_PIXELS, StylizeOptions
from brushwork.registry import TRAINED, method_name
from brushwork.styles.references import SavedStyle, is_saved, read_style, sharing, write_style
from brushwork.styles.regions import Regions
from brushwork.styles.sources import PictureSource, StyleSource, resolve_style
from brushwork.styles.tuned import read_tuned

__all__ = [
    "encode_style",
    "painting_pixels",
    "read_mask",
    "save_style",
    "save_styles",
    "saved_values",
    "style_value",
    "visible",
]

MASK_SIZE = 4096  # maximum longer side at which a mask is read, in pixels


def style_value(
    method: Method,
    style: StyleSource,
    sizes: list[int],
    colors: ColorControl,
    options: StylizeOptions,
) -> tuple[Any, list[str]]:
    """Return the encoded style or blend, or `Regions` if there are masks; and notes for the user.

    Args:
        method: From `brushwork.methods.load`.
        style: See `stylize`.
        sizes: Longer sides of the images it will be used on.
        colors: Recolors the paintings, if requested.
        options: Holds the masks, if any, and which files are refused.
    """
    parts, notes = _style_values(method, style, sizes, options, colors)
    if options.masks:
        regions, more = _in_regions(method, parts, options)
        return regions, notes + more
    return _blended(method, parts), notes


def encode_style(method: Method, style: StyleSource, sizes: list[int], *, max_pixels: int = MAX_PIXELS) -> Any:
    """Encode a style given as a file, a `Picture`, a built-in name or a blend.

    Args:
        method: From `brushwork.methods.load`.
        style: See `stylize`.
        sizes: Longer sides of the images it will be used on, from `method.sizes(width, height)`.
        max_pixels: Larger files are rejected before they are decoded.
    """
    return _blended(method, _style_values(method, style, sizes, StylizeOptions(max_pixels=max_pixels))[0])


def save_style(path: str | Path, method: Method, value: Any, **about: object) -> None:
    """Save an encoded style to a file for `--style` and `stylize`.

    Args:
        path: Ends in .safetensors.
        method: The method that encoded it.
        value: From `encode_style`.
        about: Metadata to save with it: title, artist, year, source.

    Raises:
        BrushworkError: The file can't be written.
    """
    save_styles(path, [(method, value)], **about)


def save_styles(path: str | Path, values: Sequence[tuple[Method, Any]], **about: object) -> None:
    """Save one style, encoded for several methods, to a file.

    Args:
        path: Ends in .safetensors.
        values: Pairs of a method and the style it encoded. One method at several style scales covers all scales in
            between.
        about: See `save_style`.

    Raises:
        BrushworkError: The file can't be written.
    """
    write_style(Path(path), saved_values(values, **about))


def saved_values(values: Sequence[tuple[Method, Any]], **about: object) -> SavedStyle:
    """Return what `save_styles` writes."""
    named = [entry for method, value in values for entry in _entries(method, value)]
    return SavedStyle(
        {name: method.save_style(value) for name, method, value in named},
        {name: _style_origin(method) for name, method, _ in named},
        {key: str(word) for key, word in about.items()},
    )


def _entries(method: Method, value: Any) -> Iterator[tuple[str, Method, Any]]:
    """Yield what is saved of a style: label, method and value; a second network's value is one of its own."""
    label, refiner = _label(method), getattr(method, "refiner", None)
    yield label, method, value
    if refiner is not None and value.refined is not None:
        name, _, scale = label.partition("@")
        yield f"{name}@{scale or 1}@{Path(refiner.settings.network).name}", refiner, value.refined


def _label(method: Method) -> str:
    """Return the key of a method's style in a file: "adain-lite", or "adain-lite@0.5" at another style scale."""
    scale = getattr(method.settings, "style_scale", 1.0)
    return method_name(method.settings) + (f"@{scale:g}" if scale != 1 else "")


def _style_origin(method: Method) -> dict[str, str]:
    """Return what must match for a saved style to be used: the weights and the settings that affect it."""
    settings = method.settings
    recipe = method.recipe()
    parts = {part: recipe[part] for part in ("weights", "model") if part in recipe}
    origin = {
        part: found.get("codes", found["sha256"]) if found else recipe.get("given", "given by the caller")
        for part, found in parts.items()
    }
    shaping = {"pooling", "padding", "statistic", "style_scale"} & set(option_of(type(settings)))
    return origin | {name: str(getattr(settings, name)) for name in sorted(shaping)}


def _style_values(
    method: Method, style: StyleSource, sizes: list[int], options: StylizeOptions, colors: ColorControl | None = None
) -> tuple[list[tuple[Any, float]], list[str]]:
    """Return the encoded styles of a blend with their weights, and notes for the user."""
    values: list[tuple[Any, float]] = []
    notes: list[str] = []
    colors_stay = colors is None or colors.when != "before"
    for source, weight in resolve_style(style).parts:
        if isinstance(source, Path) and is_saved(source):
            if not colors_stay:
                raise UsageError(
                    f"keep_color_when 'before' needs the painting itself, but {source} contains only statistics; use "
                    "the painting, or keep_color_when 'after' (--keep-color-when after)"
                )
            values.append((_saved_value(method, source), weight))
        elif isinstance(source, Path) and colors_stay and (tuned := _tuned_value(method, source)) is not None:
            values.append((tuned, weight))
        else:
            picture = source if isinstance(source, Picture) else _painting(source, sizes, method, options)
            value = method.encode_style(painting_pixels(picture, source, colors), sizes=sizes, mask=picture.alpha)
            values.append((value, weight))
            notes += picture.notes
    return values, notes


def _blended(method: Method, parts: Sequence[tuple[Any, float]]) -> Any:
    values = [value for value, _ in parts]
    return values[0] if len(values) == 1 else method.blend(values, [weight for _, weight in parts])


def _in_regions(
    method: Method, parts: Sequence[tuple[Any, float]], options: StylizeOptions
) -> tuple[Regions, list[str]]:
    """Return the styles where their masks say, and notes for the user."""
    masks = options.masks
    if not method.declaration.regions:
        raise UsageError(f"masks: {method_name(method.settings)} with these settings doesn't support them")
    if len(masks) != len(parts):
        raise UsageError(
            f"expected one mask per style, got {len(masks)} for {len(parts)}; 'wave.jpg+sea.jpg' needs two"
        )
    groups = sharing([weight for _, weight in parts], masks)
    pictures = [_read_mask("masks", masks[group[0]], options) for group in groups]
    read = [_mask(picture) for picture in pictures]
    height, width = max(mask.shape[2] for mask in read), max(mask.shape[3] for mask in read)
    values = [_blended(method, [parts[place] for place in group]) for group in groups]
    regions = Regions(values, torch.cat([resize(mask, (width, height)) for mask in read]))
    return regions, [note for picture in pictures for note in picture.notes]


def _mask(picture: Picture) -> Tensor:
    """Return the luma of a mask image, (1, 1, H, W), with transparency as black."""
    bright = rgb_to_yiq(picture.pixels)[:, :1].clamp(0, 1)
    return bright if picture.alpha is None else bright * picture.alpha


def _saved_value(method: Method, path: Path) -> Any:
    """Return a saved style at the requested style scale, interpolated between those in the file if necessary."""
    saved, name = read_style(path), method_name(method.settings)
    if name not in saved.methods:
        mend = f"train a network for it: brushwork train {name}" if name in TRAINED else "use the painting itself"
        raise UsageError(f"{path} is a style for {', '.join(saved.methods)}, not for {name}; {mend}")
    value, different = _fitting(method, saved, path)
    refiner = getattr(method, "refiner", None)
    if refiner is not None and not different:
        refined, different = _fitting(refiner, saved, path)
        value = replace(value, refined=refined)
    if different:
        raise UsageError(
            f"{path} was made with other settings ({'; '.join(different)}); use those settings, or the painting"
        )
    return value


def _tuned_value(method: Method, path: Path) -> Any:
    """Return what tuning found for a painting, if it did so for this method and these settings; otherwise None."""
    tuned = read_tuned(path)
    if tuned is None or method_name(method.settings) not in tuned.methods:
        return None
    value, different = _fitting(method, tuned, path)
    return None if different else value


def _fitting(method: Method, saved: SavedStyle, path: Path) -> tuple[Any, list[str]]:
    """Return a saved style at the requested style scale; or None, and how the settings differ from what it needs."""
    name, origin = method_name(method.settings), _style_origin(method)
    wanted = float(origin.pop("style_scale", 1.0))
    several = {label: found for label, found in saved.origins.items() if label.partition("@")[0] == name}
    networks = {label: found for label, found in several.items() if origin.items() <= found.items()}
    kept = networks or {label: found for label, found in several.items() if label.count("@") < 2}
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
    rescaled = getattr(method, "rescaled_style", None)  # of methods whose styles know several sizes
    if rescaled is None and not low <= wanted <= high:
        scales = " to ".join(f"{scale:g}" for scale in sorted({min(labels), max(labels)}))
        different.append(f"style_scale {scales}, not {wanted:g}")
    if different:
        return None, different
    try:
        values = [method.load_style(saved.values[labels[scale]]) for scale in (low, high)]
    except (ValueError, RuntimeError, LookupError, TypeError) as error:
        raise _damaged(path) from error
    if low < high:
        share = math.log(wanted / low) / math.log(high / low)
        return method.blend(values, [1 - share, share]), []
    return (values[0] if rescaled is None or low == wanted else rescaled(values[0], wanted / low)), []


def _damaged(path: Path) -> BrushworkError:
    return BrushworkError(f"{path} is damaged, or was made by another version of brushwork; save the style again")


def visible(picture: Picture, source: object) -> Tensor:
    """Return `picture.visible()`, with the file named in errors."""
    try:
        return picture.visible()
    except UsageError as error:
        raise UsageError(f"{source}: {error}" if isinstance(source, str | Path) else str(error)) from error


def painting_pixels(picture: Picture, source: object, colors: ColorControl | None) -> Tensor:
    """Return a painting's pixels as input for the method, recolored if requested."""
    pixels = visible(picture, source)
    return pixels if colors is None else colors.style(pixels, picture.alpha)


def _painting(path: Path, sizes: list[int], method: Method, options: StylizeOptions) -> Picture:
    """Read a painting at no larger a size than the method uses."""
    return _read_at_most(path, method.painting_size(sizes), options)


def read_mask(source: PictureSource, options: StylizeOptions) -> tuple[Tensor, Sequence[str]]:
    """Return the mask (1, 1, H, W) in [0, 1] of `options.face_mask`, and notes for the user."""
    picture = _read_mask("face_mask", source, options)
    return _mask(picture), picture.notes


def _read_mask(name: str, source: PictureSource, options: StylizeOptions) -> Picture:
    if not isinstance(source, str | os.PathLike | Picture):
        raise no_picture(name, source)
    return source if isinstance(source, Picture) else _read_at_most(source, MASK_SIZE, options)


def _read_at_most(path: str | Path, longer: int, options: StylizeOptions) -> Picture:
    """Read a picture at a size of at most `longer` pixels."""
    size = min(max(read_size(path, max_pixels=options.max_pixels)), longer)
    return read_image(path, size=size, max_pixels=options.max_pixels, strict=options.strict)
