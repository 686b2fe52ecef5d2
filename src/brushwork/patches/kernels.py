"""The inner loop of PatchMatch, compiled by Numba where that is installed (`pip install brushwork[patches]`)."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["Floats", "Places", "compiled", "improve"]

Floats: TypeAlias = npt.NDArray[np.float32]
Places: TypeAlias = npt.NDArray[np.int32]

BAND = 1 << 22  # numbers in a temporary array without Numba; more fall out of the cache


def improve(
    query: Floats, source: Floats, allowed: npt.NDArray[np.bool_], places: Places, distances: Floats, offered: Places
) -> None:
    """Take each place that is offered if its patch is nearer; changes `places` and `distances`.

    Args:
        query: (H, W, C).
        source: (h, w, C).
        allowed: (h', w'), places that may be taken; the side of a patch follows from its size.
        places: (H', W', 2).
        distances: (H', W').
        offered: (H', W', 2), clipped to valid places here.
    """
    if not compiled():
        _with_numpy(query, source, allowed, places, distances, offered)
        return
    # Threads of our own rather than Numba's, which must not be used from several threads, or after a fork, everywhere.
    count = min(torch.get_num_threads(), len(places))
    bounds = [len(places) * number // count for number in range(count + 1)]
    kernel = _compiled_kernel()

    def work(first: int, last: int) -> None:
        kernel(query, source, allowed, places, distances, offered, first, last)

    if count == 1:
        work(*bounds)
        return
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, bounds[:-1], bounds[1:]))


@cache
def compiled() -> bool:
    """Return whether Numba is installed."""
    return importlib.util.find_spec("numba") is not None


def _with_numpy(
    query: Floats, source: Floats, allowed: npt.NDArray[np.bool_], places: Places, distances: Floats, offered: Places
) -> None:
    side = len(source) - len(allowed) + 1
    np.clip(offered, 0, np.array(allowed.shape, np.int32) - 1, out=offered)
    rows, columns = offered[..., 0], offered[..., 1]
    wanted = allowed[rows, columns] & (offered != places).any(2)
    y, x = wanted.nonzero()
    windows = [np.lib.stride_tricks.sliding_window_view(planes, side, 1) for planes in (query, source)]
    step = max(1, BAND // (side * query.shape[2]))
    for first in range(0, len(y), step):
        at = y[first : first + step], x[first : first + step]
        row, column = rows[at], columns[at]
        total = np.zeros(len(row), np.float32)
        for line in range(side):
            difference = windows[0][at[0] + line, at[1]] - windows[1][row + line, column]
            total += np.einsum("ncs,ncs->n", difference, difference)
        better = total < distances[at]
        taken = at[0][better], at[1][better]
        distances[taken] = total[better]
        places[taken] = offered[taken]


@cache
def _compiled_kernel() -> Any:
    import numba

    @numba.njit(nogil=True, cache=True, fastmath=True)  # type: ignore[misc, unused-ignore]
    def kernel(
        query: Any, source: Any, allowed: Any, places: Any, distances: Any, offered: Any, first: Any, last: Any
    ) -> None:  # pragma: no cover - compiled
        channels, side = query.shape[2], source.shape[0] - allowed.shape[0] + 1
        length = side * channels  # of a patch's line, whose numbers follow each other
        mine, theirs = query.reshape(query.shape[0], -1), source.reshape(source.shape[0], -1)
        for y in range(first, last):
            for x in range(places.shape[1]):
                row = min(max(offered[y, x, 0], 0), allowed.shape[0] - 1)
                column = min(max(offered[y, x, 1], 0), allowed.shape[1] - 1)
                if not allowed[row, column] or (row == places[y, x, 0] and column == places[y, x, 1]):
                    continue
                total, limit = np.float32(0), distances[y, x]
                for line in range(side):
                    own = mine[y + line, x * channels : x * channels + length]
                    other = theirs[row + line, column * channels : column * channels + length]
                    part = np.float32(0)
                    for k in range(length):
                        difference = own[k] - other[k]
                        part += difference * difference
                    total += part
                    if total >= limit:
                        break
                if total < limit:
                    distances[y, x] = total
                    places[y, x, 0], places[y, x, 1] = row, column

    return kernel
