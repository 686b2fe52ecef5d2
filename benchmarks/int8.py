#!/usr/bin/env python3
"""Would int8 be quicker? AdaIN-lite's convolutions at 1024 px in float32, bfloat16 and int8 (torch.ao, x86 kernels).

    python benchmarks/int8.py

Only the convolutions: quantizing the features between them comes on top, and so does measuring their range for each
style, as the style shapes the kernels. Writes a dated JSON to benchmarks/results/.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import torch
from report import write

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


def main() -> None:
    warnings.simplefilter("ignore")  # torch.ao says that it moves to another package
    torch.backends.quantized.engine = "x86"
    with torch.inference_mode():
        rows = {name: of_layer(taken, given, side) for name, (taken, given, side, _) in LAYERS.items()}
    totals = {
        kind: round(sum(rows[name][kind] * LAYERS[name][3] for name in rows), 1) for kind in next(iter(rows.values()))
    }
    print(rows, totals, sep="\n")
    write("int8", {"milliseconds": rows, "all convolutions": totals})


if __name__ == "__main__":
    main()
