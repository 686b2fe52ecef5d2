"""Frames that hold still where the film does: each is blended with the one before, brought to it by optical flow.

Related: Lai et al. 2018, arXiv:1808.00449, and Ruder et al. 2016, arXiv:1604.08610, where what the flow brings is held
on to as well. What was tried: docs/video.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.flow import Estimator, stays_visible, warp
from brushwork.io.films import Frame
from brushwork.methods.base import FrameMethod
from brushwork.tiling.tiles import Moments, StatisticsRequest, Sums

__all__ = ["FrameWithFlow", "Motion", "TemporalSmoother", "with_flow"]

ALIKE = 0.2  # distance of colors at which what was before counts a third of where it is the same
FOLLOWING = 3  # times as quickly as what is painted, the statistics it is painted with follow the film
SHARPER = 2.0  # times at most that detail is raised, where blending took some away
GRID = 16  # pixels of the squares in which that is seen
BANDS = 2  # of detail: what is lost at half the size, and at a quarter
CUT_COLORS, CUT_SHARE = 0.25, 0.35  # a cut: brightnesses that shift so much, and so little that can be followed
SMALL = 96  # pixels of the longer side, at which brightnesses are compared
BINS = 32


@dataclass(frozen=True)
class Motion:
    """How a frame follows from the one before.

    Args:
        back: The flow from it to the one before, (1, 2, H, W) in pixels.
        sure: How far what was there before is there still, (1, 1, H, W) in [0, 1].
        cut: Whether it begins another scene.
    """

    back: Tensor
    sure: Tensor
    cut: bool


@dataclass(frozen=True)
class FrameWithFlow:
    """A frame, and how it follows from the one before; None for the first one, or where nobody asked."""

    frame: Frame
    motion: Motion | None


def with_flow(frames: Iterable[Frame], estimator: Estimator, before: Tensor | None = None) -> Iterator[FrameWithFlow]:
    """Frames with their motion.

    Args:
        frames: In order.
        estimator: Of flow.
        before: The pixels of the frame before the first one, if there is one.
    """
    for frame in frames:
        motion = None if before is None else motion_between(before, frame.pixels, estimator)
        yield FrameWithFlow(frame, motion)
        before = frame.pixels


def motion_between(before: Tensor, now: Tensor, estimator: Estimator) -> Motion:
    """How a frame follows from the one before; both pixels (1, 3, H, W) in [0, 1]."""
    back, forth = estimator(now, before), estimator(before, now)
    hidden = F.max_pool2d(1 - stays_visible(back, forth), 5, 2, 2)  # a little more than that, and softly
    sure = (1 - F.avg_pool2d(hidden, 3, 1, 1)) * _alike(now, warp(before, back), 2)
    cut = float(sure.mean()) < CUT_SHARE and _brightness_shift(before, now) > CUT_COLORS
    return Motion(back, F.interpolate(sure, now.shape[2:], mode="bilinear"), cut)


def _alike(first: Tensor, second: Tensor, stride: int = 1) -> Tensor:
    """How far colors are the same here and there, (1, 1, H, W) in [0, 1]."""
    return torch.exp(-F.avg_pool2d((first - second).square().sum(1, keepdim=True), 5, stride, 2) / ALIKE**2)


def _brightness_shift(before: Tensor, now: Tensor) -> float:
    """How differently brightnesses are spread in two frames: half the L1 distance of their histograms, 0 to 1."""
    spread = [
        torch.histc(F.interpolate(frame.mean(1, keepdim=True), scale_factor=_shrinking(frame)), BINS, 0, 1)
        for frame in (before, now)
    ]
    first, second = (counts / counts.sum() for counts in spread)
    return float((first - second).abs().sum()) / 2


def _shrinking(frame: Tensor) -> float:
    return min(1.0, SMALL / max(frame.shape[2:]))


class TemporalSmoother:
    """Paints frames one after another, so that they hold still.

    What was painted before is held on to as long as the film shows what it was painted for: flow that is a little off,
    or light that slowly changes, adds up from frame to frame, and what no longer fits is painted anew.

    Args:
        method: Of one pass.
        smoothing: How much of the frame before stays where it can be followed: 0, frame by frame, to below 1.
    """

    def __init__(self, method: FrameMethod, smoothing: float) -> None:
        self.method, self.smoothing = method, smoothing
        self.moments: list[Moments] = []
        self.before: Tensor | None = None  # as it was painted
        self.meant: Tensor | None = None  # what the film showed when that was painted: blended likewise

    @property
    def watches(self) -> bool:
        """Whether it wants to know how frames follow from one another."""
        return self.smoothing > 0

    def paint(self, seen: FrameWithFlow, value: Any) -> Tensor:
        """The frame in the style, (1, 3, H, W) in [0, 1]."""
        pixels = seen.frame.pixels
        if not self.smoothing:
            return self.method(pixels, value)
        if seen.motion is None or seen.motion.cut:
            self.moments, self.before, self.meant = [], None, None
        painted = self.method.frame(pixels, value, self._answer)
        if self.before is None or self.meant is None or seen.motion is None:
            self.before, self.meant = painted, pixels
            return painted
        back = seen.motion.back
        brought, was = (warp(frame, back, mode="bicubic") for frame in (self.before, self.meant))
        weight = self.smoothing * seen.motion.sure * _alike(pixels, was)
        self.before = (painted + weight * (brought - painted)).clamp(0, 1)
        self.meant = pixels + weight * (was - pixels)
        return detailed(self.before, painted)  # which is not blended again: it would grow from frame to frame

    def _answer(self, stop: int, ask: StatisticsRequest) -> Moments:
        """The moments of this frame, drawn towards those of the frames before: brightness does not pump."""
        sums = Sums()
        sums.add(ask.features, ask.weights)
        now = sums.moments(ask.features.device)
        if stop == len(self.moments):
            self.moments.append(now)
        else:
            last, keep = self.moments[stop], self.smoothing**FOLLOWING
            self.moments[stop] = Moments(
                torch.lerp(now.mean, last.mean, keep), torch.lerp(now.variance, last.variance, keep)
            )
        return self.moments[stop]

    def state(self) -> dict[str, Tensor]:
        """All that decides how it goes on."""
        found = {} if self.before is None or self.meant is None else {"before": self.before, "meant": self.meant}
        for number, moments in enumerate(self.moments):
            found |= {f"{number}/mean": moments.mean, f"{number}/variance": moments.variance}
        return found

    def go_on(self, state: dict[str, Tensor]) -> None:
        """From what `state` gave."""
        self.before, self.meant = state.get("before"), state.get("meant")
        count = sum(name.endswith("/mean") for name in state)
        device = self.method.device
        self.moments = [Moments(*(state[f"{k}/{of}"].to(device) for of in ("mean", "variance"))) for k in range(count)]


def detailed(blended: Tensor, painted: Tensor, bands: int = BANDS) -> Tensor:
    """A blended frame with about as much detail, here and there, as it was painted with.

    Args:
        blended: (1, 3, H, W) in [0, 1].
        painted: Likewise.
        bands: Of detail: what is lost at half the size, at a quarter, ….
    """
    detail, coarse = _detail(blended)
    wanted, target = _detail(painted)
    gain = ((_energy(wanted) + 1e-6) / (_energy(detail) + 1e-6)).sqrt().clamp(1, SHARPER)
    result = blended + (F.interpolate(gain, blended.shape[2:], mode="bilinear") - 1) * detail
    if bands > 1:
        result = result + _enlarged(detailed(coarse, target, bands - 1) - coarse, blended)
    return result.clamp(0, 1)


def _detail(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """What is lost at half the size, and what is left there."""
    half = F.avg_pool2d(pixels, 2, ceil_mode=True, count_include_pad=False)
    return pixels - _enlarged(half, pixels), half


def _enlarged(pixels: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(pixels, like.shape[2:], mode="bilinear")


def _energy(detail: Tensor) -> Tensor:
    """Its mean square in squares and those around them."""
    grid = F.avg_pool2d(detail.square().mean(1, keepdim=True), GRID, ceil_mode=True, count_include_pad=False)
    return F.avg_pool2d(F.pad(grid, (1, 1, 1, 1), mode="replicate"), 3, 1)
