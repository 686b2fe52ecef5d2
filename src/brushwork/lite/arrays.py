"""Resizing, padding and pooling of arrays (…, H, W), as torch does them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from brushwork.lite.tensors import Array

__all__ = ["BICUBIC", "BILINEAR", "LANCZOS", "luma", "padded", "pooled", "resized"]

BICUBIC, BILINEAR, LANCZOS = Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def resized(
    x: Array,
    size: tuple[int, int],
    kind: Image.Resampling = BICUBIC,
    *,
    box: tuple[float, float, float, float] | None = None,
) -> Array:
    """Return an array (…, H, W) resampled to (width, height), antialiased, in [0, 1]; itself if it has that size.

    Args:
        x: Numbers in [0, 1].
        size: Width and height of the result.
        kind: The kernel.
        box: Left, top, right and bottom of the part to resample; None for all.
    """
    width, height = size
    if x.shape[-2:] == (height, width) and box is None:
        return x
    result = np.empty((*x.shape[:-2], height, width), np.float32)
    for index in np.ndindex(x.shape[:-2]):
        result[index] = np.asarray(Image.fromarray(np.ascontiguousarray(x[index])).resize(size, kind, box))
    return np.clip(result, 0, 1, out=result)


def padded(x: Array, height: int, width: int) -> Array:
    """Return an array (…, H, W) with its last row and column repeated up to a height and width."""
    more = height - x.shape[-2], width - x.shape[-1]
    if not any(more):
        return x
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + [(0, more[0]), (0, more[1])], mode="edge")


def pooled(x: Array, height: int, width: int) -> Array:
    """Return an array (…, H, W) averaged to a smaller height and width; parts may overlap by a position."""
    for axis, length in ((-2, height), (-1, width)):
        count = x.shape[axis]
        if count == length:
            continue
        sums = np.cumsum(np.moveaxis(x, axis, 0), 0, dtype=np.float64)
        sums = np.concatenate([np.zeros_like(sums[:1]), sums])
        starts, ends = np.arange(length) * count // length, -(-np.arange(1, length + 1) * count // length)
        means = (sums[ends] - sums[starts]) / (ends - starts).reshape(-1, *[1] * (sums.ndim - 1))
        x = np.ascontiguousarray(np.moveaxis(means, 0, axis), np.float32)
    return x


def luma(pixels: Array) -> Array:
    """Return the luma (…, 1, H, W) of pixels (…, 3, H, W)."""
    result: Array = np.einsum("c,...chw->...hw", LUMA, pixels)[..., None, :, :]
    return result
