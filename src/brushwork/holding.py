"""Frames optimized one after another, each held to those before it along the optical flow.

Source: Ruder, Dosovitskiy and Brox 2016, "Artistic Style Transfer for Videos", arXiv:1604.08610. Departures:
docs/video.md.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import torch
from torch import Tensor

from brushwork.flow import Estimator, motion_boundaries, stays_visible, warp
from brushwork.losses.temporal import long_term_weights, temporal_loss
from brushwork.methods import Method
from brushwork.steadying import Seen

__all__ = ["DISTANCES", "Held"]

DISTANCES = (1, 2, 4)  # frames before by which one is held; the paper's J


class Held:
    """Paints frames one after another by optimization, held to those before.

    Args:
        method: Takes a first picture and a further loss: Gatys et al.'s.
        weight: Of the mean squared distance to the frames before, colors in [0, 1].
        estimator: Of optical flow.
        distances: To which frames before.
    """

    def __init__(
        self, method: Method, weight: float, estimator: Estimator, distances: tuple[int, ...] = DISTANCES
    ) -> None:
        self.method, self.weight, self.estimator, self.distances = method, weight, estimator, distances
        self.past: deque[tuple[Tensor, Tensor]] = deque(maxlen=max(distances))  # of the film, and as it was painted

    @property
    def watches(self) -> bool:
        """Whether it wants to know how frames follow from one another."""
        return self.weight > 0

    def paint(self, seen: Seen, value: Any) -> Tensor:
        """The frame in the style, (1, 3, H, W) in [0, 1]."""
        pixels = seen.frame.pixels
        if seen.motion is None or seen.motion.cut:
            self.past.clear()
        held = [self._brought(pixels, *self.past[-apart]) for apart in self.distances if apart <= len(self.past)]
        painted = self._held(pixels, value, held) if held else self.method(pixels, value)
        self.past.append((pixels, painted))
        return painted

    def _brought(self, pixels: Tensor, film: Tensor, painted: Tensor) -> tuple[Tensor, Tensor]:
        """An earlier painted frame along the flow, and where it can be relied on."""
        back, forth = self.estimator(pixels, film), self.estimator(film, pixels)
        return warp(painted, back), stays_visible(back, forth) * (1 - motion_boundaries(back))

    def _held(self, pixels: Tensor, value: Any, held: list[tuple[Tensor, Tensor]]) -> Tensor:
        weights = [weight.to(self.method.device) for weight in long_term_weights([weight for _, weight in held])]
        brought = [frame.to(self.method.device) for frame, _ in held]
        # The paper starts from the frame before everywhere; what it doesn't show is taken from the film instead.
        nearest, sure = held[0]
        start = sure * nearest + (1 - sure) * pixels

        def temporal(picture: Tensor) -> dict[str, Tensor]:
            terms = [temporal_loss(picture, frame, weight) for frame, weight in zip(brought, weights, strict=True)]
            return {"temporal": self.weight * torch.stack(terms).sum()}

        result: Tensor = self.method(pixels, value, init=start.clamp(0, 1), extra_loss=temporal)  # type: ignore[call-arg]
        return result

    def state(self) -> dict[str, Tensor]:
        """All that decides how it goes on."""
        names = ("film", "painted")
        return {
            f"{number}/{name}": frame
            for number, pair in enumerate(self.past)
            for name, frame in zip(names, pair, strict=True)
        }

    def go_on(self, state: dict[str, Tensor]) -> None:
        """From what `state` gave."""
        self.past.clear()
        for number in range(len(state) // 2):
            self.past.append((state[f"{number}/film"], state[f"{number}/painted"]))
