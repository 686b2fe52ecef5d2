"""Memory and time of an optimization, measured on small images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor

from brushwork.optim.lbfgs import LEAST_PAIRS
from brushwork.optim.pixels import Objective
from brushwork.optim.pyramid import Pyramid, Scale
from brushwork.tiling.metering import live_bytes
from brushwork.tiling.tiles import MemoryProfile

__all__ = ["Probe", "memory_profile", "run_time"]

Probe: TypeAlias = Callable[[int], tuple[Tensor, Objective]]  # side → an image of this size, and its loss

PICTURE = 12  # bytes per pixel
KEPT = 4  # images in memory (pixels, gradients, …) besides the photo, the result and those that can be on disk
FRAGMENTATION_FACTOR = 2.0  # memory lost between freed tensors of varying sizes; measured at 0.8, 2 and 12 megapixels
PROBE_SIZES = 96, 160  # sides of the test images from which memory use is extrapolated
TIMED, SOON = (96, 256), 0.1  # sides of the test images for time estimates; the second only if steps are this fast


def memory_profile(probe: Probe, optimizer: str) -> MemoryProfile:
    """Return the memory needed, measured on small images."""

    def step(side: int) -> int:
        image, objective = probe(side)
        return live_bytes(lambda: torch.autograd.grad(objective(image.requires_grad_())[0], image))

    step(PROBE_SIZES[0])  # so that one-time allocations don't count
    small, large = (step(side) for side in PROBE_SIZES)
    pixel = (large - small) / (PROBE_SIZES[1] ** 2 - PROBE_SIZES[0] ** 2)
    mapped = PICTURE * (1 + 2 * (LEAST_PAIRS + 1)) if optimizer == "lbfgs" else PICTURE
    fixed = max(0.0, small - pixel * PROBE_SIZES[0] ** 2)
    return MemoryProfile(FRAGMENTATION_FACTOR * pixel, whole=KEPT * PICTURE + mapped, mapped=mapped, fixed=fixed)


def run_time(probe: Probe, optimizer: str, scales: Sequence[Scale]) -> float:
    """Return the seconds that all steps take: each takes some time at any size, and some per pixel."""
    small, large = (side * side for side in TIMED)
    quick = _seconds_per_step(probe, optimizer, TIMED[0])
    per_pixel, each = quick / small, 0.0
    if quick < SOON:  # for a slow network, what a step takes at any size is little beside the rest
        per_pixel = max(0.0, _seconds_per_step(probe, optimizer, TIMED[1]) - quick) / (large - small)
        each = max(0.0, quick - per_pixel * small)
    return sum(scale.steps * each + scale.work * per_pixel for scale in scales)


def _seconds_per_step(probe: Probe, optimizer: str, side: int) -> float:
    image, objective = probe(side)
    seconds: list[float] = []
    pyramid = Pyramid(
        [Scale(side, side, 3)],
        lambda _: image,
        lambda _: objective,
        kind=optimizer,
        progress=lambda step: seconds.append(step.seconds),
    )
    pyramid.run()
    return min(after - before for before, after in pairwise(seconds))  # the first step is a warm-up
