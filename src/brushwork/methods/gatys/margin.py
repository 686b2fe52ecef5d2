"""The margin around the photo during optimization.

With any padding, the outermost two or three rows of pixels develop artifacts that look like a frame. So the photo is
reflected at its edges, and the margin is cropped at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from brushwork.runtime.progress import Step

__all__ = ["MARGIN", "as_photo_step", "cropped", "with_margin", "without_margin"]

MARGIN = 16  # pixels


def with_margin(pixels: Tensor) -> Tensor:
    """Pad the photo by reflection on each side; if it is too small for that, by replication."""
    mode = "reflect" if min(pixels.shape[2:]) > MARGIN else "replicate"
    return F.pad(pixels, (MARGIN,) * 4, mode=mode)


def without_margin(size: tuple[int, int], width: int, height: int) -> int:
    """Return the longer side of the photo without its margin, for this size including the margin."""
    longer = max(width, height)
    return max(1, round(max(size) * longer / (longer + 2 * MARGIN)))


def cropped(pixels: Tensor) -> Tensor:
    """Return the photo without its margin, on the CPU."""
    return pixels[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN].cpu().contiguous()


def as_photo_step(step: Step, width: int, height: int, finished: Callable[[Tensor], Tensor]) -> Step:
    """Return the progress event of a photo of this size, without its margin."""
    factor = step.size[0] / (width + 2 * MARGIN)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return replace(step, size=size, preview=lambda: finished(step.preview()))
