#!/usr/bin/env python3
"""Kill `brushwork stylize` at random moments, resume it, and compare the results bit for bit.

    python benchmarks/kills.py [PHOTO] [--style STYLE] [--kills 20] [--size 160] [--steps 60] [--every 5] [--seed 0]

One run is left alone. Each of the others is killed (SIGKILL) at a moment drawn evenly from the time that one took, and
goes on with --resume. A dated JSON is written to benchmarks/results/; the exit code is 1 if any result differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import skimage
from report import write

CHELSEA = Path(skimage.__file__).parent / "data" / "chelsea.png"


def command(args: argparse.Namespace, output: Path, optimizer: str) -> list[str]:
    what = [str(args.photo), "--style", args.style, "-o", str(output), "--json", "--optimizer", optimizer]
    how = ["--size", args.size, "--steps", args.steps, "--checkpoint-every", args.every, "--resume"]
    return [sys.executable, "-m", "brushwork", "stylize", *what, *map(str, how)]


def killed(line: list[str], moment: float) -> bool:
    """Start and kill after so many seconds; False if it was done before."""
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def finished(line: list[str]) -> dict[str, Any]:
    """Run to the end; what it says."""
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def trial(args: argparse.Namespace, optimizer: str, seconds: float, folder: Path) -> dict[str, Any]:
    """One result that was killed once on its way, within so many seconds."""
    output = folder / "killed.png"
    line = command(args, output, optimizer)
    while True:
        moment = args.random.uniform(0, seconds)
        if killed(line, moment):
            break
        output.unlink()
        seconds = moment  # the machine is faster by now, and it was done before: draw again
    said = finished(line)
    left = sorted(path.name for path in folder.iterdir() if path.name not in ("whole.png", "killed.png"))
    row = {
        "killed_after_seconds": round(moment, 2),
        "resumed_after_step": said.get("resumed_after", 0),
        "complete_already": said.get("skipped", False),
        "sha256": digest(output),
        "files_left": left,
    }
    output.unlink()
    for name in left:
        (folder / name).unlink()
    return row


def compared(args: argparse.Namespace, optimizer: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = folder / "whole.png"
        start = time.perf_counter()
        finished(command(args, whole, optimizer))
        seconds, expected = time.perf_counter() - start, digest(whole)
        rows = []
        for number in range(args.kills):
            rows.append(trial(args, optimizer, seconds, folder))
            print(f"{optimizer} {number + 1}/{args.kills} {rows[-1]}", flush=True)
    same = sum(row["sha256"] == expected for row in rows)
    return {"seconds": round(seconds, 2), "sha256": expected, "identical": same, "kills": len(rows), "runs": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path, nargs="?", default=CHELSEA)
    parser.add_argument("--style", default="feminine-wave")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--optimizers", nargs="+", default=["lbfgs"], help="lbfgs, adam")
    args = parser.parse_args()
    args.random = random.Random(args.seed)
    report = {
        "job": {"photo": args.photo.name} | {k: getattr(args, k) for k in ("style", "size", "steps", "every", "seed")},
        "results": {optimizer: compared(args, optimizer) for optimizer in args.optimizers},
    }
    write("kills", report)
    counts = {name: (found["identical"], found["kills"]) for name, found in report["results"].items()}
    print("identical:", ", ".join(f"{name} {same} of {kills}" for name, (same, kills) in counts.items()))
    sys.exit(any(same != kills for same, kills in counts.values()))


if __name__ == "__main__":
    main()
