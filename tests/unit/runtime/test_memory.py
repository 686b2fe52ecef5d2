from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from brushwork.runtime import cgroups, memory
from brushwork.runtime.device import choose_dtype
from brushwork.runtime.memory import available_memory, kept_memory, out_of_memory, release_memory, resident_memory

V1 = cgroups.ROOT / "memory"
# Without bfloat16 instructions the network is calculated in float32, and libraries alone take more than 800 MB.
SMALL = 800_000_000 if choose_dtype("auto", torch.device("cpu")) == torch.bfloat16 else 1_400_000_000


def group(folder: Path, names: tuple[str, str, str], limit: str, used: int, cached: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\n{names[2]} {cached}\n")


@pytest.mark.parametrize(
    ("line", "top", "names"),
    [("0::/a/b", "", memory.OF_VERSION_2), ("4:cpu,memory:/a/b", "memory", memory.OF_VERSION_1)],
)
def test_the_narrowest_limit_of_the_groups_around_counts(
    line: str, top: str, names: tuple[str, str, str], tmp_path: Path
) -> None:
    own, root = tmp_path / "own", tmp_path / "root"
    own.write_text(f"9:pids:/other\n{line}\n")
    assert memory._container_memory(root, own) is None
    group(root / top / "a", names, "5000", 700, 200)
    assert memory._container_memory(root, own) == 4500
    group(root / top / "a/b", names, "9000", 100, 0)
    assert memory._container_memory(root, own) == 4500
    group(root / top / "a", names, "max", 700, 200)
    assert memory._container_memory(root, own) == 8900
    group(root / top, names, "100", 900, 0)  # what a container sees as its root
    assert memory._container_memory(root, own) == 0
    assert memory._container_memory(root, tmp_path / "nothing") == 0
    (root / top / "a/b/memory.stat").write_text("anon 1\n")
    (root / top / names[0]).write_text("max\n")
    assert memory._container_memory(root, own) is None


def test_memory_is_within_the_container_s_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (available_memory() or 1) > 0
    monkeypatch.setattr(memory, "_container_memory", lambda: 123)
    assert available_memory() == 123
    monkeypatch.setattr(memory, "_container_memory", lambda: None)
    monkeypatch.setattr(memory, "_system_memory", lambda: None)
    assert available_memory() is None


def test_resident_memory_grows_with_what_is_held() -> None:
    release_memory()  # what other tests left would be used first
    before = resident_memory()
    held = torch.ones(25_000_000)
    assert 80_000_000 < resident_memory() - before < 300_000_000
    assert held.sum() > 0


def test_what_the_system_does_not_report_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable() -> None:
        raise PermissionError

    monkeypatch.setattr("psutil.Process", unreadable)
    monkeypatch.setattr("psutil.virtual_memory", unreadable)
    assert resident_memory() == 0
    assert memory._system_memory() is None


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A small control group, for which the tests must run as root outside a container."""
    folder = V1 / f"brushwork-test-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / "memory.limit_in_bytes").write_text(str(SMALL))
    except OSError:
        pytest.skip("no control group can be made here")
    yield folder
    folder.rmdir()


def test_in_a_small_control_group_a_large_photo_is_painted_all_the_same(small_group: Path, tmp_path: Path) -> None:
    photo, output = tmp_path / "photo.jpg", tmp_path / "out.jpg"
    Image.effect_noise((4500, 3600), 60).convert("RGB").save(photo)
    command = [
        sys.executable,
        "-m",
        "brushwork",
        "stylize",
        str(photo),
        "--style",
        "feminine-wave",
        "--preset",
        "draft",
    ]
    line = ["sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', str(small_group), *command]
    line += ["--size", "full", "--json", "-o", str(output)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)["plan"]
    assert plan["way"] == "streamed"
    assert plan["limit"] < 1.25 * SMALL  # of the memory that it shares with others, little counts in its group
    with Image.open(output) as painted:
        assert painted.size == (4500, 3600)


def test_the_end_of_memory_is_recognized() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert out_of_memory(caught.value)
    assert out_of_memory(torch.cuda.OutOfMemoryError("CUDA out of memory"))
    assert out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("sizes differ"))
    assert not out_of_memory(ValueError("out of memory"))


def test_kept_memory_is_given_back_after_a_large_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    tuned: dict[int, int] = {}
    trimmed: list[int] = []
    glibc = SimpleNamespace(mallopt=tuned.__setitem__, malloc_trim=trimmed.append)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", lambda name: glibc)
    with kept_memory(1000):
        assert tuned == {-1: 2**31 - 1, -4: 0}  # M_TRIM_THRESHOLD, M_MMAP_MAX
    assert not trimmed
    with kept_memory(4_000_000):
        pass
    assert tuned == {-1: 128 << 10, -4: 65536}
    assert trimmed == [0]


@pytest.mark.parametrize("words", ["DefaultCPUAllocator: can't allocate memory", "could not create a primitive"])
def test_torch_says_in_several_ways_that_memory_has_ended(words: str) -> None:
    assert out_of_memory(RuntimeError(words))
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
