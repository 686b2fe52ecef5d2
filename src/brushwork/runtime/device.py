"""Device, precision, threads and processes of the machine at hand."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
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
]

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str | torch.device = "auto") -> torch.device:
    """The device of that name; "auto" takes a GPU where there is one. A device of torch is taken as it is.

    Raises:
        UsageError: An unknown name, or a device that this machine or this build of torch does not have.
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


def ready_for(pixels: Tensor, device: torch.device) -> Tensor:
    """Pixels in memory from which a GPU of CUDA fetches them by itself; elsewhere as they are."""
    return pixels.pin_memory() if device.type == "cuda" else pixels


def to_device(pixels: Tensor, device: torch.device) -> Tensor:
    """Pixels on the device, where the work goes on meanwhile if they are `ready_for` it."""
    return pixels.to(device, non_blocking=pixels.is_pinned())


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


def leave() -> None:
    """Leave the other processes of `launched`: threads that wait for them would abort the program at its end."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
