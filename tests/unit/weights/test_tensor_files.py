from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from brushwork.errors import WeightsError
from brushwork.runtime.tensor_files import read_metadata, read_tensors, sha256_of, write_tensors


class Runs:
    """Unpickling this writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("nest", [None, "state_dict"])
def test_torch_files(tmp_path: Path, named: dict[str, Tensor], new: bool, nest: str | None) -> None:
    content: object = OrderedDict(named)
    content = {nest: content, "epoch": 3} if nest else content
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=new)
    read = read_tensors(tmp_path / "a.pth")
    assert list(read) == list(named)
    assert all(torch.equal(read[name], named[name]) for name in named)


def test_the_bytes_tell_the_format_not_the_name(tmp_path: Path, named: dict[str, Tensor]) -> None:
    save_file(named, tmp_path / "a.pth")
    torch.save(named, tmp_path / "b.safetensors")
    assert read_tensors(tmp_path / "a.pth").keys() == read_tensors(tmp_path / "b.safetensors").keys()


@pytest.mark.parametrize("padding", range(0, 256, 8))
def test_a_header_of_any_length_is_read(tmp_path: Path, padding: int) -> None:
    """A safetensors file begins with the length of its header, whose first byte may be that of a pickle."""
    save_file({"conv1_1.bias": torch.zeros(64)}, tmp_path / "a.safetensors", {"note": "x" * padding})
    assert list(read_tensors(tmp_path / "a.safetensors")) == ["conv1_1.bias"]


@pytest.mark.parametrize("new", [True, False, None], ids=["zip", "legacy", "bare pickle"])
def test_code_in_a_file_is_never_run(tmp_path: Path, new: bool | None) -> None:
    content = {"conv1_1.weight": Runs(tmp_path / "ran")}
    if new is None:
        (tmp_path / "a.pth").write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(WeightsError, match=r"a\.pth (contains code \(\w+\.mkdir\)|is damaged)"):
        read_tensors(tmp_path / "a.pth")
    assert not (tmp_path / "ran").exists()


def test_a_whole_module_is_refused_with_what_to_do(tmp_path: Path) -> None:
    torch.save(torch.nn.Conv2d(3, 3, 1), tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"contains code \(torch\.nn.*Conv2d\).*state_dict"):
        read_tensors(tmp_path / "a.pth")


def safetensors_bytes(named: dict[str, Tensor], path: Path) -> bytes:
    save_file(named, path)
    return path.read_bytes()


def zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "hello")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"conv1_1.weight = 3\n", "neither safetensors nor"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\x00" * 100, "neither safetensors nor"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", "damaged"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00{}", "contains no named tensors"),
        (b"\x80\x02garbage", "damaged"),
        (zip_bytes(), "damaged"),
        (pickle.dumps([1, 2, 3]), "damaged"),
    ],
)
def test_files_that_are_no_weights(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_tensors(tmp_path / "a.pth")


@pytest.mark.parametrize("kept", [0.3, 0.99])
def test_truncated_files(tmp_path: Path, named: dict[str, Tensor], kept: float) -> None:
    whole = safetensors_bytes(named, tmp_path / "whole.safetensors")
    (tmp_path / "a.safetensors").write_bytes(whole[: int(len(whole) * kept)])
    torch.save(named, tmp_path / "whole.pth")
    zipped = (tmp_path / "whole.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(zipped[: int(len(zipped) * kept)])
    for name in ("a.safetensors", "a.pth"):
        with pytest.raises(WeightsError, match="damaged"):
            read_tensors(tmp_path / name)


def test_empty_missing_and_directory(tmp_path: Path) -> None:
    (tmp_path / "empty.pth").touch()
    for path, message in [
        (tmp_path / "empty.pth", "is empty"),
        (tmp_path / "none.pth", "No such file"),
        (tmp_path, "is a directory"),
    ]:
        with pytest.raises(WeightsError, match=message):
            sha256_of(path)


def test_metadata_of_what_is_no_safetensors_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_text("no")
    assert read_metadata(tmp_path / "a.safetensors") == {}
    assert read_metadata(tmp_path / "none.safetensors") == {}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, named: dict[str, Tensor]) -> None:
    write_tensors(tmp_path / "a.safetensors", named, {"record": "x"})
    before = (tmp_path / "a.safetensors").read_bytes()
    shared = {"a": named["conv1_1.bias"], "b": named["conv1_1.bias"]}  # safetensors refuses shared memory
    with pytest.raises(RuntimeError):
        write_tensors(tmp_path / "a.safetensors", shared, {})
    assert (tmp_path / "a.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_state_dict_of_other_things_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "lr": 0.1}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="contains no named tensors"):
        read_tensors(tmp_path / "a.pth")
