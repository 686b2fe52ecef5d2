"""What several tests take: a recipe as a file of this version holds it, files with any text in its place, pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyvips
import torch

from brushwork.image import Picture
from brushwork.io import write_image
from brushwork.io.metadata import pack_recipe

_FILE = {"bytes": 5832, "sha256": "0" * 64}
RECIPE: dict[str, Any] = {
    "brushwork": "0.1.0",
    "torch": "2.13.0+cpu",
    "method": "gatys",
    "settings": {"network": "vgg19-slim", "steps": 300, "init": "content", "seed": 0, "precision": "auto"},
    "content": {"name": 'wave & <Ü> \u0000\uffff "写" \U0001f58c.png'.replace("\0", ""), **_FILE},
    "styles": [{"name": "wave.png", "weight": 1.0, **_FILE}],
    "init": None,
    "size": [48, 36],
    "keep_color": None,
    "keep_color_when": None,
    "masks": [],
    "weights": {"name": "vgg19-slim", "sha256": "1" * 64},
    "dtype": "float32",
    "device": "cpu",
    "threads": 1,
    "note": "\0 \r\n\t",  # of a version to come
}


def write_recipe(path: str | Path, text: str) -> None:
    """A picture with any text for a recipe, as a damaged file may hold it."""
    image = pyvips.Image.black(8, 8, bands=3).copy(interpretation="srgb")
    image.set_type(pyvips.GValue.blob_type, "xmp-data", pack_recipe(text))
    image.pngsave(str(path), keep="xmp")


ARRAY = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


def write_pairs(folder: Path) -> Path:
    """Write three photos, paintings and pictures between them, and return their table."""
    generator, lines = torch.Generator().manual_seed(0), list[str]()
    for name in "abc":
        photo, painting = (torch.rand(1, 3, 48, 64, generator=generator) for _ in range(2))
        named = {f"p{name}": photo, f"s{name}": painting, f"p{name}__s{name}": (photo + painting) / 2}
        for stem, pixels in named.items():
            write_image(Picture(pixels), folder / f"{stem}.png")
        lines.append(f"p{name}.png\ts{name}.png")
    table = folder / "pairs.tsv"
    table.write_text("# photo, painting\n" + "\n".join(lines) + "\n")
    return table
