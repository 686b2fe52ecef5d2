#!/usr/bin/env python3
"""Make vgg19.int8: the weights of vgg19.caffe up to conv5_1, rounded to 8 bits, one scale for each output channel.

    python recipes/quantize_vgg19.py

Rounding changes features by 0.4 to 2 percent. The wheel compresses the file to 9 MB.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

import brushwork
from brushwork import weights
from brushwork.runtime.tensor_files import write_tensors

NAME, DEEPEST, LARGEST, TINY = "vgg19.int8", "conv5_1", 127, 1e-12
LICENSE_URL = "https://creativecommons.org/licenses/by/4.0/"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="vgg19.caffe", help="a record or a file")
    args = parser.parse_args()
    source = weights.read(args.weights)
    tensors: dict[str, Tensor] = {}
    for name, tensor in source.tensors.items():
        layer, _, kind = name.partition(".")
        if layer > DEEPEST:
            continue
        if kind == "bias":
            tensors[name] = tensor.half()
        else:
            tensors[name], tensors[f"{layer}.scale"] = quantized(tensor.float())
    target = Path(brushwork.__file__).parent / "models" / f"{NAME}.safetensors"
    record = target.with_suffix(".json")
    record.unlink(missing_ok=True)  # a model without a record is no error; one with another's is
    write_tensors(target, tensors, {"record": NAME})
    content = target.read_bytes()
    facts = {
        "record": NAME,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "license": f"{source.record.licence}, {LICENSE_URL}; changed as the history says",
        "history": [f"{source.record.name} up to {DEEPEST}", "rounded to 8 bits: recipes/quantize_vgg19.py"],
    }
    record.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{target}: {len(content) / 1e6:.2f} MB")


def quantized(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return weights (N, …) as int8, and their scales (N,): the largest weight of a channel is 127."""
    scale = (weight.abs().flatten(1).amax(1) / LARGEST).clamp_min(TINY)
    return (weight / scale.view(-1, *[1] * (weight.ndim - 1))).round().to(torch.int8), scale


def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a network's kernels and matrices as int8, beside their scales, and all else as float16."""
    found = dict[str, Tensor]()
    for name, tensor in tensors.items():
        if tensor.ndim > 1:
            found[name], found[f"{name.removesuffix('.weight')}.scale"] = quantized(tensor)
        else:
            found[name] = tensor.half()
    return found


if __name__ == "__main__":
    main()
