"""From a function of tensors to an ONNX model.

torch's older exporter traces the networks as they are: generators, and sizes that may vary. It leaves much of what
never changes in the graph, such as kernels to be computed from a code; `_fold_constants` computes it once.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping

import onnx
import torch
from onnx import numpy_helper
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from brushwork.errors import UsageError, first_line
from brushwork.onnx.graphs import Graph
from brushwork.version import __version__

__all__ = ["OPSET", "float_weights", "traced", "with_half_weights"]

OPSET, IR = 17, 8  # of 2022: understood by whatever runs ONNX today
PARAMETERS = {
    "Conv": ("weight", "bias"),
    "Gemm": ("weight", "bias"),
    "BatchNormalization": ("scale", "shift"),
}
FEW = 64  # numbers; so few are not worth storing as float16


class _Module(nn.Module):
    """A function as a module, which the exporter wants."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.forward = graph.run


@torch.no_grad()
def traced(graph: Graph, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """Return a graph as a checked ONNX model.

    Args:
        graph: What to trace.
        metadata: Entries of the model's metadata.

    Raises:
        UsageError: It uses an operator that ONNX lacks.
    """
    try:
        model = onnx.load_from_string(_exported(graph))
    except torch.onnx.errors.OnnxExporterError as error:
        raise UsageError(f"this network can't be exported: {first_line(error)}") from error
    _fold_constants(model.graph)
    _name_parameters(model.graph)
    model.ir_version, model.producer_name, model.producer_version = IR, "brushwork", __version__
    model.graph.name = graph.name or "picture"
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model


def _exported(graph: Graph) -> bytes:
    """Return what torch's exporter makes of a graph."""
    file = io.BytesIO()
    with warnings.catch_warnings():  # of the exporter's age, and of lengths that are constant, as they should be
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Module(graph).eval(),
            tuple(graph.inputs.values()),
            file,  # type: ignore[arg-type]  # a path or a file, as its documentation says
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_axes=dict(graph.varying),
            opset_version=OPSET,
            dynamo=False,
        )
    return file.getvalue()


def _fold_constants(graph: onnx.GraphProto) -> None:
    """Compute what depends on no input."""
    constant = {tensor.name for tensor in graph.initializer}
    folded, left = [], []
    for node in graph.node:
        if all(name in constant for name in node.input if name):
            folded.append(node)
            constant.update(node.output)
        else:
            left.append(node)
    wanted = {name for node in left for name in node.input} & {name for node in folded for name in node.output}
    names = sorted(wanted)
    values = [make_tensor_value_info(name, 0, None) for name in names]
    opset = [make_opsetid("", OPSET)]
    part = make_model(
        make_graph(folded, "constants", [], values, list(graph.initializer)), opset_imports=opset, ir_version=IR
    )
    found = ReferenceEvaluator(part).run(None, {}) if names else []
    used = {name for node in left for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    made = [numpy_helper.from_array(value, name) for name, value in zip(names, found, strict=True)]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(left)
    graph.initializer.extend([*kept, *made])


def _name_parameters(graph: onnx.GraphProto) -> None:
    """Call weights by the layer they belong to: conv-1.weight, batchnormalization-1.scale, …."""
    counts: Counter[str] = Counter()
    stored = {tensor.name for tensor in graph.initializer}
    names: dict[str, str] = {}
    for node in graph.node:
        counts[node.op_type] += 1
        node.name = f"{node.op_type.lower()}-{counts[node.op_type]}"
        parameters = PARAMETERS.get(node.op_type, ())
        for place, name in enumerate(node.input):
            label = parameters[place - 1] if 1 <= place <= len(parameters) else str(place)
            if name in stored and name not in names:
                names[name] = f"{node.name}.{label}"
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)


def float_weights(model: onnx.ModelProto) -> dict[str, Tensor]:
    """Return the weights of a model in float32, by name."""
    return {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in _floats(model.graph)}


def with_half_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with weights stored in float16; it still computes in float32."""
    half = onnx.ModelProto()
    half.CopyFrom(model)
    casts = []
    for tensor in list(_floats(half.graph)):
        array = numpy_helper.to_array(tensor)
        if array.size < FEW:
            continue
        casts.append(make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=onnx.TensorProto.FLOAT))
        tensor.CopyFrom(numpy_helper.from_array(array.astype("float16"), f"{tensor.name}.half"))
    nodes = list(half.graph.node)
    del half.graph.node[:]
    half.graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(half, full_check=True)
    return half


def _floats(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    return (tensor for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
