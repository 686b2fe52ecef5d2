"""Style references: an image file, a name in the library, a saved style, or a blend of them.

wave.jpg    feminine-wave    mine.safetensors    "wave.jpg:0.7+feminine-wave:0.3"

The library contains the built-in styles and those that the user added.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brushwork.errors import BrushworkError, UsageError, first_line, is_address, no_such_file
from brushwork.runtime.home import home
from brushwork.styles.built_in import add_companions, built_in_styles, is_built_in

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "ResolvedStyle",
    "SavedStyle",
    "StylePart",
    "is_saved",
    "locate_style",
    "methods_of",
    "own_folder",
    "own_styles",
    "parse_style",
    "read_about",
    "read_origins",
    "read_style",
    "resolve_text",
    "saved_style",
    "sharing",
    "write_style",
]

_SUFFIX = ".safetensors"
_DTYPES = {f"torch.{kind}" for kind in ("float16", "bfloat16", "float32", "float64", "int64")}
_PUBLISHED = (".pth", ".pt", ".model")  # published single-style networks


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
    """The contents of a saved style file.

    Args:
        values: Method → the encoded style as named tensors; "adain-lite@0.5" is at another style scale, and
            "adain-lite@0.5@adain-lite-2" for another network.
        origins: Keys of `values` → what must match for it to be used: the weights and settings that affect it.
        about: Title, artist, year, source, ….
    """

    values: dict[str, dict[str, Tensor]]
    origins: dict[str, dict[str, str]]
    about: dict[str, str]

    @property
    def methods(self) -> list[str]:
        """The methods that support it."""
        return _methods(self.origins)


def _methods(labels: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(label.partition("@")[0] for label in labels))


def parse_style(text: str) -> list[StylePart]:
    """Parse a style argument into its parts.

    Args:
        text: References joined by +, each with an optional :weight. A + or : within the name of an existing file is
            part of the name. ~ is the home folder, which shells expand only at the beginning of a blend.

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
    """Split at + signs, preferring the longest piece that names a file."""
    words = text.split("+")
    while words:
        for count in range(len(words), 0, -1):
            piece = "+".join(words[:count])
            if count == 1 or _file(_weighted(piece)[0]):
                yield piece
                del words[:count]
                break


def _part(piece: str, text: str) -> StylePart:
    reference, weight = _weighted(piece)
    if not reference or weight < 0 or not math.isfinite(weight):
        raise UsageError(f"style {text!r}: expected name:weight with a weight of at least 0, got {piece.strip()!r}")
    return StylePart(reference, weight)


def _weighted(piece: str) -> tuple[str, float]:
    """Return the reference and its weight, 1 by default."""
    if _file(piece):
        return piece, 1.0
    reference, colon, number = piece.rpartition(":")
    try:
        weight = float(number) if colon else None
    except ValueError:
        weight = None  # the colon belongs to the name, as in C:\wave.jpg
    if weight is None:
        return piece.strip(), 1.0
    return (reference if _file(reference) else reference.strip()), weight


def _file(reference: str) -> str | None:
    """Return the file of this name, with ~ expanded unless it is part of the name; None if there is none."""
    names = (reference, os.path.expanduser(reference))  # noqa: PTH111 - Path fails at very long names
    return next((name for name in names if os.path.isfile(name)), None)  # noqa: PTH113


def own_styles(folder: Path | None = None) -> dict[str, Path]:
    """Return the user's styles, or those of another folder: name → image or saved style."""
    place = folder or own_folder()
    return {path.stem: path for suffix in (".png", _SUFFIX) for path in sorted(place.glob(f"*{suffix}"))}


def own_folder() -> Path:
    """Return the folder of the user's styles, which may not exist."""
    return home() / "styles"


@dataclass(frozen=True, eq=False)
class ResolvedStyle:
    """A style whose files have been located.

    Args:
        parts: Files, or images in memory, each with its weight.
        text: The user's input.
    """

    parts: tuple[tuple[Any, float], ...]
    text: str = ""

    @property
    def files(self) -> list[Path]:
        """Its files."""
        return [source for source, _ in self.parts if isinstance(source, Path)]


def resolve_text(text: str) -> ResolvedStyle:
    """Parse a style argument and locate its files.

    Raises:
        UsageError: An unknown style, or an invalid blend.
    """
    return ResolvedStyle(tuple((locate_style(part), part.weight) for part in parse_style(text)), text)


def locate_style(part: StylePart) -> Path:
    """Return the file of a style, given as a file or a name; the user's styles take precedence over built-in ones.

    Raises:
        UsageError: Neither a file nor a name.
    """
    file = _file(part.reference)
    if file is not None:
        return Path(file)
    library = {**built_in_styles(), **own_styles()}
    if part.reference in library:
        return library[part.reference]
    if os.path.isdir(part.reference):  # noqa: PTH112
        raise UsageError(f"style {part.reference!r} is a folder; pass each of its pictures with its own --style")
    if is_address(part.reference):
        raise UsageError(f"style {part.reference!r}: {no_such_file(part.reference)}")
    close = get_close_matches(part.reference, library, 3)
    near = f"did you mean {' or '.join(close)}? " if close else ""
    names = f"{near}brushwork styles list shows the {len(library)} names" if library else "the library is empty"
    raise UsageError(f"style {part.reference!r} is neither a file nor a style in the library; {names}")


def is_saved(path: Path) -> bool:
    """Return whether a file is a saved style or a single-style network, rather than an image."""
    return path.suffix.lower() in (_SUFFIX, *_PUBLISHED)


