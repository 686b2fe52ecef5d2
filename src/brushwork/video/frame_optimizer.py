"""Optimize frames one after another, each constrained to its neighbors along the optical flow.

Source: Ruder, Dosovitskiy and Brox 2016, "Artistic Style Transfer for Videos", arXiv:1604.08610; 2018, IJCV,
arXiv:1708.04538. Deviations: docs/video.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from brushwork.flow import Estimator, motion_boundaries, stays_visible, warp
from brushwork.losses.temporal import long_term_weights, pass_start, temporal_loss
from brushwork.methods import Method

__all__ = ["DISTANCES", "FrameOptimizer", "StylizedFrame"]

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
    """

    def __init__(self, method: Method, weight: float, estimator: Estimator) -> None:
        self.method, self.weight, self.estimator = method, weight, estimator

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
        if not neighbors:
            return self.method(film, value) if before is None else before
        held = [self._brought(film, neighbors[apart]) for apart in sorted(neighbors)]
        nearest, sure = held[0]
        # The paper's first pass starts from the previous frame everywhere; here, disoccluded areas start from the film.
        start = sure * nearest + (1 - sure) * film if before is None else pass_start(before, nearest, sure)
        weights = [weight.to(self.method.device) for weight in long_term_weights([weight for _, weight in held])]
        brought = [frame.to(self.method.device) for frame, _ in held]

        def temporal(picture: Tensor) -> dict[str, Tensor]:
            terms = [temporal_loss(picture, frame, weight) for frame, weight in zip(brought, weights, strict=True)]
            return {"temporal": self.weight * torch.stack(terms).sum()}

        result: Tensor = self.method(film, value, init=start.clamp(0, 1), extra_loss=temporal)  # type: ignore[call-arg]
        return result

    def _brought(self, film: Tensor, neighbor: StylizedFrame) -> tuple[Tensor, Tensor]:
        """Return a stylized neighbor warped along the flow, and where it is reliable."""
        back, forth = self.estimator(film, neighbor.film), self.estimator(neighbor.film, film)
        return warp(neighbor.painted, back), stays_visible(back, forth) * (1 - motion_boundaries(back))
