"""Style references: a painting's file, a built-in name, a saved style file, or a blend of them.

wave.jpg    olive-trees    mine.safetensors    "wave.jpg:0.7+olive-trees:0.3"
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brushwork.errors import BrushworkError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SavedStyle", "StylePart", "built_in_styles", "locate_style", "parse_style", "read_style", "write_style"]

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
        text: A file that exists is taken whole, whatever signs its name holds.

    Raises:
        UsageError: An empty part, a negative weight, or weights that sum to 0.

    >>> parse_style("wave.jpg:0.7+olive-trees:0.3")
    [StylePart(reference='wave.jpg', weight=0.7), StylePart(reference='olive-trees', weight=0.3)]
    """
    if Path(text).exists():
        return [StylePart(text)]
    parts = [_part(piece, text) for piece in text.split("+")]
    if not sum(part.weight for part in parts) > 0:
        raise UsageError(f"style {text!r}: the weights sum to 0; give at least one style a weight above 0")
    return parts


def _part(piece: str, text: str) -> StylePart:
    reference, colon, number = piece.strip().rpartition(":")
    try:
        weight = float(number) if colon else None
    except ValueError:
        weight = None  # the colon belongs to the name, as in C:\wave.jpg
    if weight is None:
        reference, weight = piece.strip(), 1.0
    if not reference or weight < 0 or not math.isfinite(weight):
        raise UsageError(f"style {text!r}: expected name:weight with a weight of at least 0, got {piece.strip()!r}")
    return StylePart(reference, weight)


def built_in_styles() -> dict[str, Path]:
    """Names of the styles that come with brushwork, and their files."""
    return {path.stem: path for path in sorted(_FOLDER.glob(f"*{_SUFFIX}"))}


def locate_style(part: StylePart) -> Path:
    """The file of a style: as given, or the built-in one of that name.

    Raises:
        UsageError: Neither a file nor a name.
    """
    path = Path(part.reference)
    if path.exists():
        return path
    built_in = built_in_styles()
    if part.reference in built_in:
        return built_in[part.reference]
    raise UsageError(
        f"style {part.reference!r} is neither a picture here nor a built-in style; built in: {', '.join(built_in)}"
    )


def is_saved(path: Path) -> bool:
    """Whether a style's file holds a saved style rather than a picture."""
    return path.suffix == _SUFFIX


def read_style(path: Path) -> SavedStyle:
    """Read a saved style.

    Raises:
        BrushworkError: The file is missing, damaged or something else; the message names it.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            about: dict[str, Any] = file.metadata() or {}
            if "method" not in about:
                raise BrushworkError(f"{path} is no saved style; make one with brushwork.save_style")
            return SavedStyle({name: file.get_tensor(name) for name in file.keys()}, about)  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise BrushworkError(f"{path} can't be read as a saved style: {str(error).splitlines()[0]}") from error


def write_style(path: Path, style: SavedStyle) -> None:
    """Write a saved style, whole or not at all.

    Raises:
        BrushworkError: The file can't be written.
    """
    from safetensors.torch import save_file

    if not is_saved(path):
        raise UsageError(f"{path}: a saved style ends in {_SUFFIX}")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file(style.tensors, temporary, metadata=style.about)
        temporary.replace(path)
    except OSError as error:
        raise BrushworkError(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
