"""Frames that are optimized one after another, each held to its neighbors along the optical flow.

Source: Ruder, Dosovitskiy and Brox 2016, "Artistic Style Transfer for Videos", arXiv:1604.08610; 2018, IJCV,
arXiv:1708.04538. Departures: docs/video.md.
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

DISTANCES = (1, 2, 4)  # frames away by which one is held; the paper's J


@dataclass(frozen=True)
class StylizedFrame:
    """A frame of the film, and as it was painted, both (1, 3, H, W) in [0, 1]."""

    film: Tensor
    painted: Tensor


class FrameOptimizer:
    """Paints frames by optimization, held to neighbors that are painted already.

    Args:
        method: Takes a first picture and a further loss: Gatys et al.'s.
        weight: Of the mean squared distance to the neighbors, colors in [0, 1].
        estimator: Of optical flow.
    """

    def __init__(self, method: Method, weight: float, estimator: Estimator) -> None:
        self.method, self.weight, self.estimator = method, weight, estimator

    def paint(
        self, film: Tensor, value: Any, neighbors: Mapping[int, StylizedFrame], before: Tensor | None = None
    ) -> Tensor:
        """A frame in the style, (1, 3, H, W) in [0, 1].

        Args:
            film: The frame, (1, 3, H, W) in [0, 1].
            value: The style.
            neighbors: By how many frames away they are, those of this pass.
            before: The frame after the last pass, in a further one; without neighbors it stays as it is.
        """
        if not neighbors:
            return self.method(film, value) if before is None else before
        held = [self._brought(film, neighbors[apart]) for apart in sorted(neighbors)]
        nearest, sure = held[0]
        # The paper's first pass starts from the frame before everywhere; what that doesn't show, the film does here.
        start = sure * nearest + (1 - sure) * film if before is None else pass_start(before, nearest, sure)
        weights = [weight.to(self.method.device) for weight in long_term_weights([weight for _, weight in held])]
        brought = [frame.to(self.method.device) for frame, _ in held]

        def temporal(picture: Tensor) -> dict[str, Tensor]:
            terms = [temporal_loss(picture, frame, weight) for frame, weight in zip(brought, weights, strict=True)]
            return {"temporal": self.weight * torch.stack(terms).sum()}

        result: Tensor = self.method(film, value, init=start.clamp(0, 1), extra_loss=temporal)  # type: ignore[call-arg]
        return result

    def _brought(self, film: Tensor, neighbor: StylizedFrame) -> tuple[Tensor, Tensor]:
        """A painted neighbor along the flow, and where it can be relied on."""
        back, forth = self.estimator(film, neighbor.film), self.estimator(neighbor.film, film)
        return warp(neighbor.painted, back), stays_visible(back, forth) * (1 - motion_boundaries(back))
