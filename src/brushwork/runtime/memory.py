"""Main memory: how much is available and used, and control over when freed memory is kept or returned."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from brushwork.runtime import cgroups

if TYPE_CHECKING:
    import torch

__all__ = [
    "available_memory",
    "kept_memory",
    "one_heap",
    "out_of_memory",
    "peak_memory",
    "release_memory",
    "release_near",
    "resident_memory",
]

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # from <malloc.h>
STAYS = 2_000_000  # pixels of an image up to which freed memory is kept for the next image: about 200 MB
FULL = 0.95  # fraction of a limit from which unused memory is returned to the system, which takes time
# How torch says that memory has ended; the last is oneDNN, which doesn't say why it can't begin a convolution.
MEMORY_ENDS = "can't allocate memory", "not enough memory", "out of memory", "could not create a primitive"
OF_VERSION_2 = "memory.max", "memory.current", "inactive_file"
OF_VERSION_1 = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"


def available_memory() -> int | None:
    """Return bytes available without swapping, within a container's limit; None if unknown."""
    free = [count for count in (_system_memory(), _container_memory()) if count is not None]
    return min(free) if free else None


def _system_memory() -> int | None:
    import psutil

    try:
        return int(psutil.virtual_memory().available)
    except (OSError, psutil.Error):
        return None


def _container_memory(root: Path = cgroups.ROOT, own: Path = cgroups.OWN) -> int | None:
    """Return bytes left by the limits of this process's control group and its parents; None if unlimited."""
    groups = cgroups.own_groups("memory", root, own)
    left = [_left(group, *(OF_VERSION_2 if version == 2 else OF_VERSION_1)) for group, version in groups]
    known = [count for count in left if count is not None]
    return max(0, min(known)) if known else None


def _left(group: Path, limit: str, used: str, cached: str) -> int | None:
    """Return bytes left by a group's limit; file cache doesn't count as used, since it can be reclaimed."""
    try:
        most, held = (int((group / name).read_text()) for name in (limit, used))
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return most - held + int(stat[cached])
    except (OSError, KeyError, ValueError):  # "max" means no limit
        return None


def resident_memory() -> int:
    """Return the resident memory of this process in bytes; 0 if the system doesn't report it."""
    import psutil

    try:
        return int(psutil.Process().memory_info().rss)
    except (OSError, psutil.Error):
        return 0


@contextmanager
def kept_memory(pixels: int, stays: int = STAYS) -> Iterator[None]:
    """While the block processes an image of this many pixels, keep freed tensors for reuse.

    glibc otherwise returns large blocks to the system and allocates them again, which zeroes them: this takes a quarter
    of the run time of a fast network, half of it at four megapixels, and a third of that of an optimization.

    Args:
        pixels: Of the image.
        stays: Pixels up to which the memory is kept for the next image.
    """
    mallopt = _mallopt()
    if mallopt is None:
        yield
        return
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(M_MMAP_MAX, 0)
    try:
        yield
    finally:
        if pixels > stays:
            mallopt(M_MMAP_MAX, 65536)  # both are glibc's defaults
            mallopt(M_TRIM_THRESHOLD, 128 << 10)
            release_memory()


@contextmanager
def one_heap() -> Iterator[None]:
    """While the block runs, make new threads allocate from the shared heap.

    By default, glibc gives each thread its own heap, so large tensors freed by one can't be reused by another.
    """
    mallopt = _mallopt()
    if mallopt is None:
        yield
        return
    mallopt(M_ARENA_MAX, 1)
    try:
        yield
    finally:
        mallopt(M_ARENA_MAX, 0)  # glibc's default


def release_memory() -> None:
    """Return unused memory in glibc's heap to the system."""
    if _mallopt() is not None:
        ctypes.CDLL(None).malloc_trim(0)


def release_near(limit: int) -> None:
    """Return unused memory to the system if the process has nearly reached a limit in bytes; 0 for none."""
    if limit and resident_memory() > FULL * limit:
        release_memory()


def _mallopt() -> Callable[[int, int], int] | None:
    """Return glibc's mallopt; None on other systems."""
    return getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error means out of memory; torch has no error class for main memory."""
    import torch

    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in MEMORY_ENDS)


def peak_memory(device: torch.device) -> int:
    """Return the peak memory of the process, or of its GPU, in bytes; 0 if the system doesn't report it."""
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)
