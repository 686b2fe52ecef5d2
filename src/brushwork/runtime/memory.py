"""Main memory: what there is of it, what this process holds, keeping it and giving it back."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from brushwork.runtime import cgroups

__all__ = [
    "available_memory",
    "kept_memory",
    "lean_memory",
    "one_heap",
    "out_of_memory",
    "peak_memory",
    "release_memory",
    "resident_memory",
]

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -3, -4, -8  # of <malloc.h>
STAYS = 2_000_000  # pixels of a picture whose memory is kept for the next one: some 200 MB
LARGE = 500_000  # pixels from which on memory matters more than some percent of the time
OF_VERSION_2 = "memory.max", "memory.current", "inactive_file"
OF_VERSION_1 = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"


def available_memory() -> int | None:
    """Bytes of main memory that can be taken without swapping, within a container's limit; None if unknown."""
    free = [count for count in (_system_memory(), _container_memory()) if count is not None]
    return min(free) if free else None


def _system_memory() -> int | None:
    try:
        meminfo = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(meminfo["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:  # elsewhere the whole of it, for want of better
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _container_memory(root: Path = cgroups.ROOT, own: Path = cgroups.OWN) -> int | None:
    """What the limits of this process's control group, and of those around it, leave; None without a limit."""
    groups = cgroups.own_groups("memory", root, own)
    left = [_left(group, *(OF_VERSION_2 if version == 2 else OF_VERSION_1)) for group, version in groups]
    known = [count for count in left if count is not None]
    return max(0, min(known)) if known else None


def _left(group: Path, limit: str, used: str, cached: str) -> int | None:
    """Bytes that a group's limit leaves; files in its cache don't count, they give way."""
    try:
        most, held = (int((group / name).read_text()) for name in (limit, used))
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return most - held + int(stat[cached])
    except (OSError, KeyError, ValueError):  # a limit of "max" is none
        return None


def resident_memory() -> int:
    """Bytes of main memory that this process holds now; 0 where the system doesn't say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


@contextmanager
def kept_memory(pixels: int) -> Iterator[None]:
    """While the block works on a picture of so many pixels, keep freed tensors for the next ones of their size.

    glibc gives large blocks back to the system and takes them anew, which clears them: a quarter of the time that a
    quick network takes, half of it at four megapixels. What is kept of a small picture stays for the next one.
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
        if pixels > STAYS:
            mallopt(M_MMAP_MAX, 65536)  # both as glibc begins
            mallopt(M_TRIM_THRESHOLD, 128 << 10)
            release_memory()


@contextmanager
def one_heap() -> Iterator[None]:
    """While the block works, threads that begin take their memory from where the others do.

    glibc gives each thread a heap of its own, and large tensors that one has freed the other couldn't take.
    """
    mallopt = _mallopt()
    if mallopt is None:
        yield
        return
    mallopt(M_ARENA_MAX, 1)
    try:
        yield
    finally:
        mallopt(M_ARENA_MAX, 0)  # as glibc begins


@contextmanager
def lean_memory(pixels: int) -> Iterator[None]:
    """While the block works on a picture of so many pixels, give freed tensors back to the system at once.

    glibc keeps freed blocks of up to 32 MB for itself. Feature maps of all sizes, made and freed at every step, leave
    holes there: 250 MB at 1024×768. Blocks from the system cost time instead, which small pictures would notice.
    """
    mallopt = _mallopt()
    if mallopt is None or pixels < LARGE:
        yield
        return
    mallopt(M_MMAP_MAX, 65536)
    mallopt(M_MMAP_THRESHOLD, 2 << 20)
    try:
        yield
    finally:
        mallopt(M_MMAP_THRESHOLD, 32 << 20)  # the value that glibc's own adaptation ends with


def release_memory() -> None:
    """Give the system back what lies unused between the blocks of glibc's heap."""
    if _mallopt() is not None:
        ctypes.CDLL(None).malloc_trim(0)


def _mallopt() -> Callable[[int, int], int] | None:
    """What tunes glibc's memory; None elsewhere."""
    return getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ended; torch has no class of its own for main memory."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("can't allocate memory", "not enough memory", "out of memory")
    )


def peak_memory(device: torch.device) -> int:
    """The most memory that the process, or its GPU, has held, in bytes; 0 where the system doesn't say."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)
