#!/usr/bin/env python3
"""Which measure of `brushwork evaluate video` notices which fault, and follows which known order.

    python benchmarks/film_faults.py [--films 6] [--out FOLDER]

Films of sixteen frames, in which a piece of one photograph of scikit-image moves over another that stands still, are
painted as `brushwork video` does it, and damaged: painted frame by frame, under a light that flickers, with the grain
of a camera, with colors that drift, with ghosts of the frame before, blurred, and with every other frame left out. They
are also painted with smoothing from 0 to 0.9, and grain is added in four strengths. A measure notices a fault if it
gets worse; it follows an order if it rises or falls with it (Spearman). The table goes into docs/evaluation.md, a dated
JSON to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
import torch.nn.functional as F
from faults import correlation
from report import write
from skimage import data
from torch import Tensor
from video import painted

from brushwork import AdaINLite, Picture, load, write_image
from brushwork.image import resize
from brushwork.options.film import FilmOptions
from brushwork.options.methods import FILM_MODEL
from brushwork.training.synthetic_motion import moving_layers
from brushwork.video.evaluation import DIRECTIONS, evaluate_film

PAGE = Path(__file__).parents[1] / "docs" / "evaluation.md"
START, END = "<!-- film faults -->", "<!-- end of film faults -->"
PHOTOS = ("astronaut", "coffee", "chelsea", "rocket", "retina", "immunohistochemistry")
STYLES = ("great-wave", "starry-night", "feminine-wave")
SIZE, LENGTH = (320, 192), 16
SMOOTHINGS, GRAINS = (0.0, 0.3, 0.6, 0.9), (0.0, 0.02, 0.04, 0.08)
Frames = list[Tensor]


def original(number: int) -> Frames:
    """A film of which the larger part stands still."""
    shown = [
        resize(Picture.from_numpy(getattr(data, PHOTOS[(number + k) % len(PHOTOS)])()).pixels, (480, 320))
        for k in (0, 1)
    ]
    film = moving_layers(shown, SIZE, LENGTH, seed=number, speed=4)
    still = film.frames[0]
    return [torch.where(owner == 1, frame, still) for frame, owner in zip(film.frames, film.owners, strict=True)]


def grainy(frames: Frames, deviation: float) -> Frames:
    generator = torch.Generator().manual_seed(0)
    return [(x + deviation * torch.randn(x.shape, generator=generator)).clamp(0, 1) for x in frames]


def flickering(frames: Frames) -> Frames:
    gains = 1 + 0.06 * torch.randn(len(frames), generator=torch.Generator().manual_seed(0))
    return [(gain * x).clamp(0, 1) for gain, x in zip(gains.tolist(), frames, strict=True)]


def drifting(frames: Frames) -> Frames:
    """Red becomes blue, slowly."""
    shares = np.linspace(0, 0.5, len(frames)).tolist()
    return [torch.lerp(x, x.flip(1), share) for x, share in zip(frames, shares, strict=True)]


def blurred(frames: Frames) -> Frames:
    return [F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1) for x in frames]


def ghosts(frames: Frames) -> Frames:
    return [frames[0], *((x + before) / 2 for before, x in pairwise(frames))]


FAULTS: dict[str, Callable[[Frames], Frames]] = {
    "flickering light": flickering,
    "grain": lambda frames: grainy(frames, 0.04),
    "drifting colors": drifting,
    "ghosts": ghosts,
    "blur": blurred,
    "every other frame left out": lambda frames: [frames[k - k % 2] for k in range(len(frames))],
}


def variants(frames: Frames, style: str) -> dict[str, Frames]:
    by_frame, steady = load(AdaINLite()), load(AdaINLite(model=FILM_MODEL))
    whole = painted(steady, frames, style, FilmOptions().smoothing)  # type: ignore[arg-type]
    found = {"steady": whole, "frame by frame": painted(by_frame, frames, style, 0.0)}  # type: ignore[arg-type]
    found |= {name: fault(whole) for name, fault in FAULTS.items()}
    found |= {f"smoothing {s}": painted(steady, frames, style, s) for s in SMOOTHINGS}  # type: ignore[arg-type]
    return found | {f"grain {g}": grainy(whole, g) for g in GRAINS}


def save(frames: Frames, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        write_image(Picture(frame.contiguous()), folder / f"{number:03}.png")
    return folder


def badness(measure: str, row: dict[str, float]) -> float:
    """A measure as a number that is larger for worse; a film that has lost sharpness is worse."""
    return -(DIRECTIONS[measure] or 1) * row[measure]


def notice(rows: list[dict[str, dict[str, float]]], measure: str) -> dict[str, float]:
    """Share of films in which a fault makes a measure worse; correlation with each order."""
    found = {
        fault: fmean(badness(measure, row[fault]) > badness(measure, row["steady"]) for row in rows)
        for fault in ("frame by frame", *FAULTS)
    }
    for order, values in (("smoothing", SMOOTHINGS), ("grain", GRAINS)):
        found[f"{order}, in order"] = fmean(
            correlation([row[f"{order} {value}"][measure] for value in values]) for row in rows
        )
    return found


def table(rows: list[dict[str, dict[str, float]]]) -> tuple[list[str], dict[str, dict[str, float]]]:
    measures = [measure for measure in DIRECTIONS if measure in rows[0]["steady"]]
    found = {measure: notice(rows, measure) for measure in measures}
    columns = list(found[measures[0]])
    lines = [f"| {len(rows)} films | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for measure, row in found.items():
        cells = [f"{row[c]:+.2f}" if "order" in c else f"{100 * row[c]:.0f}" for c in columns]
        lines.append(f"| {measure} | {' | '.join(cells)} |")
    return lines, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=6)
    parser.add_argument("--out", type=Path, help="keep the films here")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.out or Path(temporary)
        for number in range(args.films):
            frames = original(number)
            source = save(frames, folder / str(number) / "original")
            made = variants(frames, STYLES[number % len(STYLES)])
            rows.append(
                {
                    name: evaluate_film(save(film, folder / str(number) / name.replace(" ", "-")), source).mean
                    for name, film in made.items()
                }
            )
            print(number, rows[-1]["steady"], flush=True)
    lines, found = table(rows)
    before, rest = PAGE.read_text("utf-8").split(START)
    PAGE.write_text("\n".join([before + START, "", *lines, "", END + rest.split(END)[1]]), "utf-8")
    print("\n".join(lines))
    write("film-faults", {"films": len(rows), "size": SIZE, "frames": LENGTH, "noticed": found})


if __name__ == "__main__":
    main()
