"""Reading .safetensors files as arrays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

from brushwork.errors import BrushworkError, first_line

__all__ = ["MODELS", "Array", "read_tensors", "tensors_within"]

Array: TypeAlias = npt.NDArray[np.float32]
MODELS = Path(__file__).resolve().parents[1] / "models"
_TYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I8": np.int8}
LENGTH = 8  # bytes before the header that say how long it is


def read_tensors(path: Path, wanted: Callable[[str], bool] = lambda _: True) -> tuple[dict[str, Array], dict[str, str]]:
    """Return arrays in float32 by name, and the metadata. Arrays of 8 bits are multiplied by their scales.

    Args:
        path: A .safetensors file.
        wanted: Whether to read the array of this name.

    Raises:
        BrushworkError: The file is missing, damaged or something else; the message names it.
    """
    try:
        with path.open("rb") as file:
            return tensors_within(path, file, wanted)
    except OSError as error:
        raise BrushworkError(f"{path} can't be read: {first_line(error)}") from error


def tensors_within(
    path: Path, file: BinaryIO, wanted: Callable[[str], bool] = lambda _: True
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return what `read_tensors` does, from an open file; the path is for the error."""
    try:
        size = int.from_bytes(file.read(LENGTH), "little")
        if not 2 <= size <= 100_000_000:
            raise ValueError("no header")
        header = json.loads(file.read(size))
        about = {str(key): str(value) for key, value in header.pop("__metadata__", {}).items()}
        entries = {name: entry for name, entry in header.items() if wanted(name)}
        content = file.read() if entries else b""
        found = {name: _array(content, entry) for name, entry in entries.items()}
        for name in [name for name, entry in entries.items() if entry["dtype"] == "I8"]:
            scale = found.pop(f"{name.removesuffix('.weight')}.scale")
            found[name] *= scale.reshape(-1, *[1] * (found[name].ndim - 1))
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise BrushworkError(f"{path} is damaged, or not a .safetensors file; save or download it again") from error
    return found, about


def _array(content: bytes, entry: dict[str, Any]) -> Array:
    start, end = entry["data_offsets"]
    flat = np.frombuffer(content[start:end], _TYPES[str(entry["dtype"])])
    return flat.reshape(entry["shape"]).astype(np.float32)
