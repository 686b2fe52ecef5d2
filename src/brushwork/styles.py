"""Style references: a painting's file, a built-in name, a saved style file, or a blend of them.

wave.jpg    feminine-wave    mine.safetensors    "wave.jpg:0.7+feminine-wave:0.3"
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brushwork.errors import BrushworkError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "SavedStyle",
    "StylePart",
    "built_in_styles",
    "is_saved",
    "locate_style",
    "parse_style",
    "read_style",
    "write_style",
]

_FOLDER = Path(__file__).parent / "models" / "styles"
_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class StylePart:
    """One style of a blend: a path or a name, and its share."""

    reference: str
    weight: float = 1.0

    @property
    def stem(self) -> str:
        """The name without folder and suffix."""
        return Path(self.reference).stem


@dataclass(frozen=True)
class SavedStyle:
    """A style as a file holds it: tensors by name, and what they are (method, weights, title, …)."""

    tensors: dict[str, Tensor]
    about: dict[str, str]


def parse_style(text: str) -> list[StylePart]:
    """The parts of a style argument.

    Args:
        text: References joined by +, each with :weight if wanted. A + or : that belongs to the name of a file that
            exists is left alone.

    Raises:
        UsageError: An empty part, a negative weight, or weights that sum to 0.

    >>> parse_style("wave.jpg:0.7+feminine-wave:0.3")
    [StylePart(reference='wave.jpg', weight=0.7), StylePart(reference='feminine-wave', weight=0.3)]
    """
    parts = [_part(piece, text) for piece in _pieces(text)]
    if not sum(part.weight for part in parts) > 0:
        raise UsageError(f"style {text!r}: the weights sum to 0; give at least one style a weight above 0")
    return parts


def _pieces(text: str) -> Iterator[str]:
    """What stands between the + signs, the longest that names a file first."""
    words = text.split("+")
    while words:
        for count in range(len(words), 0, -1):
            piece = "+".join(words[:count])
            if count == 1 or os.path.isfile(_weighted(piece)[0]):  # noqa: PTH113 - Path fails at very long names
                yield piece
                del words[:count]
                break


def _part(piece: str, text: str) -> StylePart:
    reference, weight = _weighted(piece)
    if not reference or weight < 0 or not math.isfinite(weight):
        raise UsageError(f"style {text!r}: expected name:weight with a weight of at least 0, got {piece.strip()!r}")
    return StylePart(reference, weight)


def _weighted(piece: str) -> tuple[str, float]:
    """The reference and its weight, 1 if there is none."""
    if os.path.isfile(piece):  # noqa: PTH113
        return piece, 1.0
    reference, colon, number = piece.rpartition(":")
    try:
        weight = float(number) if colon else None
    except ValueError:
        weight = None  # the colon belongs to the name, as in C:\wave.jpg
    if weight is None:
        return piece.strip(), 1.0
    return (reference if os.path.isfile(reference) else reference.strip()), weight  # noqa: PTH113


def built_in_styles() -> dict[str, Path]:
    """Names of the styles that come with brushwork, and their files."""
    return {path.stem: path for path in sorted(_FOLDER.glob(f"*{_SUFFIX}"))}


def locate_style(part: StylePart) -> Path:
    """The file of a style: as given, or the built-in one of that name.

    Raises:
        UsageError: Neither a file nor a name.
    """
    if os.path.isfile(part.reference):  # noqa: PTH113
        return Path(part.reference)
    built_in = built_in_styles()
    if part.reference in built_in:
        return built_in[part.reference]
    if os.path.isdir(part.reference):  # noqa: PTH112
        raise UsageError(f"style {part.reference!r} is a folder; give each of its pictures with a --style of its own")
    names = f"the built-in ones are {', '.join(built_in)}" if built_in else "this installation has no built-in ones"
    raise UsageError(f"style {part.reference!r} is neither a file here nor a built-in style; {names}")


def is_saved(path: Path) -> bool:
    """Whether a style's file holds a saved style rather than a picture."""
    return path.suffix.lower() == _SUFFIX


def read_style(path: Path) -> SavedStyle:
    """Read a saved style.

    Raises:
        BrushworkError: The file is missing, damaged or something else; the message names it.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            about: dict[str, str] = file.metadata() or {}
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise BrushworkError(f"{path} can't be read as a saved style: {_line(error)}; make it again") from error
    if "method" not in about or not tensors:
        raise BrushworkError(f"{path} is no saved style; make one with brushwork.save_style")
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise BrushworkError(f"{path} holds numbers that are not finite; make it again")
    return SavedStyle(tensors, about)


def write_style(path: Path, style: SavedStyle) -> None:
    """Write a saved style, whole or not at all.

    Raises:
        UsageError: The name has another suffix.
        BrushworkError: The file can't be written.
    """
    from safetensors import SafetensorError

    from brushwork.weights.files import write_tensors

    if not is_saved(path):
        raise UsageError(f"{path}: a saved style ends in {_SUFFIX}")
    try:
        write_tensors(path, style.tensors, style.about)
    except (SafetensorError, OSError) as error:  # safetensors wraps what the system says
        raise BrushworkError(f"{path} can't be written: {_line(error)}") from error


def _line(error: Exception) -> str:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (words.splitlines() or [type(error).__name__])[0]
