#!/usr/bin/env python3
"""Would int8 be quicker, and as good? AdaIN-lite in float32, bfloat16 and int8 (torch.ao, x86 kernels).

    python benchmarks/int8.py [--pairs PAIRS.tsv --judge judge.py]

First its convolutions alone at 1024 px, then the whole network at 512 and 1024 px, all its 3x3 convolutions in int8.
They get what is best for int8: the ranges of this very photo in this very style, and kernels quantized by channel
beforehand, neither of which is timed. With --pairs all pictures are judged too (see judged_pairs.py). Writes a dated
JSON to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from judged_pairs import module, pairs_of
from report import write
from skimage import data
from torch import Tensor

from brushwork import load, read_image
from brushwork.api.style_encoding import encode_style
from brushwork.methods import Method
from brushwork.methods.adain_lite import network as lite_network
from brushwork.methods.adain_lite.network import ModulatedWeights
from brushwork.options.methods import AdaINLite

LAYERS = {  # channels taken and given, positions a side, how many of them in the network
    "quarter": (64, 64, 256, 4),
    "eighth": (112, 112, 128, 2),
    "sixteenth": (128, 128, 64, 2),
    "to half": (64, 64, 256, 1),
    "detail": (32, 16, 512, 1),
}


def milliseconds(work: Callable[[], object], runs: int = 20) -> float:
    best = float("inf")
    for _ in range(runs):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return round(best * 1e3, 2)


def of_layer(taken: int, given: int, side: int) -> dict[str, float]:
    conv = torch.nn.Conv2d(taken, given, 3, padding=1).to(memory_format=torch.channels_last)
    x = torch.rand(1, taken, side, side).to(memory_format=torch.channels_last)
    found = {}
    for dtype in (torch.float32, torch.bfloat16):
        typed, features = conv.to(dtype), x.to(dtype)
        found[str(dtype).removeprefix("torch.")] = milliseconds(lambda typed=typed, features=features: typed(features))  # type: ignore[misc]
    quantized = torch.ao.nn.quantized.Conv2d(taken, given, 3, padding=1)
    weight = torch.quantize_per_tensor(conv.weight.detach().float(), 0.01, 0, torch.qint8)
    quantized.set_weight_bias(weight, conv.bias.detach().float())  # type: ignore[union-attr]
    small = torch.quantize_per_tensor(x, 1 / 255, 0, torch.quint8)
    found["int8"] = milliseconds(lambda: quantized(small))
    found["int8 with its quantization"] = milliseconds(
        lambda: quantized(torch.quantize_per_tensor(x, 1 / 255, 0, torch.quint8)).dequantize()
    )
    return found


class Int8:
    """AdaIN-lite's convolutions in int8, in the order in which they come; the first picture is watched for ranges."""

    def __init__(self) -> None:
        self.float_convolved = lite_network._convolved
        self.layers: list[tuple[float, int, float, int, Any]] = []
        self.next, self.watching = 0, True

    def paint(self, method: Method, photo: Tensor, value: Any) -> Callable[[], Tensor]:
        """Watch the photo painted in that style; what paints it again in int8."""
        self.layers, self.watching = [], True
        method(photo, value)
        self.watching = False

        def again() -> Tensor:
            self.next = 0
            return method(photo, value)

        return again

    def convolved(self, x: Tensor, kernel: ModulatedWeights, stride: int = 1) -> Tensor:
        """Instead of `lite_network._convolved`."""
        if self.watching:
            found = self.float_convolved(x, kernel, stride)
            self.layers.append((*_range(x), *_range(found), _packed(kernel, stride)))
            return found
        scale, zero, scale_out, zero_out, packed = self.layers[self.next]
        self.next += 1
        padded = F.pad(x, (1, 1, 1, 1), mode="replicate").contiguous(memory_format=torch.channels_last)
        small = torch.quantize_per_tensor(padded, scale, zero, torch.quint8)
        found = torch.ops.quantized.conv2d(small, packed, scale_out, zero_out)
        return found.dequantize()


