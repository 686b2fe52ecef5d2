"""Memory and time of an optimization, measured on small images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Tensor

from brushwork.methods.gatys.scales import photo_scales
from brushwork.optim.lbfgs import LEAST_PAIRS
from brushwork.optim.pixels import Objective
from brushwork.optim.pyramid import Pyramid, Scale
from brushwork.options.methods import Gatys
from brushwork.tiling.metering import live_bytes
from brushwork.tiling.tiles import MemoryProfile

__all__ = ["memory_profile", "run_time"]

PICTURE = 12  # bytes per pixel
KEPT = 4  # images in memory (pixels, gradients, …) besides the photo, the result and those that can be on disk
FRAGMENTATION_FACTOR = 2.0  # memory lost between freed tensors of varying sizes; measured at 0.8, 2 and 12 megapixels
PROBE_SIZES = 96, 160  # sides of the test images from which memory use is extrapolated
TIMED, SOON = (96, 256), 0.1  # sides of the test images for time estimates; the second only if steps are this fast


class Estimated(Protocol):
    """The part of Gatys' method that is needed here."""

    settings: Gatys
    refiner: Any

    def probe(self, side: int) -> tuple[Tensor, Objective]:
        """Return a gray image of this side, and its loss."""
        ...


def memory_profile(method: Estimated) -> MemoryProfile:
    """Return the memory needed, measured on small images."""
    kind = method.settings.optimizer
    pixel, fixed = _live_bytes(method)
    mapped = PICTURE * (1 + 2 * (LEAST_PAIRS + 1)) if kind == "lbfgs" else PICTURE
    own = MemoryProfile(FRAGMENTATION_FACTOR * pixel, whole=KEPT * PICTURE + mapped, mapped=mapped, fixed=fixed)
    if method.refiner is None:
        return own
    refined = FRAGMENTATION_FACTOR * _live_bytes(method.refiner)[0]
    return replace(own, refined=refined, refined_pixels=method.settings.refine_size**2)


def _live_bytes(method: Estimated) -> tuple[float, float]:
    """Return what a step allocates: bytes per pixel, and for any image."""

    def step(side: int) -> int:
        image, objective = method.probe(side)
        return live_bytes(lambda: torch.autograd.grad(objective(image.requires_grad_())[0], image))

    step(PROBE_SIZES[0])  # so that one-time allocations don't count
    small, large = (step(side) for side in PROBE_SIZES)
    pixel = (large - small) / (PROBE_SIZES[1] ** 2 - PROBE_SIZES[0] ** 2)
    return pixel, max(0.0, small - pixel * PROBE_SIZES[0] ** 2)


def run_time(method: Estimated, width: int, height: int) -> float:
    """Return the seconds that all steps take for a photo of this size."""
    scales = photo_scales(method.settings, width, height)
    seconds = _run_time(method, [scale for scale in scales if not scale.refining])
    refining = [scale for scale in scales if scale.refining]
    return seconds + (_run_time(method.refiner, refining) if refining else 0.0)


def _run_time(method: Estimated, scales: Sequence[Scale]) -> float:
    """Return the seconds at these scales: each step takes some time at any size, and some per pixel."""
    small, large = (side * side for side in TIMED)
    quick = _seconds_per_step(method, TIMED[0])
    per_pixel, each = quick / small, 0.0
    if quick < SOON:  # for a slow network, what a step takes at any size is little beside the rest
        per_pixel = max(0.0, _seconds_per_step(method, TIMED[1]) - quick) / (large - small)
        each = max(0.0, quick - per_pixel * small)
    return sum(scale.steps * (each + per_pixel * scale.width * scale.height) for scale in scales)


def _seconds_per_step(method: Estimated, side: int) -> float:
    image, objective = method.probe(side)
    seconds: list[float] = []
    pyramid = Pyramid(
        [Scale(side, side, 3)],
        lambda _: image,
        lambda _: objective,
        kind=method.settings.optimizer,
        progress=lambda step: seconds.append(step.seconds),
    )
    pyramid.run()
    return min(after - before for before, after in pairwise(seconds))  # the first step is a warm-up
