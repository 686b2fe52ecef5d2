#!/usr/bin/env python3
"""Whether what lies between two styles goes from the one to the other: each style's error along the way.

    python benchmarks/interpolation.py PHOTOS PAINTINGS --judge judge.py [--pairs 10] [--method adain-lite] [--set …]

PAINTINGS holds the pictures of built-in styles by their names. Pairs are drawn once for all; each is interpolated in
ten steps on some photos. A pair is monotone if, from step to step, the mean error against the style that is left never
falls, and that against the style that comes never rises, by more than 2 % of itself. A dated JSON is written.
"""

from __future__ import annotations

import argparse
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from judged_pairs import module, value_of
from report import write

from brushwork import encode_style, load, read_image
from brushwork.registry import settings_from

STEPS = 10
SLACK = 0.02


def monotone(errors: list[float]) -> bool:
    """Whether they never rise by more than the slack."""
    return all(after <= (1 + SLACK) * before for before, after in pairwise(errors))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("paintings", type=Path)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--method", default="conditional-instance-norm")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="options of the method")
    parser.add_argument("--styles", type=Path, help="folder of saved styles; the built-in ones by default")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--count", type=int, default=2, help="photos")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--scratch", action="store_true", help="write no JSON")
    args = parser.parse_args()
    method = load(
        settings_from(args.method, {k: value_of(v) for k, _, v in (part.partition("=") for part in args.set)})
    )
    judge_module = module(args.judge)
    judge = judge_module.Judge()
    names = sorted(path.stem for path in args.paintings.iterdir())
    rng = random.Random(0)
    photos = [read_image(path, size=args.size).visible() for path in sorted(args.photos.glob("*.jpg"))[: args.count]]
    rows: list[dict[str, Any]] = []
    for _ in range(args.pairs):
        pair = rng.sample(names, 2)
        sources = [str(args.styles / f"{name}.safetensors") if args.styles else name for name in pair]
        values = [encode_style(method, source, [args.size]) for source in sources]
        paintings = [judge_module.load_image(next(args.paintings.glob(f"{name}.*")), args.size) for name in pair]
        errors = []
        for step in range(STEPS + 1):
            between = method.blend(values, [STEPS - step, step])
            pictures = [(photo * 255, (method(photo, between) * 255).round()) for photo in photos]
            found = [[judge.score(photo, painting, x)[1] for painting in paintings] for photo, x in pictures]
            errors.append(torch.tensor(found).mean(0).tolist())
        left, reached = ([row[k] for row in errors] for k in (0, 1))
        rows.append({"styles": pair, "errors": errors, "monotone": monotone(left[::-1]) and monotone(reached)})
        print(pair, "monotone" if rows[-1]["monotone"] else errors, flush=True)
    count = sum(row["monotone"] for row in rows)
    print(f"{count} of {len(rows)} pairs are monotone")
    if not args.scratch:
        write(f"interpolation-{args.method}", {"steps": STEPS, "slack": SLACK, "monotone": count, "pairs": rows})


if __name__ == "__main__":
    main()
