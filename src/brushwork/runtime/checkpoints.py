"""Where a piece of work stands, kept in a file, so that what was killed goes on and ends with the same bits.

A checkpoint is a safetensors file: the tensors as they are, everything else as JSON in its metadata. No pickle.
"""

from __future__ import annotations

import glob
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from brushwork.errors import BrushworkError, UsageError
from brushwork.runtime.tensor_files import write_tensors

__all__ = ["AnotherJobError", "Checkpoint", "State", "different"]

FORMAT = "1"
UNIMPORTANT = {"name", "tile"}  # of a recipe


class AnotherJobError(UsageError):
    """A checkpoint is of another job, or of another version of brushwork."""


@dataclass(frozen=True)
class State:
    """All that decides how a piece of work goes on.

    Args:
        tensors: By name.
        facts: Everything else, as JSON has it; numbers come back exactly.
    """

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """A file that says where a piece of work stands.

    Args:
        path: The file. It grows with the picture: for L-BFGS, some 45 pictures of 12 bytes a pixel.
        every: Steps from one state to the next.
        resume: Go on from the file if there is one; otherwise it is replaced in due course.
        job: What is worked on; `stylize` puts the recipe here. A state of another job is refused.
        failed: Called when a state can't be written, so that the work itself goes on; None raises the error.

    Raises:
        UsageError: `every` is below 1.
    """

    path: Path
    every: int = 50
    resume: bool = True
    job: Mapping[str, Any] = field(default_factory=dict)
    failed: Callable[[BrushworkError], None] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        if self.every < 1:
            raise UsageError(f"checkpoint: expected at least 1 step from one to the next, got {self.every}")

    def load(self) -> State | None:
        """The state to go on from; None where there is none, or none is wanted.

        Raises:
            AnotherJobError: It belongs to another job; says what differs.
            BrushworkError: The file is damaged or of another version of brushwork.
        """
        if not self.resume or not self.path.exists():
            return None
        state, job = _read(self.path)
        differences = different(job, self.job)
        if differences:
            raise AnotherJobError(
                f"{self.path} belongs to another job ({'; '.join(differences)}); give the options of then, or start "
                "anew without resuming"
            )
        return state

    def save(self, state: State) -> None:
        """Replace the file by this state, whole or not at all.

        Raises:
            BrushworkError: It can't be written, and nobody is told by `failed`.
        """
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
        facts = {"format": FORMAT, "job": json.dumps(dict(self.job)), "facts": json.dumps(dict(state.facts))}
        try:
            write_tensors(self.path, tensors, facts | {"crc32": _checksum(tensors)})
        except Exception as error:  # safetensors has errors of its own for a full disk
            words = error.strerror if isinstance(error, OSError) and error.strerror else _first_line(error)
            told = BrushworkError(f"{self.path}: can't be written ({words.lower()})")
            if self.failed is None:
                raise told from error
            self.failed(told)

    def remove(self) -> None:
        """Delete the file, and what killed processes left of it."""
        self.path.unlink(missing_ok=True)
        for remains in self.path.parent.glob(f".{glob.escape(self.path.name)}.*.tmp"):
            remains.unlink(missing_ok=True)


def different(job: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """How two recipes differ, in words: "settings.steps 300, not 200"; empty where they ask for the same.

    The names of input files don't count, their content does; nor do tiles, which give the same result.

    >>> different({"size": [64, 48], "content": {"name": "a.png"}}, {"size": [32, 24], "content": {"name": "b.png"}})
    ['size [64, 48], not [32, 24]']
    """
    first, second = _flat(job), _flat(other)
    return [
        f"{name} {_short(first.get(name))}, not {_short(second.get(name))}"
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name) and name.rpartition(".")[2] not in UNIMPORTANT
    ]


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested mappings, and lists of them, as one: "settings.steps" → 300."""
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
            # Copied, because a tensor in the file's memory starts where it happens to start, and vector instructions
            # add in another order there.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - no mapping
        if metadata["format"] != FORMAT or metadata["crc32"] != _checksum(tensors):
            raise ValueError("its checksum is wrong")
        return State(tensors, json.loads(metadata["facts"])), json.loads(metadata["job"])
    except Exception as error:  # whatever hostile bytes bring about
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> BrushworkError:
    """The error for a file that holds no state, or none that fits."""
    return BrushworkError(
        f"{path} is damaged, or no checkpoint of this version of brushwork ({_first_line(error)}); delete it to start "
        "anew"
    )


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].reshape(-1).numpy().data, zlib.crc32(name.encode(), total))
    return f"{total:08x}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
