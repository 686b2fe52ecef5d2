#!/usr/bin/env python3
"""Peak resident memory of a whole process that stylizes one picture, per network.

    python benchmarks/peak_memory.py PHOTO PAINTING [--network vgg19-slim --network vgg19.caffe] [--size 1024]

Each network runs in a process of its own, at full size only, for as many steps as L-BFGS takes to fill its history;
coarser scales take less memory, so this is the peak of a default run. A dated JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from judged_pairs import RESULTS, hardware

STEPS = 12


def run(photo: str, painting: str, network: str, size: int) -> dict[str, Any]:
    """Stylize here, and say what it took."""
    from brushwork import Gatys, stylize

    result = stylize(photo, painting, Gatys(network=network, steps=STEPS, scales=1), size=size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "network": Path(network).name,
        "size": list(result.picture.size),
        "peak bytes": peak,
        "seconds": result.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo")
    parser.add_argument("painting")
    parser.add_argument("--network", action="append", help="one or more; vgg19-slim and vgg19.caffe otherwise")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--alone", action="store_true", help="measure in this process and print")
    args = parser.parse_args()
    networks = args.network or ["vgg19-slim", "vgg19.caffe"]
    if args.alone:
        print(json.dumps(run(args.photo, args.painting, networks[0], args.size)))
        return
    rows = []
    for network in networks:
        line = [sys.executable, __file__, args.photo, args.painting, "--alone", "--network", network]
        found = subprocess.run([*line, "--size", str(args.size)], check=True, capture_output=True, text=True)
        rows.append(json.loads(found.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    report = {"date": now, "hardware": hardware(), "runs": rows}
    (RESULTS / f"{now[:10]}-peak-memory.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
