"""Codes of styles: built-in, saved, or of a painting."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from io import BytesIO
from pathlib import Path

import numpy as np

from brushwork.errors import BrushworkError, UsageError
from brushwork.lite.coder import STYLE_SIZE
from brushwork.lite.models import NAME, Model
from brushwork.lite.needs import needs_torch
from brushwork.lite.painting import Painter
from brushwork.lite.pictures import fit_size, read_picture
from brushwork.lite.regions import Regions
from brushwork.lite.tensors import MODELS, Array, read_tensors, tensors_within
from brushwork.options.methods import AdaINLite
from brushwork.options.stylize import StylizeOptions
from brushwork.styles.built_in import COMPANION, is_built_in
from brushwork.styles.references import ResolvedStyle, is_saved, sharing
from brushwork.styles.tuned import tuned_content

__all__ = ["Recolor", "blended", "read_masks", "style_codes"]

MASK_SIZE = 4096  # maximum longer side at which a mask is read, in pixels
Recolor = Callable[[Array, "Array | None"], Array]  # a painting and the weights of its pixels → the painting


def style_codes(
    painter: Painter,
    style: ResolvedStyle,
    settings: AdaINLite,
    options: StylizeOptions,
    recolor: Recolor | None = None,
) -> tuple[list[Array], list[str]]:
    """Return the code of each part of a style, and notes for the user.

    Args:
        painter: Encodes paintings.
        style: From `resolve_text`.
        settings: Says how large the painting is seen.
        options: Which files are refused.
        recolor: Gives a painting the photo's colors; None leaves it.
    """
    codes: list[Array] = []
    notes: list[str] = []
    for path in style.files:
        if is_saved(path):
            if recolor is not None:
                raise UsageError(
                    f"keep_color_when 'before' needs the painting itself, but {path} contains only statistics; use "
                    "the painting, or keep_color_when 'after' (--keep-color-when after)"
                )
            codes.append(_saved(path, painter.model, settings.style_scale))
            continue
        if recolor is None and (code := _tuned(path, painter.model, settings.style_scale)) is not None:
            codes.append(code)
            continue
        if path.suffix.lower() == ".onnx":
            raise UsageError(
                f"{path} is a network, not a style; expected a picture, a built-in style or a saved style "
                "(.safetensors); run a network that brushwork export wrote with onnxruntime itself"
            )
        longer = max(1, round(STYLE_SIZE * settings.style_scale))
        picture = read_picture(path, max_pixels=options.max_pixels, size=partial(_at_most, longer))
        pixels = picture.part(0, 0, *picture.size[::-1])
        pixels = pixels if recolor is None else recolor(pixels, picture.alpha)
        codes.append(painter.coder.encode(pixels, picture.alpha, scale=settings.style_scale))
        notes += picture.notes
    return codes, notes


def blended(style: ResolvedStyle, codes: list[Array], masks: Array | None, names: Sequence[object] = ()) -> Regions:
    """Return the blend of a style's parts, or the parts where their masks say.

    Args:
        style: Its parts and their weights.
        codes: Of each part.
        masks: (N, 1, h, w), one for each part; or None.
        names: The files of the masks: parts that share one are blended there.

    Raises:
        UsageError: Another number of masks, or weights of styles that share no mask.
    """
    weights = [weight for _, weight in style.parts]
    if masks is None:
        return Regions([_mixed(codes, weights)])
    if len(masks) != len(codes):
        raise UsageError(
            f"expected one mask per style, got {len(masks)} for {len(codes)}; 'wave.jpg+sea.jpg' needs two"
        )
    groups = sharing(weights, names)
    mixed = [_mixed([codes[place] for place in group], [weights[place] for place in group]) for group in groups]
    return Regions(mixed, masks[[group[0] for group in groups]])


def _mixed(codes: Sequence[Array], weights: Sequence[float]) -> Array:
    """Return the weighted mean of codes."""
    mixed = sum(weight / sum(weights) * code for weight, code in zip(weights, codes, strict=True))
    return np.asarray(mixed, np.float32)


def read_masks(options: StylizeOptions) -> tuple[Array | None, list[str]]:
    """Return the masks (N, 1, h, w), if there are any, and notes for the user."""
    from brushwork.lite.arrays import luma, resized

    if not options.masks:
        return None, []
    read = [
        read_picture(Path(mask), max_pixels=options.max_pixels, size=partial(_at_most, MASK_SIZE))
        for mask in options.masks
    ]
    masks = []
    for picture in read:
        bright = np.clip(luma(_opaque(picture.samples)), 0, 1)
        masks.append(bright if picture.alpha is None else bright * picture.alpha)
    width, height = max(mask.shape[2] for mask in masks), max(mask.shape[1] for mask in masks)
    whole = np.stack([resized(mask, (width, height)) for mask in masks])
    return whole, [note for picture in read for note in picture.notes]


def _at_most(longer: int, size: tuple[int, int]) -> tuple[int, int]:
    return fit_size(size, min(max(size), longer))


def _opaque(samples: object) -> Array:
    array = np.asarray(samples)
    if array.dtype == np.uint8:
        array = array.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    result: Array = array
    return result


def _saved(path: Path, model: Model, wanted: float) -> Array:
    """Return a saved style's code at a style scale, interpolated between those in the file if necessary."""
    if path.suffix.lower() != ".safetensors":
        raise needs_torch(f"{path}: a network for one style")
    networks = {"weights": _encoder(), "model": model.codes}
    if (known := _built_in(path, networks)) is not None:
        return _at_scale(path, known, model, wanted)
    tensors, about = read_tensors(path, lambda name: name.split("/")[0].partition("@")[0] == NAME)
    codes = _codes_in(path, tensors, about, networks)
    if codes:
        return _at_scale(path, codes, model, wanted)
    methods = list(dict.fromkeys(label.partition("@")[0] for label in json.loads(about.get("methods", "{}"))))
    if NAME in methods:
        raise UsageError(f"{path} was made with another network; name it (--model adain-lite), or use the painting")
    named = ", ".join(methods) or "no method"
    raise UsageError(f"{path} is a style for {named}, not for {NAME}; use the painting itself")


