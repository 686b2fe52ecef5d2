"""OpenMP settings for torch on the CPU: how its threads wait, and how many there are."""

from __future__ import annotations

import math
import os
from collections.abc import MutableMapping
from pathlib import Path

from brushwork.runtime import cgroups

__all__ = ["configure_openmp", "cpu_quota", "usable_cpus"]

# Each controls how threads wait, in GNU's OpenMP or in LLVM's and Intel's.
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # variables that set torch's number of threads


def configure_openmp(environment: MutableMapping[str, str] = os.environ) -> None:
    """Make threads sleep while they wait, and limit their number to a container's CPU quota.

    By default they spin, which takes CPU time from everything else. On a busy machine that includes the thread that
    they are waiting for, and the work takes twenty times as long.

    OpenMP reads the environment once, when torch loads it, so call this before importing torch. Child processes inherit
    it. Variables set by the user are left unchanged.

    Args:
        environment: Modified in place.
    """
    if not any(name in environment for name in WAITING):
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
        environment["KMP_BLOCKTIME"] = "0"  # milliseconds
    # OpenMP already respects the CPU affinity and torch uses physical cores, which this must not change; neither knows
    # about quotas.
    quota = cpu_quota()
    if quota is not None and quota < usable_cpus() and not any(name in environment for name in COUNTS):
        environment["OMP_NUM_THREADS"] = str(math.ceil(quota))


def usable_cpus() -> int:
    """Return the number of CPUs in this process's affinity mask."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(root: Path = cgroups.ROOT, own: Path = cgroups.OWN) -> float | None:
    """Return the CPU quota of this process's control groups in CPUs, such as 1.5; None if unlimited.

    Args:
        root: Where control groups are mounted.
        own: The file that lists this process's groups.
    """
    quotas = [_quota(group, version) for group, version in cgroups.own_groups("cpu", root, own)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota(group: Path, version: int) -> float | None:
    """Return the CPU quota of one group: quota divided by period, both in microseconds."""
    try:
        if version == 2:
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        cpus = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max" means no quota
        return None
    return cpus if cpus > 0 else None  # and so does -1
