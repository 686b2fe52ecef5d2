#!/usr/bin/env python3
"""Which measure of `brushwork evaluate pictures` notices which fault, and follows which known order.

    python benchmarks/faults.py PAIRS.tsv --out FOLDER [--every N] [--size 384]

For each pair a picture is painted by the preset good, and damaged: blurred, noisy, with a grid, with halos, clipped,
with swapped colors, with a third left as photo, and replaced by the painting itself. It is also painted at strengths
from 0 to 1 and with 5 to 40 evaluations. A measure notices a fault if it gets worse; it follows an order if it rises or
falls with it (Spearman). The table goes into docs/evaluation.md, a dated JSON to benchmarks/results/.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
import torch.nn.functional as F
from judged_pairs import pairs_of
from report import write
from scipy.stats import spearmanr
from torch import Tensor

from brushwork import Picture, load, preset_options, read_image, stylize, write_image
from brushwork.evaluation import evaluate_pictures
from brushwork.evaluation.evaluate_pictures import DIRECTIONS
from brushwork.evaluation.pairs import Pair

PAGE = Path(__file__).parents[1] / "docs" / "evaluation.md"
START, END = "<!-- faults -->", "<!-- end of faults -->"
STRENGTHS, STEPS = (0.0, 0.25, 0.5, 0.75, 1.0), (5, 10, 20, 40)


def grid(x: Tensor) -> Tensor:
    x = x.clone()
    x[:, :, ::4] += 0.04
    x[:, :, :, ::4] += 0.04
    return x


def left_as_photo(x: Tensor, photo: Tensor) -> Tensor:
    return torch.cat([photo[:, :, : x.shape[2] // 3], x[:, :, x.shape[2] // 3 :]], 2)


def noisy(x: Tensor) -> Tensor:
    return x + 0.06 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


def blurred(x: Tensor) -> Tensor:
    return F.interpolate(F.avg_pool2d(x, 3), x.shape[2:], mode="bicubic")


def with_halos(x: Tensor) -> Tensor:
    """Sharpened with a large radius, as a careless filter does."""
    away = x - F.avg_pool2d(F.pad(x, (6, 6, 6, 6), mode="replicate"), 13, 1)
    return x + 0.6 * away.mean(1, keepdim=True)


def clipped(x: Tensor) -> Tensor:
    return 0.5 + 1.8 * (x - 0.5)


# Name → picture, photo, painting of the photo's size → what is wrong about it.
FAULTS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "blur": lambda x, _, __: blurred(x),
    "noise": lambda x, _, __: noisy(x),
    "grid": lambda x, _, __: grid(x),
    "halos": lambda x, _, __: with_halos(x),
    "clipping": lambda x, _, __: clipped(x),
    "swapped colors": lambda x, _, __: x[:, [2, 0, 1]],
    "a third left as photo": lambda x, photo, _: left_as_photo(x, photo),
    "the painting itself": lambda _, __, painting: painting,
}


def painted(photo: Path, painting: Path, size: int, **changes: object) -> Tensor:
    method = load(preset_options("good", **changes))
    return stylize(photo, painting, method=method, size=size).picture.pixels


def pictures(photo: Path, painting: Path, size: int) -> dict[str, Tensor]:
    """A picture by the preset good, and those in known orders."""
    whole = painted(photo, painting, size)
    found = {"good": whole}
    found |= {f"strength {s}": painted(photo, painting, size, strength=s) for s in STRENGTHS[:-1]}
    found |= {f"steps {n}": painted(photo, painting, size, steps=n) for n in STEPS[:-1]}
    return found | {f"strength {STRENGTHS[-1]}": whole, f"steps {STEPS[-1]}": whole}


def damaged(photo: Path, painting: Path, size: int, good: Path) -> dict[str, Tensor]:
    whole, seen = read_image(good).visible(), read_image(photo, size=size).visible()
    pasted = F.interpolate(read_image(painting, size=size).visible(), whole.shape[2:], mode="bicubic").clamp(0, 1)
    return {name: fault(whole, seen, pasted).clamp(0, 1) for name, fault in FAULTS.items()}


def variants(photo: Path, painting: Path, args: argparse.Namespace) -> dict[str, Path]:
    """Files of the picture and of all that is done to it; those that are there are not made again."""
    name = f"{photo.stem}__{painting.stem}"
    made = {variant: args.out / f"{name}__{variant}.png" for variant in _names()}
    for names, make in (
        (set(made) - set(FAULTS), lambda: pictures(photo, painting, args.size)),
        (set(FAULTS), lambda: damaged(photo, painting, args.size, made["good"])),
    ):
        if not all(made[variant].exists() for variant in names):
            for variant, pixels in make().items():
                write_image(Picture(pixels), made[variant])
    return made


def badness(name: str, value: float) -> float:
    """A measure as a number that is larger for worse."""
    better = DIRECTIONS.get(name, -1)
    return -value * better if better else abs(np.log(max(value, 1e-3)))


def notice(rows: list[dict[str, dict[str, float]]], measure: str) -> dict[str, float]:
    """Share of pairs in which a fault makes a measure worse; correlation with each order."""
    found = {
        fault: fmean(badness(measure, row[fault][measure]) > badness(measure, row["good"][measure]) for row in rows)
        for fault in FAULTS
    }
    for order, names in (("strength", STRENGTHS), ("steps", STEPS)):
        found[order] = fmean(correlation([row[f"{order} {n}"][measure] for n in names]) for row in rows)
    return found


def correlation(values: list[float]) -> float:
    """Rank correlation with the order of a list; 0 if all values are the same."""
    return float(spearmanr(range(len(values)), values).statistic) if len(set(values)) > 1 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--size", type=int, default=384)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for photo, painting in pairs_of(args.pairs, args.every):
        made = variants(photo, painting, args)
        found = evaluate_pictures([Pair(photo, painting, path) for path in made.values()], size=args.size)
        rows.append(dict(zip(made, found.pictures, strict=True)))
        print(photo.stem, painting.stem, flush=True)
    measures = [name for name in rows[0]["good"] if name != "name" and not name.startswith("style_")]
    table = {measure: notice(rows, measure) for measure in measures}
    columns = [*FAULTS, "strength", "steps"]
    lines = [START, "", f"| {len(rows)} pairs | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for measure, row in table.items():
        cells = [f"{row[c]:+.2f}" if c in ("strength", "steps") else f"{100 * row[c]:.0f}" for c in columns]
        lines.append(f"| {measure} | {' | '.join(cells)} |")
    before, rest = PAGE.read_text("utf-8").split(START)
    PAGE.write_text(before + "\n".join(lines) + "\n\n" + END + rest.split(END)[1], "utf-8")
    print("\n".join(lines))
    write("faults", {"pairs": len(rows), "size": args.size, "noticed": table})


def _names() -> list[str]:
    return ["good", *FAULTS, *(f"strength {s}" for s in STRENGTHS), *(f"steps {n}" for n in STEPS)]


if __name__ == "__main__":
    main()
