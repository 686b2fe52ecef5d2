"""Pictures in memory: the pixel contract, its check, and resampling.

Inside brushwork a picture is a plain tensor of shape (B, 3, H, W): float32, sRGB, [0, 1], finite. A `Picture`
adds what its file brought along (alpha, EXIF, bit depth), and lives only where files are read and written.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.errors import UsageError

__all__ = ["NOTHING_VISIBLE", "Picture", "check_pixels", "fit_size", "resize"]


NOTHING_VISIBLE = "nothing is visible in a picture whose alpha is 0 everywhere; remove its alpha channel"


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture with what its file brought along.

    Args:
        pixels: (1, 3, H, W) float32, sRGB, [0, 1]. Where alpha is 0 they hold whatever the file hid there.
        alpha: (1, 1, H, W) float32, [0, 1], 0 is transparent; None for an opaque picture.
        exif: raw EXIF bytes with the orientation reset to 1; None without.
        depth: bits per channel of the source, 8 or 16.
        notes: one-line remarks for the user, such as "loop.gif: first of 12 frames".

    Raises:
        UsageError: a tensor has another shape.
    """

    pixels: Tensor
    alpha: Tensor | None = None
    exif: bytes | None = None
    depth: int = 8
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_shape(self.pixels)
        if len(self.pixels) != 1:
            raise UsageError(f"expected one picture, got a batch of {len(self.pixels)}; take one with x[i : i + 1]")
        expected = (1, 1, *self.pixels.shape[2:])
        if self.alpha is not None and tuple(self.alpha.shape) != expected:
            raise UsageError(f"expected alpha of shape {expected}, as the pixels have, got {tuple(self.alpha.shape)}")

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[3], self.pixels.shape[2]

    def visible(self) -> Tensor:
        """Return the pixels as a method should see them, without the color hidden under transparency.

        Each pixel fades with its transparency into the mean of the visible ones, `pixels * alpha + mean * (1 - alpha)`,
        so neither hidden colors nor a hard edge against black or white enter the statistics.

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
    """Check that a tensor keeps the pixel contract.

    Args:
        pixels: expected (B, 3, H, W) float32, sRGB, finite, within [0, 1].

    Raises:
        UsageError: it doesn't; the message says how, and what to do.

    >>> check_pixels(torch.zeros(3, 512, 512))
    Traceback (most recent call last):
    brushwork.errors.UsageError: expected pixels of shape (B, 3, H, W), got (3, 512, 512); add a batch axis with x[None]
    """
    _check_shape(pixels)
    if pixels.dtype != torch.float32:
        raise UsageError(f"expected float32 pixels in [0, 1], got {pixels.dtype}; convert them with {_cast(pixels)}")
    low, high = (float(bound) for bound in pixels.detach().aminmax())
    if not (abs(low) < float("inf") and abs(high) < float("inf")):
        raise UsageError("expected finite pixels, got NaN or infinity; repair them with torch.nan_to_num")
    if low < 0 or high > 1:
        raise UsageError(f"expected pixels in [0, 1], got [{low:.4g}, {high:.4g}]; rescale them, or use x.clamp(0, 1)")


def fit_size(size: tuple[int, int], longer: int) -> tuple[int, int]:
    """Return the size with the same proportions whose longer side is `longer`.

    Args:
        size: (width, height) in pixels.
        longer: the longer side to reach, in pixels, at least 1.

    Returns:
        (width, height), each at least 1.

    Raises:
        UsageError: `longer` or a side is below 1.

    >>> fit_size((4000, 3000), 1024)
    (1024, 768)
    """
    if longer < 1 or min(size) < 1:
        raise UsageError(f"expected sizes of at least 1 pixel, got {longer} for a picture of {size[0]} x {size[1]}")
    width, height = (max(1, round(side * longer / max(size))) for side in size)
    return width, height


def resize(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the pixels resampled (bicubic, antialiased when it shrinks), differentiably.

    Args:
        pixels: (B, C, H, W) float, [0, 1].
        size: (width, height) to reach, in pixels.

    Returns:
        (B, C, height, width) in [0, 1]; the input itself where it has that size already.

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
        advice = "an empty tensor holds no picture"
    elif len(shape) == 3 and shape[0] == 3:
        advice = "add a batch axis with x[None]"
    elif len(shape) == 3 and shape[2] == 3:
        advice = "move the channels first with x.permute(2, 0, 1)[None]"
    elif len(shape) == 4 and shape[3] == 3:
        advice = "move the channels first with x.permute(0, 3, 1, 2)"
    elif len(shape) == 4 and shape[1] == 1:
        advice = "repeat grey with x.expand(-1, 3, -1, -1)"
    elif len(shape) == 4 and shape[1] == 4:
        advice = "split the alpha off with x[:, :3]"
    else:
        advice = "B pictures of three channels, height, width"
    raise UsageError(f"expected pixels of shape (B, 3, H, W), got {shape}; {advice}")


def _cast(pixels: Tensor) -> str:
    return "x / 255" if pixels.dtype == torch.uint8 else "x.float()"
