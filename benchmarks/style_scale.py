#!/usr/bin/env python3
"""Do marks grow with --style-scale? Error to the painting at several sizes, size of the marks, and a sheet.

    python benchmarks/style_scale.py PAIRS.tsv [--set NAME=VALUE …] [--network vgg19.int8] [--sheet SHEET.png]

PAIRS.tsv has lines "photo<TAB>painting", paths relative to it. Each pair is painted at each scale and compared with the
painting resized by each of them: if scales do what they say, the style error is lowest at a picture's own. The size of
marks is `stroke_scale` of the evaluation, in pixels of the picture. The sheet has photographs of scikit-image in two
built-in styles. A dated JSON is written to benchmarks/results/, unless --scratch.
"""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from contact_sheet import PHOTOS, cell
from report import method_parser, write

from brushwork import Picture, load, read_image, stylize, write_image
from brushwork.evaluation import FeatureMeasures
from brushwork.evaluation.pictures import stroke_scale
from brushwork.registry import settings_from

SCALES = (0.5, 1.0, 2.0)
SIZE = 384
SHOWN = ("great-wave", "starry-night")


def methods(name: str, given: dict[str, str]) -> dict[float, Any]:
    return {scale: load(settings_from(name, {**given, "style_scale": scale})) for scale in SCALES}


def compared(photo: Path, painting: Path, painters: dict[float, Any], measures: FeatureMeasures) -> dict[str, Any]:
    """Style error of each scale's picture to the painting at each scale, and the size of marks."""
    whole = {scale: read_image(painting, size=round(SIZE * scale)).visible() for scale in SCALES}
    seen = {scale: measures.look(pixels) for scale, pixels in whole.items()}
    row: dict[str, Any] = {"name": f"{photo.stem}__{painting.stem}"}
    for scale, painter in painters.items():
        picture = stylize(photo, painting, method=painter, size=SIZE).picture.visible()
        looked = measures.look(picture)
        row[f"{scale:g}"] = {f"{at:g}": fmean(measures.style(looked, seen[at]).values()) for at in SCALES}
        row[f"{scale:g}"]["marks"] = stroke_scale(picture, whole[1.0])
    return row


def main() -> None:
    parser = method_parser(__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    painters = methods(args.method, dict(text.split("=", 1) for text in args.set))
    lines = [line.split("\t")[:2] for line in args.pairs.read_text().splitlines() if line.strip()]
    pairs = [(args.pairs.parent / photo, args.pairs.parent / painting) for photo, painting in lines][:: args.every]
    rows = [compared(*pair, painters, FeatureMeasures(args.network)) for pair in pairs]
    names = [f"{scale:g}" for scale in SCALES]
    means = {own: {key: fmean(row[own][key] for row in rows) for key in (*names, "marks")} for own in names}
    nearest = {own: sum(min(names, key=row[own].__getitem__) == own for row in rows) for own in names}
    for own, found in means.items():
        print(f"scale {own}:", {key: round(value, 3) for key, value in found.items()}, f"{nearest[own]}/{len(rows)}")
    if not args.scratch:
        facts = {"method": args.method, "set": args.set, "size": SIZE, "network": args.network}
        write("style-scale", {**facts, "means": means, "nearest to its own": nearest, "pairs": rows})
    if args.sheet:
        pictures = [
            [cell(stylize(photo, style, method=p, size=SIZE).picture.visible(), SIZE) for p in painters.values()]
            for photo in PHOTOS[:2]
            for style in SHOWN
        ]
        write_image(Picture(torch.cat([torch.cat(row, 3) for row in pictures], 2)), args.sheet)


if __name__ == "__main__":
    main()
