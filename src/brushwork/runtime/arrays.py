"""Convert pixels from and to NumPy arrays and Pillow images."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from brushwork.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["from_array", "from_pillow", "to_array", "to_pillow"]

_DTYPES = ("uint8", "uint16", "float32")


def from_array(array: npt.NDArray[Any]) -> tuple[Tensor, Tensor | None, int]:
    """Return pixels (1, 3, H, W), alpha (1, 1, H, W) or None, and the depth in bits from an array.

    Args:
        array: (H, W, 3) or (H, W, 4), sRGB with straight alpha: uint8, uint16, or floats in [0, 1].

    Raises:
        UsageError: Unsupported type, shape or range.
    """
    if not isinstance(array, np.ndarray):
        raise UsageError(f"expected a NumPy array, got a {type(array).__name__}; convert it with numpy.asarray")
    _check_shape(array.shape)
    kind = array.dtype
    if kind not in (np.uint8, np.uint16) and not np.issubdtype(kind, np.floating):
        raise UsageError(f"expected an array of uint8, uint16 or floats in [0, 1], got {kind}; convert it first")
    values = array.astype(np.float32)
    if np.issubdtype(kind, np.floating):
        if not np.isfinite(values).all():
            raise UsageError("expected finite numbers, got NaN or infinity; repair them with numpy.nan_to_num")
        low, high = float(values.min()), float(values.max())
        if low < 0 or high > 1:
            raise UsageError(f"expected floats in [0, 1], got [{low:.4g}, {high:.4g}]; divide by 255, or clip them")
    else:
        values /= np.float32(np.iinfo(kind).max)
    planes = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]
    alpha = planes[:, 3:].clone() if planes.shape[1] == 4 else None
    return planes[:, :3].clone(), alpha, 8 if kind == np.uint8 else 16


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) == 3 and shape[2] in (3, 4) and min(shape) > 0:
        return
    if 0 in shape:
        advice = "an empty array is not a picture"
    elif len(shape) == 2:
        advice = "repeat gray with numpy.dstack([x, x, x])"
    elif len(shape) == 3 and shape[2] == 1:
        advice = "repeat gray with x.repeat(3, 2)"
    elif len(shape) == 3 and shape[0] in (3, 4):
        advice = "move the channels last with x.transpose(1, 2, 0)"
    elif len(shape) == 4:
        advice = "select one picture of a batch with x[0]"
    else:
        advice = "height, width, and three channels, or four with alpha"
    raise UsageError(f"expected an array of shape (H, W, 3) or (H, W, 4), got {shape}; {advice}")


def to_array(pixels: Tensor, alpha: Tensor | None, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an array (H, W, 3), or (H, W, 4) with alpha, from pixels (1, 3, H, W) and alpha (1, 1, H, W) in [0, 1].

    Args:
        pixels: sRGB.
        alpha: Straight alpha; None for an opaque image.
        dtype: uint8, uint16 or float32; integers are rounded to nearest.

    Raises:
        UsageError: Unsupported type.
    """
    try:
        kind = np.dtype(dtype)
    except TypeError as error:
        raise UsageError(f"dtype: expected one of {', '.join(_DTYPES)}, got {dtype!r}") from error
    if kind.name not in _DTYPES:
        raise UsageError(f"dtype: expected one of {', '.join(_DTYPES)}, got {kind.name}")
    planes = pixels if alpha is None else torch.cat([pixels, alpha], 1)
    values = planes[0].detach().cpu().clamp(0, 1).permute(1, 2, 0).numpy()
    if kind.name == "float32":
        return np.ascontiguousarray(values, np.float32)
    return np.ascontiguousarray(np.rint(values * np.float32(np.iinfo(kind).max)).astype(kind))


def from_pillow(image: Image.Image) -> tuple[npt.NDArray[Any], bytes | None]:
    """Return an array for `from_array`, upright and in sRGB, and the EXIF of a Pillow image.

    Args:
        image: 8 bits in any mode, or 16-bit grayscale.

    Raises:
        UsageError: Not a Pillow image, or samples without a standard range.
    """
    from PIL import Image, ImageOps

    if not isinstance(image, Image.Image):
        raise UsageError(f"expected a Pillow image, got a {type(image).__name__}; open one with PIL.Image.open")
    upright = ImageOps.exif_transpose(image)
    exif = upright.getexif()
    if upright.mode.startswith("I;16"):
        gray = np.asarray(upright).astype(np.uint16)
        return np.dstack([gray, gray, gray]), exif.tobytes() if exif else None
    if upright.mode in ("I", "F"):
        raise UsageError(f"Pillow mode {upright.mode} has no standard range; convert the image to RGB first")
    try:
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
        elif upright.mode in ("1", "P"):
            upright = upright.convert("RGB")
        return np.asarray(_in_srgb(upright)), exif.tobytes() if exif else None
    except ValueError as error:  # Pillow can convert Lab only with a profile
        raise UsageError(f"Pillow mode {upright.mode} is not supported; convert the image to RGB first") from error


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return the image as RGB or RGBA, converted with its own profile if it has a suitable one."""
    from PIL import Image, ImageCms

    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    profile = image.info.get("icc_profile")
    if profile:
        try:
            source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(
                image.convert("RGB") if mode == "RGBA" else image,
                source,
                target,
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        except (ImageCms.PyCMSError, OSError):
            return image.convert(mode)  # the profile is damaged or doesn't match the image's mode
        if isinstance(converted, Image.Image):
            if mode == "RGBA":
                converted.putalpha(image.getchannel("A"))
            return converted
    return image.convert(mode)


def to_pillow(array: npt.NDArray[Any], exif: bytes | None) -> Image.Image:
    """Return an RGB or RGBA Pillow image from a uint8 array (H, W, 3 or 4), with the EXIF in its info."""
    from PIL import Image

    image = Image.fromarray(array)
    if exif is not None:
        image.info["exif"] = exif
    return image
