"""A film after painted frames: their strokes are carried forward and backward, and blended where both arrive.

Source: Jamriška et al. 2019, "Stylizing Video by Example" (SIGGRAPH), section 3.4, for more than one painted frame.
Differs: Blended over time by doubt and around local means, without Poisson blending; docs/video.md.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.api.recipe import input_record
from brushwork.errors import PictureError, UsageError
from brushwork.flow import Estimator
from brushwork.image import Picture, no_picture, resize
from brushwork.io import read_image
from brushwork.io.films import Film, Frame
from brushwork.io.saving import writing_reason
from brushwork.methods import Method
from brushwork.runtime.checkpoints import Checkpoint, State
from brushwork.runtime.prefetch import in_advance
from brushwork.runtime.tensor_files import read_tensors, write_tensors
from brushwork.styles.sources import PictureSource
from brushwork.video.keyframes import at_strength
from brushwork.video.smoothing import FrameWithFlow, Motion, motion_between
from brushwork.video.strokes import Carried, StrokeCarrier

__all__ = ["AfterPaintedFrames", "BackwardFrames", "Painted", "PaintedFrames", "crossed", "style_beside"]

AT_ONCE = 1 << 24  # pixels of frames read at a time to carry strokes backward: 200 MB
MOST = 32  # such frames
CROSSING = 4.0  # how much faster than from one painted frame to the other each place changes over
DOUBT = 1.0  # how much earlier or later it does so where one of the two is searched
SOFT = 9  # side in pixels of the squares over which that is smoothed

Painted: TypeAlias = Mapping[int, PictureSource | None]


@dataclass(frozen=True)
class PaintedFrames:
    """The painted frames of a film, read and checked.

    Args:
        pixels: Frame number → (1, 3, H, W) in [0, 1]; None: to be painted by the method.
        records: Their entries in the recipe.
    """

    pixels: Mapping[int, Tensor | None]
    records: list[dict[str, Any]]

    @classmethod
    def read(cls, painted: Painted, film: Film, size: tuple[int, int], max_pixels: int) -> PaintedFrames:
        """Read painted frames.

        Args:
            painted: Frame number, from 0 → a picture of the film's size, or of the result's.
            film: The film.
            size: (width, height) of the result.
            max_pixels: Larger pictures are rejected.

        Raises:
            UsageError: No frame of the film, or a picture of another size.
            PictureError: A file can't be read.
        """
        found: dict[int, Tensor | None] = {}
        for number, source in sorted(painted.items()):
            _check_number(number, film)
            found[number] = None if source is None else _pixels(source, number, film, size, max_pixels)
        records = [
            {"frame": number, "picture": None if source is None else input_record(source)}
            for number, source in sorted(painted.items())
        ]
        return cls(found, records)

    def stretches(self) -> list[tuple[int, int]]:
        """Return the frames to carry strokes backward over: the first of them, and the painted frame after them."""
        return [(before + 1, number) for before, number in pairwise([-1, *self.pixels]) if number > before + 1]

    def late(self, count: int) -> list[str]:
        """Return remarks on painted frames beyond the end of a film of this many frames."""
        told = f"is beyond the end of the film, which has {count} frames"
        return [f"the painted frame {number} {told}" for number in self.pixels if number >= count]


def style_beside(style: Any, painted: Painted | None) -> Any:
    """Return the style of what isn't painted: the one given, or the first painted frame itself.

    Raises:
        UsageError: Neither is given.
    """
    if style is not None:
        return style
    found = next((source for _, source in sorted((painted or {}).items()) if source is not None), None)
    if found is None:
        raise UsageError(
            f"painted: frame {min(painted)} has no picture, and there is no style to paint it in; give one of them"
            if painted
            else "expected a style, or painted frames"
        )
    return found


def _check_number(number: object, film: Film) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise UsageError(f"painted: expected numbers of frames, from 0, got {number!r}")
    if film.count and number >= film.count:
        raise UsageError(
            f"painted: frame {number} is outside the film, which has {film.count} frames, 0 to {film.count - 1}"
        )


def _pixels(source: PictureSource, number: int, film: Film, size: tuple[int, int], max_pixels: int) -> Tensor:
    if not isinstance(source, str | os.PathLike | Picture):
        raise no_picture("painted", source)
    picture = source if isinstance(source, Picture) else read_image(source, max_pixels=max_pixels)
    if picture.size not in (film.size, size):
        name = f"painted frame {number}" if isinstance(source, Picture) else str(source)
        wanted, got = ("×".join(map(str, one)) for one in (film.size, picture.size))
        raise UsageError(f"{name}: expected {wanted} pixels like the film's frames, got {got}; resize it, or crop it")
    return resize(picture.visible(), size)


class BackwardFrames:
    """Frames to which strokes were carried backward, from the painted frame after them; one file each.

    Args:
        film: The film.
        size: (width, height) of its frames.
        painted: The painted frames.
        checkpoint: In the folder for the files; where it stopped.
        estimator: Optical flow estimator.
        first: Paints a frame that has no picture.
    """

    def __init__(
        self, film: Film, size: tuple[int, int], painted: PaintedFrames, checkpoint: Checkpoint,
        estimator: Estimator, first: Callable[[Frame], Tensor],
    ) -> None:  # fmt: skip
        self._film, self._size, self._painted = film, size, painted
        self._checkpoint, self._estimator, self._first = checkpoint, estimator, first

    def __len__(self) -> int:
        return sum(number + 1 - begin for begin, number in self._painted.stretches())

    def path(self, number: int) -> Path:
        """Return the file of a frame."""
        return self._checkpoint.path.parent / f"{number:06d}.backward"

    def get(self, number: int) -> Carried | None:
        """Return a frame; None if there is no painted frame after it in its scene."""
        if not self.path(number).exists():
            return None
        tensors = read_tensors(self.path(number))
        return Carried(tensors["painted"].float(), tensors["doubt"].float())

    def run(self) -> Iterator[Tensor]:
        """Carry strokes backward over all frames that are missing, and yield each when it is saved."""
        state = self._checkpoint.load()
        for begin, key in self._painted.stretches():
            if state is None or int(state.facts["key"]) < key:
                yield from self._stretch(_Place(StrokeCarrier(), None, key), begin, key)
            elif int(state.facts["key"]) == key:
                tensors, carrier = dict(state.tensors), StrokeCarrier()
                later = tensors.pop("later")
                carrier.go_on(tensors)
                yield from self._stretch(_Place(carrier, later, int(state.facts["next"])), begin, key)

    def _stretch(self, place: _Place, begin: int, key: int) -> Iterator[Tensor]:
        """Carry the strokes of one painted frame backward, to the frame `begin` or to a cut."""
        while place.next >= begin:
            reached = place.next
            for number, frame, motion in in_advance(self._chunk(place, begin)):
                if motion is None:
                    own = self._painted.pixels[key]
                    kept = place.carrier.begin(frame.pixels, self._first(frame) if own is None else own)
                elif motion.cut:
                    place.next = begin - 1
                    break
                else:
                    kept = place.carrier.carry(frame.pixels, motion)
                self._write(number, kept)
                place.later, place.next = frame.pixels, number - 1
                yield kept.painted
            if place.later is None or place.next == reached:  # the film is shorter than it says
                return
            self._checkpoint.save(
                State(place.carrier.state() | {"later": place.later}, {"key": key, "next": place.next})
            )

    def _chunk(self, place: _Place, begin: int) -> Iterator[tuple[int, Frame, Motion | None]]:
        """Yield some frames before the place, from the last to the first, with their motion to the frame after."""
        last, later = place.next, place.later
        first = max(begin, last + 1 - max(2, min(MOST, AT_ONCE // math.prod(self._size))))
        frames = list(islice(self._film.frames(first, self._size), last - first + 1))
        if len(frames) <= last - first:
            return
        for number in range(last, first - 1, -1):
            frame = frames.pop()
            motion = None if later is None else motion_between(later, frame.pixels, self._estimator)
            yield number, frame, motion
            later = frame.pixels

    def _write(self, number: int, kept: Carried) -> None:
        tensors = {"painted": kept.painted.half().contiguous(), "doubt": kept.doubt.half().contiguous()}
        try:
            write_tensors(self.path(number), tensors, {})
        except OSError as error:
            raise PictureError(f"{self.path(number)}: {writing_reason(error, self.path(number))}") from error


@dataclass
class _Place:
    """How far a stretch is: its carrier, the frame that it reached, and the number of the next one."""

    carrier: StrokeCarrier
    later: Tensor | None
    next: int


class AfterPaintedFrames:
    """Paints a film after painted frames, frame by frame, as `TemporalSmoother` does without them.

    Args:
        method: Paints the frames that are to be painted and have no picture, and the first of a scene without any.
        painted: The painted frames.
        backward: What was carried backward, complete.
    """

    watches = True  # it needs the motion between frames

    def __init__(self, method: Method, painted: PaintedFrames, backward: BackwardFrames) -> None:
        self.notes: list[str] = []
        self._method, self._painted, self._backward = method, painted, backward
        self._carrier: StrokeCarrier | None = None
        self._number = self._since = 0  # of the next frame, and of the one whose strokes are carried forward

    def paint(self, seen: FrameWithFlow, value: Any, change: float = 0.0) -> Tensor:
        """Return the painted frame, (1, 3, H, W) in [0, 1]."""
        number, pixels, motion = self._number, seen.frame.pixels, seen.motion
        self._number += 1
        if motion is not None and motion.cut:
            self._carrier = None
        backward = self._backward.get(number)
        if number in self._painted.pixels:
            own = self._painted.pixels[number]
            if own is None:
                own = self._still(pixels, value) if backward is None else backward.painted
            return self._begun(number, pixels, own)
        if self._carrier is None or motion is None:
            if backward is not None:
                return backward.painted
            self.notes.append(f"the scene from frame {number} on has no painted frame; its first one was painted")
            return self._begun(number, pixels, self._still(pixels, value))
        forward = self._carrier.carry(pixels, motion)
        if backward is None:
            return forward.painted
        ahead = min(later for later in self._painted.pixels if later > number)
        return crossed(forward, backward, (number - self._since) / (ahead - self._since))

    def _still(self, pixels: Tensor, value: Any) -> Tensor:
        method, style = at_strength(self._method, value)
        return method(pixels, style)  # type: ignore[no-any-return]

    def _begun(self, number: int, pixels: Tensor, painted: Tensor) -> Tensor:
        self._carrier, self._since = StrokeCarrier(), number
        return self._carrier.begin(pixels, painted).painted

    def state(self) -> dict[str, Tensor]:
        """Return the complete state needed to resume."""
        carried = {} if self._carrier is None else self._carrier.state()
        return carried | {"frames": torch.tensor([self._number, self._since])}

    def go_on(self, state: dict[str, Tensor]) -> None:
        """Resume from a saved `state`."""
        tensors = dict(state)
        self._number, self._since = map(int, tensors.pop("frames"))
        if tensors:
            self._carrier = StrokeCarrier()
            self._carrier.go_on(tensors)


def crossed(forward: Carried, backward: Carried, time: float) -> Tensor:
    """Return a frame between two painted ones.

    Each place changes over from one to the other within a short time, earlier or later where one is doubtful, so that
    two layers of strokes are hardly ever seen together. Where they are, their detail keeps its contrast.

    Args:
        forward: The frame with the strokes of the painted frame before it.
        backward: With those of the one after it.
        time: From 0, the painted frame before, to 1, the one after.

    Returns:
        (1, 3, H, W) in [0, 1].
    """
    doubt = F.avg_pool2d(forward.doubt - backward.doubt, SOFT, 1, SOFT // 2, count_include_pad=False)
    share = (0.5 + CROSSING * (time - 0.5) + DOUBT * doubt * min(1.0, 4 * time, 4 * (1 - time))).clamp(0, 1)
    share = share * share * (3 - 2 * share)
    means = [_local_mean(one.painted) for one in (forward, backward)]
    detail = (1 - share) * (forward.painted - means[0]) + share * (backward.painted - means[1])
    # Independent details that are averaged lose contrast; this restores it, as in Heitz and Neyret 2018,
    # "High-Performance By-Example Noise using a Histogram-Preserving Blending Operator", equation 4.
    detail = detail / ((1 - share).square() + share.square()).sqrt()
    return ((1 - share) * means[0] + share * means[1] + detail).clamp(0, 1)


def _local_mean(pixels: Tensor) -> Tensor:
    small = F.avg_pool2d(pixels, 4, ceil_mode=True, count_include_pad=False)
    mean = F.avg_pool2d(small, 7, 1, 3, count_include_pad=False)
    return F.interpolate(mean, pixels.shape[2:], mode="bilinear")
