"""Optimizing a picture from coarse to fine: each scale starts from the one before, enlarged."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from brushwork.image import resize
from brushwork.optimization import Objective, PixelOptimizer
from brushwork.progress import Progress, Step

__all__ = ["SMALLEST", "Pyramid", "Scale", "plan_scales"]

COARSEST = 128  # longer side at which the pyramid begins; below it a painting's strokes are gone
SMALLEST = 32  # relu5_1 sees a sixteenth of the picture: two positions each way
FINER = 0.6  # each scale gets this share of the steps of the one before: small pictures take most of them

Size = tuple[int, int]


@dataclass(frozen=True)
class Scale:
    """One level of the pyramid: width and height in pixels, and optimization steps."""

    width: int
    height: int
    steps: int

    @property
    def work(self) -> int:
        """Steps times pixels, to which the time is proportional."""
        return self.steps * self.width * self.height


def plan_scales(width: int, height: int, steps: int, count: int = 0) -> list[Scale]:
    """The pyramid: each scale twice the one before, most steps where they are cheap.

    Args:
        width: Of the result, in pixels.
        height: Of the result.
        steps: In all, at least 1.
        count: Number of scales; 0 chooses as many as fit above 128 px. Never more than steps, nor so many that the
            shorter side falls below 32 px.

    >>> [(s.width, s.steps) for s in plan_scales(512, 384, steps=98)]
    [(128, 50), (256, 30), (512, 18)]
    """
    if not count:
        count = 1
        while max(width, height) / 2**count >= COARSEST:
            count += 1
    count = min(count, steps)
    while count > 1 and min(width, height) / 2 ** (count - 1) < SMALLEST:
        count -= 1
    shares = [FINER**level for level in range(count)]
    split = [max(1, round(steps * share / sum(shares))) for share in shares]
    split[0] = max(1, split[0] + steps - sum(split))
    factors = [0.5 ** (count - 1 - level) for level in range(count)]
    return [
        Scale(max(1, round(width * factor)), max(1, round(height * factor)), n)
        for factor, n in zip(factors, split, strict=True)
    ]


class Pyramid:
    """One picture on its way from coarse to fine.

    Args:
        scales: From `plan_scales`.
        first: Size → the picture to start from at the coarsest scale, (1, 3, H, W) in [0, 1].
        objective: Size → the loss at that size.
        kind: "lbfgs" or "adam".
        rate: Learning rate; 0 chooses.
        progress: Called after each step.
    """

    def __init__(
        self,
        scales: list[Scale],
        first: Callable[[Size], Tensor],
        objective: Callable[[Size], Objective],
        *,
        kind: str,
        rate: float = 0.0,
        progress: Progress | None = None,
    ) -> None:
        self.scales, self.first, self.objective = scales, first, objective
        self.kind, self.rate, self.progress = kind, rate, progress
        self.optimizer: PixelOptimizer | None = None
        self.steps_done, self.work_done, self.started = 0, 0, time.perf_counter()

    def run(self) -> Tensor:
        """The result, of the last scale's size.

        Raises:
            BrushworkError: The loss is not a number from the start.
        """
        for scale in self.scales:
            size = (scale.width, scale.height)
            start = self.first(size) if self.optimizer is None else resize(self.optimizer.best_pixels, size)
            self.optimizer = PixelOptimizer(
                start, self.objective(size), kind=self.kind, rate=self.rate, warm=self.optimizer
            )
            for _ in range(scale.steps):
                self._report(scale, *self.optimizer.step())
        assert self.optimizer is not None  # there is at least one scale
        return self.optimizer.best_pixels

    def best(self) -> Tensor | None:
        """The best picture so far, at the result's size; None before the first step."""
        if self.optimizer is None:
            return None
        return resize(self.optimizer.best_pixels, (self.scales[-1].width, self.scales[-1].height))

    def _report(self, scale: Scale, loss: float, terms: dict[str, float]) -> None:
        self.steps_done += 1
        self.work_done += scale.width * scale.height
        if self.progress is None:
            return
        seconds = time.perf_counter() - self.started
        left = seconds / self.work_done * (sum(s.work for s in self.scales) - self.work_done)
        self.progress(
            Step(
                step=self.steps_done,
                steps=sum(s.steps for s in self.scales),
                loss=loss,
                terms=terms,
                size=(scale.width, scale.height),
                seconds=seconds,
                seconds_left=left,
                preview=self.best,  # type: ignore[arg-type]  # never None after a step
            )
        )
