#!/usr/bin/env python3
"""Pictures of every preset beside each other, and the seconds of each.

    python benchmarks/presets.py --pairs PAIRS.tsv --out FOLDER [--size 1024] [--presets draft good best] [--every N]

PAIRS.tsv has lines "content<TAB>style", as for judged_pairs.py. Pictures are kept if they were made the same way, so a
stopped run goes on. FOLDER/sheet.png has a row per pair: the photo, the painting, and a picture per preset. Seconds are
the method's alone. A dated JSON is written to benchmarks/results/, unless --scratch.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from contact_sheet import cell
from judged_pairs import pairs_of, stylized
from report import write

from brushwork import Picture, load, preset_options, read_image, write_image
from brushwork.api.presets import PRESETS
from brushwork.methods import Method

CELL = 512  # longest side on the sheet


def row_of(pictures: list[Path], size: int) -> torch.Tensor:
    return torch.cat([cell(read_image(path, size=size).visible(), size) for path in pictures], dim=3)


def seconds_of(
    methods: dict[str, Method], pairs: list[tuple[Path, Path]], size: int, out: Path
) -> dict[str, dict[str, float | None]]:
    """Make all pictures; seconds by pair and preset, None for those that were there."""
    found: dict[str, dict[str, float | None]] = {}
    for content, style in pairs:
        pair = f"{content.stem}__{style.stem}"
        found[pair] = {name: stylized(method, content, style, size, target(out, content, style, name))
                       for name, method in methods.items()}  # fmt: skip
        shown = (f"{name} {'kept' if s is None else f'{s:.2f} s'}" for name, s in found[pair].items())
        print(f"{pair:50}", *shown, sep="  ", flush=True)
    return found


def target(out: Path, content: Path, style: Path, preset: str) -> Path:
    return out / f"{content.stem}__{style.stem}__{preset}.png"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--presets", nargs="+", choices=list(PRESETS), default=list(PRESETS))
    parser.add_argument("--every", type=int, default=1, help="take every n-th pair")
    parser.add_argument("--scratch", action="store_true", help="write no JSON")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    pairs, methods = pairs_of(args.pairs, args.every), {name: load(preset_options(name)) for name in args.presets}
    seconds = seconds_of(methods, pairs, args.size, args.out)
    means: dict[str, Any] = {}
    for name in args.presets:
        taken = [s for row in seconds.values() if (s := row[name]) is not None]
        means[name] = fmean(taken) if taken else None
    print("mean seconds", means)
    side = min(args.size, CELL)
    rows = [
        row_of([content, style, *(target(args.out, content, style, name) for name in args.presets)], side)
        for content, style in pairs
    ]
    write_image(Picture(torch.cat(rows, dim=2)), args.out / "sheet.png")
    if not args.scratch:
        recipes = {name: method.recipe() for name, method in methods.items()}
        write("presets", {"size": args.size, "recipes": recipes, "mean seconds": means, "seconds": seconds})


if __name__ == "__main__":
    main()
