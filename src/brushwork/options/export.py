"""Settings of ONNX export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from brushwork.errors import UsageError
from brushwork.options.base import Checked, Option

__all__ = ["PARTS", "ExportOptions"]

PARTS = ("coder", "painter")


@dataclass(frozen=True)
class ExportOptions(Checked):
    """Settings of ONNX export other than style, method and file.

    Raises:
        UsageError: An invalid value.
    """

    parts: Annotated[
        tuple[str, ...],
        Option("for any style: coder (painting → code) and painter (photo and code → picture), one file each"),
    ] = ()
    passes: Annotated[
        bool,
        Option("for exact tiles: a file for each measurement of the whole picture, and one that applies them"),
    ] = False
    weights: Annotated[
        str,
        Option(
            "how weights are stored: float32; float16, half the size; int8, quantized convolutions, a quarter",
            choices=("float32", "float16", "int8"),
        ),
    ] = "float32"

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown or len(set(self.parts)) < len(self.parts):
            raise UsageError(f"parts: expected some of {', '.join(PARTS)}, got {','.join(self.parts)}")
        if self.weights == "int8" and (self.parts or self.passes):
            raise UsageError("weights: int8 is calibrated for one style; omit parts and passes, or use float16")
