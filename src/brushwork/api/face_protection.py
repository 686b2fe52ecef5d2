"""Painting faces with finer strokes and more of the photo, so that they stay recognizable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch.nn.functional as F
from torch import Tensor

from brushwork.api.faces import SKIN
from brushwork.color import match_covariance
from brushwork.errors import Interrupted
from brushwork.image import fit_size, resize
from brushwork.runtime.progress import Progress, Step

__all__ = ["Box", "FaceProgress", "Painter", "protected"]

Box = tuple[int, int, int, int]  # top, left, bottom and right in pixels
Painter = Callable[[Tensor, Box], Tensor | None]  # an enlarged part of the photo, and where it is → its painting

SEEN = 0.02  # values of the mask from which a pixel belongs to a face
ACROSS = 0.56  # width of a face in the shorter side of its part of the mask, which is wider by the soft edge
AROUND = 0.15  # what is painted around that part, in widths of the face
FINE = 192  # width in pixels to which a face is enlarged, so that its strokes get finer
LEAST, MOST = 1.5, 4.0  # how many times it is enlarged
LARGEST = 1024  # longer side of an enlarged part, unless the part itself is larger
DETAIL = 0.5  # share of the photo's details where the mask is white
LOCAL = 0.4  # size of the areas whose mean colors stay, in widths of the face


@dataclass(frozen=True)
class _Part:
    """A part of the picture with a face: its width in pixels, and what is painted again."""

    width: float
    box: Box

    def enlarged(self, amount: float) -> tuple[int, int]:
        """Return (width, height) to which it is enlarged."""
        top, left, bottom, right = self.box
        longer = max(right - left, bottom - top)
        factor = min(max(FINE / self.width, LEAST), MOST) ** amount
        return fit_size((right - left, bottom - top), round(min(factor * longer, max(LARGEST, longer))))

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of areas whose mean colors stay."""
        top, left, bottom, right = self.box
        side = LOCAL * self.width
        return max(1, round((bottom - top) / side)), max(1, round((right - left) / side))


@dataclass
class FaceProgress:
    """The progress of a painting and of the faces that are painted after it, as one.

    Args:
        listener: Called with the steps of both.
        work: How much work each face is, by its place, in paintings: their shares of the pixels.
    """

    listener: Progress
    work: Mapping[Box, float]
    started: float = field(default_factory=time.perf_counter)
    last: Step | None = None  # of the painting

    @classmethod
    def of(
        cls, listener: Progress | None, mask: Tensor | None, size: tuple[int, int], amount: float
    ) -> FaceProgress | None:
        """Return the progress of a painting of this (width, height), if there are faces and somebody listens.

        For the mask and the amount, see `protected`.
        """
        if listener is None or mask is None:
            return None
        enlarged = {part.box: part.enlarged(amount) for part in _parts(resize(mask, size))}
        return cls(listener, {box: width * height / (size[0] * size[1]) for box, (width, height) in enlarged.items()})

    def painting(self, step: Step) -> None:
        """Pass on a step of the painting."""
        self.last, more = step, sum(self.work.values())
        left = step.seconds_left + more * (step.seconds + step.seconds_left)
        self.listener(replace(step, steps=step.steps + round(more * step.steps), seconds_left=left))

    def face(self, box: Box) -> Progress:
        """Return what passes on the steps of the face at this place; its picture is the painting."""
        places = list(self.work)
        before = sum(self.work[place] for place in places[: places.index(box)])

        def passed(step: Step) -> None:
            if self.last is None:
                return
            done, whole = before + self.work[box] * step.step / step.steps, sum(self.work.values())
            seconds, steps = time.perf_counter() - self.started, self.last.steps
            left, reached, last = seconds * (whole - done) / (1 + done), round(done * steps), round(whole * steps)
            self.listener(
                replace(self.last, step=steps + reached, steps=steps + last, seconds=seconds, seconds_left=left)
            )

        return passed


def protected(painted: Tensor, photo: Tensor, mask: Tensor, amount: float, paint: Painter) -> Tensor:
    """Return a painting whose faces are protected.

    Each is painted once more, enlarged, which makes its strokes finer, and gets some of the photo's details. Both are
    moved to the colors that the first painting has around each place, so that no edge shows.

    Args:
        painted: The painting, (1, 3, H, W) in [0, 1].
        photo: What the method saw, of the same size.
        mask: Where and how much to protect, (1, 1, h, w) in [0, 1], stretched to the photo.
        amount: From 0, not at all, to 1.
        paint: Paints an enlarged part; None if nothing is to be painted there.

    Raises:
        Interrupted: Stopped; `best` has the faces that were finished.
    """
    mask, result = resize(mask, (photo.shape[3], photo.shape[2])), painted.clone()
    for part in _parts(mask):
        top, left, bottom, right = part.box
        first, own, share = (x[:, :, top:bottom, left:right] for x in (painted, photo, mask))
        try:
            fine = paint(resize(own, part.enlarged(amount)), part.box)
        except (KeyboardInterrupt, Interrupted) as stop:
            raise Interrupted(str(stop) or "stopped early", result) from stop
        if fine is None:
            continue
        finer = resize(fine, (right - left, bottom - top))
        finer = first + (share / SKIN).clamp(0, 1) * _change(first, finer, part.cells)
        finer = finer + DETAIL * amount * share * _change(finer, own, part.cells)
        result[:, :, top:bottom, left:right] = finer.clamp(0, 1)
    return result


def _parts(mask: Tensor) -> Iterator[_Part]:
    """Yield the parts of a mask (1, 1, H, W) that are apart from each other."""
    from skimage.measure import label, regionprops  # here, because it is slow to import

    height, width = mask.shape[2:]
    for found in regionprops(label((mask[0, 0] > SEEN).numpy())):  # type: ignore[no-untyped-call]
        top, left, bottom, right = found.bbox
        across = max(1.0, ACROSS * min(bottom - top, right - left))
        more = round(AROUND * across)
        box = max(0, top - more), max(0, left - more), min(height, bottom + more), min(width, right + more)
        yield _Part(across, box)


def _change(pixels: Tensor, other: Tensor, cells: tuple[int, int]) -> Tensor:
    """Return what leads from pixels to others in the same colors, without what leads to other means in each cell."""
    change = match_covariance(other, pixels) - pixels
    means = F.interpolate(change, cells, mode="bilinear", antialias=True)
    return change - F.interpolate(means, change.shape[2:], mode="bicubic")
