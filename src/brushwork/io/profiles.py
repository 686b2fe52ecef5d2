"""Convert the colors of any image file to sRGB: embedded ICC profiles, gray, CMYK, Lab, 8 and 16 bit."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyvips
from PIL import Image as PillowImage
from PIL import ImageCms

from brushwork.errors import PictureError

__all__ = ["MAXIMUM", "to_srgb"]

# Maximum value of the sample formats that to_srgb returns.
MAXIMUM = {"uchar": 255.0, "ushort": 65535.0, "float": 1.0}

_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_LAB = {"lab", "labs"}


def to_srgb(image: pyvips.Image, path: Path) -> tuple[pyvips.Image, list[str]]:
    """Return the image as sRGB.

    Args:
        image: any image opened by libvips.
        path: the file, for messages.

    Returns:
        The image with 3 bands, or 4 with straight alpha, of uchar, ushort or float (in [0, 1]); and notes for the user.

    Raises:
        PictureError: unsupported sample format or number of channels.
    """
    color, alpha = _split_alpha(image, path)
    if color.interpretation in _LAB and alpha is None:
        return color.colourspace("rgb16"), []
    if color.format == "float" or color.format == "double":
        return _float_to_srgb(color, alpha, path)
    if color.format not in MAXIMUM:
        raise PictureError(f"{path}: has {color.format} samples; convert it to 8 or 16 bits per channel")
    color, notes = _apply_profile(color, path.name)
    return _join(color, alpha), notes


def _split_alpha(image: pyvips.Image, path: Path) -> tuple[pyvips.Image, pyvips.Image | None]:
    colors = _color_bands(image)
    if image.bands not in (colors, colors + 1):
        raise PictureError(f"{path}: has {image.bands} channels; save it as gray, RGB or CMYK, with or without alpha")
    color = image.extract_band(0, n=colors) if image.bands > colors else image
    return color, image[colors] if image.bands > colors else None


def _color_bands(image: pyvips.Image) -> int:
    if image.interpretation == "cmyk":
        return 4
    return 1 if image.bands < 3 else 3


def _join(color: pyvips.Image, alpha: pyvips.Image | None) -> pyvips.Image:
    """Join three color bands and, scaled to the same range, alpha."""
    if color.bands == 1:
        color = color.bandjoin([color, color])
    if alpha is not None:
        if (color.format, alpha.format) == ("ushort", "uchar"):
            alpha = (alpha * 257).cast("ushort")
        color = color.bandjoin(alpha)
    return color


def _float_to_srgb(color: pyvips.Image, alpha: pyvips.Image | None, path: Path) -> tuple[pyvips.Image, list[str]]:
    """Treat floats in [0, 1] as sRGB and refuse others, since floats have no standard range or transfer curve."""
    image = _join(color, alpha).cast("float").copy_memory()  # read twice, but the file can only be read once
    samples = image.numpy()
    low, high = samples.min(), samples.max()  # NumPy, because it propagates NaN; libvips skips it
    if not (low >= 0 and high <= 1):
        raise PictureError(
            f"{path}: has float samples from {low:.4g} to {high:.4g}; scale them to [0, 1], or convert to 16 bits"
        )
    return image, [f"{path.name}: float samples are read as sRGB values in [0, 1]"]


def _apply_profile(color: pyvips.Image, name: str) -> tuple[pyvips.Image, list[str]]:
    profile = bytes(color.get("icc-profile-data")) if "icc-profile-data" in color.get_fields() else None
    verdict = _judge(profile, color.bands) if profile is not None else "absent"
    notes = []
    if verdict == "unusable":
        notes = [f"{name}: its color profile is damaged or for another color model, and was ignored"]
        color = color.copy()
        color.remove("icc-profile-data")
    if verdict != "convert" and color.bands != 4:
        return color, notes
    # 16-bit output, so that the conversion loses no level of an 8-bit source. libvips's built-in press profile "cmyk"
    # is used if the file has none.
    converted = color.icc_transform(
        "srgb", embedded=True, input_profile="cmyk", depth=16, intent="relative", black_point_compensation=True
    )
    return converted, notes


@lru_cache(maxsize=16)  # most pictures have one of few profiles
def _judge(profile: bytes, bands: int) -> str:
    """Return "convert", "srgb" or "unusable".

    Checked with Pillow because libvips silently falls back to sRGB if a profile is broken. A profile that changes no
    color by more than one 8-bit step is treated as sRGB; skipping the conversion keeps every pixel unchanged.
    """
    mode = _MODES[bands]
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (OSError, ImageCms.PyCMSError):
        return "unusable"
    if mode == "CMYK":
        return "convert"
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(1, -1, 3)
    colors = cube if mode == "RGB" else levels[None, :, None].repeat(3, 2)
    moved = ImageCms.applyTransform(PillowImage.fromarray(colors).convert(mode), transform)
    same = np.abs(np.asarray(moved, np.int16) - colors).max() <= 1
    return "srgb" if same else "convert"
