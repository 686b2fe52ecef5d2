"""The Linux control groups of this process, which hold a container's limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["OWN", "ROOT", "own_groups"]

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def own_groups(controller: str, root: Path = ROOT, own: Path = OWN) -> Iterator[tuple[Path, int]]:
    """Yield the folders of the groups whose limits apply to this process, each with its cgroup version, 1 or 2.

    In a container, a process may not see the path of its own group, so the folders need not exist.

    Args:
        controller: Version 1 controller name: "memory", "cpu".
        root: Where control groups are mounted.
        own: The file that lists this process's groups.

    Source: the Linux kernel's documentation of cgroup v1 and v2.
    """
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except (OSError, ValueError):
        lines = []
    for name, top, version in (("", root, 2), (controller, root / controller, 1)):
        paths = [line[2] for line in lines if len(line) == 3 and name in line[1].split(",")]
        for path in paths or ["/"]:
            inner = top / path.lstrip("/")
            for group in (inner, *inner.parents):
                if group.is_relative_to(top):
                    yield group, version
