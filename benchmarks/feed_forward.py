#!/usr/bin/env python3
"""Seconds of one picture, drafts and AdaIN-lite against published networks, interleaved in one run on one machine.

    python benchmarks/feed_forward.py [--microast DIR] [--fast-neural-style FILE] [--sizes 512 1024 2048]

Square noise of each size; the style is encoded each time by those that take any style (it is as large as the photo;
AdaIN-lite brings it to its own size, which is counted in). Each program runs in turn, and the fastest of some rounds
counts. Without weights the networks are timed with random ones: the time is the same. All of them are checked against
the published outputs beside their weights. A dated JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from peers.fast_neural_style import FastNeuralStyle
from peers.microast import MicroAST
from report import write
from torch import Tensor

from brushwork import AdaIN, AdaINLite, load, preset_options


def check(network: Callable[..., Tensor], expected: Path) -> float:
    """The largest difference from the published output, in its own unit."""
    held = np.load(expected)
    inputs = [torch.from_numpy(held[name]) for name in held.files if not name.startswith("output")]
    output = next(held[name] for name in held.files if name.startswith("output"))
    with torch.inference_mode():
        return float((network(*inputs).numpy() - output).__abs__().max())


def programs(args: argparse.Namespace) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    draft, lite, adain = load(preset_options("draft")), load(AdaINLite()), load(AdaIN())
    microast, fast = MicroAST(args.microast), FastNeuralStyle(args.fast_neural_style)

    def encoded(method: object, photo: Tensor, painting: Tensor) -> Tensor:
        return method(photo, method.encode_style(painting, sizes=method.sizes(photo.shape[3], photo.shape[2])))

    return {
        "draft": lambda photo, painting: encoded(draft, photo, painting),
        "adain-lite": lambda photo, painting: encoded(lite, photo, painting),
        "adain": lambda photo, painting: encoded(adain, photo, painting),
        "MicroAST": microast,
        "fast_neural_style (one style)": lambda photo, _: fast(photo * 255),
    }


def seconds(program: Callable[[Tensor, Tensor], Tensor], size: int) -> float:
    photo, painting = torch.rand(2, 1, 3, size, size, generator=torch.Generator().manual_seed(0)).unbind()
    started = time.perf_counter()
    with torch.inference_mode():
        program(photo, painting)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--microast", type=Path, help="folder of its official weights")
    parser.add_argument("--fast-neural-style", type=Path, help="official weights of one style")
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    found = programs(args)
    checks = {}
    if args.microast:
        checks["MicroAST"] = check(found["MicroAST"], args.microast / "expected.npz")
    if args.fast_neural_style:
        weights = args.fast_neural_style
        expected = weights.with_name(f"{weights.stem}_expected.npz")
        fast = FastNeuralStyle(weights)
        checks["fast_neural_style"] = check(lambda photo: fast(photo * 255), expected)
    print("largest difference from the published outputs:", checks)
    table: dict[str, dict[int, float]] = {name: {} for name in found}
    for size in args.sizes:
        for name, program in found.items():
            seconds(program, min(size, 512))  # the first time is slower
            table[name][size] = float("inf")
        for _ in range(args.rounds if size < 2048 else 3):
            for name, program in found.items():
                table[name][size] = min(table[name][size], seconds(program, size))
        for name, row in table.items():
            print(f"{size:5} {name:32} {row[size]:.3f} s, {row[size] / table['draft'][size]:.2f}x", flush=True)
    dtypes = {"ours": load(AdaINLite()).recipe()["dtype"], "peers": "float32"}
    write("feed-forward", {"dtypes": dtypes, "seconds": table, "largest difference from the published outputs": checks})


if __name__ == "__main__":
    main()
