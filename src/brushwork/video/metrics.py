"""Metrics of temporal stability, flicker and sharpness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

import torch.nn.functional as F
from torch import Tensor

from brushwork.color import luma
from brushwork.flow import warp

__all__ = ["FAR", "flicker", "sharpness", "warped", "warping_error", "warping_errors"]

FAR = 10  # frame distance for long-range stability
STILL, AREA = 2 / 255, 5  # change of luma below which a place of the original stands still; around it, in pixels


def warping_error(frame: Tensor, other: Tensor, flow: Tensor, visible: Tensor) -> float:
    """Return how much a frame differs from another one warped to it by the flow, where both show the same.

    Args:
        frame: Pixels (1, 3, H, W) in [0, 1].
        other: Likewise.
        flow: From the frame to the other one, (1, 2, H, W) in pixels.
        visible: Non-occlusion mask: 1 where the frame's content is also visible in the other one, (1, 1, H, W).

    Returns:
        Mean squared color difference over the visible area; 0 if nothing is visible.

    Source: Lai et al. 2018, arXiv:1808.00449.
    """
    apart = (frame - warp(other, flow)).square().sum(1, keepdim=True)
    return float((visible * apart).sum() / visible.sum().clamp_min(1))


def warped(frame: Tensor, other: Tensor, flow: Tensor, visible: Tensor) -> Tensor:
    """Return another frame warped to this one by the flow, with this one's pixels where the other doesn't show them.

    What a perceptual distance is measured to, as in Chiang et al. 2022, arXiv:2105.13509, section 5.2.
    """
    return visible * warp(other, flow) + (1 - visible) * frame


def flicker(frame: Tensor, before: Tensor, original: Tensor, original_before: Tensor) -> float | None:
    """Return the mean change of luma where the original stands still, beyond the original's; None if nothing does.

    It needs no flow: whatever changes there was changed by the method.

    Args:
        frame: Pixels (1, 3, H, W) in [0, 1].
        before: The frame before it.
        original: The original's frame.
        original_before: The original's frame before it.
    """
    moves = (luma(original) - luma(original_before)).abs()
    still = F.avg_pool2d(moves, AREA, 1, AREA // 2, count_include_pad=False) < STILL
    if not bool(still.any()):
        return None
    return float((luma(frame) - luma(before)).abs()[still].mean() - moves[still].mean())


def warping_errors(
    frames: Sequence[Tensor], motion: Callable[[int, int], tuple[Tensor, Tensor]], apart: int = 1
) -> float:
    """Return E_warp of a video: the mean of `warping_error` over all pairs of frames at a given distance.

    Args:
        frames: Pixels (1, 3, H, W) in [0, 1].
        motion: Two frame numbers → the flow between them, and the visibility mask.
        apart: Frame distance: 1 as in the paper, or more, such as 10, for long-range stability.

    Source: Lai et al. 2018, arXiv:1808.00449.
    """
    pairs = [(first, first + apart) for first in range(len(frames) - apart)]
    errors = [warping_error(frames[a], frames[b], *motion(a, b)) for a, b in pairs]
    return fmean(errors) if errors else 0.0


def sharpness(frame: Tensor) -> float:
    """Return the mean gradient magnitude of luminance per pixel, which blurring reduces.

    Args:
        frame: Pixels (1, 3, H, W) in [0, 1].
    """
    gray = luma(frame)
    across, down = gray.diff(dim=3)[:, :, :-1], gray.diff(dim=2)[:, :, :, :-1]
    return float((across.square() + down.square()).sqrt().mean())