def _tuned(path: Path, model: Model, wanted: float) -> Array | None:
    """Return the code that tuning found for a painting, if it did so for this network and style scale."""
    content = tuned_content(path)
    if content is None:
        return None
    tensors, about = tensors_within(path, BytesIO(content))
    codes = _codes_in(path, tensors, about, {"weights": _encoder(), "model": model.codes})
    return _at_scale(path, codes, model, wanted) if codes and min(codes) <= wanted <= max(codes) else None


def _codes_in(
    path: Path, tensors: Mapping[str, Array], about: Mapping[str, str], networks: Mapping[str, str]
) -> dict[float, Array]:
    """Return the codes of a saved style that were made with these networks, by style scale."""
    try:
        origins = {str(key): dict(value) for key, value in json.loads(about.get("methods", "{}")).items()}
        kept = {label: origin for label, origin in origins.items() if label.partition("@")[0] == NAME}
        fitting = {label: origin for label, origin in kept.items() if networks.items() <= origin.items()}
        return {float(origin.get("style_scale", 1.0)): tensors[f"{label}/code"] for label, origin in fitting.items()}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BrushworkError(
            f"{path} is damaged, or was made by another version of brushwork; save it again"
        ) from error


def _built_in(path: Path, networks: dict[str, str]) -> dict[float, Array] | None:
    """Return the codes of a built-in style by style scale, if a file of codes for this network has them."""
    if not is_built_in(path):
        return None
    prefix = f"{path.stem}/"
    for file in MODELS.glob(f"*{COMPANION}"):
        tensors, about = read_tensors(file, lambda name: name.startswith(f"{prefix}{NAME}"))
        own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        if own and (codes := _codes_in(path, own, about, networks)):
            return codes
    return None


def _at_scale(path: Path, codes: dict[float, Array], model: Model, wanted: float) -> Array:
    """Return the code at a style scale, interpolated between those that there are if necessary."""
    length = model.architecture.code_length
    if any(code.shape != (length,) or not np.isfinite(code).all() for code in codes.values()):
        raise BrushworkError(f"{path} is damaged: its code isn't {length} finite numbers; save or download it again")
    low = max((scale for scale in codes if scale <= wanted), default=min(codes))
    high = min((scale for scale in codes if scale >= wanted), default=max(codes))
    if not low <= wanted <= high:
        around = " to ".join(f"{scale:g}" for scale in sorted({min(codes), max(codes)}))
        raise UsageError(f"{path} has style_scale {around}, not {wanted:g}; use the painting itself")
    if low == high:
        return codes[low]
    share = math.log(wanted / low) / math.log(high / low)
    return (1 - share) * codes[low] + share * codes[high]


@cache
def _encoder() -> str:
    """Return the SHA-256 of the feature network."""
    return str(json.loads((MODELS / "vgg19-slim.json").read_text("utf-8"))["sha256"])
