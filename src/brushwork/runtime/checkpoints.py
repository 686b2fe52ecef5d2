"""Checkpoints of work in progress, so that an interrupted job can be resumed with bit-identical results.

A checkpoint is a safetensors file: tensors as such, everything else as JSON in its metadata. It contains no pickle.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from brushwork.errors import BrushworkError, UsageError, first_line
from brushwork.runtime.atomic_files import remove_remains
from brushwork.runtime.tensor_files import write_tensors

__all__ = ["AnotherJobError", "Checkpoint", "State", "different"]

FORMAT = "1"
UNIMPORTANT = {"name", "tile"}  # recipe keys that are ignored in the comparison


class AnotherJobError(UsageError):
    """The checkpoint belongs to a different job, or to another version of brushwork."""


@dataclass(frozen=True)
class State:
    """The complete state needed to resume a job.

    Args:
        tensors: Tensors by name.
        facts: Everything else, as JSON values; numbers are restored exactly.
    """

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint file and how to use it.

    Args:
        path: The file. Its size grows with the image: for L-BFGS, about 45 images of 12 bytes per pixel.
        every: Number of steps between checkpoints.
        resume: Resume from the file if it exists; otherwise it is overwritten.
        job: Description of the job; `stylize` passes the recipe. A checkpoint of another job is refused.
        defaults: What a job means that lacks a key, see `brushwork.options.stylize.recipe_defaults`.
        failed: Called when a checkpoint can't be written, so that the job can continue; None raises the error.

    Raises:
        UsageError: `every` is below 1.
    """

    path: Path
    every: int = 50
    resume: bool = True
    job: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    failed: Callable[[BrushworkError], None] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        if self.every < 1:
            raise UsageError(f"checkpoint: expected an interval of at least 1 step, got {self.every}")

    def load(self) -> State | None:
        """Return the state to resume from; None if there is none or `resume` is off.

        Raises:
            AnotherJobError: It belongs to a different job; the message lists the differences.
            BrushworkError: The file is damaged or from another version of brushwork.
        """
        if not self.resume or not self.path.exists():
            return None
        state, job = _read(self.path)
        differences = different(job, self.job, self.defaults)
        if differences:
            raise AnotherJobError(
                f"{self.path} belongs to a different job ({'; '.join(differences)}); use the same options, or "
                "start over without resuming"
            )
        return state

    def save(self, state: State) -> None:
        """Replace the file with this state, atomically.

        Raises:
            BrushworkError: It can't be written, and `failed` is None.
        """
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
        facts = {"format": FORMAT, "job": json.dumps(dict(self.job)), "facts": json.dumps(dict(state.facts))}
        try:
            write_tensors(self.path, tensors, facts | {"crc32": _checksum(tensors)})
        except Exception as error:  # safetensors has its own errors for a full disk
            told = BrushworkError(f"{self.path}: can't be written ({first_line(error).lower()})")
            if self.failed is None:
                raise told from error
            self.failed(told)

    def remove(self) -> None:
        """Delete the file, and temporary files left by killed processes."""
        self.path.unlink(missing_ok=True)
        remove_remains(self.path)


def different(job: Mapping[str, Any], other: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> list[str]:
    """Return how two jobs differ, such as "settings.steps 300, not 200"; empty if they are equivalent.

    Input files are compared by content, not by name; tiles are ignored, since they don't affect the result.

    Args:
        job: A recipe, or the facts of a training.
        other: The one to compare it with.
        defaults: The value of a key that one of them lacks because it is older than the option.

    >>> different({"size": [64, 48], "content": {"name": "a.png"}}, {"size": [32, 24], "content": {"name": "b.png"}})
    ['size [64, 48], not [32, 24]']
    >>> different({"size": [64, 48]}, {"size": [64, 48], "hue": 0}, {"hue": 0})
    []
    """
    first, second = (_flat(_completed(one, defaults or {})) for one in (job, other))
    return [
        f"{name} {_short(first.get(name))}, not {_short(second.get(name))}"
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name) and name.rpartition(".")[2] not in UNIMPORTANT
    ]


def _completed(job: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job with the defaults of the keys that it lacks, also within mappings."""
    inner = {
        key: _completed(job[key], value)
        for key, value in defaults.items()
        if isinstance(value, Mapping) and isinstance(job.get(key), Mapping)
    }
    return {**defaults, **job, **inner}


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Flatten nested mappings, and lists of them: "settings.steps" → 300."""
    if isinstance(value, tuple):
        value = list(value)  # as JSON has it
    if isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        value = {str(number): part for number, part in enumerate(value, 1)}
    if not isinstance(value, Mapping):
        return {name: value}
    parts = [_flat(part, f"{name}.{key}" if name else str(key)) for key, part in value.items()]
    return {key: leaf for part in parts for key, leaf in part.items()}


def _short(value: Any) -> str:
    return f"{value[:12]}…" if isinstance(value, str) and len(value) > 40 else str(value)


def _read(path: Path) -> tuple[State, Any]:
    from safetensors import safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            # Cloned, because a tensor mapped from the file has arbitrary alignment, and vector instructions may then
            # sum in another order.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a mapping
        if metadata["format"] != FORMAT or metadata["crc32"] != _checksum(tensors):
            raise ValueError("its checksum is wrong")
        return State(tensors, json.loads(metadata["facts"])), json.loads(metadata["job"])
    except Exception as error:  # untrusted bytes can raise anything
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> BrushworkError:
    """Return the error for a file that contains no valid state."""
    return BrushworkError(
        f"{path} is damaged, or not a checkpoint of this version of brushwork ({first_line(error)}); "
        "delete it to start over"
    )


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].reshape(-1).numpy().data, zlib.crc32(name.encode(), total))
    return f"{total:08x}"
