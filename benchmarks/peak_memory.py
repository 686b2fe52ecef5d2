#!/usr/bin/env python3
"""Peak resident memory of a whole process that stylizes one picture.

    python benchmarks/peak_memory.py PHOTO PAINTING [--size 1024]                    Gatys, per network
    python benchmarks/peak_memory.py PHOTO PAINTING --method adain-lite --size 2048

Each runs in a process of its own. Gatys at full size only, for as many steps as L-BFGS takes to fill its history;
coarser scales take less memory, so this is the peak of a default run. The picture is of that size whatever the
photo's, which is enlarged if need be. A dated JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from typing import Any

from report import write

STEPS = 12


def run(photo: str, painting: str, options: dict[str, Any], size: int) -> dict[str, Any]:
    """Stylize here, and say what it took."""
    from brushwork import read_image, stylize
    from brushwork.image import Picture, resize
    from brushwork.registry import settings_from

    settings = settings_from(options["method"], {k: v for k, v in options.items() if k != "method"})
    picture = read_image(photo, size=size)
    if max(picture.size) < size:
        factor = size / max(picture.size)
        picture = Picture(resize(picture.pixels, tuple(round(side * factor) for side in picture.size)))
    result = stylize(picture, painting, settings, size=0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {**options, "size": list(result.picture.size), "peak bytes": peak, "seconds": result.seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo")
    parser.add_argument("painting")
    parser.add_argument("--method", default="gatys")
    parser.add_argument(
        "--network", action="append", help="of Gatys; one or more; vgg19-slim and vgg19.caffe otherwise"
    )
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--alone", help="measure these settings in this process and print")
    args = parser.parse_args()
    if args.alone:
        print(json.dumps(run(args.photo, args.painting, json.loads(args.alone), args.size)))
        return
    plans: list[dict[str, Any]] = [{"method": args.method}]
    if args.method == "gatys":
        networks = args.network or ["vgg19-slim", "vgg19.caffe"]
        plans = [{"method": "gatys", "network": network, "steps": STEPS, "scales": 1} for network in networks]
    rows = []
    for plan in plans:
        line = [sys.executable, __file__, args.photo, args.painting, "--alone", json.dumps(plan)]
        found = subprocess.run([*line, "--size", str(args.size)], check=True, capture_output=True, text=True)
        rows.append(json.loads(found.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    write(f"peak-memory-{args.method}", {"runs": rows})


if __name__ == "__main__":
    main()
