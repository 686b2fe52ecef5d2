"""Keeping the photo's colors: how, and before or after stylization."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    """Transfers the photo's colors to the painting or to the result.

    Args:
        photo: Pixels (1, 3, H, W) in [0, 1].
        mask: Weight of each pixel, (1, 1, H, W) in [0, 1]; None weights all equally.
        way: "luminance", "cholesky" or "histogram"; None keeps the painting's colors.
        when: "before" recolors the painting, "after" the result; None is the default of `way`.

    Raises:
        UsageError: An invalid `way` or `when`, or `when` without `way`.
    """

    photo: Tensor
    mask: Tensor | None = None
    way: str | None = None
    when: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "when", check_keep_color(self.way, self.when)[1])

    def content(self, pixels: Tensor) -> Tensor:
        """Return the photo, or an initial image, as input for the method: its luminance only, or unchanged."""
        return luminance(pixels) if (self.way, self.when) == ("luminance", "before") else pixels

    def style(self, painting: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return a painting (1, 3, h, w), with pixel weights `mask` (1, 1, h, w), recolored if `when` is "before"."""
        if self.when != "before":
            return painting
        if self.way == "luminance":
            return match_luminance(luminance(painting), self.photo, mask=mask, reference_mask=self.mask)
        return self._matched(painting, mask)

    def result(self, stylized: Tensor) -> Tensor:
        """Return the final result (1, 3, H, W) of a stylized image."""
        if self.way == "luminance":
            return keep_luminance(stylized, self.photo)
        return self._matched(stylized, self.mask) if self.when == "after" else stylized

    def part(self, stylized: Tensor, photo: Tensor, small: Tensor) -> Tensor:
        """Return a part of the final result.

        Args:
            stylized: The stylized part, (1, 3, h, w).
            photo: The same part of the photo.
            small: The whole stylized image, at the size of this object's photo.
        """
        if self.way == "luminance":
            return keep_luminance(stylized, photo)
        return self._matched(stylized, self.mask, small) if self.when == "after" else stylized

    def progress(self, listener: Progress | None) -> Progress | None:
        """Wrap a progress callback so that its previews have the colors of the final result."""
        if listener is None or self.way is None:
            return listener
        return lambda step: listener(replace(step, preview=lambda: self._at_size(step.preview())))

    def _at_size(self, preview: Tensor) -> Tensor:
        """Return `result` for a preview of any size."""
        size = preview.shape[3], preview.shape[2]
        mask = None if self.mask is None else torch.nn.functional.interpolate(self.mask, preview.shape[2:])
        return replace(self, photo=resize(self.photo, size), mask=mask).result(preview)

    def _matched(self, pixels: Tensor, mask: Tensor | None, measured: Tensor | None = None) -> Tensor:
        if self.way is None:
            return pixels
        return _MATCH[self.way](pixels, self.photo, mask=mask, reference_mask=self.mask, measured=measured)
