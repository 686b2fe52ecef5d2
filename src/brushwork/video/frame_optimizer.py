"""Optimize frames one after another, each constrained to its neighbors along the optical flow.

Source: Ruder, Dosovitskiy and Brox 2016, "Artistic Style Transfer for Videos", arXiv:1604.08610; 2018, IJCV,
arXiv:1708.04538. Deviations: docs/video.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from brushwork.flow import Estimator, motion_boundaries, stays_visible, warp
from brushwork.losses.temporal import long_term_weights, pass_start, temporal_loss
from brushwork.methods import Method
from brushwork.video.keyframes import StyleAtStrength

__all__ = ["DISTANCES", "FrameOptimizer", "StylizedFrame"]

HELD = 0.25  # share of the previous frame itself where it is reliable: steadier, and its errors fade
DISTANCES = (1, 2, 4)  # distances in frames of the neighbors that constrain a frame; the paper's J


@dataclass(frozen=True)
class StylizedFrame:
    """A frame of the source video and its stylized version, both (1, 3, H, W) in [0, 1]."""

    film: Tensor
    painted: Tensor


class FrameOptimizer:
    """Stylizes frames by optimization, constrained to neighbors that are already stylized.

    Args:
        method: Must accept an initial image and an additional loss: Gatys et al.'s.
        weight: Weight of the mean squared distance to the neighbors, for colors in [0, 1].
        estimator: Optical flow estimator.
        steps: Steps for a frame with neighbors; None: the method's own number.
    """

    def __init__(self, method: Method, weight: float, estimator: Estimator, steps: int | None = None) -> None:
        self.method, self.weight, self.estimator = method, weight, estimator
        self.later: Any = method if steps is None else method.for_later_frames(steps)  # type: ignore[attr-defined]
        self.carries_change = getattr(method.settings, "carry", "result") == "change"

    def paint(
        self, film: Tensor, value: Any, neighbors: Mapping[int, StylizedFrame], before: Tensor | None = None
    ) -> Tensor:
        """Return the stylized frame, (1, 3, H, W) in [0, 1].

        Args:
            film: The source frame, (1, 3, H, W) in [0, 1].
            value: The style.
            neighbors: Stylized neighbors from this pass, by their distance in frames.
            before: The result of the previous pass, if there was one; returned unchanged if there are no neighbors.
        """
        if isinstance(value, StyleAtStrength):
            return self._at(value.strength).paint(film, value.style, neighbors, before)
        if not neighbors:
            return self.method(film, value) if before is None else before
        nearest = neighbors[min(neighbors)]
        back = self.estimator(film, nearest.film)
        if self.carries_change:
            neighbors = {min(neighbors): nearest}  # whose change holds those of earlier frames
        held = [
            self._brought(film, neighbor, back if neighbor is nearest else self.estimator(film, neighbor.film))
            for _, neighbor in sorted(neighbors.items())
        ]
        brought, sure = held[0]
        if before is not None:
            start = pass_start(before, brought, sure)
        elif self.carries_change:
            start = self._with_change(film, value, nearest, back)
            start += HELD * sure * (brought - start)
        else:
            # The paper starts from the previous frame everywhere; here, disoccluded areas start from the film.
            start = sure * brought + (1 - sure) * film
        return self._optimized(film, value, start.clamp(0, 1), held)

    def _at(self, strength: float) -> FrameOptimizer:
        """Return this optimizer at another strength."""
        other = copy(self)
        method: Any = self.method
        other.method, other.later = method.with_strength(strength), self.later.with_strength(strength)
        return other

    def _optimized(self, film: Tensor, value: Any, start: Tensor, held: list[tuple[Tensor, Tensor]]) -> Tensor:
        weights = [weight.to(self.method.device) for weight in long_term_weights([weight for _, weight in held])]
        brought = [frame.to(self.method.device) for frame, _ in held]

        def temporal(picture: Tensor) -> dict[str, Tensor]:
            terms = [temporal_loss(picture, frame, weight) for frame, weight in zip(brought, weights, strict=True)]
            return {"temporal": self.weight * torch.stack(terms).sum()}

        result: Tensor = self.later(film, value, init=start, extra_loss=temporal)
        return result

    def _with_change(self, film: Tensor, value: Any, neighbor: StylizedFrame, back: Tensor) -> Tensor:
        """Return the frame's initial image plus the neighbor's change from its own, warped: (1, 3, H, W).

        The frame has its own detail everywhere, and strokes where the neighbor shows something else.
        """
        change = neighbor.painted - self.later.initial(neighbor.film, value)
        return self.later.initial(film, value) + warp(change, back, mode="bicubic", outside="reflection")  # type: ignore[no-any-return]

    def _brought(self, film: Tensor, neighbor: StylizedFrame, back: Tensor) -> tuple[Tensor, Tensor]:
        """Return a stylized neighbor warped along the flow to it, and where it is reliable."""
        forth = self.estimator(neighbor.film, film)
        mode = "bicubic" if self.carries_change else "bilinear"  # a few steps don't make up for what blur takes
        sure = stays_visible(back, forth) * (1 - motion_boundaries(back))
        return warp(neighbor.painted, back, mode=mode), sure
