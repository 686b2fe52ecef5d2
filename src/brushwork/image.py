"""Images in memory: the pixel contract, its validation, and resampling.

Inside brushwork an image is a plain tensor of shape (B, 3, H, W): float32, sRGB, [0, 1], finite. A `Picture` adds the
alpha, EXIF and bit depth of a file, and is used only where files are read and written.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.errors import UsageError
from brushwork.runtime.arrays import from_array, from_pillow, to_array, to_pillow

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

__all__ = ["NOTHING_VISIBLE", "Picture", "check_pixels", "check_size", "fit_size", "no_picture", "resize"]


NOTHING_VISIBLE = "the picture is fully transparent; remove its alpha channel"


@dataclass(frozen=True, eq=False)
class Picture:
    """One image with its alpha, EXIF and bit depth.

    Args:
        pixels: (1, 3, H, W) float32, sRGB, [0, 1]. Where alpha is 0 they hold whatever the file contains.
        alpha: (1, 1, H, W) float32, [0, 1], 0 is transparent; None for an opaque picture.
        exif: raw EXIF bytes with the orientation reset to 1; None without.
        depth: bits per channel of the source, 8 or 16.
        notes: one-line notes for the user, such as "loop.gif: first of 12 frames".

    Raises:
        UsageError: a tensor has another shape.
    """

    pixels: Tensor
    alpha: Tensor | None = None
    exif: bytes | None = None
    depth: int = 8
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.pixels, Tensor):
            raise UsageError(f"expected pixels as a tensor (1, 3, H, W), got {_how(self.pixels)}")
        if self.alpha is not None and not isinstance(self.alpha, Tensor):
            raise UsageError(f"expected alpha as a tensor (1, 1, H, W), got a {type(self.alpha).__name__}")
        _check_shape(self.pixels)
        if len(self.pixels) != 1:
            raise UsageError(f"expected one picture, got a batch of {len(self.pixels)}; take one with x[i : i + 1]")
        expected = (1, 1, *self.pixels.shape[2:])
        if self.alpha is not None and tuple(self.alpha.shape) != expected:
            raise UsageError(f"expected alpha of shape {expected}, matching the pixels, got {tuple(self.alpha.shape)}")

    @classmethod
    def from_numpy(cls, array: npt.NDArray[Any]) -> Picture:
        """Return a picture from an array.

        Args:
            array: (H, W, 3) or (H, W, 4), sRGB with straight alpha: uint8, uint16, or floats in [0, 1].

        Raises:
            UsageError: another type, shape or range.

        >>> Picture.from_numpy(np.zeros((48, 64, 3), np.uint8)).size
        (64, 48)
        """
        pixels, alpha, depth = from_array(array)
        return cls(pixels, alpha, depth=depth)

    @classmethod
    def from_pil(cls, image: Image.Image) -> Picture:
        """Return a picture from a Pillow image: rotated upright, converted to sRGB, with alpha and EXIF.

        Args:
            image: 8-bit in any mode, or 16-bit grayscale.

        Raises:
            UsageError: not a Pillow image, or a mode without a defined range.
        """
        array, exif = from_pillow(image)
        pixels, alpha, depth = from_array(array)
        return cls(pixels, alpha, exif, depth)

    def to_numpy(self, dtype: npt.DTypeLike = np.uint8) -> npt.NDArray[Any]:
        """Return an array (H, W, 3), or (H, W, 4) with straight alpha, sRGB.

        Args:
            dtype: uint8, uint16, both rounded to nearest, or float32 in [0, 1].

        Raises:
            UsageError: another type.
        """
        return to_array(self.pixels, self.alpha, dtype)

    def to_pil(self) -> Image.Image:
        """Return a Pillow image, RGB or RGBA with 8 bits per channel, with the EXIF in its info."""
        return to_pillow(self.to_numpy(), self.exif)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[3], self.pixels.shape[2]

    def visible(self) -> Tensor:
        """Return the pixels as input for a method, without colors hidden by transparency.

        Transparent pixels are blended with the mean of the visible ones, `pixels * alpha + mean * (1 - alpha)`, so that
        neither hidden colors nor a hard edge against black or white affect the statistics.

        Returns:
            (1, 3, H, W) float32 in [0, 1]; the pixels themselves when the picture is opaque.

        Raises:
            UsageError: every pixel is fully transparent.
        """
        if self.alpha is None or bool((self.alpha == 1).all()):
            return self.pixels
        weight = self.alpha.double()
        if not bool(weight.any()):
            raise UsageError(NOTHING_VISIBLE)
        mean = (self.pixels * weight).sum((2, 3), keepdim=True) / weight.sum()
        return (self.pixels * weight + mean * (1 - weight)).float().clamp(0, 1)


def check_pixels(pixels: Tensor) -> None:
    """Check that a tensor satisfies the pixel contract.

    Args:
        pixels: expected (B, 3, H, W) float32, sRGB, finite, within [0, 1].

    Raises:
        UsageError: it doesn't; the message says why, and what to do.

    >>> check_pixels(torch.zeros(3, 512, 512))
    Traceback (most recent call last):
    brushwork.errors.UsageError: expected pixels of shape (B, 3, H, W), got (3, 512, 512); add a batch axis with x[None]
    """
    if not isinstance(pixels, Tensor):
        raise UsageError(f"expected pixels as a tensor (B, 3, H, W), got a {type(pixels).__name__}")
    _check_shape(pixels)
    if pixels.dtype != torch.float32:
        raise UsageError(f"expected float32 pixels in [0, 1], got {pixels.dtype}; convert them with {_cast(pixels)}")
    low, high = (float(bound) for bound in pixels.detach().aminmax())
    if not (abs(low) < float("inf") and abs(high) < float("inf")):
        raise UsageError("expected finite pixels, got NaN or infinity; repair them with torch.nan_to_num")
    if low < 0 or high > 1:
        raise UsageError(f"expected pixels in [0, 1], got [{low:.4g}, {high:.4g}]; rescale them, or use x.clamp(0, 1)")


def check_size(value: object, name: str) -> int:
    """Return an integer of any integer type as an int.

    Args:
        value: the value passed.
        name: the argument's name, for the message.

    Raises:
        UsageError: not an integer.

    >>> check_size("96", "size")
    Traceback (most recent call last):
    brushwork.errors.UsageError: size: expected a whole number, got '96'; write size=96
    """
    try:
        if not isinstance(value, bool):
            return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        pass
    text = str(value).strip().removesuffix(".0")
    mend = f"; write {name}={text}" if text.isdecimal() else ""
    raise UsageError(f"{name}: expected a whole number, got {value!r}{mend}")


def no_picture(name: str, value: object) -> UsageError:
    """Return the error for an argument that is neither a file nor a `Picture`; it says how to convert it.

    Args:
        name: the argument's name.
        value: the value passed.
    """
    return UsageError(f"{name}: expected a file or a Picture, got {_how(value)}")


def _how(value: object) -> str:
    """Describe a value's type and how to convert it to a picture."""
    kind = type(value).__name__
    if isinstance(value, Tensor):
        return "a Tensor; wrap pixels in Picture(pixels)"
    if isinstance(value, np.ndarray):
        return "a NumPy array; convert it with Picture.from_numpy(array)"
    if isinstance(value, Picture):
        return "a Picture"
    if isinstance(getattr(value, "picture", None), Picture):
        return f"a {kind}; pass its .picture"
    if type(value).__module__.startswith("PIL."):
        return "a Pillow image; convert it with Picture.from_pil(image)"
    return f"a {kind}"


