"""Several styles with masks; the same as `brushwork.styles.regions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brushwork.errors import UsageError
from brushwork.lite.arrays import BILINEAR, resized
from brushwork.lite.tensors import Array
from brushwork.tiling.cuts import Box

__all__ = ["Regions", "completed", "left_over"]

ROUNDING = 1e-5  # tolerance when shares should sum to 1


@dataclass(frozen=True, eq=False)
class Regions:
    """Several styles with masks; the photo where no mask applies.

    Args:
        codes: Of the styles.
        masks: Share of each style at each pixel, (N, 1, h, w) in [0, 1], of any size; None for one style everywhere.

    Raises:
        UsageError: All masks are empty.
    """

    codes: Sequence[Array]
    masks: Array | None = None

    def __post_init__(self) -> None:
        if self.masks is not None and not self.masks.any():
            raise UsageError("all masks are empty, so no style would be visible; paint part of a mask white")

    def present(self) -> Regions:
        """Return the regions without styles whose masks are empty."""
        if self.masks is None:
            return self
        kept = [index for index, mask in enumerate(self.masks) if mask.any()]
        return Regions([self.codes[index] for index in kept], self.masks[kept])

    def shares(self, height: int, width: int, box: Box | None = None) -> Array | None:
        """Return the share of each style, (N, 1, h, w), within a part of a picture; None for one style everywhere."""
        if self.masks is None:
            return None
        top, left, bottom, right = box or (0, 0, height, width)
        size = min(width, self.masks.shape[3]), min(height, self.masks.shape[2])
        masks = resized(self.masks, size, BILINEAR)
        masks = _interpolated(_interpolated(masks, 2, height, top, bottom), 3, width, left, right)
        shares: Array = masks / np.maximum(masks.sum(0, keepdims=True), 1)
        return shares


def _interpolated(x: Array, axis: int, length: int, start: int, stop: int) -> Array:
    """Return the range from start to stop of x linearly upscaled to a length along an axis."""
    last = x.shape[axis] - 1
    place = np.clip((np.arange(start, stop) + 0.5) * ((last + 1) / length) - 0.5, 0, last)
    low = np.floor(place).astype(int)
    share = (place - low).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(4)])
    below, above = np.take(x, low, axis), np.take(x, np.minimum(low + 1, last), axis)
    result: Array = below + share * (above - below)
    return result


def left_over(shares: Array) -> Array:
    """Return the photo's remaining share at each pixel, (1, 1, h, w)."""
    rest = 1 - shares.sum(0, keepdims=True)
    left: Array = np.where(rest > ROUNDING, rest, np.float32(0))
    return left


def completed(shares: Array | None, rest: bool) -> Array | None:
    """Return shares that sum to 1, with the remainder as an additional one; None if one style covers everything."""
    if shares is None:
        return None
    shares = np.concatenate([shares, left_over(shares)]) if rest else shares
    if len(shares) == 1:
        return None
    whole: Array = shares / shares.sum(0, keepdims=True)
    return whole
