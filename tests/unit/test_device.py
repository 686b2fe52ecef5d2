from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from brushwork import device
from brushwork.device import (
    available_memory,
    choose_device,
    choose_dtype,
    describe_device,
    kept_memory,
    lean_memory,
    out_of_memory,
)
from brushwork.errors import UsageError


def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    no_gpu(monkeypatch)
    assert choose_device() == choose_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto").type == "cuda"
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(UsageError, match="cuda:2: there are 2 CUDA devices"):
        choose_device("cuda:2")


@pytest.mark.parametrize("name", ["", "gpu", "CPU", "cpu:3", "auto:1", "cuda:x", "cuda:-1", "cuda:²"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="device: expected auto, cpu, cuda, mps or cuda:N"):
        choose_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_what_is_not_here_is_refused_with_the_mend(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    no_gpu(monkeypatch)
    with pytest.raises(UsageError, match="not available here; use --device cpu"):
        choose_device(name)


def test_description() -> None:
    assert describe_device(torch.device("cpu")) == f"cpu, {torch.get_num_threads()} threads"


def test_dtype() -> None:
    cpu = torch.device("cpu")
    assert choose_dtype("float32", cpu) == torch.float32
    assert choose_dtype("bfloat16", cpu) == torch.bfloat16


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, torch.bfloat16), (0.9, torch.float32)])
def test_auto_takes_bfloat16_only_where_it_wins_clearly(
    seconds: float, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    device._faster_dtype.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(device, "_convolution", lambda dtype, _: lambda: seconds if dtype == torch.bfloat16 else 1.0)
        assert choose_dtype("auto", torch.device("cpu")) == expected
    assert choose_dtype("auto", torch.device("cpu")) == expected  # measured once per process
    device._faster_dtype.cache_clear()


def test_memory_is_within_the_container_s_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (available_memory() or 1) > 0
    for name, text in {
        "memory.max": "1000\n",
        "memory.current": "700\n",
        "memory.stat": "anon 1\ninactive_file 200\n",
    }.items():
        (tmp_path / name).write_text(text)
    assert device._container_memory(tmp_path) == 500
    (tmp_path / "memory.max").write_text("max\n")
    assert device._container_memory(tmp_path) is None
    assert device._container_memory(tmp_path / "nothing") is None
    monkeypatch.setattr(device, "_container_memory", lambda: 123)
    assert available_memory() == 123
    monkeypatch.setattr(device, "_container_memory", lambda: None)
    monkeypatch.setattr(device, "_system_memory", lambda: None)
    assert available_memory() is None


def test_the_end_of_memory_is_recognized() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert out_of_memory(caught.value)
    assert out_of_memory(torch.cuda.OutOfMemoryError("CUDA out of memory"))
    assert out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("sizes differ"))
    assert not out_of_memory(ValueError("out of memory"))


def test_lean_memory_leaves_results_alone() -> None:
    for pixels in (100, 2_000_000):
        with lean_memory(pixels):
            assert torch.ones(1_000_000).sum() == 1_000_000  # allocated by the system, as 4 MB


def test_lean_memory_ends_with_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    tuned: dict[int, int] = {}
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", lambda name: SimpleNamespace(mallopt=tuned.__setitem__))
    with pytest.raises(KeyboardInterrupt), lean_memory(2_000_000):
        raise KeyboardInterrupt
    assert tuned == {-3: 32 << 20, -4: 65536}  # M_MMAP_THRESHOLD, M_MMAP_MAX
    tuned.clear()
    with lean_memory(1000):
        assert not tuned  # small pictures keep the faster way


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
