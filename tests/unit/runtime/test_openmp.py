"""Threads that sleep while they wait, and no more of them than there are CPUs for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from brushwork.runtime import openmp
from brushwork.runtime.openmp import configure_openmp, cpu_quota

NAMES = (*openmp.WAITING, *openmp.COUNTS)
UNSET = {name: value for name, value in os.environ.items() if name not in NAMES}


@pytest.mark.parametrize(
    ("user", "policy", "block"),
    [
        ({}, "PASSIVE", "0"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE", "None"),
        ({"GOMP_SPINCOUNT": "1000"}, "None", "None"),
        ({"KMP_BLOCKTIME": "200"}, "None", "200"),
    ],
)
def test_the_command_settles_how_threads_wait_before_torch_loads(
    user: dict[str, str], policy: str, block: str, tmp_path: Path
) -> None:
    # In torch's place, a module that tells what OpenMP would read when torch loads it.
    seen = "[os.environ.get(name) for name in ('OMP_WAIT_POLICY', 'KMP_BLOCKTIME')]"
    (tmp_path / "torch.py").write_text(f"import os\nprint(*{seen}, flush=True)\nos._exit(0)\n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-m", "brushwork", "doctor"]
    environment = {**UNSET, **user, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [policy, block], done.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_threads_are_as_many_as_the_cpus_that_may_be_used() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from brushwork.runtime.openmp import configure_openmp, usable_cpus; configure_openmp()\n"
        "import torch; print(usable_cpus(), torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", program], env=UNSET, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"]


@pytest.mark.parametrize(
    ("quota", "user", "threads"),
    [
        (1.5, {}, "2"),
        (0.2, {}, "1"),
        (8.0, {}, None),
        (None, {}, None),
        (2.0, {"OMP_NUM_THREADS": "5"}, "5"),
        (2.0, {"MKL_NUM_THREADS": "5"}, None),
    ],
)
def test_threads_keep_to_a_quota_unless_the_user_has_chosen(
    quota: float | None, user: dict[str, str], threads: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openmp, "cpu_quota", lambda: quota)
    monkeypatch.setattr(openmp, "usable_cpus", lambda: 8)
    environment = dict(user)
    configure_openmp(environment)
    assert environment.get("OMP_NUM_THREADS") == threads


@pytest.mark.parametrize(("line", "top", "version"), [("0::/a/b", "", 2), ("4:cpu,cpuacct:/a/b", "cpu", 1)])
def test_the_narrowest_quota_of_the_groups_around_counts(line: str, top: str, version: int, tmp_path: Path) -> None:
    own, root = tmp_path / "own", tmp_path / "root"
    own.write_text(f"9:pids:/other\n{line}\n")

    def limit(group: str, quota: int | None) -> None:
        folder = root / top / group
        folder.mkdir(parents=True, exist_ok=True)
        if version == 2:
            (folder / "cpu.max").write_text(f"{'max' if quota is None else quota} 100000\n")
        else:
            (folder / "cpu.cfs_quota_us").write_text(f"{-1 if quota is None else quota}\n")
            (folder / "cpu.cfs_period_us").write_text("100000\n")

    assert cpu_quota(root, own) is None
    limit("a", 150_000)
    assert cpu_quota(root, own) == 1.5
    limit("a/b", 400_000)
    assert cpu_quota(root, own) == 1.5
    limit("a", None)
    assert cpu_quota(root, own) == 4.0
    limit(".", 50_000)  # what a container sees as its root
    assert cpu_quota(root, own) == 0.5
    assert cpu_quota(root, tmp_path / "nothing") == 0.5
