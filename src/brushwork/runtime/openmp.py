"""OpenMP's threads, which do torch's work on the CPU: how they wait, and how many there are."""

from __future__ import annotations

import math
import os
from collections.abc import MutableMapping
from pathlib import Path

from brushwork.runtime import cgroups

__all__ = ["configure_openmp", "cpu_quota", "usable_cpus"]

# Each changes how threads wait, in GNU's OpenMP or in LLVM's and Intel's.
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # what torch takes its number of threads from


def configure_openmp(environment: MutableMapping[str, str] = os.environ) -> None:
    """Have threads sleep while they wait, and start no more of them than a container's CPU quota feeds.

    By default they spin, which takes the time of a core from whatever else runs. On a busy machine that is the very
    thread that they wait for, and the work takes twenty times as long.

    OpenMP reads the environment once, when torch loads it, so call this before torch is imported. Processes started
    later inherit it. What the user has set stays.

    Args:
        environment: Changed in place.
    """
    if not any(name in environment for name in WAITING):
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
        environment["KMP_BLOCKTIME"] = "0"  # milliseconds
    # OpenMP keeps to the affinity by itself, and torch to physical cores, which this shouldn't change; neither knows
    # of quotas.
    quota = cpu_quota()
    if quota is not None and quota < usable_cpus() and not any(name in environment for name in COUNTS):
        environment["OMP_NUM_THREADS"] = str(math.ceil(quota))


def usable_cpus() -> int:
    """How many CPUs the system lets this process run on: its affinity."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(root: Path = cgroups.ROOT, own: Path = cgroups.OWN) -> float | None:
    """CPUs' worth of time that this process's control groups may take, such as 1.5; None without a limit.

    Args:
        root: Where control groups are mounted.
        own: The file that names this process's groups.
    """
    quotas = [_quota(group, version) for group, version in cgroups.own_groups("cpu", root, own)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota(group: Path, version: int) -> float | None:
    """Of one group: its time in each period, both in microseconds."""
    try:
        if version == 2:
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        cpus = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # a quota of "max" is none
        return None
    return cpus if cpus > 0 else None  # and so is -1
