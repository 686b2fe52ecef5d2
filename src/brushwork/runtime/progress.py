"""One event, one callback: the terminal's bar, a preview and a log are listeners; raising from one cancels the work."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Pace", "Progress", "Step"]

RECENT, STEPS = 20.0, 4  # seconds, but at least so many steps, that tell the present pace


@dataclass(frozen=True)
class Step:
    """How far a piece of work has come.

    Args:
        step: Steps done, from 1.
        steps: Steps in all; from a scale on that ended early, because its loss had settled, fewer than were asked for.
        loss: The value being minimized.
        terms: The loss by term, weighted: {"content": …, "style": …}.
        size: Width and height of the picture worked on now, in pixels.
        seconds: Time since the start.
        seconds_left: An estimate, by the latest steps.
        preview: Gives the picture as it is now, shape (1, 3, H, W) in [0, 1].
        alpha: The photo's, (1, 1, H, W) in [0, 1], for whoever writes the preview to a file; None if it is opaque.
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
    """How fast work goes, by its latest steps: once a machine gets busy, or free again, the time left follows.

    Args:
        done: Work done before, in any unit, such as steps, pixels or frames.

    >>> pace = Pace()
    >>> pace.seconds_left(done=10, left=0)
    0.0
    """

    def __init__(self, done: float = 0.0) -> None:
        self._seen = deque([(time.perf_counter(), done)])

    def seconds_left(self, done: float, left: float) -> float:
        """The time that work of `left` takes at the present pace; call it after each step.

        Args:
            done: Work done by now, in the unit of the start; more than at the call before.
            left: Work to do.
        """
        now = time.perf_counter()
        self._seen.append((now, done))
        while len(self._seen) > STEPS + 1 and now - self._seen[1][0] > RECENT:
            self._seen.popleft()
        then, before = self._seen[0]
        return (now - then) / (done - before) * left


Progress: TypeAlias = Callable[[Step], None]
