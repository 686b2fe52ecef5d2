"""Optical flow: estimation, warping and occlusion.

A flow is a tensor (1, 2, H, W) in pixels, x before y: the point at p in the first frame is at p + flow(p) in the
second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.color import luma

__all__ = ["Estimator", "dis_flow", "motion_boundaries", "resized_flow", "stays_visible", "tvl1_flow", "warp"]

Estimator: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def warp(pixels: Tensor, flow: Tensor, *, mode: str = "bilinear", outside: str = "border") -> Tensor:
    """Warp pixels backward: the result at p is `pixels` at p + flow(p).

    The second frame, warped by the flow from the first to the second, looks like the first.

    Args:
        pixels: (1, C, H, W).
        flow: (1, 2, H, W) in pixels.
        mode: "bilinear", or "bicubic", which preserves more detail under repeated warping.
        outside: What is outside the frame: "border", its outermost pixels, or "reflection".

    Returns:
        (1, C, H, W).

    >>> right = torch.zeros(1, 2, 1, 3)
    >>> right[:, 0] = 1
    >>> warp(torch.tensor([[[[1.0, 2.0, 3.0]]]]), right).flatten()
    tensor([2., 3., 3.])
    """
    height, width = flow.shape[2:]
    y, x = (torch.arange(side, dtype=flow.dtype, device=flow.device) for side in (height, width))
    # grid_sample expects coordinates in [-1, 1], from the outer edge of the first pixel to that of the last.
    across = (2 * (x + flow[:, 0]) + 1) / width - 1
    down = (2 * (y[:, None] + flow[:, 1]) + 1) / height - 1
    places = torch.stack([across, down], 3).to(pixels.dtype)
    return F.grid_sample(pixels, places, mode=mode, padding_mode=outside, align_corners=False)


def stays_visible(forward: Tensor, backward: Tensor) -> Tensor:
    """Forward-backward consistency check: 1 where a point is neither occluded in the other frame nor outside it.

    Args:
        forward: The flow from this frame to the other one, (1, 2, H, W).
        backward: The flow from the other frame to this one.

    Returns:
        (1, 1, H, W) of 0 and 1.

    Source: Sundaram, Brox and Keutzer 2010, "Dense point trajectories by GPU-accelerated large displacement optical
        flow", as used by Ruder et al. 2016, arXiv:1604.08610, section 4.2.
    """
    back = warp(backward, forward)
    apart = _square(forward + back)
    agree = apart <= 0.01 * (_square(forward) + _square(back)) + 0.5
    return (agree & _inside(forward)).to(forward.dtype)


def motion_boundaries(flow: Tensor) -> Tensor:
    """Return the motion boundaries of a flow, (1, 1, H, W) of 0 and 1.

    Source: Ruder et al. 2016, arXiv:1604.08610, section 4.2.
    """
    down = F.pad(flow.diff(dim=2), (0, 0, 0, 1))
    across = F.pad(flow.diff(dim=3), (0, 1, 0, 0))
    return (_square(down) + _square(across) > 0.01 * _square(flow) + 0.002).to(flow.dtype)


def resized_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a flow to frames of another (width, height), and scale its vectors accordingly."""
    height, width = flow.shape[2:]
    if (width, height) == size:
        return flow
    resized = F.interpolate(flow, size[::-1], mode="bilinear", align_corners=False)
    return resized * flow.new_tensor([size[0] / width, size[1] / height]).view(1, 2, 1, 1)


def dis_flow(preset: str = "fast", *, pixels: int = 640 * 360) -> Estimator:
    """Return a flow estimator that needs no weights: OpenCV's Dense Inverse Search.

    Args:
        preset: "ultrafast", "fast" or "medium", from fast to accurate.
        pixels: Larger frames are downscaled to this number of pixels.

    Returns:
        A function from two frames, pixels (1, 3, H, W) in [0, 1], to the flow from the first to the second.

    Source: Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search", arXiv:1603.03590.
    """
    import cv2

    search: Any = getattr(cv2, "DISOpticalFlow_create")(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset.upper()}"))  # noqa: B009 - missing in its types

    def estimate(first: Tensor, second: Tensor) -> Tensor:
        height, width = first.shape[2:]
        factor = min(1.0, math.sqrt(pixels / (height * width)))
        size = max(16, round(width * factor)), max(16, round(height * factor))
        small = [_gray(frame, size).numpy() for frame in (first, second)]
        found = torch.from_numpy(search.calc(small[0], small[1], None))
        return resized_flow(found.permute(2, 0, 1)[None].contiguous(), (width, height)).to(first.device)

    return estimate


