#!/usr/bin/env python3
"""Whether `ffmpeg | brushwork video - --live -o - | ffmpeg` keeps pace: frames per second, latency, dropped frames.

    python benchmarks/live.py FILM [--style great-wave] [--sizes 320x180 640x360] [--rate 25] [--seconds 20]

ffmpeg plays FILM, again and again, in real time at each size and rate. Frames, drops and latency, from reading a frame
to having written it, are what the command reports at its end. A dated JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from typing import Any

from report import write

TOLD = re.compile(
    r"(\d+) frames in, (\d+) out, (\d+) dropped; ([\d.]+) per second, latency (\d+) ms \(95 %: (\d+) ms\)"
)
KEYS = ("in", "out", "dropped", "per second", "latency ms", "latency ms, 95 %")


def measured(film: str, style: str, size: str, rate: int, seconds: float) -> dict[str, Any]:
    width, height = size.split("x")
    played = [
        "ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", film, "-an", "-t", str(seconds), "-r", str(rate),
        "-vf", f"scale={width}:{height}", "-pix_fmt", "yuv420p", "-c:v", "rawvideo", "-f", "nut", "-",
    ]  # fmt: skip
    line = [sys.executable, "-m", "brushwork", "video", "-", "--style", style, "--size", "full", "--live", "-o", "-"]
    started = time.perf_counter()
    camera = subprocess.Popen(played, stdout=subprocess.PIPE)
    painter = subprocess.Popen(line, stdin=camera.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=False)
    assert camera.stdout is not None
    assert painter.stderr is not None
    camera.stdout.close()
    viewer = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-f", "yuv4mpegpipe", "-i", "-", "-f", "null", "-"], stdin=painter.stdout
    )
    words = painter.stderr.read().decode()
    codes = [process.wait() for process in (camera, painter, viewer)]
    found = TOLD.search(words)
    if any(codes) or found is None:
        raise RuntimeError(f"exit codes {codes}: {words}")
    values = dict(zip(KEYS, map(float, found.groups()), strict=True))
    return values | {"seconds, start included": round(time.perf_counter() - started, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film")
    parser.add_argument("--style", default="great-wave")
    parser.add_argument("--sizes", nargs="+", default=["320x180", "640x360"])
    parser.add_argument("--rate", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=20)
    args = parser.parse_args()
    found = {}
    for size in args.sizes:
        found[size] = measured(args.film, args.style, size, args.rate, args.seconds)
        print(size, found[size], flush=True)
    write("live", {"rate": args.rate, "sizes": found})


if __name__ == "__main__":
    main()
