"""The built-in styles: one file each, whose bytes stay, since recipes find them by their hash.

What later versions know of the paintings lies in companions beside them: colors, windows, and codes for later networks.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CODES", "add_companions", "built_in_styles", "is_built_in"]

MODELS = Path(__file__).parents[1] / "models"
FOLDER = MODELS / "styles"
CODES = ".styles.safetensors"  # MODEL.styles.safetensors: a tensor (scales, numbers) for each style


def built_in_styles() -> dict[str, Path]:
    """Return the built-in styles: name → file."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.safetensors"))}


def is_built_in(path: Path) -> bool:
    """Return whether a style's file is built in."""
    return path.parent == FOLDER


def add_companions(name: str, values: dict[str, dict[str, Tensor]], origins: dict[str, dict[str, str]]) -> None:
    """Add to a built-in style what its file would hold if it were made today; see `SavedStyle`."""
    if "gatys" in values:
        values["gatys"].update(_colors(name) | _windows(name))
    for label, code, origin in _codes(name):
        values[label], origins[label] = {"code": code}, origin


def _colors(name: str) -> dict[str, Tensor]:
    """Return the colors of a built-in style's painting, as its file would hold them if it were made today."""
    import torch

    colors = _style_colors().get(name, {})
    return {f"colors/{key}": torch.tensor(numbers) for key, numbers in colors.items()}


def _windows(name: str) -> dict[str, Tensor]:
    """Return the moments of the painting's windows: size and "windows" → tensor."""
    from safetensors import safe_open

    with safe_open(MODELS / "style-windows.safetensors", "pt") as file:
        found = [key for key in file.keys() if key.startswith(f"{name}/")]  # noqa: SIM118
        return {key.removeprefix(f"{name}/"): file.get_tensor(key) for key in found}


def _codes(name: str) -> Iterator[tuple[str, Tensor, dict[str, str]]]:
    """Yield label, code and origin of a style for each later network and style scale."""
    from safetensors import safe_open

    for path in sorted(MODELS.glob(f"*{CODES}")):
        with safe_open(path, "pt") as file:
            about: dict[str, str] = file.metadata()
            codes = file.get_tensor(name).float() if name in file.keys() else ()  # noqa: SIM118
        for scale, code in zip(json.loads(about["scales"]), codes, strict=False):
            label = f"{about['method']}@{scale:g}@{path.name.removesuffix(CODES)}"
            yield label, code.clone(), json.loads(about["origin"]) | {"style_scale": str(float(scale))}


@functools.cache
def _style_colors() -> dict[str, dict[str, Any]]:
    colors: dict[str, dict[str, Any]] = json.loads((MODELS / "style-colors.json").read_text())
    return colors
