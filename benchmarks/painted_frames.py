#!/usr/bin/env python3
"""How steady, sharp and quick a film after one painted frame is, beside the film of the presets draft and good.

    python benchmarks/painted_frames.py --sequences FOLDER [--clip CLIP …] [--only NAME …] [--frames 21] [--keep FOLDER]

Films are subfolders of numbered frames, and clips. The painted frame is the first one, painted like a still of the
preset good, with a built-in style. E_warp of neighbors and ten frames apart, judged by TV-L1 flow, which none of the
films use; sharpness, and that of the last frame as a share of the painted one's; frames a second of the whole work and
processor seconds a frame, without the first frame's painting where that is given. Writes a dated JSON to
benchmarks/results/.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

from report import write
from torch import Tensor

from brushwork import Picture, read_image, stylize, write_image
from brushwork.flow import stays_visible, tvl1_flow
from brushwork.io.film_formats import open_film
from brushwork.video.metrics import FAR, sharpness, warping_error
from brushwork.video.stylize_video import stylize_video

SIZE, NEAR_EVERY, FAR_EVERY = 640, 3, 5
STYLES = ("great-wave", "starry-night", "feminine-wave")


def first_frames(source: Path, folder: Path, count: int) -> None:
    """Write the first frames of a film to a folder."""
    folder.mkdir()
    film = open_film(source)
    width, height = film.size
    size = (SIZE, round(SIZE * height / width))
    for number, frame in enumerate(islice(film.frames(0, size), count)):
        write_image(Picture(frame.pixels), folder / f"{number:05d}.png")


def frames_in(folder: Path) -> list[Tensor]:
    return [read_image(path).pixels for path in sorted(folder.iterdir())]


def errors(films: dict[str, list[Tensor]], original: list[Tensor], apart: int, every: int) -> dict[str, float]:
    """Mean warping error of some pairs of frames, for each film."""
    estimator, found = tvl1_flow(), {name: list[float]() for name in films}
    for first in range(0, len(original) - apart, every):
        one, other = original[first], original[first + apart]
        flow, back = estimator(one, other), estimator(other, one)
        visible = stays_visible(flow, back)
        for name, frames in films.items():
            found[name].append(warping_error(frames[first], frames[first + apart], flow, visible))
    return {name: fmean(values) for name, values in found.items()}


def compared(source: Path, style: str, folder: Path, count: int) -> dict[str, Any]:
    """One film in all ways."""
    first_frames(source, folder / "film", count)
    picture = folder / "painted.png"
    stylize(folder / "film" / "00000.png", style, preset="good").save(picture)
    ways: dict[str, dict[str, Any]] = {
        "painted frame": {"painted": {0: picture}}, "draft": {"preset": "draft"}, "good": {"preset": "good"},
    }  # fmt: skip
    films, rows = {}, {}
    for name, way in ways.items():
        started, used = time.perf_counter(), time.process_time()
        done = stylize_video(folder / "film", style, folder / name.replace(" ", "_"), size=0, **way)
        spent = time.process_time() - used
        films[name] = frames_in(folder / name.replace(" ", "_"))
        sharp = [sharpness(frame) for frame in films[name]]
        rows[name] = {
            "sharpness": fmean(sharp), "last sharpness as a share": sharp[-1] / sharp[0],
            "frames a second": done.frames / (time.perf_counter() - started),
            "processor seconds a frame": spent / done.frames,
        }  # fmt: skip
    original = frames_in(folder / "film")
    back = films["painted frame"][0] - read_image(picture).pixels
    for measure, apart, every in (("E_warp", 1, NEAR_EVERY), ("long-range E_warp", FAR, FAR_EVERY)):
        for name, error in errors(films, original, apart, every).items():
            rows[name][measure] = error
    return {"style": style, "frames": count, "painted frame's error": float(back.abs().max()), **rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=Path, required=True)
    parser.add_argument("--clip", type=Path, action="append", default=[])
    parser.add_argument("--only", action="append", help="names of films; all others are left out")
    parser.add_argument("--frames", type=int, default=21)
    parser.add_argument("--keep", type=Path, help="folder for the frames, to look at")
    args = parser.parse_args()
    places = [path for path in sorted(args.sequences.iterdir()) if len(list(path.glob("*.jpg"))) > FAR]
    rows = {}
    for number, source in enumerate([*places, *args.clip]):
        if args.only and source.stem not in args.only:
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = (args.keep or Path(name)) / source.stem
            folder.mkdir(parents=True)
            rows[source.stem] = compared(source, STYLES[number % len(STYLES)], folder, args.frames)
        print(source.stem, rows[source.stem], flush=True)
    write("painted-frames", {"size": SIZE, "films": rows})


if __name__ == "__main__":
    main()
