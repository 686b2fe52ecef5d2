"""Device, precision, threads, processes and memory of the machine at hand."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from brushwork.errors import UsageError

__all__ = [
    "DEVICES",
    "available_memory",
    "choose_device",
    "choose_dtype",
    "describe_device",
    "kept_memory",
    "launched",
    "lean_memory",
    "out_of_memory",
    "peak_memory",
    "release_memory",
]

DEVICES = ("auto", "cpu", "cuda", "mps")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4  # of <malloc.h>
STAYS = 2_000_000  # pixels of a picture whose memory is kept for the next one: some 200 MB
LARGE = 500_000  # pixels from which on memory matters more than some percent of the time


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" takes a GPU where there is one.

    Raises:
        UsageError: An unknown name, or a device that this machine or this build of torch does not have.
    """
    kind, _, index = name.partition(":")
    if kind not in DEVICES or (index and (kind != "cuda" or not index.isdecimal())):
        raise UsageError(f"device: expected {', '.join(DEVICES)} or cuda:N, got {name!r}")
    have = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if have[kind]))
    if not have[kind]:
        raise UsageError(f"device {kind} is not available here; use --device cpu, or install a torch build with {kind}")
    if index and int(index) >= torch.cuda.device_count():
        raise UsageError(f"device {name}: there are {torch.cuda.device_count()} CUDA devices, numbered from 0")
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads" if device.type == "cpu" else device.type


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The network's number type for "float32", "bfloat16" or "auto".

    "auto" times a convolution of typical width in both, once per process, and takes bfloat16 if it wins clearly.
    """
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    return _faster_dtype(device)


@lru_cache
def _faster_dtype(device: torch.device, runs: int = 8) -> torch.dtype:
    """Measured once: a second measurement on a busy machine could end otherwise, and the same job in other bytes.

    So it is measured on one thread, too: several wait for one another where cores are busy, whatever the dtype.
    """
    timers = {dtype: _convolution(dtype, device) for dtype in (torch.float32, torch.bfloat16)}
    best = dict.fromkeys(timers, float("inf"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(runs):  # in turn, so that whatever else the machine does hits both
            for dtype, seconds in timers.items():
                best[dtype] = min(best[dtype], seconds())
    finally:
        torch.set_num_threads(threads)
    return torch.bfloat16 if best[torch.bfloat16] < 0.8 * best[torch.float32] else torch.float32


def _convolution(dtype: torch.dtype, device: torch.device) -> Callable[[], float]:
    """A convolution that tells how many seconds it took."""
    conv = nn.Conv2d(64, 64, 3, padding=1).to(device, dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.zeros(1, 64, 96, 96, device=device, dtype=dtype).to(memory_format=torch.channels_last)

    def seconds() -> float:
        start = time.perf_counter()
        with torch.inference_mode():
            conv(image).sum().item()
        return time.perf_counter() - start

    return seconds


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


def _container_memory(group: Path = Path("/sys/fs/cgroup")) -> int | None:
    """What is left of a container's limit (cgroup v2); files in its cache don't count, they give way."""
    try:
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())["inactive_file"]
        return int(limit) - int(used) + int(cached)
    except (OSError, KeyError, ValueError):  # a limit of "max" is none
        return None


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


def launched(device: torch.device) -> Any:
    """Lightning's Fabric, launched: on one device, or as one of the processes that torchrun started.

    It finds devices and processes and joins them; which part of a step runs in bfloat16 is the task's to say.

    Raises:
        UsageError: Fabric is not installed.
    """
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise UsageError("training needs Lightning Fabric: pip install 'brushwork[train]'") from error
    here, everywhere = (int(os.environ.get(name, "1")) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
    devices: Any = here if here > 1 or device.index is None else [device.index]
    strategy = "ddp" if everywhere > 1 else "auto"
    fabric = Fabric(accelerator=device.type, devices=devices, strategy=strategy, num_nodes=everywhere // here)
    fabric.launch()
    return fabric


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
