"""Interfaces and types shared by all video readers and writers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from torch import Tensor

__all__ = ["BT709", "FULL", "LIMITED", "Colors", "Film", "Frame"]

BT709 = 1  # matrix, primaries and transfer of HD, in the numbering of ITU-T H.273
LIMITED, FULL = 1, 2  # ranges, in the numbering of FFmpeg


@dataclass(frozen=True)
class Colors:
    """Color description of a video's frames: H.273 code points, and whether the samples use the full range."""

    matrix: int = BT709
    primaries: int = BT709
    transfer: int = BT709
    range: int = LIMITED


@dataclass(frozen=True)
class Frame:
    """A video frame.

    Args:
        pixels: (1, 3, H, W) in [0, 1].
        time: Presentation time, in units of the video's time base.
        duration: Duration in the same units; 0 if the file doesn't specify it.
    """

    pixels: Tensor
    time: int
    duration: int


class Film(Protocol):
    """A video to read, once or several times.

    Attributes:
        path: Its file or folder.
        size: Display size (width, height) in pixels.
        rate: Average frame rate, in frames per second.
        time_base: Seconds per unit of time.
        count: Approximate number of frames; 0 if unknown.
        colors: Color description of its frames.
        container: Whether it is a container file, from which audio can be copied.
        notes: Remarks for the user; those about damage are added during reading.
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
        """Yield the frames from `start` on, resized to (width, height); None keeps the original size."""
        ...