def _range(x: Tensor) -> tuple[float, int]:
    low, high = min(0.0, float(x.min())), max(0.0, float(x.max()))
    scale = max(high - low, 1e-6) / 255
    return scale, round(-low / scale)


def _packed(kernel: ModulatedWeights, stride: int) -> Any:
    scales = kernel.weight.abs().amax((1, 2, 3)).clamp_min(1e-8) / 127
    weight = torch.quantize_per_channel(
        kernel.weight.contiguous(), scales.double(), torch.zeros(len(scales), dtype=torch.long), 0, torch.qint8
    )
    return torch.ops.quantized.conv2d_prepack(weight, kernel.bias, [stride, stride], [0, 0], [1, 1], 1)


def whole_network() -> dict[str, dict[str, float]]:
    """Milliseconds of a picture by each number type, in turn."""
    methods = {name: load(AdaINLite(precision=name)) for name in ("float32", "bfloat16")}
    return {str(side): _in_turn(methods, side) for side in (512, 1024)}


def _in_turn(methods: dict[str, Method], side: int) -> dict[str, float]:
    photo = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1)[None] / 255
    photo = F.interpolate(photo, (side, side), mode="bicubic").clamp(0, 1)
    values = {name: encode_style(method, "feminine-wave", [side]) for name, method in methods.items()}
    best: dict[str, float] = {}
    for _ in range(4):
        for name, method in methods.items():
            taken = milliseconds(partial(method, photo, values[name]), 5)
            best[name] = min(best.get(name, taken), taken)
        with _in_int8() as int8:
            taken = milliseconds(int8.paint(methods["float32"], photo, values["float32"]), 5)
        best["int8"] = min(best.get("int8", taken), taken)
    print(side, best, flush=True)
    return best


def judged(table: Path, judge_path: Path, size: int = 384) -> dict[str, dict[str, float]]:
    """Mean errors under the judge of all pairs, and how far int8's pixels are from float32's."""
    judge_module = module(judge_path)
    judge, rows = judge_module.Judge(), {"float32": [], "bfloat16": [], "int8": []}  # type: ignore[var-annotated]
    methods = {name: load(AdaINLite(precision=name)) for name in ("float32", "bfloat16")}
    far = []
    for content, style in pairs_of(table, 1):
        photo = read_image(content, size=size).pixels
        values = {name: encode_style(method, style, [size]) for name, method in methods.items()}
        pictures = {name: method(photo, values[name]) for name, method in methods.items()}
        with _in_int8() as int8:
            pictures["int8"] = int8.paint(methods["float32"], photo, values["float32"])()
        shown = [judge_module.load_image(path, size) for path in (content, style)]
        for name, picture in pictures.items():
            rows[name].append(judge.score(*shown, (picture.clamp(0, 1) * 255).round()))
        far.append(float((pictures["int8"] - pictures["float32"]).abs().mean()) * 255)
    means = {
        name: dict(zip(("content", "style"), np.mean(found, 0).tolist(), strict=True)) for name, found in rows.items()
    }
    return {**means, "int8 from float32, of 255": {"mean": float(np.mean(far)), "worst": max(far)}}


@contextmanager
def _in_int8() -> Iterator[Int8]:
    int8 = Int8()
    lite_network._convolved = int8.convolved
    try:
        yield int8
    finally:
        lite_network._convolved = int8.float_convolved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--judge", type=Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # torch.ao says that it moves to another package
    torch.backends.quantized.engine = "x86"
    with torch.inference_mode():
        rows = {name: of_layer(taken, given, side) for name, (taken, given, side, _) in LAYERS.items()}
        network = whole_network()
        errors = judged(args.pairs, args.judge) if args.pairs and args.judge else {}
    totals = {
        kind: round(sum(rows[name][kind] * LAYERS[name][3] for name in rows), 1) for kind in next(iter(rows.values()))
    }
    print(rows, totals, errors, sep="\n")
    write(
        "int8",
        {"milliseconds": rows, "all convolutions": totals, "whole network, milliseconds": network, "judged": errors},
    )


if __name__ == "__main__":
    main()
