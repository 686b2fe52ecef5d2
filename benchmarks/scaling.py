#!/usr/bin/env python3
"""Seconds, memory and their predictions, for every method at every size; peers beside them. One command, all of it.

    python benchmarks/scaling.py [--sizes 256 512 1024 2048 4096 8192] [--huge [NAME …]] [--microast DIR]
                                 [--fast-neural-style FILE] [--gatys-sizes 256 512 1024]

Each program runs in a process of its own, in turn, on a square photo made of scikit-image's. Ours are timed as the
method has them, decoding and encoding left out, after one run that warms up where the picture is small; the peak is
that of the process. Files are streamed where the plan says so, and then all is counted. --huge adds 42 MP, 100 MP and
a gigapixel of the preset draft from file to file, by the command, under 3, 4 and 12 GB, a gigapixel of our first
network, and Gatys' method at 16 and 100 MP. Writes a dated JSON to benchmarks/results/, and docs/benchmarks.md with its
plot from that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
import torch
from peers.fast_neural_style import FastNeuralStyle
from peers.microast import MicroAST
from peers.plain_gatys import PlainGatys
from report import write
from skimage import data

from brushwork.weights import import_model

STEPS = 4  # of Gatys' method, at one scale
LITE_WORK = 42_500  # multiplications and additions of AdaIN-lite's convolutions for a pixel
GATYS, DRAFT = ["--method", "gatys", "--steps"], ["--preset", "draft"]
HUGE: dict[str, tuple[int, int, str, str, list[str]]] = {
    "42 MP": (10240, 4096, "3GB", "jpg", DRAFT),
    "100 MP": (11180, 8944, "4GB", "jpg", DRAFT),
    "1 GP": (32768, 32768, "12GB", "tif", DRAFT),
    "1 GP, adain-lite": (32768, 32768, "12GB", "tif", ["--method", "adain-lite"]),  # our first network, to compare
    "16 MP, Gatys, 12 steps": (4896, 3264, "4GB", "jpg", [*GATYS, "12"]),
    "100 MP, Gatys, 10 steps": (11180, 8944, "12GB", "jpg", [*GATYS, "10"]),
}
OURS: dict[str, dict[str, Any]] = {
    "adain-lite": {},
    "adain": {},
    "conditional-instance-norm": {},
    "johnson": {"style": "bell-tower"},
    "gatys": {"steps": STEPS, "scales": 1},
    "microast": {"style": "painting"},  # our own, with the official weights, if they are here
}
PEERS = ("MicroAST", "fast_neural_style", "plain Gatys loop")


def photograph(width: int, height: int, path: Path) -> Path:
    """Photographs side by side, enlarged, with grain."""
    names = ("astronaut", "chelsea", "coffee", "rocket")
    parts = [pyvips.Image.new_from_array(np.ascontiguousarray(getattr(data, name)()[..., :3])) for name in names]
    sheet = pyvips.Image.arrayjoin([part.thumbnail_image(600, height=400, crop="centre") for part in parts], across=2)
    large = sheet.resize(width / sheet.width, vscale=height / sheet.height, kernel="cubic")
    grain = pyvips.Image.gaussnoise(width, height, sigma=6, mean=0)
    options = {"Q": 90} if path.suffix == ".jpg" else {"tile": True, "compression": "jpeg", "Q": 90, "bigtiff": True}
    (large + grain).cast("uchar").copy(interpretation="srgb").write_to_file(str(path), **options)
    return path


def peak() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def ours(name: str, photo: Path, folder: Path) -> dict[str, Any]:
    """One of our methods, here."""
    from brushwork import load, read_image
    from brushwork.api.style_encoding import encode_style
    from brushwork.api.stylize_file import stylize_file
    from brushwork.registry import settings_from
    from brushwork.tiling.plan import plan_job

    options = dict(OURS[name])
    style = options.pop("style", "feminine-wave")
    method = load(settings_from(name, options))
    if style == "painting":  # no built-in style is one for it
        style = photograph(512, 512, folder / "painting.jpg")
    width = pyvips.Image.new_from_file(str(photo)).width
    value = encode_style(method, style, method.sizes(width, width))
    output = folder / "out.jpg"
    plan = plan_job(method, (width, width), value, file=output)
    started = time.perf_counter()
    if plan.way == "streamed":
        stylize_file(photo, style, output, method=method, plan=plan, size=0)
        taken = time.perf_counter() - started
    else:
        pixels = read_image(photo).pixels
        taken = float("inf")
        for _ in range(5 if width <= 1024 and name != "gatys" else 2 if name != "gatys" else 1):
            started = time.perf_counter()
            method(pixels, value, tiling=plan.tiling)
            taken = min(taken, time.perf_counter() - started)
    found = {"seconds": taken, "peak": peak(), "predicted": plan.memory, "way": plan.way}
    if name == "adain-lite":
        found["file to file"] = stylize_file(photo, style, output, method=method, size=0).seconds
    return found


def peer(name: str, photo: Path, weights: dict[str, str]) -> dict[str, Any]:
    """One of the published programs, re-implemented, here."""
    from brushwork import read_image

    pixels = read_image(photo).pixels
    painting = torch.rand(1, 3, *pixels.shape[2:])
    folder = Path(weights["microast"]) if weights["microast"] else None
    file = Path(weights["fast_neural_style"]) if weights["fast_neural_style"] else None
    runs = {
        "MicroAST": lambda: MicroAST(folder)(pixels, painting),
        "fast_neural_style": lambda: FastNeuralStyle(file)(pixels * 255),
        "plain Gatys loop": lambda: PlainGatys()(pixels, painting, STEPS),
    }
    taken = float("inf")
    for _ in range(2 if pixels.shape[2] <= 1024 and name != "plain Gatys loop" else 1):
        started = time.perf_counter()
        with torch.set_grad_enabled(name == "plain Gatys loop"):
            runs[name]()
        taken = min(taken, time.perf_counter() - started)
    return {"seconds": taken, "peak": peak()}


def convolution_peak() -> dict[str, float]:
    """Multiplications and additions a second of the best of some convolutions, in float32 and bfloat16."""
    best = {}
    for dtype in (torch.float32, torch.bfloat16):
        speeds = []
        for channels, side in ((64, 256), (128, 128), (256, 128), (512, 64)):
            conv = torch.nn.Conv2d(channels, channels, 3, padding=1).to(dtype).to(memory_format=torch.channels_last)
            x = torch.rand(1, channels, side, side).to(dtype).contiguous(memory_format=torch.channels_last)
            with torch.inference_mode():
                for _ in range(8):
                    started = time.perf_counter()
                    conv(x)
                    speeds.append(2 * 9 * channels**2 * side**2 / (time.perf_counter() - started))
        best[str(dtype).removeprefix("torch.")] = max(speeds)
    return best


def huge(name: str, folder: Path) -> dict[str, Any]:
    """A large picture by the command, from file to file."""
    width, height, limit, suffix, more = HUGE[name]
    photo = photograph(width, height, folder / f"huge.{suffix}")
    line = [sys.executable, "-m", "brushwork", "stylize", str(photo), "--style", "feminine-wave", "--size", "full"]
    line += ["--max-memory", limit, "--max-pixels", "2000000000", "--json", "-o", str(folder / f"out.{suffix}"), *more]
    code = "import resource, subprocess, sys; p = subprocess.run(sys.argv[1:]); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024); sys.exit(p.returncode)"
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *line], capture_output=True, text=True, check=True)
    taken = time.perf_counter() - started
    facts, most = json.loads(done.stdout.splitlines()[0]), int(done.stdout.splitlines()[-1])
    for path in folder.glob("*.*"):
        path.unlink()
    return {
        "size": [width, height], "limit": limit, "command seconds": taken, "seconds": facts["seconds"], "peak": most,
        "predicted": facts["plan"]["memory"], "tile": facts["plan"]["tile"], "disk": facts["plan"]["disk"],
    }  # fmt: skip


def run(args: argparse.Namespace) -> dict[str, Any]:
    weights = {"microast": args.microast, "fast_neural_style": args.fast_neural_style}
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.microast:
            os.environ["BRUSHWORK_HOME"] = name
            import_model(sorted(Path(args.microast).glob("*.tar")))
        programs = [program for program in (*OURS, *PEERS) if program != "microast" or args.microast]
        for size in args.sizes:
            photo = photograph(size, size, folder / "photo.jpg")
            for program in programs:
                most = max(args.gatys_sizes) if "atys" in program else args.largest.get(program, max(args.sizes))
                if size > most:
                    continue
                line = [sys.executable, __file__, "--alone", program, "--photo", str(photo), "--folder", name]
                line += ["--weights", json.dumps(weights)]
                done = subprocess.run(line, capture_output=True, text=True, check=False)
                if done.returncode:
                    found: dict[str, Any] = {"failed": done.stderr.strip().splitlines()[-1:]}
                else:
                    found = json.loads(done.stdout.splitlines()[-1])
                rows.setdefault(program, {})[str(size)] = found
                print(program, size, found, flush=True)
        large = {}
        for kind in HUGE if args.huge == [] else args.huge or ():
            large[kind] = huge(kind, folder)
            print(kind, large[kind], flush=True)
    return {"steps of Gatys": STEPS, "convolutions": convolution_peak(), "rows": rows, "huge": large}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024, 2048, 4096, 8192])
    parser.add_argument("--gatys-sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument(
        "--largest", type=json.loads, default={"MicroAST": 2048, "fast_neural_style": 2048, "microast": 8192}
    )
    parser.add_argument("--huge", nargs="*", choices=list(HUGE), metavar="NAME", help=f"all, or some of {list(HUGE)}")
    parser.add_argument("--microast", help="folder of its official weights")
    parser.add_argument("--fast-neural-style", help="official weights of one style")
    parser.add_argument("--alone", help="run this program in this process")
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--weights", type=json.loads)
    args = parser.parse_args()
    if args.alone in PEERS:
        print(json.dumps(peer(args.alone, args.photo, args.weights)))
    elif args.alone:
        print(json.dumps(ours(args.alone, args.photo, args.folder)))
    else:
        facts = run(args)
        write("scaling", facts)
        from scaling_page import write_page

        write_page(facts)


if __name__ == "__main__":
    main()