def fit_size(size: tuple[int, int], longer: int) -> tuple[int, int]:
    """Return the size with the same proportions whose longer side is `longer`.

    Args:
        size: (width, height) in pixels.
        longer: the target longer side, in pixels, at least 1.

    Returns:
        (width, height), each at least 1.

    Raises:
        UsageError: `longer` or a side is below 1.

    >>> fit_size((4000, 3000), 1024)
    (1024, 768)
    """
    longer = check_size(longer, "size")
    if longer < 1 or min(size) < 1:
        raise UsageError(f"expected sizes of at least 1 pixel, got {longer} for a picture of {size[0]} x {size[1]}")
    width, height = (max(1, round(side * longer / max(size))) for side in size)
    return width, height


def resize(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the pixels resampled: bicubic, antialiased when downscaling, differentiable.

    Args:
        pixels: (B, C, H, W) float, [0, 1].
        size: target (width, height), in pixels.

    Returns:
        (B, C, height, width) in [0, 1]; the input itself if it already has that size.

    Raises:
        UsageError: a side is below 1.
    """
    width, height = size
    if min(size) < 1:
        raise UsageError(f"expected a size of at least 1 x 1 pixels, got {width} x {height}")
    if tuple(pixels.shape[2:]) == (height, width):
        return pixels
    resampled = F.interpolate(pixels, (height, width), mode="bicubic", antialias=True, align_corners=False)
    return resampled.clamp(0, 1)  # the bicubic kernel overshoots at edges


def _check_shape(pixels: Tensor) -> None:
    shape = tuple(pixels.shape)
    if len(shape) == 4 and shape[1] == 3 and min(shape) > 0:
        return
    if 0 in shape:
        advice = "an empty tensor is not a picture"
    elif len(shape) == 3 and shape[0] == 3:
        advice = "add a batch axis with x[None]"
    elif len(shape) == 3 and shape[2] == 3:
        advice = "move the channels first with x.permute(2, 0, 1)[None]"
    elif len(shape) == 4 and shape[3] == 3:
        advice = "move the channels first with x.permute(0, 3, 1, 2)"
    elif len(shape) == 4 and shape[1] == 1:
        advice = "repeat gray with x.expand(-1, 3, -1, -1)"
    elif len(shape) == 4 and shape[1] == 4:
        advice = "split the alpha off with x[:, :3]"
    else:
        advice = "B pictures of three channels, height, width"
    raise UsageError(f"expected pixels of shape (B, 3, H, W), got {shape}; {advice}")


def _cast(pixels: Tensor) -> str:
    return "x / 255" if pixels.dtype == torch.uint8 else "x.float()"
