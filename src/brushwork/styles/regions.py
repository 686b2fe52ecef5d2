"""Applying different styles to different regions.

Source: Gatys, Bethge, Hertzmann and Shechtman 2016, "Preserving Color in Neural Artistic Style Transfer",
arXiv:1606.05897; Gatys, Ecker, Bethge, Hertzmann and Shechtman 2017, "Controlling Perceptual Factors in Neural Style
Transfer", section 5, arXiv:1611.07865. For color control, see docs/color.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import UsageError

__all__ = ["Regions"]


@dataclass(frozen=True, eq=False)
class Regions:
    """Several styles with masks; the photo where no mask applies.

    Args:
        styles: Encoded styles of one method.
        masks: Share of each style at each pixel, (N, 1, h, w) in [0, 1], of any size; they are resized to the image,
            and stretched if their proportions differ. Sums above 1 are normalized; where the sum is below 1, the rest
            is the photo. A style with an empty mask is omitted. None for one style everywhere.

    Raises:
        UsageError: The numbers of masks and styles differ, values are outside [0, 1], or all masks are empty.

    >>> Regions(["wave", "sea"], torch.ones(2, 1, 4, 4)).shares(2, 2)[:, 0, 0, 0].tolist()
    [0.5, 0.5]
    """

    styles: Sequence[Any]
    masks: Tensor | None = None

    def __post_init__(self) -> None:
        count = len(self.styles)
        if self.masks is None:
            if count != 1:
                raise UsageError(f"expected a mask per style, got none for {count} styles; blend them, or pass masks")
            return
        shape = tuple(self.masks.shape)
        if len(shape) != 4 or shape[:2] != (count, 1) or 0 in shape:
            raise UsageError(f"expected masks of shape ({count}, 1, H, W), one per style, got {shape}")
        if not bool(((self.masks >= 0) & (self.masks <= 1)).all()):
            raise UsageError("expected masks in [0, 1]; rescale them, or use masks.clamp(0, 1)")
        if not bool(self.masks.any()):
            raise UsageError("all masks are empty, so no style would be visible; paint part of a mask white")

    @classmethod
    def of(cls, style: Any) -> Regions:
        """Return regions unchanged; wrap an encoded style as the only one."""
        return style if isinstance(style, cls) else cls([style])

    def present(self) -> Regions:
        """Return the regions without styles whose masks are empty."""
        if self.masks is None:
            return self
        kept = [index for index, mask in enumerate(self.masks) if mask.any()]
        return Regions([self.styles[index] for index in kept], self.masks[kept])

    def shares(self, height: int, width: int, box: tuple[int, int, int, int] | None = None) -> Tensor | None:
        """Return the share of each style at each pixel, (N, 1, height, width), of sum at most 1; None for one style.

        Args:
            height: Height of the image.
            width: Width of the image.
            box: Top, left, bottom and right of the part to return; None for the whole image.
        """
        if self.masks is None:
            return None
        top, left, bottom, right = box or (0, 0, height, width)
        masks = self._at_most(height, width)
        masks = _interpolated(_interpolated(masks, 2, height, top, bottom), 3, width, left, right)
        return masks / masks.sum(0, keepdim=True).clamp_min(1)

    def _at_most(self, height: int, width: int) -> Tensor:
        """Return the masks, downscaled if they are larger than the image."""
        assert self.masks is not None
        size = min(height, self.masks.shape[2]), min(width, self.masks.shape[3])
        return F.interpolate(self.masks.float(), size, mode="bilinear", antialias=True).clamp(0, 1)


def _interpolated(x: Tensor, axis: int, length: int, start: int, stop: int) -> Tensor:
    """Return the range from start to stop of x linearly upscaled to a length along an axis."""
    last = x.shape[axis] - 1
    place = ((torch.arange(start, stop) + 0.5) * ((last + 1) / length) - 0.5).clamp(0, last)
    low = place.floor().long()
    share = (place - low).reshape([-1 if k == axis else 1 for k in range(4)]).to(x)
    low = low.to(x.device)
    return torch.lerp(x.index_select(axis, low), x.index_select(axis, (low + 1).clamp(max=last)), share)
