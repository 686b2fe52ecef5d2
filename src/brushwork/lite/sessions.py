"""Sessions of onnxruntime, and what computes in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brushwork.errors import BrushworkError, UsageError, first_line

if TYPE_CHECKING:
    from brushwork.lite.tensors import Array

__all__ = ["PROVIDERS", "Session", "check_provider", "open_session"]

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
PACKAGES = {"cuda": "onnxruntime-gpu", "directml": "onnxruntime-directml", "coreml": "onnxruntime on macOS"}
GRAPHS = Path(__file__).parent / "graphs"
ONLY_ERRORS = 3


def check_provider(name: str) -> None:
    """Check that something computes under this name here.

    Raises:
        UsageError: Unknown, or not in the installed onnxruntime.
        BrushworkError: onnxruntime isn't installed.
    """
    if name not in PROVIDERS:
        raise UsageError(f"provider: expected one of {', '.join(PROVIDERS)}, got {name!r}")
    if PROVIDERS[name] not in _onnxruntime().get_available_providers():
        raise UsageError(f"provider {name}: this onnxruntime lacks it; install {PACKAGES[name]}, or use cpu")


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise BrushworkError(f"onnxruntime is missing ({first_line(error)}): pip install onnxruntime") from error
    return onnxruntime


class Session:
    """A graph with its weights."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Return the graph's outputs."""
        found: list[Array] = self._session.run(None, dict(inputs))
        return found


def open_session(name: str, weights: Mapping[str, Array], provider: str) -> Session:
    """Return a session of a graph.

    Args:
        name: Its file in `graphs`, without suffix.
        weights: What is filled in, by name.
        provider: A key of `PROVIDERS`.
    """
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ONLY_ERRORS
    options.enable_cpu_mem_arena = False  # each session would keep its own, all of them together twice the memory
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or 0)  # 0: as many as there are cores
    # A picture passes several sessions, whose threads would take the cores from each other while they wait.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
    options.add_external_initializers(list(weights), values)
    return Session(onnxruntime.InferenceSession(GRAPHS / f"{name}.onnx", options, providers=[PROVIDERS[provider]]))
