"""How steady and how sharp a film is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from torch import Tensor

from brushwork.color import luma
from brushwork.flow import warp

__all__ = ["sharpness", "warping_error", "warping_errors"]

FAR = 10  # frames apart, for what holds over a longer time


def warping_error(frame: Tensor, other: Tensor, flow: Tensor, visible: Tensor) -> float:
    """How much a frame differs from another one that is brought to it by the flow, where both see the same.

    Args:
        frame: Pixels (1, 3, H, W) in [0, 1].
        other: Likewise.
        flow: From the frame to the other one, (1, 2, H, W) in pixels.
        visible: Where what the frame shows is seen in the other one too, (1, 1, H, W) of 0 and 1.

    Returns:
        Mean squared distance of colors over what is visible; 0 where nothing is.

    Source: Lai et al. 2018, arXiv:1808.00449.
    """
    apart = (frame - warp(other, flow)).square().sum(1, keepdim=True)
    return float((visible * apart).sum() / visible.sum().clamp_min(1))


def warping_errors(
    frames: Sequence[Tensor], motion: Callable[[int, int], tuple[Tensor, Tensor]], apart: int = 1
) -> float:
    """E_warp of a film: the mean of `warping_error` over frames that are so many apart.

    Args:
        frames: Pixels (1, 3, H, W) in [0, 1].
        motion: Numbers of two frames → the flow between them, and what stays visible.
        apart: 1 as in the paper, or more, such as 10, for what holds over a longer time.

    Source: Lai et al. 2018, arXiv:1808.00449.
    """
    pairs = [(first, first + apart) for first in range(len(frames) - apart)]
    errors = [warping_error(frames[a], frames[b], *motion(a, b)) for a, b in pairs]
    return fmean(errors) if errors else 0.0


def sharpness(frame: Tensor) -> float:
    """Mean length of the gradient of luminance, per pixel: what blurring takes away.

    Args:
        frame: Pixels (1, 3, H, W) in [0, 1].
    """
    gray = luma(frame)
    across, down = gray.diff(dim=3)[:, :, :-1], gray.diff(dim=2)[:, :, :, :-1]
    return float((across.square() + down.square()).sqrt().mean())
