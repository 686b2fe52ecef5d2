"""Measure the temporal stability and sharpness of a stylized video, using the optical flow of its source video."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, TypeAlias

import torch
from torch import Tensor

from brushwork.errors import UsageError
from brushwork.flow import Estimator, stays_visible, tvl1_flow
from brushwork.io.film_formats import open_film
from brushwork.runtime.device import torch_threads
from brushwork.video.metrics import FAR, flicker, sharpness, warped, warping_error

__all__ = ["DIRECTIONS", "FilmEvaluation", "evaluate_film"]

Both: TypeAlias = tuple[Tensor, Tensor]  # a frame of the film, and of its original
Motion: TypeAlias = tuple[Tensor, Tensor]  # a flow, and what is visible in both frames
Distance: TypeAlias = Callable[[Tensor, Tensor], float]

# Which direction is better: -1 lower, 0 neither (near the original's).
DIRECTIONS = {"e_warp": -1, "e_warp_long": -1, "sharpness": 0, "flicker": -1, "lpips_warp": -1, "lpips_warp_long": -1}
ALWAYS = ("e_warp", "e_warp_long", "sharpness")


@dataclass(frozen=True)
class FilmEvaluation:
    """What was measured.

    Args:
        frames: Per frame: "frame", its number, and its measures; those that compare with a frame before are missing in
            the first frames. The original's begin with "original_".
    """

    frames: list[dict[str, Any]]

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each measure over the frames that have it; 0 for E_warp in a film too short for it."""
        names = [*ALWAYS, *(f"original_{name}" for name in ALWAYS)]
        names += [name for name in DIRECTIONS if name not in names]
        values = {name: [row[name] for row in self.frames if row.get(name) is not None] for name in names}
        return {name: fmean(found) if found else 0.0 for name, found in values.items() if found or name in names[:6]}

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for JSON: the number of frames, all means, and the measures of each frame."""
        return {"frames": len(self.frames), **self.mean, "by_frame": self.frames}


def evaluate_film(
    film: str | Path,
    original: str | Path,
    *,
    apart: int = FAR,
    estimator: Estimator | None = None,
    perceptual: Distance | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> FilmEvaluation:
    """Measure short- and long-range E_warp, flicker and sharpness of a stylized video, and of its source.

    Args:
        film: See `brushwork.io.film_formats.open_film`.
        original: The source, with the same number of frames; resized to the size of `film`.
        apart: Frame distance for the long-range error.
        estimator: Flow estimator for the original; by default TV-L1, which differs from the one used for blending.
        perceptual: A distance of two pictures, such as `brushwork.evaluation.LPIPS()`, to be measured to frames before,
            warped along the flow.
        progress: Called after each frame with how many are done, about how many there are, and the film's name.

    Raises:
        PictureError: A video can't be read.
        UsageError: The videos have different lengths, or a single frame.

    Source: Lai et al. 2018, arXiv:1808.00449.
    """
    measure = partial(_measured, apart=apart, perceptual=perceptual)
    kept: deque[Both] = deque(maxlen=apart)
    rows: list[dict[str, Any]] = []
    total = open_film(Path(film)).count
    # Flows run side by side, each on one thread: small frames are no work for several.
    with ThreadPoolExecutor(torch.get_num_threads()) as pool, torch_threads(1):
        for frames in _pairs(Path(film), Path(original)):
            motions = _motions(kept, frames, apart, partial(_motion, pool, estimator or tvl1_flow()))
            rows.append({"frame": len(rows) + 1, **measure(kept, frames, motions)})
            kept.append(frames)
            if progress is not None:
                progress(len(rows), max(total, len(rows)), Path(film).name)
    if len(rows) < 2:
        raise UsageError(f"{film}: expected at least two frames, got {len(rows)}")
    return FilmEvaluation(rows)


def _pairs(film: Path, original: Path) -> Iterator[Both]:
    """Yield the frames of both videos in pairs."""
    made, source = open_film(film), open_film(original)
    frames, originals = made.frames(), source.frames(size=made.size)
    number = 0
    while True:
        first, second = next(frames, None), next(originals, None)
        if first is None and second is None:
            return
        if first is None or second is None:
            raise UsageError(
                f"{film if first is None else original} ends after {number} frames, but the other video is longer"
            )
        number += 1
        yield first.pixels, second.pixels


def _motions(
    kept: deque[Both], now: Both, apart: int, motion: Callable[[Tensor, Tensor], Callable[[], Motion]]
) -> dict[int, Motion]:
    """Return the motion of the original from the frames 1 and `apart` before to this one; all flows at once."""
    started = {distance: motion(kept[-distance][1], now[1]) for distance in {1, apart} if len(kept) >= distance}
    return {distance: found() for distance, found in started.items()}


def _motion(pool: ThreadPoolExecutor, estimator: Estimator, before: Tensor, now: Tensor) -> Callable[[], Motion]:
    """Start to estimate a flow in both directions; the result is a function that waits for it."""
    forward, backward = pool.submit(estimator, before, now), pool.submit(estimator, now, before)

    def wait() -> Motion:
        flow = forward.result()
        return flow, stays_visible(flow, backward.result())

    return wait


def _measured(
    kept: deque[Both], now: Both, motions: dict[int, Motion], apart: int, perceptual: Distance | None
) -> dict[str, float | None]:
    """Measure a frame and its original, given the frames before them."""
    found: dict[str, float | None] = {}
    for which, prefix in enumerate(("", "original_")):
        for distance, name in ((1, "e_warp"), (apart, "e_warp_long")):
            if distance in motions:
                found[f"{prefix}{name}"] = warping_error(kept[-distance][which], now[which], *motions[distance])
        found[f"{prefix}sharpness"] = sharpness(now[which])
    if kept:
        found["flicker"] = flicker(now[0], kept[-1][0], now[1], kept[-1][1])
    for distance, name in ((1, "lpips_warp"), (apart, "lpips_warp_long")):
        if perceptual is not None and distance in motions:
            before = kept[-distance][0]
            found[name] = perceptual(before, warped(before, now[0], *motions[distance]))
    return found
