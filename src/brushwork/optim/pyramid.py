"""Coarse-to-fine optimization: each scale starts from the upsampled result of the previous one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from brushwork.image import resize
from brushwork.optim.pixels import Objective, PixelOptimizer
from brushwork.runtime.checkpoints import Checkpoint, State, damaged
from brushwork.runtime.progress import Pace, Progress, Step

__all__ = ["SMALLEST", "Pyramid", "Scale", "plan_scales"]

COARSEST = 128  # longer side of the first scale; below it a painting's brush strokes are lost
SMALLEST = 32  # relu5_1 is a sixteenth of the image: two positions in each direction
PLATEAU = 20  # steps over which a loss must fall; L-BFGS occasionally stalls for a few
REFINING = 8  # about the time of a step through VGG-19, relative to one through a slim network
FACTS = ("level", "left", "lowest", "steps_done", "work_done")  # saved in a checkpoint

Size = tuple[int, int]


@dataclass(frozen=True)
class Scale:
    """One level of the pyramid.

    Args:
        width: In pixels.
        height: In pixels.
        steps: Of the optimization.
        refining: Whether it repeats the size of the level before, through a second network.
    """

    width: int
    height: int
    steps: int
    refining: bool = False

    @property
    def size(self) -> Size:
        """Return width and height."""
        return self.width, self.height

    @property
    def step_work(self) -> int:
        """Return what the run time of a step is about proportional to: pixels, times what the network costs."""
        return self.width * self.height * (REFINING if self.refining else 1)

    @property
    def work(self) -> int:
        """Return the work of all steps."""
        return self.steps * self.step_work


def plan_scales(
    width: int, height: int, steps: int, count: int = 0, *, coarsest: int = COARSEST, falloff: float = 1.0
) -> list[Scale]:
    """Return the pyramid's scales, each twice the previous one.

    Args:
        width: Width of the result, in pixels.
        height: Height of the result.
        steps: Total steps, at least 1.
        count: Number of scales; 0 selects as many as fit above `coarsest`. Limited so that every scale has a step and
            the shorter side is at least 32 px.
        coarsest: Longer side of the smallest scale, at least, in pixels; below 128 a painting's brush strokes are lost.
        falloff: Steps of a scale relative to those of the next smaller one; 1 for equal numbers (docs/decisions/0007).

    >>> [(s.width, s.steps) for s in plan_scales(512, 384, steps=100)]
    [(128, 34), (256, 33), (512, 33)]
    >>> [(s.width, s.steps) for s in plan_scales(1024, 768, steps=35, coarsest=256, falloff=0.5)]
    [(256, 20), (512, 10), (1024, 5)]
    """
    if not count:
        count = 1
        while max(width, height) / 2**count >= coarsest:
            count += 1
    count = min(count, steps)
    while count > 1 and min(width, height) / 2 ** (count - 1) < SMALLEST:
        count -= 1
    split = _split(steps, [falloff**level for level in range(count)])
    factors = [0.5 ** (count - 1 - level) for level in range(count)]
    return [
        Scale(max(1, round(width * factor)), max(1, round(height * factor)), n)
        for factor, n in zip(factors, split, strict=True)
    ]


def _split(steps: int, shares: list[float]) -> list[int]:
    """Return whole numbers in these proportions that sum to `steps`; each is at least 1, the first are rounded up."""
    counts: list[int] = []
    for level, share in enumerate(shares):
        left, levels = steps - sum(counts), len(shares) - level
        wanted = math.ceil(left * share / sum(shares[level:]) - 1e-9)
        counts.append(max(1, min(wanted, left - levels + 1)))
    return counts


class Pyramid:
    """Optimizes one image from coarse to fine.

    Args:
        scales: From `plan_scales`.
        first: Size → the initial image at the coarsest scale, (1, 3, H, W) in [0, 1].
        objective: Scale → the loss at that scale.
        kind: "lbfgs" or "adam".
        rate: Learning rate; 0 selects one automatically.
        polyak: See `BoundedLBFGS`.
        carry: What is enlarged from one scale to the next: "result", the image itself; or "change", its difference
            from that scale's initial image, which is added to the next one's and so keeps its detail.
        tolerance: A scale ends early when the lowest loss fell by less than this fraction over 20 steps; 0: never.
        progress: Called after each step.
        checkpoint: Checkpoint to resume from and to save to.
        folder: Where the optimizer may store its history; None: in memory.
    """

    def __init__(
        self,
        scales: list[Scale],
        first: Callable[[Size], Tensor],
        objective: Callable[[Scale], Objective],
        *,
        kind: str,
        rate: float = 0.0,
        polyak: bool = False,
        carry: str = "result",
        tolerance: float = 0.0,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
        folder: Path | None = None,
    ) -> None:
        self.scales, self.first, self.objective = scales, first, objective
        self.kind, self.rate, self.polyak, self.carry, self.tolerance = kind, rate, polyak, carry, tolerance
        self.progress, self.checkpoint, self.folder = progress, checkpoint, folder
        self.optimizer: PixelOptimizer | None = None
        self.level, self.left = -1, 0  # the current scale, and its remaining steps
        self.lowest: list[float] = []  # the lowest loss after each of the scale's last steps
        self.steps_done, self.work_done, self.started = 0, 0, time.perf_counter()
        self.pace = Pace()

    def run(self) -> Tensor:
        """Return the result, at the size of the last scale.

        Raises:
            BrushworkError: The loss is NaN from the start, or the checkpoint is damaged.
            UsageError: The checkpoint belongs to another job.
        """
        self._resume()
        while self._unfinished:
            if not self.left:
                self._enter(self.level + 1)
            assert self.optimizer is not None  # created when the scale was entered
            loss, terms = self.optimizer.step()
            self._count(self.optimizer.best_loss)
            self._report(loss, terms)
            # After the report, so that a resumed job can't skip an image that a callback saves, such as every tenth.
            if self.checkpoint is not None and self.steps_done % self.checkpoint.every == 0 and self._unfinished:
                self.checkpoint.save(self.state())
        assert self.optimizer is not None  # there is at least one scale
        return self.optimizer.best_pixels

    def best(self) -> Tensor | None:
        """Return the best image so far, at the result's size; None before the first step."""
        if self.optimizer is None:
            return None
        return resize(self.optimizer.best_pixels, self.scales[-1].size)

    def state(self) -> State:
        """Return the complete state needed to resume; at least one step must have been done."""
        assert self.optimizer is not None
        inner = self.optimizer.state()
        facts = {name: getattr(self, name) for name in FACTS}
        seconds = time.perf_counter() - self.started
        return State(inner.tensors, {**facts, "optimizer": inner.facts, "seconds": seconds})

    @property
    def _unfinished(self) -> bool:
        return self.left > 0 or self.level + 1 < len(self.scales)

    def _resume(self) -> None:
        state = None if self.checkpoint is None else self.checkpoint.load()
        if self.checkpoint is None or state is None:
            return
        try:
            for name in FACTS:
                setattr(self, name, state.facts[name])
            self.started, self.pace = time.perf_counter() - state.facts["seconds"], Pace(self.work_done)
            scale, size = self.scales[self.level], self.scales[self.level].size
            inner = State(state.tensors, state.facts["optimizer"])
            if tuple(inner.tensors["best"].shape) != (1, 3, size[1], size[0]):
                raise ValueError("its picture has another size")
        except (LookupError, TypeError, ValueError) as error:
            raise damaged(self.checkpoint.path, error) from error
        device = self.first(size).device  # the checkpoint's tensors are on the CPU
        self.optimizer = PixelOptimizer.restored(
            inner, self.objective(scale), kind=self.kind, polyak=self.polyak, device=device, folder=self.folder
        )
        self._free_first()

    def _enter(self, level: int) -> None:
        scale = self.scales[level]
        self.optimizer = PixelOptimizer(
            self._start(scale.size),
            self.objective(scale),
            kind=self.kind,
            rate=self.rate,
            polyak=self.polyak,
            warm=self.optimizer,
            folder=self.folder,
        )
        self.level, self.left, self.lowest = level, scale.steps, []
        self._free_first()

    def _free_first(self) -> None:
        """At the last size, give back the initial image, which is as large as the photo."""
        if self.scales[self.level].size == self.scales[-1].size:
            self.first = _never_again

    def _start(self, size: Size) -> Tensor:
        """Return the image that a scale begins with, a copy of its own."""
        if self.optimizer is None:
            return self.first(size).clone()
        before = self.optimizer.best_pixels
        if (before.shape[3], before.shape[2]) == size:
            return before.clone()
        if self.carry == "result":
            return resize(before, size)
        change = before - self.first((before.shape[3], before.shape[2]))
        enlarged = F.interpolate(change, size[::-1], mode="bicubic", align_corners=False)
        return enlarged.add_(self.first(size)).clamp_(0, 1)

    def _count(self, lowest: float) -> None:
        """Count a step; the scale ends early if the loss has converged."""
        scale = self.scales[self.level]
        self.left -= 1
        self.steps_done += 1
        self.work_done += scale.step_work
        self.lowest = [*self.lowest[-PLATEAU:], lowest]
        if len(self.lowest) > PLATEAU and self.lowest[0] - lowest < self.tolerance * self.lowest[0]:
            self.left = 0

    def _report(self, loss: float, terms: dict[str, float]) -> None:
        if self.progress is None:
            return
        scale, later = self.scales[self.level], self.scales[self.level + 1 :]
        seconds = time.perf_counter() - self.started
        work_left = self.left * scale.step_work + sum(s.work for s in later)
        self.progress(
            Step(
                step=self.steps_done,
                steps=self.steps_done + self.left + sum(s.steps for s in later),
                loss=loss,
                terms=terms,
                size=scale.size,
                seconds=seconds,
                seconds_left=self.pace.seconds_left(self.work_done, work_left),
                preview=self.best,  # type: ignore[arg-type]  # never None after a step
            )
        )


def _never_again(size: Size) -> Tensor:
    raise AssertionError("no scale of another size begins after the last")
