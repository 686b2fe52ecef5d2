#!/usr/bin/env python3
"""Seconds of a whole `brushwork stylize PHOTO --style PAINTING` from the shell, imports included.

    python benchmarks/shell_time.py PHOTO PAINTING [--size 1024] [--rounds 5]

A dated JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time

from report import write


def seconds(photo: str, painting: str, size: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "brushwork", "stylize", photo, "--style", painting, "--size", str(size)]
        started = time.perf_counter()
        subprocess.run([*command, "-o", f"{folder}/out.png"], check=True, capture_output=True)
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo")
    parser.add_argument("painting")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    found = [round(seconds(args.photo, args.painting, args.size), 2) for _ in range(args.rounds)]
    write("shell-time", {"size": args.size, "seconds": found})
    print(found)


if __name__ == "__main__":
    main()
