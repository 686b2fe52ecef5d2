"""What the user has a say in: which style where, and whose colors.

Source: Gatys, Bethge, Hertzmann and Shechtman 2016, "Preserving Color in Neural Artistic Style Transfer",
arXiv:1606.05897; Gatys, Ecker, Bethge, Hertzmann and Shechtman 2017, "Controlling Perceptual Factors in Neural Style
Transfer", section 5, arXiv:1611.07865. What each way does and when it is right: docs/color.md.
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
    """Several styles, each where its mask says; the photo where none does.

    Args:
        styles: Style values of one method.
        masks: How much of each style is wanted where, (N, 1, h, w) in [0, 1], of any size: they are brought to the
            picture's, and stretched where their proportions differ. Where they sum to more than 1 they share; where to
            less, the rest is the photo. An empty mask leaves its style out. None: one style, everywhere.

    Raises:
        UsageError: Another number of masks than of styles, numbers outside [0, 1], or masks that are all empty.

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
            raise UsageError("all masks are empty, so no style would be seen; paint something white")

    @classmethod
    def of(cls, style: Any) -> Regions:
        """Regions as they are; a style value as the only one, everywhere."""
        return style if isinstance(style, cls) else cls([style])

    def present(self) -> Regions:
        """Without the styles that are wanted nowhere."""
        if self.masks is None:
            return self
        kept = [index for index, mask in enumerate(self.masks) if mask.any()]
        return Regions([self.styles[index] for index in kept], self.masks[kept])

    def shares(self, height: int, width: int, box: tuple[int, int, int, int] | None = None) -> Tensor | None:
        """Share of each style at each pixel, (N, 1, height, width), of sum at most 1; None: all to the one style.

        Args:
            height: Of the picture.
            width: Of the picture.
            box: Top, left, bottom and right of the part that is wanted; None: all of it.
        """
        if self.masks is None:
            return None
        top, left, bottom, right = box or (0, 0, height, width)
        masks = self._at_most(height, width)
        masks = _interpolated(_interpolated(masks, 2, height, top, bottom), 3, width, left, right)
        return masks / masks.sum(0, keepdim=True).clamp_min(1)

    def _at_most(self, height: int, width: int) -> Tensor:
        """The masks, made smaller where they are larger than the picture."""
        assert self.masks is not None
        size = min(height, self.masks.shape[2]), min(width, self.masks.shape[3])
        return F.interpolate(self.masks.float(), size, mode="bilinear", antialias=True).clamp(0, 1)


def _interpolated(x: Tensor, axis: int, length: int, start: int, stop: int) -> Tensor:
    """From start to stop of what x is when that axis is enlarged to a length, linearly."""
    last = x.shape[axis] - 1
    place = ((torch.arange(start, stop) + 0.5) * ((last + 1) / length) - 0.5).clamp(0, last)
    low = place.floor().long()
    share = (place - low).reshape([-1 if k == axis else 1 for k in range(4)]).to(x)
    low = low.to(x.device)
    return torch.lerp(x.index_select(axis, low), x.index_select(axis, (low + 1).clamp(max=last)), share)
