"""Temporal smoothing: each stylized frame is blended with the previous one, warped by optical flow.

Related: Lai et al. 2018, arXiv:1808.00449, and Ruder et al. 2016, arXiv:1604.08610, which also constrain frames to the
warped previous one. Alternatives that were tried: docs/video.md.
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
from brushwork.video.keyframes import at_strength

__all__ = ["FrameWithFlow", "Motion", "TemporalSmoother", "starts_scene", "with_flow"]

ALIKE = 0.2  # color distance at which the previous frame's weight falls to a third
FOLLOWING = 3  # how many times faster the normalization statistics follow the video than the output does
LAG = 0.25  # how far they may stay behind, in deviations: motion stays below, a change of exposure far above
COLOR_LAG = 0.1  # likewise, for those of the colors: the whole picture's brightness is off by as much
BEHIND = 0.1  # how far a film may stay behind its keyframes, as a share of the way between two
SOFTENING = 1e-5  # added to variances, as instance normalization does
SHARPER = 2.0  # maximum gain for restoring detail lost by blending
GRID = 16  # side in pixels of the squares over which the loss of detail is measured
BANDS = 2  # detail bands: what is lost at half the size, and at a quarter
CUT_COLORS, CUT_SHARE = 0.25, 0.35  # scene cut: minimum brightness shift, and maximum share with reliable flow
SMALL = 96  # longer side in pixels at which brightness is compared
BINS = 32


@dataclass(frozen=True)
class Motion:
    """The motion between a frame and the previous one.

    Args:
        back: Flow from the frame to the previous one, (1, 2, H, W) in pixels.
        sure: Confidence that the previous content is still visible, (1, 1, H, W) in [0, 1].
        cut: Whether the frame starts another scene.
    """

    back: Tensor
    sure: Tensor
    cut: bool


@dataclass(frozen=True)
class FrameWithFlow:
    """A frame and its motion from the previous one; None for the first frame, or if motion wasn't requested."""

    frame: Frame
    motion: Motion | None


def with_flow(frames: Iterable[Frame], estimator: Estimator, before: Tensor | None = None) -> Iterator[FrameWithFlow]:
    """Yield frames with their motion.

    Args:
        frames: In order.
        estimator: Optical flow estimator.
        before: Pixels of the frame before the first one, if there is one.
    """
    for frame in frames:
        motion = None if before is None else motion_between(before, frame.pixels, estimator)
        yield FrameWithFlow(frame, motion)
        before = frame.pixels


def starts_scene(before: Tensor, now: Tensor, estimator: Estimator) -> bool:
    """Return the same as `motion_between(…).cut`, without estimating the motion where brightness rules out a cut."""
    return _brightness_shift(before, now) > CUT_COLORS and motion_between(before, now, estimator).cut


def motion_between(before: Tensor, now: Tensor, estimator: Estimator) -> Motion:
    """Return the motion from the previous frame to this one; both are pixels (1, 3, H, W) in [0, 1]."""
    back, forth = estimator(now, before), estimator(before, now)
    hidden = F.max_pool2d(1 - stays_visible(back, forth), 5, 2, 2)  # dilated slightly, with soft edges
    sure = (1 - F.avg_pool2d(hidden, 3, 1, 1)) * _alike(now, warp(before, back), 2)
    cut = float(sure.mean()) < CUT_SHARE and _brightness_shift(before, now) > CUT_COLORS
    return Motion(back, F.interpolate(sure, now.shape[2:], mode="bilinear"), cut)


def _alike(first: Tensor, second: Tensor, stride: int = 1) -> Tensor:
    """Return the color similarity of two frames at each position, (1, 1, H, W) in [0, 1]."""
    return torch.exp(-F.avg_pool2d((first - second).square().sum(1, keepdim=True), 5, stride, 2) / ALIKE**2)


def _brightness_shift(before: Tensor, now: Tensor) -> float:
    """Return how much the brightness distribution changes: half the L1 distance of the histograms, 0 to 1."""
    spread = [
        torch.histc(F.interpolate(frame.mean(1, keepdim=True), scale_factor=_shrinking(frame)), BINS, 0, 1)
        for frame in (before, now)
    ]
    first, second = (counts / counts.sum() for counts in spread)
    return float((first - second).abs().sum()) / 2


def _shrinking(frame: Tensor) -> float:
    return min(1.0, SMALL / max(frame.shape[2:]))


