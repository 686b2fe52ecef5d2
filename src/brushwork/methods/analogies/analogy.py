"""What both searches are given: planes of A, A' and B, and their pyramids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["REACH", "SIDE", "Analogy", "Listener", "halved", "pyramid"]

Listener: TypeAlias = Callable[[Tensor, int, int], None]  # planes of B' so far, at any size; steps done; all steps
REACH = 2  # of neighborhoods of 5 × 5, section 3.1
SIDE = 2 * REACH + 1
SMALLEST = 12  # sides of the coarsest level, at least, in pixels


@dataclass(frozen=True, eq=False)
class Analogy:
    """A is to A' as B is to what is sought, B'.

    Args:
        source: A, (C, h, w): what is compared with B; C may be 0, for a texture from A' alone.
        example: A', (C', h, w): what B' is made of, and compared with what is there of it.
        target: B, (C, H, W).
        usable: (h, w) bool, pixels of A' that may be taken.
    """

    source: Tensor
    example: Tensor
    target: Tensor
    usable: Tensor

    def halved(self) -> Analogy:
        """Return it at half the size."""
        usable = F.max_pool2d((~self.usable).float()[None], 2, ceil_mode=True)[0] == 0
        source, example, target = (halved(planes) for planes in (self.source, self.example, self.target))
        return replace(self, source=source, example=example, target=target, usable=usable)

    def holds_patches(self, smallest: int = SMALLEST) -> bool:
        """Return whether no side is shorter, and a patch of A' may be taken."""
        sides = *self.example.shape[1:], *self.target.shape[1:]
        blocked = F.pad((~self.usable).float()[None, None], (REACH,) * 4, mode="replicate")
        return min(sides) >= smallest and bool((F.max_pool2d(blocked, SIDE, 1) == 0).any())


def halved(planes: Tensor) -> Tensor:
    """Return planes (C, H, W) at half the size, rounded up.

    Source: Burt and Adelson 1983, "The Laplacian Pyramid as a Compact Image Code", IEEE Trans. Communications 31(4).
    """
    if not len(planes):
        return planes.new_zeros(0, *((side + 1) // 2 for side in planes.shape[1:]))
    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    padded = F.pad(planes[:, None], (2, 2, 2, 2), mode="replicate")
    rows = F.conv2d(padded, kernel.view(1, 1, 5, 1), stride=(2, 1))
    return F.conv2d(rows, kernel.view(1, 1, 1, 5), stride=(1, 2))[:, 0]


def pyramid(analogy: Analogy, levels: int) -> list[Analogy]:
    """Return the analogy at full size, half, and so on, at most `levels`, as long as a neighborhood fits."""
    sizes = [analogy]
    while len(sizes) < levels and (smaller := sizes[-1].halved()).holds_patches():
        sizes.append(smaller)
    return sizes
