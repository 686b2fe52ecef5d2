"""Strokes of a painted frame, carried to other frames: along the flow, and by patch search where it leads nowhere.

Source: Jamriška et al. 2019, "Stylizing Video by Example" (SIGGRAPH); Fišer et al. 2017, "Example-Based Synthesis of
Stylized Facial Animations" (SIGGRAPH).
Differs: Strokes aren't searched again where they can be carried; docs/video.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import UsageError
from brushwork.flow import dis_flow, warp
from brushwork.video.smoothing import Motion
from brushwork.video.stroke_search import StrokeSearch, grid

__all__ = ["Carried", "StrokeCarrier"]

SMALLEST = 8  # pixels of a frame's shorter side: more than a patch
SURE = 0.5  # least confidence of the flow with which strokes are carried along it
ALIKE = 0.06  # color distance up to which they are carried in any case: in foliage and water, flow is never sure
DRIFT = 0.15  # color distance from which a place no longer shows what its strokes were painted for
TOLERANCE = 1.0  # share of the film's local contrast that is no difference: what a pixel's displacement makes
REACH = 2.0  # pixels up to which drift is taken back; what is farther is another thing
FOLLOWING = 0.05  # share with which that comparison follows the film, so that changing light isn't taken for drift
SEAM = 1.5  # pixels from which the paint of neighboring pixels is from different places
TORN = 1.0  # pixels by which it may be apart within a stroke, on average: half a stroke's width more or less
EDGE = 1.0  # pixels outside the painted frame from which a place is lost
AROUND = 7  # side in pixels of the squares over which tears are measured
FOUND = 0.5  # doubt of strokes that were searched


@dataclass(frozen=True)
class Carried:
    """A frame to which strokes were carried.

    Args:
        painted: (1, 3, H, W) in [0, 1].
        doubt: How doubtful its strokes are, (1, 1, H, W) in [0, 1]: 0 in a painted frame itself.
    """

    painted: Tensor
    doubt: Tensor


class StrokeCarrier:
    """Carries the strokes of a painted frame from frame to frame.

    Each pixel has an offset: from itself to the place in the painted frame that its paint is from. Offsets move along
    the flow. Where something comes into view, has moved away from its strokes or would tear them apart, patch search
    finds new ones. Each frame is the painted one, sampled once, so that nothing blurs.

    Args:
        seed: Of the patch search.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed, self._estimator = seed, dis_flow()  # its own: two threads can't use the same
        self._tensors: dict[str, Tensor] = {}
        self._search: StrokeSearch | None = None

    def begin(self, film: Tensor, painted: Tensor) -> Carried:
        """Begin with a painted frame; both are (1, 3, H, W) in [0, 1].

        Raises:
            UsageError: The frame is smaller than a patch.
        """
        if min(film.shape[2:]) < SMALLEST:
            raise UsageError(f"frames to paint after others need at least {SMALLEST} pixels a side")
        offsets, doubt = film.new_zeros(1, 2, *film.shape[2:]), film.new_zeros(1, 1, *film.shape[2:])
        start = {"film": film, "painted": painted, "offsets": offsets, "meant": film, "doubt": doubt}
        self.go_on(start | {"number": torch.zeros(1, dtype=torch.int64)})
        return Carried(painted, doubt)

    def carry(self, film: Tensor, motion: Motion) -> Carried:
        """Carry the strokes on to the next frame.

        Args:
            film: Its source, (1, 3, H, W) in [0, 1].
            motion: Its motion from the frame before.
        """
        assert self._search is not None
        old = self._tensors
        number = old["number"] + 1
        offsets, meant = _moved(old["offsets"], motion.back), warp(old["meant"], motion.back, mode="bicubic")
        # Errors of the flow add up from frame to frame; what is left between the frames' own pictures takes them back.
        drift = self._estimator(film, warp(old["film"], offsets))
        drift = drift * (drift.square().sum(1, keepdim=True) < REACH**2)
        offsets, meant = _moved(offsets, drift), warp(meant, drift, mode="bicubic")
        lost = _lost(film, meant, offsets, motion)
        doubt = warp(old["doubt"], motion.back)
        self._tensors = old | {
            "offsets": self._search.filled(film, offsets, lost, self._seed + int(number)),
            "meant": torch.where(lost, film, meant + FOLLOWING * (film - meant)),
            "number": number,
            "doubt": torch.where(lost, doubt.clamp(min=FOUND), doubt),
        }
        return Carried(_sampled(old["painted"], self._tensors["offsets"]), self._tensors["doubt"])

    def state(self) -> dict[str, Tensor]:
        """Return all that decides the next frame."""
        return dict(self._tensors)

    def go_on(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a saved `state`."""
        self._tensors = dict(state)
        self._search = StrokeSearch(state["film"], state["painted"])


def _lost(film: Tensor, meant: Tensor, offsets: Tensor, motion: Motion) -> Tensor:
    """Return where strokes can't be carried along the flow, (1, 1, H, W) bool."""
    apart = F.avg_pool2d((film - meant).square().sum(1, keepdim=True), 5, 1, 2, count_include_pad=False)
    mean, square = (F.avg_pool2d(x, 5, 1, 2, count_include_pad=False) for x in (film, film.square()))
    contrast = (square - mean.square()).sum(1, keepdim=True)
    apart = apart - TOLERANCE * contrast.clamp(min=0)
    astray = (apart > DRIFT**2) | ((apart > ALIKE**2) & (motion.sure < SURE))
    spread = _spread(offsets)
    torn = F.avg_pool2d(spread * (spread < 2 * SEAM), AROUND, 1, AROUND // 2) > TORN
    height, width = film.shape[2:]
    places, most = grid(height, width) + offsets, film.new_tensor([width, height]).view(1, 2, 1, 1) - 1
    outside = ((places < -EDGE) | (places > most + EDGE)).any(1, keepdim=True)
    return F.avg_pool2d((astray | torn | outside).float(), 5, 1, 2, count_include_pad=False) > 0.3  # no specks


def _moved(offsets: Tensor, back: Tensor) -> Tensor:
    """Return offsets moved along the flow; those of strokes from different places aren't mixed."""
    smooth, sharp = (warp(offsets, back, mode=mode) for mode in ("bilinear", "nearest"))
    seam = warp((_spread(offsets) > SEAM).float(), back) > 0
    return torch.where(seam, sharp, smooth) + back


def _spread(offsets: Tensor) -> Tensor:
    """Return how far the offsets around each pixel are apart, (1, 1, H, W) in pixels."""
    high, low = F.max_pool2d(offsets, 3, 1, 1), -F.max_pool2d(-offsets, 3, 1, 1)
    return (high - low).amax(1, keepdim=True)


def _sampled(painted: Tensor, offsets: Tensor) -> Tensor:
    """Return the painted frame sampled at offsets; where strokes meet, the mean of those of the pixels around."""
    height, width = offsets.shape[2:]
    result = warp(painted, offsets, mode="bicubic", outside="reflection")
    y, x = (_spread(offsets)[0, 0] > SEAM).nonzero(as_tuple=True)
    if not len(x):
        return result.clamp(0, 1)
    around = F.pad(offsets, (1, 1, 1, 1), mode="replicate")[0]
    total = torch.zeros(3, len(x))
    for down in range(3):
        for right in range(3):
            at = torch.stack([x, y], 1) + around[:, y + down, x + right].T
            places = (2 * at + 1) / torch.tensor([width, height]) - 1
            total += F.grid_sample(
                painted, places[None, None], mode="bicubic", padding_mode="reflection", align_corners=False
            )[0, :, 0]
    result[0, :, y, x] = total / 9
    return result.clamp(0, 1)
