#!/usr/bin/env python3
"""Seconds of one evaluation of Gatys' loss and its gradient at 384×288, per network.

    python benchmarks/step_time.py [--network vgg19.caffe] [--precision float32]

A dated JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import time

import torch
from report import write

from brushwork import Gatys
from brushwork.methods.gatys.method import GatysMethod
from brushwork.methods.gatys.objective import GatysObjective

WIDTH, HEIGHT = 384, 288


def seconds(method: GatysMethod, runs: int = 8) -> float:
    """The fastest of some, so that a busy machine tells less."""
    picture = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    style = method.encode_style(picture, sizes=[WIDTH])
    content = method.network(picture, method.settings.content_layers)
    objective = GatysObjective(method.network, method.settings, content, [style.targets[WIDTH]])
    best = float("inf")
    for _ in range(runs):
        pixels = picture.clone().requires_grad_(True)
        start = time.perf_counter()
        loss, _ = objective(pixels)
        torch.autograd.grad(loss, pixels)
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="vgg19-slim")
    parser.add_argument("--precision", default="auto", help="float32, bfloat16 or auto")
    args = parser.parse_args()
    method = GatysMethod(Gatys(network=args.network, precision=args.precision))
    dtype = method.recipe()["dtype"]
    facts = {"weights": method.recipe()["weights"], "dtype": dtype, "seconds": seconds(method)}
    write(f"step-time-{args.network.replace('.', '-')}-{dtype}", facts)
    print(facts)


if __name__ == "__main__":
    main()
