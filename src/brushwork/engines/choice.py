"""The engine that a name stands for."""

from __future__ import annotations

from brushwork.engines.base import Engine
from brushwork.engines.local import LocalEngine
from brushwork.errors import UsageError
from brushwork.runtime.memory import available_memory
from brushwork.runtime.openmp import cpu_quota, usable_cpus

__all__ = ["engine_for", "local_workers"]

MEMORY = 0.8  # share of the free memory that workers may take


def engine_for(
    name: str, address: str | None, workers: int | None, device: str, threads: int = 1, memory: int = 0
) -> Engine:
    """Return an engine, connected.

    Args:
        name: "local" or "ray".
        address: See `RayEngine`; None for "local".
        workers: Number of workers; None: as many as there is room for.
        device: See `choose_device`.
        threads: Threads of each worker.
        memory: Bytes that each worker needs; 0 if it isn't known.

    Raises:
        UsageError: An address for this machine, or Ray isn't installed.
        BrushworkError: Nobody answers at the address.
    """
    if name == "ray":
        from brushwork.engines.ray_cluster import RayEngine

        return RayEngine(address, workers, threads, device)
    if address is not None:
        raise UsageError("address: is for the engine ray; write --engine ray")
    return LocalEngine(workers or local_workers(threads, memory), device)


def local_workers(threads: int, memory: int) -> int:
    """Return how many workers this machine has room for, by cores and memory; see `engine_for`."""
    cores = min(usable_cpus(), cpu_quota() or float("inf")) // threads
    free = available_memory()
    return max(1, int(cores if free is None or not memory else min(cores, MEMORY * free // memory)))
