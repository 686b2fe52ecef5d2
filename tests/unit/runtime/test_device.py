from __future__ import annotations

import pytest
import torch

from brushwork.errors import UsageError
from brushwork.runtime import device
from brushwork.runtime.device import (
    choose_device,
    choose_dtype,
    describe_device,
    torch_threads,
)


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
    with pytest.raises(UsageError, match="cuda:2: this machine has 2 CUDA devices"):
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


@pytest.mark.parametrize(("wanted", "given"), [(2, 2), (0, 1), (-3, 1)])
def test_threads_are_as_before_after_the_block(wanted: int, given: int) -> None:
    before = torch.get_num_threads()
    with torch_threads(wanted):
        assert torch.get_num_threads() == given
    assert torch.get_num_threads() == before
