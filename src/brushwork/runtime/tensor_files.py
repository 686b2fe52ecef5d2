"""Read weights files without executing code from them, and write safetensors files atomically."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from brushwork.errors import WeightsError, first_line
from brushwork.runtime.atomic_files import replacing
from brushwork.runtime.uninterrupted import uninterrupted

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SUFFIXES", "check_recorded", "read_metadata", "read_tensors", "rescaled", "sha256_of", "write_tensors"]

SUFFIXES = (".safetensors", ".pth", ".pt")
_NESTS = ("state_dict", "model_state_dict", "model", "params", "net")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, as 64 hexadecimal digits.

    Raises:
        WeightsError: The file doesn't exist, is a directory, or is empty or unreadable.
    """
    digest = hashlib.sha256()
    try:
        if path.is_dir():
            raise WeightsError(f"{path} is a directory; expected a file ({', '.join(SUFFIXES)})")
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        if path.stat().st_size == 0:
            raise WeightsError(f"{path} is empty; download it again")
    except OSError as error:
        raise WeightsError(f"{path} can't be read: {error.strerror or error}") from error
    return digest.hexdigest()


def check_recorded(path: Path, sha256: str, mend: str) -> bool:
    """Return whether the JSON beside a file records this SHA-256; False if it records none.

    Raises:
        WeightsError: It records another one, so the file is damaged; `mend` says what to do.
    """
    try:
        recorded = json.loads(path.with_suffix(".json").read_text("utf-8")).get("sha256")
    except (OSError, ValueError, AttributeError):
        return False
    if not isinstance(recorded, str):
        return False
    if recorded != sha256:
        raise WeightsError(f"{path} is damaged: its SHA-256 begins with {sha256[:8]}, expected {recorded[:8]}; {mend}")
    return True


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a `.safetensors`, `.pth` or `.pt` file; the format is detected from its first bytes.

    Args:
        path: The file.

    Returns:
        Tensors on the CPU, by their names in the file; other values are ignored.

    Raises:
        WeightsError: Damaged, in another format, or a pickle that would execute code.
    """
    kind = _format_of(path)
    content = _read_safetensors(path) if kind == "safetensors" else _read_torch(path)
    return _tensors_in(path, content)


def read_metadata(path: Path) -> dict[str, str]:
    """Return the metadata in the header of a safetensors file; empty for any other file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError, ValueError):
        return {}


def rescaled(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with those of 8 bits, (N, …), times their scales, (N,), as float32.

    The scales of "conv1_1.weight" are "conv1_1.scale", those of "up" are "up.scale".
    """
    found = dict(tensors)
    for name, tensor in tensors.items():
        scale = f"{name.removesuffix('.weight')}.scale"
        if str(tensor.dtype) == "torch.int8" and scale in tensors:
            found[name] = tensor.float() * found.pop(scale).float().view(-1, *[1] * (tensor.ndim - 1))
    return found


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file atomically.

    Raises:
        OSError: It can't be written.
    """
    from safetensors.torch import save

    content = save(dict(tensors), dict(metadata))
    with uninterrupted(), replacing(path) as file:
        file.write(content)


def _format_of(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(64)
    # safetensors first: its first eight bytes are a length, which may look like the start of a pickle.
    if head[8:9] == b"{":
        return "safetensors"
    if head.startswith((b"PK\x03\x04", b"\x80")):  # zip since PyTorch 1.6, plain pickle before
        return "torch"
    if head.lstrip()[:1] == b"<":
        raise WeightsError(f"{path} is a web page, not weights; the download failed, try it again")
    raise WeightsError(f"{path} is neither safetensors nor a PyTorch file ({', '.join(SUFFIXES)})")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except Exception as error:  # untrusted bytes can raise anything
        raise WeightsError(f"{path} is damaged ({first_line(error)}); download it again") from error


def _read_torch(path: Path) -> Any:
    import torch

    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old formats, which the user can't change
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # untrusted bytes can raise anything
        raise WeightsError(f"{path} {_refusal(error)}") from error


def _refusal(error: Exception) -> str:
    """Return why PyTorch didn't load a file; its own message suggests executing the code, which we never do."""
    code = re.search(r"GLOBAL ([\w.]+)", str(error))
    if code or "TorchScript" in str(error):
        what = code[1] if code else "a TorchScript program"
        return f"contains code ({what}), which is never run; save only its tensors: torch.save(model.state_dict(), …)"
    reason = "not a pickle of tensors" if isinstance(error, UnpicklingError) else first_line(error)
    return f"is damaged or not a PyTorch file ({reason}); download it again"


def _tensors_in(path: Path, content: Any) -> dict[str, Tensor]:
    import torch

    while isinstance(content, Mapping):
        tensors = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
        if tensors:
            return tensors
        content = next((content[key] for key in _NESTS if key in content), None)
    raise WeightsError(f"{path} contains no named tensors; expected a state_dict")
