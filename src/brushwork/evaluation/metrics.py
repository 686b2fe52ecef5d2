"""Metrics in the manner of torchmetrics: update, compute, reset, and states that add up over processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from brushwork.errors import UsageError
from brushwork.evaluation.sets import frechet_of_sets, kernel_distance

__all__ = ["PictureMetric", "SetMetric"]


class PictureMetric:
    """The mean of a measure of single pictures.

    Args:
        measure: A function of two pictures (1, 3, H, W), such as `ssim` or `palette_distance`.

    >>> from brushwork.evaluation import ssim
    >>> metric = PictureMetric(ssim)
    >>> pictures = torch.rand(2, 3, 32, 32)
    >>> metric.update(pictures, pictures)
    >>> metric.compute()
    1.0
    """

    def __init__(self, measure: Callable[[Tensor, Tensor], float]) -> None:
        self.measure = measure
        self.reset()

    def reset(self) -> None:
        """Forget all pictures."""
        self.values: list[float] = []

    def update(self, pictures: Tensor, references: Tensor) -> None:
        """Take in pictures.

        Args:
            pictures: (B, 3, H, W) in [0, 1].
            references: What each is compared with, (B, 3, H', W').

        Raises:
            UsageError: Not as many references as pictures.
        """
        if len(pictures) != len(references):
            raise UsageError(f"expected as many references as pictures ({len(pictures)}), got {len(references)}")
        self.values += [self.measure(pictures[k : k + 1], references[k : k + 1]) for k in range(len(pictures))]

    def compute(self) -> float:
        """Return the mean.

        Raises:
            UsageError: No pictures were taken in.
        """
        if not self.values:
            raise UsageError("no pictures were measured; call update first")
        return float(np.mean(self.values))

    def state(self) -> Tensor:
        """Return the values, (N,), to be gathered from other processes."""
        return torch.tensor(self.values, dtype=torch.float64)

    def merge(self, state: Tensor) -> None:
        """Add the state of another process."""
        self.values += state.tolist()


class SetMetric:
    """A distance between two sets of pictures, from a vector of features per picture.

    Args:
        vectors: Pictures (B, 3, H, W) in [0, 1] → vectors (B, D).
        kind: "frechet" or "kernel", see `brushwork.evaluation.sets`.
    """

    KINDS: ClassVar[dict[str, Callable[[Any, Any], float]]] = {"frechet": frechet_of_sets, "kernel": kernel_distance}

    def __init__(self, vectors: Callable[[Tensor], Tensor], kind: str = "frechet") -> None:
        if kind not in self.KINDS:
            raise UsageError(f"kind: expected one of {', '.join(self.KINDS)}, got {kind!r}")
        self.vectors, self.kind = vectors, kind
        self.reset()

    def reset(self) -> None:
        """Forget all pictures."""
        self.sets: dict[bool, list[Tensor]] = {True: [], False: []}

    def update(self, pictures: Tensor, *, real: bool) -> None:
        """Take in pictures (B, 3, H, W): of the reference, if `real`, or of what is measured."""
        self.sets[real].append(self.vectors(pictures).double().cpu())

    def compute(self) -> float:
        """Return the distance.

        Raises:
            UsageError: Fewer than two pictures in one of the sets.
        """
        both = [torch.cat(found) if found else torch.empty(0, 1) for found in (self.sets[False], self.sets[True])]
        if min(len(found) for found in both) < 2:
            raise UsageError(f"expected at least two pictures in each set, got {len(both[0])} and {len(both[1])}")
        return self.KINDS[self.kind](both[0].numpy(), both[1].numpy())

    def state(self) -> dict[bool, Tensor]:
        """Return the vectors of both sets, to be gathered from other processes."""
        return {real: torch.cat(found) for real, found in self.sets.items() if found}

    def merge(self, state: dict[bool, Tensor]) -> None:
        """Add the state of another process."""
        for real, found in state.items():
            self.sets[real].append(found)
