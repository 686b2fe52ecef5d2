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
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from brushwork import AdaINLite, encode_style, load, read_image
from brushwork.api.style_encoding import saved_values
from brushwork.methods.adain_lite.method import LiteStyle
from brushwork.methods.adain_lite.tuning import CodeTuning, tuning_losses
from brushwork.runtime.tensor_files import read_metadata, write_tensors
from brushwork.training.data import PhotoFolder

SCALES = (0.5, 1.0, 2.0)
LABELS = {0.5: "adain-lite@0.5", 1.0: "adain-lite", 2.0: "adain-lite@2"}  # of these scales in the file
SIDE = 192
HELD = 4  # crops of photographs
COLUMNS = ("style", "steps", "untuned content", "untuned style", "content", "style error")


class Codes:
    """The file of codes.

    Args:
        path: With the suffix ".styles", or of any other name, without ".safetensors".
        model: The network whose codes they are: a name or a file.
    """

    def __init__(self, path: Path, model: str | Path) -> None:
        self.path, self.model = path.with_name(f"{path.name}.safetensors"), str(model)
        self.tensors, self.origins = dict[str, Tensor](), dict[str, dict[str, str]]()
        if self.path.exists():
            self.tensors = load_file(self.path)
            self.origins = json.loads(read_metadata(self.path)["methods"])

    @cached_property
    def methods(self) -> dict[float, Any]:
        """The method at each scale."""
        return {scale: load(AdaINLite(model=self.model, style_scale=scale)) for scale in SCALES}

    def of(self, name: str) -> dict[float, Tensor]:
        """Return the codes of a style by scale; none if it has none yet."""
        keys = {scale: f"{name}/{label}/code" for scale, label in LABELS.items()}
        return {scale: self.tensors[key].float() for scale, key in keys.items() if key in self.tensors}

    def add(self, name: str, codes: Mapping[float, Tensor]) -> None:
        saved = saved_values([(self.methods[scale], LiteStyle(code)) for scale, code in codes.items()])
        self.origins = saved.origins
        for label, tensors in saved.values.items():
            self.tensors[f"{name}/{label}/code"] = tensors["code"].clone()

    def write(self) -> None:
        write_tensors(self.path, dict(sorted(self.tensors.items())), {"methods": json.dumps(self.origins)})


class Log:
    """A table with a row for each style.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, dict[str, dict[str, Any]]()
        if path.exists():
            with path.open(newline="") as file:
                self.rows = {row["style"]: row for row in csv.DictReader(file)}

    def steps(self, name: str) -> int:
        """Return for how many steps a style was tuned."""
        return int(self.rows.get(name, {}).get("steps", 0))

    def add(self, row: dict[str, Any]) -> None:
        self.rows[row["style"]] = row
        with self.path.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows[name] for name in sorted(self.rows))


def built_in(folder: Path) -> dict[str, Path]:
    """Return the paintings in this folder, by the names of the built-in styles."""
    with (Path(__file__).parent / "styles.tsv").open(encoding="utf-8") as file:
        rows = {row["name"]: folder / row["file"] for row in csv.DictReader(file, delimiter="\t")}
    return {name: path for name, path in rows.items() if path.exists()}


def tuned(
    name: str, path: Path, codes: Codes, log: Log, args: argparse.Namespace, photos: PhotoFolder, held: Tensor
) -> None:
    """Tune one style, and keep it."""
    painting = read_image(path)
    losses = tuning_losses(args.quick_network), tuning_losses(args.loss_network)
    parts = {
        scale: CodeTuning(method.network, painting.pixels, encode_style(method, painting, [SIDE]), losses, held)
        for scale, method in codes.methods.items()
    }
    for scale, earlier in codes.of(name).items():
        parts[scale].begin_at(LiteStyle(earlier))
    rng, whole = random.Random(log.steps(name)), parts[1.0]
    last = whole.steps + args.steps
    whole.run(lambda: photos.batch(args.batch, rng), lambda: 1 - (last - whole.steps) / args.steps, lambda: None)
    for part in (parts[0.5], parts[2.0]):
        part.begin_at(LiteStyle(part.start.code + whole.gained))
    numbers = [*whole.untuned.values(), *whole.errors.values()]
    values = [name, log.steps(name) + args.steps, *(f"{x:.4f}" for x in numbers)]
    codes.add(name, {scale: part.best.code for scale, part in parts.items()})
    codes.write()
    log.add(dict(zip(COLUMNS, values, strict=True)))
    print(*values, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="adain-lite-3")
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
    crops = held.batch(HELD, random.Random(1))
    codes, log = Codes(args.out, args.model), Log(args.out.with_name(f"{args.out.name}.csv"))
    paintings = {name: path for name, path in built_in(args.paintings).items() if not args.names or name in args.names}
    for name in sorted(paintings, key=log.steps):
        tuned(name, paintings[name], codes, log, args, photos, crops)


if __name__ == "__main__":
    main()
