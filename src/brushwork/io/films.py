"""Films, frame by frame, whatever holds them: what readers and writers have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from torch import Tensor

__all__ = ["BT709", "FULL", "LIMITED", "Colors", "Film", "Frame"]

BT709 = 1  # matrix, primaries and transfer of HD, as ITU-T H.273 numbers them
LIMITED, FULL = 1, 2  # ranges, as FFmpeg numbers them


@dataclass(frozen=True)
class Colors:
    """How the numbers of a film's frames mean colors, as H.273 numbers it, and whether they fill the range of bytes."""

    matrix: int = BT709
    primaries: int = BT709
    transfer: int = BT709
    range: int = LIMITED


@dataclass(frozen=True)
class Frame:
    """A frame of a film.

    Args:
        pixels: (1, 3, H, W) in [0, 1].
        time: When it is shown, in units of the film's time base.
        duration: How long, likewise; 0 where the file doesn't say.
    """

    pixels: Tensor
    time: int
    duration: int


class Film(Protocol):
    """A film to be read, once or several times.

    Attributes:
        path: Its file or folder.
        size: (width, height) in pixels, as it is shown.
        rate: Frames a second, on average.
        time_base: Seconds of a unit of time.
        count: Of frames, about; 0: unknown.
        colors: Of its frames.
        container: Whether it is a file with streams, whose sound can be copied.
        notes: Remarks for the user; those about damage come while it is read.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    time_base: Fraction
    count: int
    colors: Colors
    container: bool
    notes: list[str]

    def frames(self, start: int = 0, size: tuple[int, int] | None = None) -> Iterator[Frame]:
        """Its frames, from one on, at this (width, height); None: as large as they are."""
        ...
