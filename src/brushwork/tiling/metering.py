"""Measuring memory use on a small image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["held_bytes", "live_bytes"]


class _Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Tracks every tensor that operations create until it is freed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live: list[tuple[Any, int]] = []
        self.known: set[int] = set()
        self.peak = 0

    @property
    def now(self) -> int:
        """Bytes currently allocated."""
        return sum(size for held, size in self.live if not held.expired())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.live = [(held, size) for held, size in self.live if not held.expired()]
        self.known = {held.cdata for held, _ in self.live}
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata not in self.known:
                storage = tensor.untyped_storage()
                self.live.append((StorageWeakRef(storage), storage.nbytes()))  # type: ignore[no-untyped-call]
                self.known.add(storage._cdata)
        self.peak = max(self.peak, sum(size for _, size in self.live))
        return result


def live_bytes(work: Callable[[], object]) -> int:
    """Return the peak number of bytes of tensors allocated during some work, excluding those allocated before.

    Temporary memory within operations and the allocator's overhead are not included.

    >>> import torch
    >>> live_bytes(lambda: (torch.zeros(1000) + 1).sum())
    8000
    """
    meter = _Meter()
    with meter:
        work()
    return meter.peak


def held_bytes(steps: Iterator[object]) -> list[int]:
    """Return the bytes of tensors that a generator holds at each yield, including the yielded value."""
    found: list[int] = []
    meter = _Meter()
    with meter:
        for given in steps:
            found.append(meter.now)
            del given
    return found
