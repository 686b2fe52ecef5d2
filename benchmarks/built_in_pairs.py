#!/usr/bin/env python3
"""Pairs whose painting is built in, painted by its built-in code, which was trained for it, and by the encoder's.

    python benchmarks/built_in_pairs.py PAIRS.tsv [--set NAME=VALUE …] [--network vgg19.caffe]

PAIRS.tsv has lines "photo<TAB>painting", paths relative to it. A painting is built in if recipes/styles.tsv has its
file name. Both pictures of a pair are judged through VGG-19: content, style by layer, palette, SSIM. A dated JSON is
written to benchmarks/results/, unless --scratch.
"""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean
from typing import Any

from judged_pairs import pairs_of
from report import method_parser, write

from brushwork import load, read_image, stylize
from brushwork.evaluation import FeatureMeasures
from brushwork.evaluation.pictures import palette_distance, ssim
from brushwork.registry import settings_from

SIZE = 384
STYLES = Path(__file__).parents[1] / "recipes" / "styles.tsv"


def built_in_pairs(table: Path) -> list[tuple[Path, Path, str]]:
    """Photo, painting and the painting's name as a style, of each pair whose painting is built in."""
    with STYLES.open(encoding="utf-8", newline="") as file:
        names = {row["file"]: row["name"] for row in csv.DictReader(file, delimiter="\t")}
    pairs = pairs_of(table, every=1)
    return [(photo, painting, names[painting.name]) for photo, painting in pairs if painting.name in names]


def judged(photo: Path, painting: Path, style: Path | str, method: Any, measures: FeatureMeasures) -> dict[str, float]:
    """Paint a photo in a style, and compare the picture with the photo and the painting."""
    picture = stylize(photo, style, method=method, size=SIZE).picture.visible()
    shown, wanted = (read_image(path, size=SIZE).visible() for path in (photo, painting))
    seen, styles = measures.look(picture), measures.look(wanted)
    layers = measures.style(seen, styles)
    return {
        "content": measures.content(seen, measures.look(shown)),
        "style": fmean(layers.values()),
        **layers,
        "palette": palette_distance(picture, wanted),
        "SSIM": ssim(picture, shown),
    }


def main() -> None:
    args = method_parser(__doc__).parse_args()
    method = load(settings_from(args.method, dict(text.split("=", 1) for text in args.set)))
    measures = FeatureMeasures(args.network)
    rows: dict[str, list[dict[str, Any]]] = {"encoder's code": [], "built-in code": []}
    for photo, painting, name in built_in_pairs(args.pairs):
        for kind, style in zip(rows, (painting, name), strict=True):
            found = judged(photo, painting, style, method, measures)
            rows[kind].append({"name": f"{photo.stem}__{name}", **found})
    means = {
        kind: {key: fmean(row[key] for row in found) for key in found[0] if key != "name"}
        for kind, found in rows.items()
    }
    for kind, found in means.items():
        print(f"{kind}, {len(rows[kind])} pairs:", *(f"{key} {value:.3f}" for key, value in found.items()))
    if not args.scratch:
        facts = {"method": args.method, "set": args.set, "size": SIZE, "network": args.network}
        write("built-in-pairs", {**facts, "means": means, "pairs": rows})


if __name__ == "__main__":
    main()
