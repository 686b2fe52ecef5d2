"""Metrics of temporal stability and sharpness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from torch import Tensor

from brushwork.color import luma
from brushwork.flow import warp

__all__ = ["sharpness", "warping_error", "warping_errors"]

FAR = 10  # frame distance for long-range stability


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
