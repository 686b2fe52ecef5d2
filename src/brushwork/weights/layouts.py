"""Published weight layouts: recognized by tensor names and shapes, and converted to brushwork's names.

- torchvision: features.0.weight …, also without "features." if only its `features` were saved
- named: conv1_1.weight …, the names of Caffe and of brushwork
- normalised: 0.weight (1×1, 3→3), 2.weight …, the 53-layer sequential VGG-19 of AdaIN
- decoder: 1.weight, 5.weight …, the sequential decoder of AdaIN
- published: the names of `brushwork.weights.measure_networks`

In any of them, a tensor "….weight" of dtype int8 is multiplied by "….scale", one number for each output channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brushwork.errors import WeightsError
from brushwork.runtime.tensor_files import rescaled
from brushwork.weights.measure_networks import select

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ARCHITECTURES", "Architecture", "Recognized", "recognize"]

_WRAPPERS = ("module.", "features.", "model.")
_CLASSIFIER = ("classifier.", "pre_logits.", "head.", "fc6", "fc7", "fc8")
_DTYPES = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True)
class Architecture:
    """Names and shapes of the tensors of a VGG, or of a decoder that mirrors it.

    Args:
        stages: Number of 3×3 convolutions in each stage; stages are separated by pooling.
        widths: Channels of each stage.
        taps: Layers such as "3_1" whose features go through a 1×1 convolution, tensor tap3_1.weight.
        mirrored: From the deepest layer to pixels: conv4_1 maps from the channels of stage 4 to those of stage 3.
    """

    stages: tuple[int, ...]
    widths: tuple[int, ...]
    taps: tuple[str, ...] = ()
    mirrored: bool = False

    def layers(self) -> list[str]:
        """Return the convolutions in forward order.

        >>> ARCHITECTURES["vgg16"].layers()[:3]
        ['1_1', '1_2', '2_1']
        """
        forth = [f"{stage}_{index}" for stage, count in enumerate(self.stages, 1) for index in range(1, count + 1)]
        return forth[::-1] if self.mirrored else forth

    def weights(self) -> dict[str, tuple[int, ...]]:
        """Return convolution shapes: "conv1_1" → (width, channels, 3, 3), "tap1_1" → (width, width, 1, 1)."""
        return {
            name.removesuffix(".weight"): shape for name, shape in self.shapes().items() if name.endswith(".weight")
        }

    def shapes(self, depth: int | None = None) -> dict[str, tuple[int, ...]]:
        """Return names and shapes of the tensors of the first `depth` convolutions, in order; all by default."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in self.layers()[:depth]:
            stage, first = int(layer[0]), layer.endswith("_1")
            width = self.widths[stage - 1]
            channels = (3, *self.widths)[stage - 1] if first else width
            ends = (channels, width) if self.mirrored else (width, channels)
            shapes[f"conv{layer}.weight"] = (*ends, 3, 3)
            shapes[f"conv{layer}.bias"] = ends[:1]
            if layer in self.taps:
                shapes[f"tap{layer}.weight"] = (width, width, 1, 1)
        return shapes


_TAPS = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_3", "4_1", "4_2", "4_3", "5_1")

ARCHITECTURES = {
    "vgg19": Architecture((2, 2, 4, 4, 4), (64, 128, 256, 512, 512)),
    "vgg16": Architecture((2, 2, 3, 3, 3), (64, 128, 256, 512, 512)),
    "vgg19-slim": Architecture((2, 2, 4, 4, 1), (16, 32, 64, 192, 384), _TAPS),
    "adain-decoder": Architecture((2, 2, 4, 1), (64, 128, 256, 512), mirrored=True),
    "adain-decoder-slim": Architecture((2, 2, 4, 1), (32, 64, 128, 192), mirrored=True),
}


@dataclass(frozen=True)
class Recognized:
    """Converted weights and their original layout.

    Args:
        layout: "torchvision", "named", "normalised", "decoder" or "published".
        architectures: The matching ones; both "vgg16" and "vgg19" if the file ends before they diverge, at conv3_3.
        tensors: conv1_1.weight, conv1_1.bias, … in order, contiguous, in the file's dtype.
    """

    layout: str
    architectures: tuple[str, ...]
    tensors: dict[str, Tensor]


def recognize(tensors: Mapping[str, Tensor], architecture: str | None = None) -> Recognized:
    """Detect layout and architecture, check every tensor, and rename them.

    Args:
        tensors: As read from the file. Those of the classifier are ignored.
        architecture: The expected key of `ARCHITECTURES` or `MEASURE_NETWORKS`; by default all are tried.

    Returns:
        Consecutive weights from conv1_1 to some layer, under brushwork's names; or those of a measure's network.

    Raises:
        WeightsError: None of these networks, a missing layer, a wrong shape, a dtype that isn't floating point, NaN or
            infinity.
    """
    bare = rescaled(_unwrap(tensors))
    measured = select(bare, architecture)
    if measured is not None:
        return Recognized("published", (measured[0],), _clean(measured[1]))
    layout = _layout_of(bare)
    wanted = [architecture] if architecture else _candidates(layout)
    renamed = {name: _rename(bare, layout, ARCHITECTURES[name]) for name in wanted}
    problems = {name: _problems(renamed[name], name, layout) for name in wanted}
    fitting = tuple(name for name in wanted if not problems[name])
    if not fitting:
        raise WeightsError(min(problems.values(), key=len)[0])
    chosen = renamed[fitting[0]]
    found = _clean({key: chosen[key] for key in ARCHITECTURES[fitting[0]].shapes() if key in chosen})
    if layout == "normalised":
        found = _fold_colors(found, bare["0.weight"], bare["0.bias"])
    return Recognized(layout, fitting, found)


