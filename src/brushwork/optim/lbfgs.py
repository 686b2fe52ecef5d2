"""L-BFGS for pixels bounded to [0, 1], with a coarse-first preconditioner.

Source: Nocedal 1980, "Updating quasi-Newton matrices with limited storage", Mathematics of Computation 35: the two-loop
recursion. Bertsekas 1982, "Projected Newton methods for optimization problems with simple constraints", SIAM Journal on
Control and Optimization 20: pixels at a bound whose gradient points beyond it are held fixed, the others are projected
back to the bound they cross. docs/decisions/0007 measures what each part contributes.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.runtime.memory import release_memory

__all__ = ["BoundedLBFGS", "Rows", "smoothed"]

HISTORY_BYTES = 160e6  # for pairs of steps and gradient changes: 20 pairs up to 0.3 megapixels, 7 at 1024×768
LEAST_PAIRS = 5
MAPPED = 16_000_000  # bytes of an image above which pairs may be stored on disk
SMOOTH = 50  # evaluations during which coarse structure is preferred
SHARE = 0.5  # weight of each upsampled octave relative to the next finer one
COARSEST = 8  # pixels of the shorter side
CURVED = 1e-10  # minimum relative gradient change for a step to give useful curvature


class BoundedLBFGS:
    """Minimizes a loss with one evaluation per step, without line search.

    Args:
        pixels: Optimized in place; (1, 3, H, W) in [0, 1].
        rate: Step length relative to the quasi-Newton step.
        polyak: Whether a step without known curvature has Polyak's length, which presumes that the loss can reach 0;
            otherwise it is as short as in the L-BFGS of PyTorch, and only serves to learn the curvature.
        folder: Where to store the pairs on disk; None: in memory.
    """

    def __init__(self, pixels: Tensor, *, rate: float = 1.0, polyak: bool = False, folder: Path | None = None) -> None:
        self.pixels, self.rate, self.polyak = pixels, rate, polyak
        self.count = max(LEAST_PAIRS, min(20, int(HISTORY_BYTES / (2 * pixels.nbytes))))
        # One row more than there are pairs: it holds the last step until its gradient change is known.
        self.steps, self.changes = (Rows(self.count + 1, pixels, folder) for _ in range(2))
        self._last = Rows(1, pixels, folder, zero=True)  # the last gradient
        self.rows, self.curvatures = list[int](), [0.0] * (self.count + 1)  # rows in use, oldest first
        self.evaluations = 0

    @torch.no_grad()
    def step(self, gradient: Tensor, loss: float = 0.0) -> None:
        """Update the pixels.

        Args:
            gradient: (1, 3, H, W), at the current pixels; overwritten.
            loss: The loss there, for Polyak's step.
        """
        if self.evaluations:
            self._remember(gradient)
        self.gradient.copy_(gradient)
        self._release()
        self.evaluations += 1
        direction = self._direction(gradient, loss)
        self._release()
        waiting = self.steps[self._free()].view_as(self.pixels)
        waiting.copy_(self.pixels)
        self.pixels.sub_(direction, alpha=self.rate).clamp_(0, 1)
        # The actual step after projection: the part cut off at a bound has no effect on the gradient.
        torch.sub(self.pixels, waiting, out=waiting)
        self._release()

    @property
    def gradient(self) -> Tensor:
        """The gradient of the last step, (1, 3, H, W)."""
        return self._last[0].view_as(self.pixels)

    def _release(self) -> None:
        """Leave in memory only what is needed now, if rows are on disk to save memory."""
        for rows in (self.steps, self.changes, self._last):
            rows.release()
        if self._last.on_disk:
            release_memory()

    def _free(self) -> int:
        return next(row for row in range(self.count + 1) if row not in self.rows)

    def _remember(self, gradient: Tensor) -> None:
        row = self._free()
        change = self.changes[row]
        torch.sub(gradient.flatten(), self.gradient.flatten(), out=change)
        self.curvatures[row] = _dot(self.steps[row], change)
        if self.curvatures[row] > CURVED * _dot(change, change):
            self.rows = [*self.rows, row][-self.count :]

    def _direction(self, gradient: Tensor, loss: float) -> Tensor:
        """Return the step for a gradient, in its memory."""
        held = self._held(gradient)
        picture = gradient.masked_fill_(held, 0)
        kept = None if self._last.on_disk else held  # otherwise found again in the end
        del held
        direction, shares = picture.view(-1), dict[int, float]()
        for row in reversed(self.rows):
            shares[row] = _dot(self.steps[row], direction) / self.curvatures[row]
            self.steps.release()
            direction.sub_(self.changes[row], alpha=shares[row])
            self.changes.release()
        self._scale(picture, loss)
        self._release()
        for row in self.rows:
            share = _dot(self.changes[row], direction) / self.curvatures[row]
            self.changes.release()
            direction.add_(self.steps[row], alpha=shares[row] - share)
            self.steps.release()
        return picture.masked_fill_(self._held(self.gradient) if kept is None else kept, 0)

    def _held(self, gradient: Tensor) -> Tensor:
        """Return which pixels are at a bound beyond which the gradient points."""
        low = (self.pixels <= 0).logical_and_(gradient > 0)
        high = (self.pixels >= 1).logical_and_(gradient < 0)
        return low.logical_or_(high)

    def _scale(self, picture: Tensor, loss: float) -> None:
        """Apply the initial inverse Hessian in place, before any pairs: a multiple of the identity, or of smoothing.

        Source: Polyak 1969, "Minimization of unsmooth functionals": a step of f / ‖g‖² along -g, if the minimum is 0.
        With the preconditioner S it is f / ⟨g, S g⟩ along -S g.
        """
        coarse_first = self.evaluations <= SMOOTH
        polyak = not self.rows and self.polyak
        result = smoothed(picture) if coarse_first else picture
        product = _dot(picture.flatten(), result.flatten()) if polyak else 0.0
        picture.copy_(result)
        del result
        if polyak:
            picture.mul_(loss / max(product, 1e-30))
        elif not self.rows:
            picture.mul_(min(1.0, 1.0 / max(float(self.gradient.abs().sum()), 1e-30)))
        else:
            last = self.changes[self.rows[-1]].view_as(picture)
            picture.mul_(self.curvatures[self.rows[-1]] / (_smoothed_square(last) if coarse_first else _square(last)))

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the tensors and facts needed to resume."""
        used = max([self._free(), *self.rows]) + 1
        tensors = {"gradient": self.gradient, "steps": self.steps.all[:used], "changes": self.changes.all[:used]}
        return tensors, {
            "rows": list(self.rows),
            "curvatures": list(self.curvatures),
            "evaluations": self.evaluations,
        }

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Resume from a `state`, with every row in its place: sums at other addresses may round differently."""
        for name, mine in (("steps", self.steps.all), ("changes", self.changes.all), ("gradient", self.gradient)):
            mine[: len(tensors[name])].copy_(tensors[name])
        self.rows, self.curvatures = list(facts["rows"]), list(facts["curvatures"])
        self.evaluations = facts["evaluations"]


class Rows:
    """Vectors of an image's size, in memory, or in a memory-mapped file of which only the current part is resident.

    Args:
        count: Number of vectors.
        like: The image.
        folder: Folder for the file, which has no name and is removed when the process ends.
        zero: Whether they begin as zeros; those in a file always do.
    """

    def __init__(self, count: int, like: Tensor, folder: Path | None, *, zero: bool = False) -> None:
        self._memory: mmap.mmap | None = None
        if folder is None or like.nbytes < MAPPED or like.device.type != "cpu":
            self.all = like.new_zeros((count, like.numel())) if zero else like.new_empty((count, like.numel()))
            return
        with tempfile.TemporaryFile(dir=folder) as file:
            file.truncate(count * like.nbytes)
            self._memory = mmap.mmap(file.fileno(), count * like.nbytes)
        self.all = torch.frombuffer(self._memory, dtype=like.dtype).view(count, -1)

    @property
    def on_disk(self) -> bool:
        """Whether they are in a file."""
        return self._memory is not None

    def __getitem__(self, row: int) -> Tensor:
        self.release()
        return self.all[row]

    def release(self) -> None:
        """Give back the memory of the rows used so far; they stay in the file."""
        if self._memory is not None and hasattr(self._memory, "madvise"):
            self._memory.madvise(mmap.MADV_DONTNEED)


def smoothed(picture: Tensor) -> Tensor:
    """Return an image plus half of itself at half size, and so on: S x, where S = 1 + U S Uᵀ / 2 and U upsamples.

    S is symmetric and positive definite, so L-BFGS may start from it. Coarse structure in the gradient, which takes
    many steps to accumulate from single pixels, is followed at once.

    Args:
        picture: (B, C, H, W).

    >>> smoothed(torch.ones(1, 1, 16, 16)).mean()  # each octave sums 4 pixels into one
    tensor(3.)
    """
    if min(picture.shape[2:]) < 2 * COARSEST:
        return picture
    enlarged = F.interpolate(smoothed(_reduced(picture)), picture.shape[2:], mode="bilinear", align_corners=False)
    return enlarged.mul_(SHARE).add_(picture)


def _reduced(picture: Tensor) -> Tensor:
    """Return Uᵀ x, at half size: the gradient of upsampling."""
    size, half = picture.shape[2:], [*picture.shape[:2], *(-(-side // 2) for side in picture.shape[2:])]
    reduced: Tensor = torch.ops.aten.upsample_bilinear2d_backward(picture.contiguous(), size, half, False)
    return reduced


def _smoothed_square(picture: Tensor) -> float:
    """Return xᵀ S x, using memory for only half an image: apply Uᵀ recursively."""
    if min(picture.shape[2:]) < 2 * COARSEST:
        return _square(picture)
    return _square(picture) + SHARE * _smoothed_square(_reduced(picture))


def _square(picture: Tensor) -> float:
    return _dot(picture.flatten(), picture.flatten())


def _dot(a: Tensor, b: Tensor) -> float:
    return float(torch.dot(a, b))
