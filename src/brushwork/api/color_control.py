"""Keeping the photo's colors: which way, and before or after the method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from brushwork.color import keep_luminance, luminance, match_covariance, match_histogram, match_luminance
from brushwork.image import resize
from brushwork.options.base import check_keep_color
from brushwork.runtime.progress import Progress

__all__ = ["ColorControl"]


_MATCH = {"cholesky": match_covariance, "histogram": match_histogram}


@dataclass(frozen=True, eq=False)
class ColorControl:
    """How a result keeps the colors of its photo.

    Args:
        photo: Pixels (1, 3, H, W) in [0, 1].
        mask: How much each of them counts, (1, 1, H, W) in [0, 1]; None: all the same.
        way: "luminance", "cholesky" or "histogram"; None leaves all colors to the painting.
        when: "before": the painting is recolored; "after": the result is; None: what suits the way.

    Raises:
        UsageError: Another way or time; a time without a way.
    """

    photo: Tensor
    mask: Tensor | None = None
    way: str | None = None
    when: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "when", check_keep_color(self.way, self.when)[1])

    def recipe(self) -> dict[str, Any]:
        """What a recipe holds of it."""
        return {"keep_color": self.way, "keep_color_when": self.when}

    def content(self, pixels: Tensor) -> Tensor:
        """What the method should see of the photo, or of a picture to start from: its luminance, or all of it."""
        return luminance(pixels) if (self.way, self.when) == ("luminance", "before") else pixels

    def style(self, painting: Tensor, mask: Tensor | None = None) -> Tensor:
        """What the method should see of a painting (1, 3, h, w) whose pixels count as `mask` (1, 1, h, w) says."""
        if self.when != "before":
            return painting
        if self.way == "luminance":
            return match_luminance(luminance(painting), self.photo, mask=mask, reference_mask=self.mask)
        return self._matched(painting, mask)

    def result(self, stylized: Tensor) -> Tensor:
        """The finished picture, (1, 3, H, W)."""
        if self.way == "luminance":
            return keep_luminance(stylized, self.photo)
        return self._matched(stylized, self.mask) if self.when == "after" else stylized

    def part(self, stylized: Tensor, photo: Tensor, small: Tensor) -> Tensor:
        """A part of the finished picture.

        Args:
            stylized: The part as it was painted, (1, 3, h, w).
            photo: The photo there.
            small: All of the picture as it was painted, of the size of this object's photo.
        """
        if self.way == "luminance":
            return keep_luminance(stylized, photo)
        return self._matched(stylized, self.mask, small) if self.when == "after" else stylized

    def progress(self, listener: Progress | None) -> Progress | None:
        """The listener, to whom previews are shown as the finished picture will be."""
        if listener is None or self.way is None:
            return listener
        return lambda step: listener(replace(step, preview=lambda: self._at_size(step.preview())))

    def _at_size(self, preview: Tensor) -> Tensor:
        """A preview of any size as `result` would have it."""
        size = preview.shape[3], preview.shape[2]
        mask = None if self.mask is None else torch.nn.functional.interpolate(self.mask, preview.shape[2:])
        return replace(self, photo=resize(self.photo, size), mask=mask).result(preview)

    def _matched(self, pixels: Tensor, mask: Tensor | None, measured: Tensor | None = None) -> Tensor:
        if self.way is None:
            return pixels
        return _MATCH[self.way](pixels, self.photo, mask=mask, reference_mask=self.mask, measured=measured)
