"""Measure the temporal stability and sharpness of a stylized video, using the optical flow of its source video."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from torch import Tensor

from brushwork.errors import UsageError
from brushwork.flow import Estimator, stays_visible, tvl1_flow
from brushwork.io.film_formats import open_film
from brushwork.video.metrics import FAR, sharpness, warping_error

__all__ = ["evaluate_film"]


def evaluate_film(
    film: str | Path, original: str | Path, *, apart: int = FAR, estimator: Estimator | None = None
) -> dict[str, float]:
    """Return short- and long-range E_warp, and sharpness, of a stylized video and of its source.

    Args:
        film: See `brushwork.io.film_formats.open_film`.
        original: The source, with the same number of frames; resized to the size of `film`.
        apart: Frame distance for the long-range error.
        estimator: Flow estimator for the original; by default TV-L1, which differs from the one used for blending.

    Returns:
        "frames"; "e_warp", "e_warp_long", "sharpness" of the film, and of the original as "original_e_warp", ….

    Raises:
        PictureError: A video can't be read.
        UsageError: The videos have different lengths, or a single frame.

    Source: Lai et al. 2018, arXiv:1808.00449.
    """
    estimator = estimator or tvl1_flow()
    both, count = _pairs(Path(film), Path(original)), 0
    kept: deque[tuple[Tensor, Tensor]] = deque(maxlen=apart)
    near: list[list[float]] = [[], []]
    far: list[list[float]] = [[], []]
    sharp: list[list[float]] = [[], []]
    for frames in both:
        count += 1
        for distance, errors in ((1, near), (apart, far)):
            if len(kept) >= distance:
                for found, error in zip(errors, _errors(kept[-distance], frames, estimator), strict=True):
                    found.append(error)
        for found, frame in zip(sharp, frames, strict=True):
            found.append(sharpness(frame))
        kept.append(frames)
    if count < 2:
        raise UsageError(f"{film}: expected at least two frames, got {count}")
    names = ("", "original_")
    return {"frames": count} | {
        f"{name}{measure}": fmean(values[which]) if values[which] else 0.0
        for which, name in enumerate(names)
        for measure, values in (("e_warp", near), ("e_warp_long", far), ("sharpness", sharp))
    }


def _pairs(film: Path, original: Path) -> Iterator[tuple[Tensor, Tensor]]:
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


def _errors(before: tuple[Tensor, Tensor], now: tuple[Tensor, Tensor], estimator: Estimator) -> list[float]:
    """Return the warping errors of film and original between two frames."""
    flow, back = estimator(before[1], now[1]), estimator(now[1], before[1])
    visible = stays_visible(flow, back)
    return [warping_error(earlier, later, flow, visible) for earlier, later in zip(before, now, strict=True)]