def read_about(path: Path) -> tuple[list[str], dict[str, str]]:
    """Return the methods that a saved style supports and its metadata, without reading its tensors.

    Raises:
        BrushworkError: The file is missing, damaged or something else; the message names it.
    """
    origins, about = _origins_and_about(path)
    return _methods(origins), about


def read_origins(path: Path) -> dict[str, dict[str, str]]:
    """Return what a saved style's values were made with; see `SavedStyle`.

    Raises:
        BrushworkError: See `read_about`.
    """
    return _origins_and_about(path)[0]


def _origins_and_about(path: Path) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    from brushwork.runtime.tensor_files import read_metadata

    about = read_metadata(path)
    origins = _origins(about.pop("methods", ""))
    if not origins:
        raise BrushworkError(f"{path} is not a saved style; create one with brushwork.save_style")
    return origins, about


def methods_of(path: Path) -> list[str]:
    """Return the methods that a saved style or a published single-style network supports.

    Raises:
        BrushworkError: See `read_about`.
    """
    return ["johnson"] if path.suffix.lower() in _PUBLISHED else read_about(path)[0]


def read_style(path: Path) -> SavedStyle:
    """Read a saved style, or a single-style network of pytorch/examples' fast_neural_style.

    Raises:
        BrushworkError: The file is missing, damaged or something else; the message names it.
    """
    if path.suffix.lower() in _PUBLISHED:
        return _published(path)
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            about: dict[str, str] = file.metadata() or {}
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise BrushworkError(
            f"{path} can't be read as a saved style: {first_line(error)}; save the style again"
        ) from error
    style = saved_style(path, tensors, about)
    if is_built_in(path):
        add_companions(path.stem, style.values, style.origins)
    return style


def saved_style(path: Path, tensors: Mapping[str, Tensor], about: dict[str, str]) -> SavedStyle:
    """Return a saved style from the tensors and the metadata of its file.

    Raises:
        BrushworkError: They are no saved style, or damaged; the message names the file.
    """
    origins = _origins(about.pop("methods", ""))
    if not origins or not tensors:
        raise BrushworkError(f"{path} is not a saved style; create one with brushwork.save_style")
    _check_numbers(path, tensors)
    values: dict[str, dict[str, Tensor]] = {method: {} for method in origins}
    for name, tensor in tensors.items():
        method, _, rest = name.partition("/")
        values.setdefault(method, {})[rest] = tensor
    return SavedStyle(values, origins, about)


def _published(path: Path) -> SavedStyle:
    from brushwork.runtime.tensor_files import read_tensors, sha256_of
    from brushwork.weights import missing_keys, transformation_tensors

    sha256_of(path)  # raises an error if it can't be read
    published = read_tensors(path)
    tensors = transformation_tensors(published)
    if tensors is None and (missing := missing_keys(published)):
        raise BrushworkError(
            f"{path} is incomplete: {', '.join(missing)} of the network of fast_neural_style "
            f"{'is' if len(missing) == 1 else 'are'} missing; download it again"
        )
    if tensors is None:
        raise BrushworkError(f"{path} is not a style; expected a network of fast_neural_style (pytorch/examples)")
    _check_numbers(path, tensors)
    return SavedStyle({"johnson": tensors}, {"johnson": {}}, {})


def _check_numbers(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raise BrushworkError if a tensor is empty, of an unsupported type, or not finite."""
    for name, tensor in tensors.items():
        if not tensor.numel():
            raise BrushworkError(f"{path} is damaged: {name} is empty; save or download it again")
        if str(tensor.dtype) not in _DTYPES:
            raise BrushworkError(f"{path} is damaged: {name} has dtype {tensor.dtype}; save or download it again")
        if not bool(tensor.isfinite().all()):
            raise BrushworkError(f"{path} contains NaN or infinity; save or download it again")


def _origins(text: str) -> dict[str, dict[str, str]]:
    try:
        found = json.loads(text)
        return {str(method): {str(k): str(v) for k, v in origin.items()} for method, origin in found.items()}
    except (ValueError, AttributeError):
        return {}


def write_style(path: Path, style: SavedStyle) -> None:
    """Write a saved style atomically.

    Raises:
        UsageError: The name has another suffix.
        BrushworkError: The file can't be written.
    """
    from brushwork.runtime.tensor_files import write_tensors

    if path.suffix.lower() != _SUFFIX:
        raise UsageError(f"{path}: expected a name ending in {_SUFFIX}")
    tensors = {
        f"{method}/{name}": tensor.contiguous()
        for method, value in style.values.items()
        for name, tensor in value.items()
    }
    try:
        write_tensors(path, tensors, {**style.about, "methods": json.dumps(style.origins)})
    except OSError as error:
        raise BrushworkError(f"{path} can't be written: {first_line(error)}") from error


def sharing(weights: Sequence[float], masks: Sequence[object]) -> list[list[int]]:
    """Return which parts of a style share a mask, and are blended there: their places, by mask.

    Args:
        weights: Of each part; if all are 1, each part has its region, whatever its mask.
        masks: Of each part: files, or pictures.

    Raises:
        UsageError: A weight of a part that shares its mask with no other.

    >>> sharing([0.2, 0.8, 1], ["land.png", "land.png", "sky.png"])
    [[0, 1], [2]]
    """
    if all(weight == 1 for weight in weights):
        return [[place] for place in range(len(weights))]
    groups: dict[object, list[int]] = {}
    for place, mask in enumerate(masks):
        groups.setdefault(os.fspath(mask) if isinstance(mask, str | os.PathLike) else id(mask), []).append(place)
    if any(len(group) == 1 and weights[group[0]] != 1 for group in groups.values()):
        raise UsageError(
            "blend weights can't be combined with masks, unless styles share one; omit them, and use gray masks instead"
        )
    return list(groups.values())
