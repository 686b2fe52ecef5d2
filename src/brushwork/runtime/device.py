"""Device, precision, threads and processes of the current machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from brushwork.errors import UsageError

__all__ = [
    "DEVICES",
    "choose_device",
    "choose_dtype",
    "describe_device",
    "launched",
    "leave",
    "ready_for",
    "to_device",
    "torch_threads",
]

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str | torch.device = "auto") -> torch.device:
    """Return the named device; "auto" selects a GPU if available. A `torch.device` is returned unchanged.

    Raises:
        UsageError: An unknown name, or a device that this machine or this build of torch doesn't have.
    """
    if isinstance(name, torch.device):
        return name
    if not isinstance(name, str):
        raise UsageError(f"device: expected {', '.join(DEVICES)} or cuda:N, got {name!r}")
    kind, _, index = name.partition(":")
    if kind not in DEVICES or (index and (kind != "cuda" or not index.isdecimal())):
        raise UsageError(f"device: expected {', '.join(DEVICES)} or cuda:N, got {name!r}")
    have = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if have[kind]))
    if not have[kind]:
        raise UsageError(f"device {kind} is not available here; use --device cpu, or install a torch build with {kind}")
    if index and int(index) >= torch.cuda.device_count():
        raise UsageError(f"device {name}: this machine has {torch.cuda.device_count()} CUDA devices, numbered from 0")
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """Return a human-readable description of the device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads" if device.type == "cpu" else device.type


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """While the block runs, let torch calculate in this many threads: at least 1, at most 1024."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(count, 1024)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the network's dtype for "float32", "bfloat16" or "auto".

    "auto" times a typical convolution in both, once per process, and selects bfloat16 if it is clearly faster.
    """
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    return _faster_dtype(device)


@lru_cache
def _faster_dtype(device: torch.device, runs: int = 8) -> torch.dtype:
    """Return the faster dtype, measured only once: a second measurement under load could change the output bytes.

    Measured on one thread, because on busy cores the wait for other threads dominates, whatever the dtype.
    """
    timers = {dtype: _convolution(dtype, device) for dtype in (torch.float32, torch.bfloat16)}
    best = dict.fromkeys(timers, float("inf"))
    with torch_threads(1):
        for _ in range(runs):  # alternating, so that other load affects both alike
            for dtype, seconds in timers.items():
                best[dtype] = min(best[dtype], seconds())
    return torch.bfloat16 if best[torch.bfloat16] < 0.8 * best[torch.float32] else torch.float32


def _convolution(dtype: torch.dtype, device: torch.device) -> Callable[[], float]:
    """Return a function that runs a convolution and returns the elapsed seconds."""
    conv = nn.Conv2d(64, 64, 3, padding=1).to(device, dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.zeros(1, 64, 96, 96, device=device, dtype=dtype).to(memory_format=torch.channels_last)

    def seconds() -> float:
        start = time.perf_counter()
        with torch.inference_mode():
            conv(image).sum().item()
        return time.perf_counter() - start

    return seconds


def ready_for(pixels: Tensor, device: torch.device) -> Tensor:
    """Return pixels in pinned memory, for asynchronous transfer to a CUDA GPU; unchanged for other devices."""
    return pixels.pin_memory() if device.type == "cuda" else pixels


def to_device(pixels: Tensor, device: torch.device) -> Tensor:
    """Return pixels on the device; the transfer is asynchronous if they come from `ready_for`."""
    return pixels.to(device, non_blocking=pixels.is_pinned())


def launched(device: torch.device) -> Any:
    """Return a launched Lightning Fabric: on one device, or as one of the processes started by torchrun.

    It finds and connects devices and processes; the task decides which part of a step runs in bfloat16.

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


def leave() -> None:
    """Shut down the process group of `launched`; its threads would otherwise abort the program at exit."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
