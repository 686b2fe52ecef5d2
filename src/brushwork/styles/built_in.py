"""The built-in styles: one file each, whose bytes stay, since recipes find them by their hash.

What later versions know of the paintings lies beside them: colors, windows, and values for later networks.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["COMPANION", "add_companions", "built_in_styles", "is_built_in"]

MODELS = Path(__file__).parents[1] / "models"
FOLDER = MODELS / "styles"
# MODEL.styles.safetensors: "great-wave/adain-lite@0.5/code" and so on; its metadata is that of a saved style.
COMPANION = ".styles.safetensors"


def built_in_styles() -> dict[str, Path]:
    """Return the built-in styles: name → file."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.safetensors"))}


def is_built_in(path: Path) -> bool:
    """Return whether a style's file is built in."""
    return path.parent == FOLDER


def add_companions(name: str, values: dict[str, dict[str, Tensor]], origins: dict[str, dict[str, str]]) -> None:
    """Add to a built-in style what its file would hold if it were made today; see `SavedStyle`."""
    if "gatys" in values:
        values["gatys"].update(_windows(name))
    for label, tensors, origin in _for_later_networks(name):
        values[label], origins[label] = tensors, origin
    for label in values:
        if label.partition("@")[0] == "gatys":
            values[label].update(_colors(name))


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


def _for_later_networks(name: str) -> Iterator[tuple[str, dict[str, Tensor], dict[str, str]]]:
    """Yield label, tensors and origin of a style for later networks: "gatys@1@vgg19-slim-3"."""
    from safetensors import safe_open

    for path in sorted(MODELS.glob(f"*{COMPANION}")):
        found: dict[str, dict[str, Tensor]] = {}
        with safe_open(path, "pt") as file:
            origins = json.loads(file.metadata()["methods"])
            for key in file.keys():  # noqa: SIM118
                style, label, rest = key.split("/", 2)
                if style == name:
                    found.setdefault(label, {})[rest] = file.get_tensor(key)
        for label, tensors in found.items():
            method, _, scale = label.partition("@")
            yield f"{method}@{scale or 1}@{path.name.removesuffix(COMPANION)}", tensors, origins[label]


@functools.cache
def _style_colors() -> dict[str, dict[str, Any]]:
    colors: dict[str, dict[str, Any]] = json.loads((MODELS / "style-colors.json").read_text())
    return colors
