#!/usr/bin/env python3
"""Make the built-in styles of recipes/styles.tsv: what methods know of a painting, its colors and windows (models/).

    python recipes/embed_styles.py --pictures DIR --pictures DIR

The folders hold the paintings by their file names (public domain; where they were collected, the table says). Run it
again whenever vgg19-slim or adain-lite changes: a value belongs to the weights it was made with. Values of other
methods, which are trained (recipes/embed_networks.py), stay. Rows for conditional-instance-norm are predicted if they
are asked for (--methods), of all styles; those that were trained are embedded after that.

With --network NAME, only Gatys' statistics through this later network are made, with the windows, all in one file
beside the network: models/NAME.styles.safetensors. The styles' own files stay as they are. Those of vgg19.int8, whose
layers are wide, are made with --precision 0.08 --groups 16: a squared error of 0.0064.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import brushwork
from brushwork import AdaIN, AdaINLite, ConditionalInstanceNorm, Gatys, encode_style, load, read_image, save_styles
from brushwork.api.style_encoding import saved_values
from brushwork.methods.gatys.method import GatysMethod
from brushwork.methods.gatys.recoloring import measured_colors
from brushwork.methods.gatys.style import GatysStyle
from brushwork.runtime.tensor_files import write_tensors
from brushwork.styles.built_in import COMPANION
from brushwork.styles.references import SavedStyle, read_style, write_style

SIZES = [192, 512]  # longer sides of results; Gatys takes the nearest, AdaIN the largest
GROUPS = 32  # of a painting's windows
PRECISION = 0.04  # of Gram matrices, relative: a squared error of 0.0016, and a third of the bytes or less


class Compact(GatysMethod):
    """Gatys' method, whose styles are kept with less precision."""

    precision = PRECISION

    def save_style(self, style: GatysStyle) -> dict[str, Tensor]:
        return style.tensors(self.precision)


SCALES = (0.5, 1.0, 2.0)  # style scales of what is but a few numbers; those between are blends
METHODS = {
    "adain-lite": lambda: [load(AdaINLite(style_scale=scale, precision="float32")) for scale in SCALES],
    "adain": lambda: [load(AdaIN(style_scale=scale, precision="float32")) for scale in SCALES],
    "gatys": lambda: [Compact(Gatys(precision="float32"))],
    "conditional-instance-norm": lambda: [load(ConditionalInstanceNorm(precision="float32"))],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, action="append", required=True)
    parser.add_argument("--methods", nargs="+", default=list(METHODS)[:3], choices=METHODS)
    parser.add_argument("--names", nargs="*", help="only these, and the folder holds no others; all by default")
    parser.add_argument("--network", help="a later feature network that comes with brushwork")
    parser.add_argument("--precision", type=float, default=PRECISION, help="of Gram matrices, for --network")
    parser.add_argument("--groups", type=int, default=GROUPS, help="of windows, for --network")
    args = parser.parse_args()
    with (Path(__file__).parent / "styles.tsv").open(encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file, delimiter="\t")}
    unknown = [name for name in args.names or () if name not in rows]
    chosen = {name: row for name, row in rows.items() if not args.names or name in args.names}
    paths = {name: _found(row.pop("file"), args.pictures) for name, row in chosen.items()}
    missing = [name for name, path in paths.items() if path is None]
    if unknown or missing:
        parser.error(f"not in styles.tsv: {unknown}; without a picture in --pictures: {missing}")
    if args.network:
        known = {name: path for name, path in paths.items() if path is not None}
        _write_for_network(args.network, known, args.precision, args.groups)
        return
    methods = [method for name in args.methods for method in METHODS[name]()]
    target = Path(brushwork.__file__).parent / "models" / "styles"
    target.mkdir(exist_ok=True)
    for name, row in chosen.items():
        values = [(method, encode_style(method, paths[name], SIZES)) for method in methods]
        facts = {key: fact for key, fact in row.items() if fact and key != "name"}
        file = target / f"{name}.safetensors"
        before = read_style(file) if file.exists() else SavedStyle({}, {}, {})
        save_styles(file, values, **facts)
        made = read_style(file)
        write_style(file, replace(made, values=before.values | made.values, origins=before.origins | made.origins))
        print(f"{name}: {(target / f'{name}.safetensors').stat().st_size / 1e3:.0f} kB", flush=True)
    for old in target.glob("*.safetensors"):
        if old.stem not in chosen:
            old.unlink()
    _write_colors(paths, target.parent / "style-colors.json")
    _write_windows(paths, target.parent / "style-windows.safetensors")


def _write_for_network(network: str, paths: Mapping[str, Path], precision: float, groups: int) -> None:
    """Write what Gatys' method knows of all paintings through a later network; see `brushwork.styles.built_in`."""
    method = Compact(Gatys(network=network, precision="float32"))
    method.precision = precision
    tensors, origins = dict[str, Tensor](), dict[str, dict[str, str]]()
    for name, path in paths.items():
        style = encode_style(method, path, SIZES)
        windows = {size: _grouped(found, groups) for size, found in style.windows.items()}
        saved = saved_values([(method, replace(style, colors=None, windows=windows))])
        origins |= saved.origins
        tensors |= {f"{name}/gatys/{key}": tensor for key, tensor in saved.values["gatys"].items()}
        print(name, flush=True)
    file = Path(brushwork.__file__).parent / "models" / f"{network}{COMPANION}"
    write_tensors(file, dict(sorted(tensors.items())), {"methods": json.dumps(origins)})


def _write_colors(paths: Mapping[str, Path], file: Path) -> None:
    """Write the paintings' colors, which the styles' files lack; they keep their bytes, by which recipes find them."""
    colors = json.loads(file.read_text()) if file.exists() else {}
    for name, path in paths.items():
        moments = measured_colors(read_image(path).pixels, None)
        colors[name] = {key: _rounded(getattr(moments, key)) for key in ("mean", "covariance")}
    rows = (f" {json.dumps(name)}: {json.dumps(colors[name])}" for name in sorted(colors))
    file.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def _write_windows(paths: Mapping[str, Path], file: Path) -> None:
    """Write the moments of the paintings' windows, which the styles' files lack too."""
    windows = load_file(file) if file.exists() else {}
    method = GatysMethod(Gatys(precision="float32"))
    for name, path in paths.items():
        style = encode_style(method, path, SIZES)
        windows |= {f"{name}/{size}/windows": _grouped(found).bfloat16() for size, found in style.windows.items()}
    save_file(dict(sorted(windows.items())), file)


def _grouped(windows: Tensor, groups: int = GROUPS) -> Tensor:
    """Return the means of groups of similar windows, (groups, D): k-means, from windows far from each other."""
    chosen = [int((windows - windows.mean(0)).norm(dim=1).argmin())]
    while len(chosen) < min(groups, len(windows)):
        chosen.append(int(torch.cdist(windows, windows[chosen]).min(1).values.argmax()))
    centers = windows[chosen]
    for _ in range(20):
        nearest = torch.cdist(windows, centers).argmin(1)
        centers = torch.stack([windows[nearest == index].mean(0) for index in range(len(centers))])
    return centers


def _rounded(tensor: Tensor) -> list[Any]:
    numbers: list[Any] = (tensor * 1e6).round().div(1e6).tolist()
    return numbers


def _found(picture: str, folders: list[Path]) -> Path | None:
    return next((folder / picture for folder in folders if (folder / picture).exists()), None)


if __name__ == "__main__":
    main()
