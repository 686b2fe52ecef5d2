"""Progress events: progress bars, previews and logs are callbacks; raising from one cancels the work."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Pace", "Progress", "Step", "duration"]

RECENT, STEPS = 20.0, 4  # seconds, and minimum number of steps, over which the current rate is measured


@dataclass(frozen=True)
class Step:
    """The progress of a job.

    Args:
        step: Steps done, from 1.
        steps: Total steps; fewer than requested after a scale ended early because its loss had converged.
        loss: The value being minimized.
        terms: The loss by term, weighted: {"content": …, "style": …}.
        size: Width and height of the image being processed, in pixels.
        seconds: Time since the start.
        seconds_left: Estimated time remaining, based on the latest steps.
        preview: Returns the current image, shape (1, 3, H, W) in [0, 1].
        alpha: The photo's alpha, (1, 1, H, W) in [0, 1], for writing the preview to a file; None if it is opaque.
    """

    step: int
    steps: int
    loss: float
    terms: Mapping[str, float]
    size: tuple[int, int]
    seconds: float
    seconds_left: float
    preview: Callable[[], Tensor]
    alpha: Tensor | None = None


class Pace:
    """Estimate the time remaining from the latest steps, so that the estimate adapts to changes in machine load.

    Args:
        done: Work already done, in any unit, such as steps, pixels or frames.

    >>> pace = Pace()
    >>> pace.seconds_left(done=10, left=0)
    0.0
    """

    def __init__(self, done: float = 0.0) -> None:
        self._seen = deque([(time.perf_counter(), done)])

    def seconds_left(self, done: float, left: float) -> float:
        """Return the estimated time for the remaining work at the current rate; call it after each step.

        Args:
            done: Total work done, in the same unit; must increase from call to call.
            left: Work remaining.
        """
        now = time.perf_counter()
        self._seen.append((now, done))
        while len(self._seen) > STEPS + 1 and now - self._seen[1][0] > RECENT:
            self._seen.popleft()
        then, before = self._seen[0]
        return (now - then) / (done - before) * left


def duration(seconds: float) -> str:
    """Format a number of seconds.

    >>> duration(8), duration(100), duration(7300)
    ('8 s', '1 min 40 s', '2 h 1 min')
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


Progress: TypeAlias = Callable[[Step], None]
