#!/usr/bin/env python3
"""Stylize pairs by a method and judge them: content, style, palette, places, two measures no training used, seconds.

    python benchmarks/judged_pairs.py PAIRS.tsv OUT_DIR --judge judge.py [--method adain-lite] [--set NAME=VALUE …]
    python benchmarks/judged_pairs.py PAIRS.tsv OUT_DIR --judge judge.py --preset good --size 1024 --at 192 384 768
    python benchmarks/judged_pairs.py PAIRS.tsv OUT_DIR --judge judge.py --method gatys --set network=vgg19.caffe

PAIRS.tsv has lines "content<TAB>style", paths relative to it. The judge is a Python file with `load_image(path, size)`,
pixels of 0..255; `Judge().errors(content, style, output)`, the content error, the style errors by layer and that of the
worst places, under VGG-19; and `palette_distance(output, style)`. Pictures are judged at --size, or resized to each
size of --at. Results that are there already are kept if they were made the same way, so a stopped run goes on. Seconds
are the method's alone. A dated JSON is written to benchmarks/results/, unless --scratch. Results of November 2026 have
patches along 256 directions, not 128, and all of them: their distances differ by some 3 % of these.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from peers.microast import MicroAST
from report import write
from torch import Tensor

from brushwork import Picture, load, preset_options, read_image, read_recipe, write_image
from brushwork.api.presets import PRESETS
from brushwork.api.recipe import recipe_of, result_size
from brushwork.api.stylize import stylize
from brushwork.evaluation import patch_distance, ssim
from brushwork.io import read_size
from brushwork.methods import Method
from brushwork.options.stylize import StylizeOptions
from brushwork.registry import settings_from


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def pairs_of(table: Path, every: int) -> list[tuple[Path, Path]]:
    rows = [line.split("\t") for line in table.read_text().splitlines() if line.strip()]
    return [(table.parent / content, table.parent / style) for content, style in rows][::every]


def stylized(method: Method, content: Path, style: Path, size: int, target: Path) -> float | None:
    """Make a result; its seconds, or None if it was there."""
    options = StylizeOptions(size=size)
    expected = recipe_of(method, content, style, options, size=result_size(read_size(content), size))
    held = read_recipe(target) if target.exists() else None
    if held is not None and held == expected | {"written": held["written"]}:
        return None
    result = stylize(content, style, method=method, options=options)
    result.save(target)
    return result.seconds


def value_of(text: str) -> Any:
    """A number or a list as JSON has it, or else a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def by_microast(network: MicroAST, content: Path, style: Path, size: int, target: Path) -> None:
    photo, painting = (read_image(path, size=size).visible() for path in (content, style))
    with torch.inference_mode():
        write_image(Picture(network(photo, painting).clamp(0, 1).clone()), target)


def judged(paint: Callable[[Path, Path, int, Path], float | None], args: argparse.Namespace) -> dict[str, Any]:
    judge_module = module(args.judge)
    judge, rows = judge_module.Judge(), []
    for content, style in pairs_of(args.pairs, args.every):
        output = args.out / f"{content.stem}__{style.stem}.png"
        seconds = paint(content, style, args.size, output)
        for at in args.at or [args.size]:
            seen = [judge_module.load_image(path, at) for path in (content, style, output)]
            row = {"pair": output.stem, "at": at, **measured(judge_module, judge, *seen), "seconds": seconds}
            rows.append(row)
            print("  ".join(f"{v:.3f}" if isinstance(v, float) else f"{v!s:.50}" for v in row.values()), flush=True)
    names = [key for key in rows[0] if key not in ("pair", "at", "layers", "seconds")]
    sizes = {at: [row for row in rows if row["at"] == at] for at in args.at or [args.size]}
    means = {at: {key: fmean(row[key] for row in found) for key in names} for at, found in sizes.items()}
    worst = {key: (min if key == "ssim" else max)(row[key] for row in rows) for key in names}
    return {
        "size": args.size,
        "mean": {key: fmean(mean[key] for mean in means.values()) for key in names},
        "mean at": means,
        "layers": [fmean(row["layers"][k] for row in rows) for k in range(len(rows[0]["layers"]))],
        "worst": worst,
        "pairs": rows,
    }


def measured(judge_module: ModuleType, judge: Any, content: Tensor, style: Tensor, output: Tensor) -> dict[str, Any]:
    """All measures of one picture; pixels of 0..255."""
    content_error, layers, places = judge.errors(content, style, output)
    photo, painting, picture = (image / 255 for image in (content, style, output))
    if picture.shape != photo.shape:  # as the judge does; MicroAST cuts sides to multiples of 4
        picture = F.interpolate(picture, photo.shape[2:], mode="bicubic", antialias=True).clamp(0, 1)
    return {
        "content": content_error,
        "style": fmean(layers),
        "palette": judge_module.palette_distance(output, style),
        "places": places,
        "ssim": ssim(picture, photo),
        "patches": patch_distance(picture, painting),
        "layers": layers,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--method", default="adain-lite")
    parser.add_argument("--preset", choices=list(PRESETS), help="judge a preset instead")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="options of the method")
    parser.add_argument("--microast", type=Path, help="judge MicroAST instead: folder of its official weights")
    parser.add_argument("--name", default="", help="of the JSON; by default the method's")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--at", type=int, nargs="*", help="sizes to judge at; by default --size")
    parser.add_argument("--every", type=int, default=1, help="take every n-th pair")
    parser.add_argument("--scratch", action="store_true", help="write no JSON")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    options = {name: value_of(text) for name, _, text in (part.partition("=") for part in args.set)}
    if args.microast:
        report = {"recipe": "official weights", **judged(partial(by_microast, MicroAST(args.microast)), args)}
    else:
        chosen = preset_options(args.preset, **options) if args.preset else settings_from(args.method, options)
        method = load(chosen)
        report = {"recipe": method.recipe(), **judged(partial(stylized, method), args)}
    if not args.scratch:
        write(args.name or ("microast" if args.microast else args.preset or args.method), report)
    print(json.dumps({k: v for k, v in report.items() if k != "pairs"}, indent=1))


if __name__ == "__main__":
    main()
