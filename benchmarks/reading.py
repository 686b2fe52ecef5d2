#!/usr/bin/env python3
"""Seconds and peak memory of reading and writing ordinary files: 12 megapixels as JPEG, PNG, TIFF; a film of 10 s.

    python benchmarks/reading.py [--against OTHER/src] [--rounds 3] [--cases photo.jpg film.mp4]

Each runs in a process of its own; with --against, in turns with another version of brushwork, for the ratios. Of all
rounds the fastest and the smallest count. A dated JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image
from report import write
from skimage import data

SOURCE = Path(__file__).parents[1] / "src"
CASES = ("photo.jpg", "photo.png", "photo.tif", "film.mp4")


def make(folder: Path) -> None:
    """Write the files, by other libraries."""
    photo = np.asarray(Image.fromarray(data.astronaut()).resize((4000, 3000), Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(0).integers(-4, 5, photo.shape, np.int16)
    image = Image.fromarray((photo + noise).clip(0, 255).astype(np.uint8))
    image.save(folder / "photo.jpg", quality=92)
    image.save(folder / "photo.png", compress_level=3)
    image.save(folder / "photo.tif", compression="tiff_lzw")
    wide = np.asarray(image.resize((1140, 360)))
    with av.open(str(folder / "film.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for k in range(250):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(wide[:, 2 * k : 2 * k + 640]), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def measure(path: Path) -> dict[str, float]:
    """Read one file here, write it, and return what it took; a film is read again while it is written."""
    from brushwork.io import read_image, write_image
    from brushwork.io.film_formats import film_writer, open_film
    from brushwork.io.video_writer import Encoding

    target = path.with_name(f"written{path.suffix}")
    started = time.perf_counter()
    if path.suffix == ".mp4":
        for _ in open_film(path).frames():
            pass
        read = time.perf_counter()
        film = open_film(path)
        writer = film_writer(target, film, film.size, Encoding(), path.parent)
        writer.begin(0, 0)
        for frame in film.frames():
            writer.write(frame)
        writer.end()
        writer.join(1, None, target)
    else:
        picture = read_image(path)
        read = time.perf_counter()
        write_image(picture, target)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "read seconds": read - started, "write seconds": done - read, "peak bytes": peak,
        "processor seconds": used.ru_utime + used.ru_stime,
    }  # fmt: skip


def alone(source: Path, path: Path) -> dict[str, float]:
    """Measure in a process of its own, with the brushwork of this folder."""
    line = [sys.executable, __file__, "--alone", str(path)]
    environment = os.environ | {"PYTHONPATH": str(source)}
    found: dict[str, float] = json.loads(subprocess.run(line, env=environment, check=True, capture_output=True).stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="folder src of another version")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", nargs="+", default=CASES, choices=CASES)
    parser.add_argument("--alone", type=Path, help="measure this file in this process and print")
    args = parser.parse_args()
    if args.alone:
        print(json.dumps(measure(args.alone)))
        return
    sources = {"this": SOURCE} | ({"other": args.against.resolve()} if args.against else {})
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        make(Path(place))
        for case in args.cases:
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in sources}
            for _ in range(args.rounds):
                for name, source in sources.items():
                    runs[name].append(alone(source, Path(place) / case))
            best = {name: {key: min(run[key] for run in found) for key in found[0]} for name, found in runs.items()}
            rows[case] = dict(best)
            if args.against:
                rows[case]["ratio"] = {key: round(value / best["other"][key], 3) for key, value in best["this"].items()}
            print(case, json.dumps(rows[case]), flush=True)
    write("reading", {"rounds": args.rounds, "rows": rows})


if __name__ == "__main__":
    main()
