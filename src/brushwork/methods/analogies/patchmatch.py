"""A faster search: all pixels at once, by PatchMatch, from coarse to fine, again and again.

Source: PatchMatch of Barnes et al. 2009; matching and voting in turns, of Wexler, Shechtman and Irani 2007, "Space-Time
Completion of Video", IEEE PAMI 29(3), section 3.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.methods.analogies.analogy import REACH, SIDE, Analogy, Listener, pyramid
from brushwork.patches import Field, nearest_patches, voted

__all__ = ["by_patchmatch"]

ROUNDS, FINEST_ROUNDS = 4, 3  # of matching and voting, at each size and at full size
PASSES = 1  # of PatchMatch, in each round


def by_patchmatch(
    analogy: Analogy, *, weight: float, levels: int, seed: int = 0, listener: Listener | None = None
) -> Tensor:
    """Return B', (C', H, W).

    Args:
        analogy: A, A' and B.
        weight: Of A and B in distances, against A' and B'.
        levels: Of the pyramids, at most.
        seed: Of what PatchMatch draws, and of the noise that a texture begins with.
        listener: Called after each round.
    """
    sizes = pyramid(analogy, levels)
    rounds = [ROUNDS if number else FINEST_ROUNDS for number in range(len(sizes))]
    level = _padded(sizes[-1], weight)
    field: Field | None = None
    made, done = _noise(level, seed), 0
    for number in reversed(range(len(sizes))):
        level = _padded(sizes[number], weight)
        if field is not None:
            field = _doubled(field, sizes[number])
            made = voted(field, level.example, SIDE)
        for _ in range(rounds[number]):
            query, source = torch.cat((level.target, made)), torch.cat((level.source, level.example))
            start = None if field is None else field.places
            if start is None and len(level.target):  # nothing has been made yet
                query, source = level.target, level.source
            field = nearest_patches(
                query, source, SIDE, usable=level.usable, seed=seed + done, start=start, passes=PASSES
            )
            made, done = voted(field, level.example, SIDE), done + 1
            if listener is not None:
                listener(made[:, REACH:-REACH, REACH:-REACH], done, sum(rounds))
    assert field is not None
    return analogy.example[:, field.places[..., 0], field.places[..., 1]]


def _padded(analogy: Analogy, weight: float) -> Analogy:
    """Return planes with a margin, so that there is a patch around every pixel, named by it."""
    source, example, target = (
        F.pad(planes[None], (REACH,) * 4, mode="replicate")[0] if len(planes) else _empty(planes)
        for planes in (analogy.source * weight**0.5, analogy.example, analogy.target * weight**0.5)
    )
    usable = F.pad(analogy.usable.float()[None, None], (REACH,) * 4, mode="replicate")[0, 0] > 0
    return replace(analogy, source=source, example=example, target=target, usable=usable)


def _empty(planes: Tensor) -> Tensor:
    return planes.new_zeros(0, *(side + 2 * REACH for side in planes.shape[1:]))


def _noise(level: Analogy, seed: int) -> Tensor:
    """Return pixels of A' in a random order, for a texture to begin with."""
    choices = level.example[:, level.usable]
    random = torch.Generator().manual_seed(seed)
    return choices[:, torch.randint(choices.shape[1], level.target.shape[1:], generator=random)]


def _doubled(field: Field, analogy: Analogy) -> Field:
    """Return a field of half the size at this size."""
    rows, columns = (torch.arange(side) for side in analogy.target.shape[1:])
    places = 2 * field.places[rows[:, None] // 2, columns // 2]
    places[..., 0] += (rows % 2)[:, None]
    places[..., 1] += columns % 2
    places = places.minimum(torch.tensor(analogy.example.shape[1:]) - 1)
    return Field(places, torch.zeros(places.shape[:2]))