def tvl1_flow(*, shrink: int = 2) -> Estimator:
    """Return a flow estimator for evaluation, TV-L1, which minimizes another energy than the one used for blending.

    Args:
        shrink: Frames are downscaled by this factor.

    Source: Zach, Pock and Bischof 2007, "A Duality Based Approach for Realtime TV-L1 Optical Flow".
    """

    @torch.no_grad()
    def estimate(first: Tensor, second: Tensor) -> Tensor:
        height, width = first.shape[2:]
        size = max(16, width // shrink), max(16, height // shrink)
        levels = [_pyramid(_gray(frame, size).float()[None, None] / 255) for frame in (first, second)]
        flow = torch.zeros(1, 2, *levels[0][-1].shape[2:])
        for one, other in zip(*(reversed(pyramid) for pyramid in levels), strict=True):
            flow = _tvl1(one, other, resized_flow(flow, (one.shape[3], one.shape[2])).contiguous())
        return resized_flow(flow, (width, height)).to(first.device)

    return estimate


# The attachment fits real videos best, ten frames apart: docs/video.md. The others are scikit-image's.
ATTACHMENT, TIGHTNESS, STEP = 30.0, 0.3, 0.25
WARPS, ITERATIONS, DUAL_ITERATIONS, TOLERANCE = 10, 10, 2, 1e-4
SMALLEST = 32  # pixels of the shorter side of the coarsest level, at most


def _pyramid(gray: Tensor) -> list[Tensor]:
    """Return a picture (1, 1, H, W) and its halves, from fine to coarse."""
    levels = [gray]
    while min(levels[-1].shape[2:]) > SMALLEST:
        levels.append(F.interpolate(levels[-1], scale_factor=0.5, mode="bilinear", antialias=True))
    return levels


def _tvl1(first: Tensor, second: Tensor, flow: Tensor) -> Tensor:
    """Improve a flow (1, 2, H, W) between two gray pictures (1, 1, H, W) at one size.

    Zach et al. 2007, section 3: the data term by thresholding, the total variation by Chambolle's dual iteration.
    """
    across, down = torch.zeros(2, *flow.shape)  # of the flow; zero in the last column and row
    dual_across, dual_down = torch.zeros(2, *flow.shape)
    for _ in range(WARPS):
        before, warped = flow, warp(second, flow)
        slope = torch.cat(torch.gradient(warped, dim=(3, 2)), 1)
        norm = slope.square().sum(1, keepdim=True)
        norm[norm == 0] = 1
        rest = warped - first - (slope * flow).sum(1, keepdim=True)
        for _ in range(ITERATIONS):
            off = (rest + (slope * flow).sum(1, keepdim=True)).div_(norm)
            fitted = flow - off.clamp_(-ATTACHMENT * TIGHTNESS, ATTACHMENT * TIGHTNESS) * slope
            flow = fitted
            for _ in range(DUAL_ITERATIONS):
                torch.sub(flow[..., 1:], flow[..., :-1], out=across[..., :-1])
                torch.sub(flow[..., 1:, :], flow[..., :-1, :], out=down[..., :-1, :])
                length = (across * across).addcmul_(down, down).sqrt_()  # several times faster than hypot
                shrunk = length.mul_(STEP / TIGHTNESS).add_(1)
                dual_across.sub_(across, alpha=STEP).div_(shrunk)
                dual_down.sub_(down, alpha=STEP).div_(shrunk)
                flow = (fitted - dual_across).sub_(dual_down)
                flow[..., 1:] += dual_across[..., :-1]
                flow[..., 1:, :] += dual_down[..., :-1, :]
        if float((flow - before).square().sum()) < TOLERANCE * first.numel():
            break
    return flow


def _gray(frame: Tensor, size: tuple[int, int]) -> Tensor:
    """Return luma as bytes, (height, width)."""
    gray = F.interpolate(luma(frame), size[::-1], mode="area")
    return gray[0, 0].mul(255).round().to(torch.uint8).cpu()


def _square(flow: Tensor) -> Tensor:
    return flow.square().sum(1, keepdim=True)


def _inside(flow: Tensor) -> Tensor:
    """Return where a flow ends within the frame."""
    height, width = flow.shape[2:]
    y, x = (torch.arange(side, dtype=flow.dtype, device=flow.device) for side in (height, width))
    across, down = x + flow[:, 0], y[:, None] + flow[:, 1]
    return ((across >= 0) & (across <= width - 1) & (down >= 0) & (down <= height - 1))[:, None]
