#!/usr/bin/env python3
"""Write the graphs of the light engine, src/brushwork/lite/graphs, from the networks of the full one.

    python lite/build_graphs.py [FOLDER]

The graphs hold no weights: each says which it wants, and the engine fills them in (`brushwork.lite.painter`), a style's
kernels among them. A picture passes three, cut where the painter needs means and variances of the whole picture:
`head`, `body`, `tail`, each for one style, and for two to four side by side. `features` leads from a painting to its
features. Those for the web page, in src/brushwork/lite/page/graphs, take weights as inputs, so that one session paints
in all styles.

Graphs of the second architecture are in folders called 2. `tail` ends before the colors, which the engine computes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from onnx.utils import Extractor
from torch import Tensor

from brushwork.methods.adain_lite.architecture import FIRST, SECOND
from brushwork.methods.adain_lite.network import Generator, LiteNetwork, ModulatedWeights
from brushwork.nn import load_network
from brushwork.onnx.graphs import PIXELS, Graph
from brushwork.onnx.tracing import traced
from brushwork.tiling.tiles import Moments, StatisticsRequest, TileInput, run_with_statistics

FOLDER = Path(__file__).parents[1] / "src" / "brushwork" / "lite" / "graphs"
PAGE_FOLDER = FOLDER.parent / "page" / "graphs"
MOST = 4  # styles side by side
SIDE = 96  # of the picture that is traced; a multiple of the network's
LEAST, FEW = 8, 64  # numbers: fewer are never weights, more always are
ABOUT = {"title": "AdaIN-lite, without weights", "license": "MIT"}
FOLDERS = {FIRST: "", SECOND: "2/"}
KINDS = {"weight": "weight", "bias": "bias"}


def graphs() -> dict[str, bytes]:
    """Return all graphs by the paths of their files."""
    found: dict[str, onnx.ModelProto] = {}
    for sizes, inner in FOLDERS.items():
        torch.manual_seed(0)  # of weights that only tell where they are in the graph
        painter = LiteNetwork(replace(sizes, colors=False)).painter.eval().requires_grad_(False)
        found[f"{inner}features"] = _features(sizes.layer_names)
        for count in range(1, MOST + 1):
            found |= {f"{inner}{part}-{count}": model for part, model in _painter(painter, count).items()}
    return {f"{name}.onnx": model.SerializeToString(deterministic=True) for name, model in found.items()}


def page_graphs(folder: Path = FOLDER) -> dict[str, bytes]:
    """Return head, body and tail for one style, with weights as inputs, from the graphs in a folder."""
    found = {}
    for part in (f"{inner}{part}" for inner in FOLDERS.values() for part in ("head", "body", "tail")):
        model = onnx.load(folder / f"{part}-1.onnx", load_external_data=False)
        weights = [one for one in model.graph.initializer if one.data_location == onnx.TensorProto.EXTERNAL]
        for one in weights:
            model.graph.initializer.remove(one)
            model.graph.input.append(onnx.helper.make_tensor_value_info(one.name, one.data_type, one.dims))
        found[f"{part}.onnx"] = model.SerializeToString(deterministic=True)
    return found


def _features(layers: list[str]) -> onnx.ModelProto:
    """Return the graph from a painting to the features that the style encoder looks at, before their taps."""
    loaded = load_network("vgg19-slim")
    network = loaded.network

    def run(painting: Tensor) -> tuple[Tensor, ...]:
        return tuple(network.untapped(painting, layers).values())  # type: ignore[attr-defined]

    varying = dict.fromkeys(("painting", *layers), PIXELS)
    model = traced(Graph("features", run, {"painting": _example()}, layers, varying), ABOUT)
    return _without_weights(model, {name: tensor.float() for name, tensor in loaded.weights.tensors.items()})


def _painter(painter: Generator, count: int) -> dict[str, onnx.ModelProto]:
    """Return head, body and tail for a number of styles side by side."""
    kernels = [painter.modulate(code) for code in torch.linspace(-1, 1, painter.sizes.code * count).view(count, -1)]
    weights = {
        _weight_name(name, part, k): tensor
        for k, style in enumerate(kernels)
        for name, layer in style.items()
        for part, tensor in layer._asdict().items()
    }
    inputs = {"tile": _example()} | ({"shares": torch.full((count, 1, SIDE, SIDE), 1 / count)} if count > 1 else {})
    for stop in ("first", "last"):
        inputs |= {
            f"{stop} {moment}": torch.rand(count, painter.sizes.quarter) + 0.5 for moment in ("mean", "variance")
        }

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        values = dict(zip([*inputs, *weights], tensors, strict=True))
        styles = [
            {name: ModulatedWeights(*(values[_weight_name(name, p, k)] for p in KINDS)) for name in kernels[k]}
            for k in range(count)
        ]
        seen: list[Tensor] = []

        def answer(stop: int, ask: StatisticsRequest) -> Moments:
            seen.append(ask.features)
            return Moments(*(values[f"{('first', 'last')[stop]} {moment}"] for moment in ("mean", "variance")))

        stages = painter.stages(TileInput(lambda: values["tile"]), styles, values.get("shares"))
        with mock.patch.object(F, "adaptive_avg_pool2d", _pooled):  # by whole numbers, which ONNX can say
            picture = run_with_statistics(stages, answer)
        return (*seen, picture)

    outputs = ["first", "last", "picture"]
    varying = {name: PIXELS for name in ("tile", "shares", *outputs) if name in inputs or name in outputs}
    whole = traced(Graph("painter", run, inputs | weights, outputs, varying), ABOUT)
    fixed = {
        f"painter.{name}": tensor for name, tensor in painter.state_dict().items() if not name.startswith("styled")
    }
    whole = _without_weights(whole, weights, fixed)
    cuts = {"head": (["tile"], "first"), "body": (["first"], "last"), "tail": (["last", "tile"], "picture")}
    return {part: _cut(whole, part, starts, [*inputs], end) for part, (starts, end) in cuts.items()}


def _weight_name(layer: str, part: str, style: int) -> str:
    return f"{layer}.{part} of style {style}"


def _pooled(x: Tensor, size: tuple[int, int]) -> Tensor:
    factor = SIDE // int(size[0])
    own = SIDE // (x.shape[2] if isinstance(x.shape[2], int) else int(x.shape[2]))
    return F.avg_pool2d(x, factor // own) if factor > own else x


def _without_weights(model: onnx.ModelProto, *known: Mapping[str, Tensor]) -> onnx.ModelProto:
    """Replace weights, whether inputs or in the graph, by their names; the engine fills them in."""
    arrays = {name: tensor.detach().numpy() for tensors in known for name, tensor in tensors.items()}
    graph = model.graph
    renamed: dict[str, str] = {}
    kept = []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        same = [name for name, known in arrays.items() if known.shape == array.shape and np.array_equal(known, array)]
        if array.size >= FEW and not same:
            raise ValueError(f"{tensor.name} is none of the known weights")
        if array.size >= LEAST and same:
            renamed[tensor.name] = same[0]
        else:
            kept.append(tensor)
    named = {*renamed.values(), *(one.name for one in graph.input if one.name in arrays)}
    inputs = [one for one in graph.input if one.name not in arrays]
    del graph.initializer[:], graph.input[:]
    graph.input.extend(inputs)
    graph.initializer.extend([*kept, *(_placeholder(name, arrays[name]) for name in sorted(named))])
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = renamed.get(name, name)
    return model


def _placeholder(name: str, array: Any) -> onnx.TensorProto:
    tensor = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=array.shape)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights")
    return tensor


def _cut(whole: onnx.ModelProto, name: str, starts: list[str], inputs: list[str], end: str) -> onnx.ModelProto:
    """Return the part of the graph between some tensors and another one."""
    moments = [given for given in inputs if given not in ("tile", "shares")]
    part = Extractor(whole).extract_model([*starts, *moments, *(["shares"] if "shares" in inputs else [])], [end])
    used = {given for node in part.graph.node for given in node.input}
    for rows in (part.graph.input, part.graph.initializer):
        wanted = [row for row in rows if row.name in used]
        del rows[:]
        rows.extend(wanted)
    del part.graph.value_info[:]
    part.graph.name = name
    part.ir_version = whole.ir_version
    onnx.helper.set_model_props(part, ABOUT)
    return part


def _example() -> Tensor:
    return torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    with torch.no_grad():
        _write(folder, graphs())
    if folder == FOLDER:
        _write(PAGE_FOLDER, page_graphs())


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
