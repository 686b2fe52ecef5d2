"""Interfaces and types shared by all video readers and writers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from torch import Tensor

from brushwork.image import resize

__all__ = ["BT709", "FULL", "LIMITED", "Colors", "Film", "Frame", "frame_of"]

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
        alpha: (1, 1, H, W) in [0, 1], 0 is transparent; None for an opaque frame. The pixels are then blended with
            white, so that colors hidden by transparency have no effect.
    """

    pixels: Tensor
    time: int
    duration: int
    alpha: Tensor | None = None


class Film(Protocol):
    """A video to read, once or several times.

    Attributes:
        path: Its file or folder.
        size: Display size (width, height) in pixels.
        rate: Average frame rate, in frames per second.
        time_base: Seconds per unit of time.
        count: Approximate number of frames; 0 if unknown.
        colors: Color description of its frames.
        alpha: Whether frames are transparent somewhere.
        plays: How often an animation is played; 0 is endlessly, which also stands for everything else.
        container: Whether it is a container file, from which audio can be copied.
        offsets: Seconds added to the times of each of the pieces that the file was joined from, known once its frames
            have been read; see `JoinedTimes`.
        damage: What is damaged or missing, for the user; known once its frames have been read.
        notes: Other remarks for the user; some are added during reading.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    time_base: Fraction
    count: int
    colors: Colors
    alpha: bool
    plays: int
    container: bool
    offsets: list[Fraction]
    damage: list[str]
    notes: list[str]

    def frames(self, start: int = 0, size: tuple[int, int] | None = None) -> Iterator[Frame]:
        """Yield the frames from `start` on, resized to (width, height); None keeps the original size."""
        ...


def frame_of(pixels: Tensor, alpha: Tensor | None, time: int, duration: int, size: tuple[int, int]) -> Frame:
    """Return a frame of this (width, height), on white where it is transparent.

    Args:
        pixels: (1, 3, H, W) in [0, 1], with straight alpha.
        alpha: (1, 1, H, W) in [0, 1]; None for an opaque frame.
        time: See `Frame`.
        duration: See `Frame`.
        size: (width, height) to resize to.
    """
    if alpha is None or bool((alpha == 1).all()):
        return Frame(resize(pixels, size), time, duration)
    on_white = (pixels * alpha + (1 - alpha)).contiguous()
    return Frame(resize(on_white, size), time, duration, resize(alpha.expand(-1, 3, -1, -1), size)[:, :1])