class TemporalSmoother:
    """Stylizes frames one after another without flicker.

    The previous output is kept only while the source still matches what it was painted for: small flow errors and
    gradual changes of light accumulate from frame to frame, and areas that no longer match are painted again.

    Args:
        method: A feed-forward method.
        smoothing: Weight of the previous frame where the flow is reliable: from 0 (frame by frame) to below 1.
    """

    def __init__(self, method: FrameMethod, smoothing: float) -> None:
        self.method, self.smoothing, self.kept = method, smoothing, smoothing
        self.moments: list[Moments] = []
        self.before: Tensor | None = None  # the previous stylized frame
        self.meant: Tensor | None = None  # the source frames it was painted for, blended in the same way

    @property
    def watches(self) -> bool:
        """Return whether it needs the motion between frames."""
        return self.smoothing > 0

    def paint(self, seen: FrameWithFlow, value: Any, change: float = 0.0) -> Tensor:
        """Return the stylized frame, (1, 3, H, W) in [0, 1].

        Args:
            seen: The frame and its motion.
            value: From `Styles.at`.
            change: How much of the way between two keyframes lies between this frame and the one before. A frame kept
                with weight w from one to the next stays w / (1 - w) frames behind.
        """
        pixels = seen.frame.pixels
        self.kept = min(self.smoothing, 1 / (1 + change / BEHIND))
        method, style = at_strength(self.method, value)
        if not self.smoothing:
            return method(pixels, style)  # type: ignore[no-any-return]
        if seen.motion is None or seen.motion.cut:
            self.moments, self.before, self.meant = [], None, None
        painted: Tensor = method.frame(pixels, style, self._answer)
        if self.before is None or self.meant is None or seen.motion is None:
            self.before, self.meant = painted, pixels
            return painted
        back = seen.motion.back
        brought, was = (warp(frame, back, mode="bicubic") for frame in (self.before, self.meant))
        weight = self.kept * seen.motion.sure * _alike(pixels, was)
        self.before = (painted + weight * (brought - painted)).clamp(0, 1)
        self.meant = pixels + weight * (was - pixels)
        return detailed(self.before, painted)  # not fed back into blending: sharpening would build up over time

    def _answer(self, stop: int, ask: StatisticsRequest) -> Moments:
        """Return this frame's moments, smoothed over previous frames to prevent brightness pumping.

        Fades, flashes and lightning are followed at once: the smoothed moments never lag more than `LAG` behind, those
        of the colors more than `COLOR_LAG`.
        """
        sums = Sums()
        sums.add(ask.features, ask.weights, products=ask.products)
        now = sums.moments(ask.features.device)
        if stop == len(self.moments):
            self.moments.append(now)
        else:
            last = self.moments[stop]
            lag = COLOR_LAG if ask.products else LAG
            keep = min(self.kept**FOLLOWING, lag / max(_apart(now, last), lag))
            self.moments[stop] = Moments(
                torch.lerp(now.mean, last.mean, keep), torch.lerp(now.variance, last.variance, keep)
            )
        return self.moments[stop]

    def state(self) -> dict[str, Tensor]:
        """Return the complete state needed to resume."""
        found = {} if self.before is None or self.meant is None else {"before": self.before, "meant": self.meant}
        for number, moments in enumerate(self.moments):
            found |= {f"{number}/mean": moments.mean, f"{number}/variance": moments.variance}
        return found

    def go_on(self, state: dict[str, Tensor]) -> None:
        """Resume from a saved `state`."""
        self.before, self.meant = state.get("before"), state.get("meant")
        count = sum(name.endswith("/mean") for name in state)
        device = self.method.device
        self.moments = [Moments(*(state[f"{k}/{of}"].to(device) for of in ("mean", "variance"))) for k in range(count)]


def _apart(now: Moments, last: Moments) -> float:
    """Return how far moments differ, as a mean over channels, in deviations of the present frame."""
    (mean, std), (mean_before, std_before) = (
        (moments.mean, (moments.variance + SOFTENING).sqrt()) for moments in (now, last)
    )
    return float((((mean - mean_before) / std).square() + (std / std_before).log().square()).mean().sqrt())


def detailed(blended: Tensor, painted: Tensor, bands: int = BANDS) -> Tensor:
    """Return a blended frame with about as much local detail as the painted frame.

    Args:
        blended: (1, 3, H, W) in [0, 1].
        painted: Likewise.
        bands: Number of detail bands: what is lost at half the size, at a quarter, ….
    """
    detail, coarse = _detail(blended)
    wanted, target = _detail(painted)
    gain = ((_energy(wanted) + 1e-6) / (_energy(detail) + 1e-6)).sqrt().clamp(1, SHARPER)
    result = blended + (F.interpolate(gain, blended.shape[2:], mode="bilinear") - 1) * detail
    if bands > 1:
        result = result + _enlarged(detailed(coarse, target, bands - 1) - coarse, blended)
    return result.clamp(0, 1)


def _detail(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the detail lost at half the size, and the image at half the size."""
    half = F.avg_pool2d(pixels, 2, ceil_mode=True, count_include_pad=False)
    return pixels - _enlarged(half, pixels), half


def _enlarged(pixels: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(pixels, like.shape[2:], mode="bilinear")


def _energy(detail: Tensor) -> Tensor:
    """Return the mean square over each square and the squares around it."""
    grid = F.avg_pool2d(detail.square().mean(1, keepdim=True), GRID, ceil_mode=True, count_include_pad=False)
    return F.avg_pool2d(F.pad(grid, (1, 1, 1, 1), mode="replicate"), 3, 1)