def _candidates(layout: str) -> list[str]:
    others = {"torchvision": ["vgg19", "vgg16"], "normalised": ["vgg19"], "decoder": ["adain-decoder"]}
    return others.get(layout, list(ARCHITECTURES))


def _unwrap(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors without the classifier, and names without the prefixes of DataParallel and parent modules."""
    bare = {}
    for full, tensor in tensors.items():
        name = full
        while name.startswith(_WRAPPERS):
            name = name.partition(".")[2]
        if not name.startswith(_CLASSIFIER):
            bare[name] = tensor
    return bare


def _layout_of(tensors: Mapping[str, Tensor]) -> str:
    if "conv1_1.weight" in tensors:
        return "named"
    first = tensors.get("0.weight")
    if first is None and "1.weight" in tensors:
        return "decoder"
    if first is None:
        some = ", ".join(list(tensors)[:3]) or "none"
        raise WeightsError(
            "not the weights of a VGG or a decoder: expected features.0.weight, conv1_1.weight, 0.weight or 1.weight, "
            f"got {some}"
        )
    if tuple(first.shape) != (3, 3, 1, 1):
        return "torchvision"
    if "0.bias" not in tensors or tuple(tensors["0.bias"].shape) != (3,):
        raise WeightsError("the normalised layout has a 0.bias of shape (3,) beside 0.weight, which is missing")
    return "normalised"


def _published(layout: str, architecture: Architecture) -> dict[str, str]:
    """Map each layer's published name to ours; indices count the modules of the published nn.Sequential."""
    layers = architecture.layers()
    if layout == "named":
        return {f"{kind}{layer}": f"{kind}{layer}" for layer in layers for kind in ("conv", "tap")}
    # Convolution and ReLU take two indices, three if padding precedes them; pooling and upsampling take one.
    index, step = {"torchvision": (0, 2), "normalised": (2, 3), "decoder": (1, 3)}[layout]
    names = {}
    for before, layer in zip(layers[:1] + layers, layers, strict=False):
        index += before[0] != layer[0]
        names[str(index)] = f"conv{layer}"
        index += step
    return names


def _rename(tensors: Mapping[str, Tensor], layout: str, architecture: Architecture) -> dict[str, Tensor]:
    """Return tensors under our names; those that match no layer keep their own."""
    names = _published(layout, architecture)
    renamed = {}
    for full, tensor in tensors.items():
        stem, _, kind = full.rpartition(".")
        if not (layout == "normalised" and stem == "0"):
            renamed[f"{names.get(stem, stem)}.{kind}"] = tensor
    return renamed


def _problems(tensors: Mapping[str, Tensor], name: str, layout: str) -> list[str]:
    """Return why these tensors are not the first layers of the architecture, most serious problem first."""
    architecture = ARCHITECTURES[name]
    layers = architecture.layers()
    present = [place for place, layer in enumerate(layers, 1) if f"conv{layer}.weight" in tensors]
    depth = len(layers) if architecture.mirrored else present[-1] if present else 1
    expected = architecture.shapes(depth)
    missing = [key for key in expected if key not in tensors]
    strange = [key for key in tensors if key not in expected]
    wrong = [key for key in expected if key in tensors and tuple(tensors[key].shape) != expected[key]]
    until = f"conv{layers[depth - 1]}"
    theirs = {ours: published for published, ours in _published(layout, architecture).items()}

    def elsewhere(key: str) -> str:
        """Return the published name of a tensor, if it differs from ours."""
        stem, _, kind = key.rpartition(".")
        return f" (published as {theirs[stem]}.{kind})" if theirs.get(stem, stem) != stem else ""

    return [
        *(
            f"{key} is missing{elsewhere(key)}, although there are weights up to {until}; {name} needs every layer"
            for key in missing
        ),
        *(f"{key} has shape {tuple(tensors[key].shape)}, expected {expected[key]} for {name}" for key in wrong),
        *(f"unexpected tensor {key}; {name} up to {until} has no such layer" for key in strange),
    ]


def _clean(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Check each tensor, and copy it into memory of its own."""
    cleaned = {}
    for name, given in tensors.items():
        tensor = given.detach()
        if str(tensor.dtype).removeprefix("torch.") not in _DTYPES or str(tensor.layout) != "torch.strided":
            raise WeightsError(f"{name} is {tensor.dtype}, {tensor.layout}; expected dense {', '.join(_DTYPES)}")
        if not bool(tensor.isfinite().all()):
            raise WeightsError(f"{name} contains NaN or infinity; the file is damaged, download it again")
        cleaned[name] = tensor.clone().contiguous()
    return cleaned


def _fold_colors(tensors: dict[str, Tensor], matrix: Tensor, offset: Tensor) -> dict[str, Tensor]:
    """Fold the initial 1×1 color transform into conv1_1.

    Exact if the padding consists of pixels (replicated, reflected); zeros would have to be transformed too.
    """
    color = _clean({"0.weight": matrix, "0.bias": offset})
    weight, bias = tensors["conv1_1.weight"], tensors["conv1_1.bias"]
    wide = weight.double()
    mapped = wide.permute(0, 2, 3, 1) @ color["0.weight"].double().flatten(1)
    shifted = bias.double() + (wide.sum((2, 3)) @ color["0.bias"].double())
    folded = {
        "conv1_1.weight": mapped.permute(0, 3, 1, 2).to(weight.dtype).contiguous(),
        "conv1_1.bias": shifted.to(bias.dtype),
    }
    return {**tensors, **folded}
