"""One event, one callback: the terminal's bar, a preview and a log are listeners; raising from one cancels the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Progress", "Step"]


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
        seconds_left: An estimate.
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


Progress: TypeAlias = Callable[[Step], None]
