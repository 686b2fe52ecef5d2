#!/usr/bin/env python3
"""Tune the codes of the built-in styles for a network of AdaIN-lite, through VGG-19, one style after the other.

    python recipes/tune_styles.py --paintings DIR --photos DIR --out CODES

CODES.safetensors has the codes of each style at the scales 0.5, 1 and 2. A style that is in it goes on from there, so
that the command can be repeated: the styles that were tuned least come first, and stopping it loses at most one. The
log, CODES.csv, has what photographs that are held back say, through VGG-19: errors without and with tuning.

Most steps see the pictures through the quick loss network; every fourth one, and the held-back photographs, through
VGG-19. Steps are taken at scale 1; what they add to the encoder's code is added at the other scales, too, where it is
better for it.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from brushwork import AdaINLite, encode_style, load, read_image
from brushwork.api.style_encoding import saved_values
from brushwork.methods.adain_lite.method import LiteStyle
from brushwork.methods.adain_lite.tuning import CodeTuning, tuning_losses
from brushwork.runtime.tensor_files import write_tensors
from brushwork.training.data import PhotoFolder

SCALES = (0.5, 1.0, 2.0)
LABELS = ("adain-lite@0.5", "adain-lite", "adain-lite@2")  # of these scales in the file
SIDE = 192
HELD = 4  # crops of photographs
COLUMNS = ("style", "steps", "untuned content", "untuned style", "content", "style error")


class Codes:
    """The file of codes, and its log.

    Args:
        path: Without suffix.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.codes: dict[str, Tensor] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        if path.with_suffix(".csv").exists():
            with path.with_suffix(".csv").open(newline="") as file:
                self.rows = {row["style"]: row for row in csv.DictReader(file)}
            with safe_open(path.with_suffix(".safetensors"), "pt") as file:
                for name in self.rows:
                    self.codes[name] = torch.stack([file.get_tensor(f"{name}/{label}/code") for label in LABELS])

    def keep(self, codes: Tensor, row: dict[str, Any], origins: dict[str, dict[str, str]]) -> None:
        self.codes[row["style"]], self.rows[row["style"]] = codes, row
        tensors = {
            f"{name}/{label}/code": code.clone()
            for name, found in sorted(self.codes.items())
            for label, code in zip(LABELS, found, strict=True)
        }
        write_tensors(self.path.with_suffix(".safetensors"), tensors, {"methods": json.dumps(origins)})
        with self.path.with_suffix(".csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows[name] for name in sorted(self.rows))


def built_in(folder: Path) -> dict[str, Path]:
    """Return the paintings in this folder, by the names of the built-in styles."""
    with (Path(__file__).parent / "styles.tsv").open(encoding="utf-8") as file:
        rows = {row["name"]: folder / row["file"] for row in csv.DictReader(file, delimiter="\t")}
    return {name: path for name, path in rows.items() if path.exists()}


def tuned(name: str, path: Path, codes: Codes, args: argparse.Namespace, photos: PhotoFolder, held: Tensor) -> None:
    """Tune one style, and keep it."""
    painting = read_image(path)
    losses = tuning_losses(args.quick_network), tuning_losses(args.loss_network)
    methods: dict[float, Any] = {scale: load(AdaINLite(model=args.model, style_scale=scale)) for scale in SCALES}
    parts = {
        scale: CodeTuning(method.network, painting.pixels, encode_style(method, painting, [SIDE]), losses, held)
        for scale, method in methods.items()
    }
    for scale, earlier in zip(SCALES, codes.codes.get(name, ()), strict=False):
        parts[scale].begin_at(LiteStyle(earlier.float()))
    rng, whole = random.Random(int(codes.rows.get(name, {}).get("steps", 0))), parts[1.0]
    last = whole.steps + args.steps
    whole.run(lambda: photos.batch(args.batch, rng), lambda: 1 - (last - whole.steps) / args.steps, lambda: None)
    for part in (parts[0.5], parts[2.0]):
        part.begin_at(LiteStyle(part.start.code + whole.gained))
    numbers = [*whole.untuned.values(), *whole.errors.values()]
    values = [name, int(codes.rows.get(name, {}).get("steps", 0)) + args.steps, *(f"{x:.4f}" for x in numbers)]
    origins = saved_values([(methods[scale], part.best) for scale, part in parts.items()]).origins
    best = torch.stack([parts[scale].best.code for scale in SCALES])
    codes.keep(best, dict(zip(COLUMNS, values, strict=True)), origins)
    print(*values, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="adain-lite-2")
    parser.add_argument("--paintings", type=Path, required=True, help="the built-in styles' paintings")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="without suffix")
    parser.add_argument("--loss-network", default="vgg19.caffe")
    parser.add_argument("--quick-network", default="vgg19-slim-3")
    parser.add_argument("--steps", type=int, default=80, help="per style")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--held", type=int, default=200, help="photographs at the end of the folder that are held back")
    parser.add_argument("--names", nargs="*", help="only these")
    args = parser.parse_args()
    photos = PhotoFolder(args.photos, SIDE)
    held = PhotoFolder(args.photos, SIDE)
    photos.files, held.files = photos.files[: -args.held], held.files[-args.held :]
    crops, codes = held.batch(HELD, random.Random(1)), Codes(args.out)
    paintings = {name: path for name, path in built_in(args.paintings).items() if not args.names or name in args.names}
    for name in sorted(paintings, key=lambda name: int(codes.rows.get(name, {}).get("steps", 0))):
        tuned(name, paintings[name], codes, args, photos, crops)


if __name__ == "__main__":
    main()
