"""The slim network while it is trained: its convolutions, and heads that lift its features to VGG-19's width.

A head A of each served layer has A h ≈ f, so A (h hᵀ) Aᵀ ≈ f fᵀ, and losses keep the teacher's meaning. In the end
A = Q R with orthonormal Q, which leaves every norm of features and Gram matrices alone; only the square R is kept, as
the network's "tap" (docs/decisions/0001).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import scipy.linalg
import torch
from distillation import solved, stage
from safetensors.torch import load_file
from torch import Tensor, nn

from brushwork.nn import VGG
from brushwork.runtime.tensor_files import write_tensors
from brushwork.weights import ARCHITECTURES, get_record

SLIM = ARCHITECTURES["vgg19-slim"]
SERVED = tuple(f"relu{layer}" for layer in SLIM.taps)
TEACHER_WIDTHS = ARCHITECTURES["vgg19"].widths
CAFFE = get_record("vgg19.caffe").preprocessing
PREPROCESSING = get_record("vgg19-slim").preprocessing


class Student(nn.Module):
    """The slim network and its heads.

    Args:
        widths: Channels of each stage.
    """

    def __init__(self, widths: tuple[int, ...] = SLIM.widths) -> None:
        super().__init__()
        # Without taps: heads stand in their place.
        self.net = VGG(dataclasses.replace(SLIM, widths=widths, taps=()), PREPROCESSING)
        self.heads = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(TEACHER_WIDTHS[stage(name)], widths[stage(name)])) for name in SERVED}
        )

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Features of the served layers, at the student's width."""
        return self.net(pixels, SERVED)


def tensors_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's weights from a `Student`'s state, heads folded to square taps."""
    tensors = {}
    for name, tensor in state.items():
        if name.startswith("heads."):
            layer = name.removeprefix("heads.relu")
            tensors[f"tap{layer}.weight"] = torch.linalg.qr(tensor.float())[1][:, :, None, None]
        else:
            tensors["conv" + name.removeprefix("net.convs.relu")] = tensor.float()
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def built(state: Mapping[str, Tensor]) -> VGG:
    """The network as it is used, frozen."""
    return VGG.from_tensors(tensors_of(state), PREPROCESSING).to(memory_format=torch.channels_last)


def export(state: Mapping[str, Tensor], path: Path) -> None:
    """Write the network in float16; its record is the file's name."""
    halves = {name: tensor.half() for name, tensor in tensors_of(state).items()}
    write_tensors(path, halves, {"architecture": "vgg19-slim", "record": path.stem})


@torch.no_grad()
def continue_from(path: Path, teacher: VGG, student: Student, pictures: Tensor) -> None:
    """Set the student to a network's weights; channels that the network lacks stay without effect.

    Of a head only R is in the file. Q is the orthonormal map that brings R h nearest to the teacher's features on
    these pictures (Procrustes), so that nothing the taps have learned is lost.
    """
    tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
    for layer, conv in student.net.convs.items():
        weight, bias = (tensors[f"conv{layer[4:]}.{kind}"] for kind in ("weight", "bias"))
        if len(weight) > len(conv.weight):
            raise SystemExit(f"{path} has {len(weight)} channels at {layer}, more than the {len(conv.weight)} wanted")
        conv.weight[: len(weight), : weight.shape[1]] = weight
        conv.weight[: len(weight), weight.shape[1] :] = 0
        conv.bias[: len(bias)] = bias
    products: dict[str, Tensor] = {}
    for part in pictures.split(4):
        own, wanted = student(part), teacher(part, SERVED)
        for name in SERVED:
            tap = tensors[f"tap{name[4:]}.weight"][:, :, 0, 0]
            mapped = torch.einsum("ij,bjyx->iyxb", tap, own[name][:, : len(tap)]).flatten(1).double()
            product = wanted[name].permute(1, 2, 3, 0).flatten(1).double() @ mapped.T
            products[name] = products.get(name, 0) + product
    for name, head in student.heads.items():
        tap = tensors[f"tap{name[4:]}.weight"][:, :, 0, 0]
        left, _, right = torch.linalg.svd(products[name], full_matrices=False)
        head.zero_()
        head[:, : len(tap)] = (left @ right).float() @ tap


@torch.no_grad()
def prune(teacher: VGG, student: Student, pictures: Tensor) -> None:
    """Set the student to the teacher's most telling channels (He et al. 2017, arXiv:1707.06168, in one pass).

    In each layer the channels that best span all of them (QR with column pivoting) are kept, their weights contracted
    with the least-squares map from the kept inputs to all inputs.
    """
    names = student.net.layers
    seen: dict[str, list[Tensor]] = {name: [] for name in names}
    for part in pictures.split(4):
        for name, features in teacher(part, names).items():
            flat = features.float().flatten(2)
            places = torch.randint(flat.shape[2], (300,))
            seen[name].append(flat[:, :, places].permute(0, 2, 1).flatten(0, 1).cpu())
    # What the student takes, (RGB - 0.5) / 0.25, to what the teacher takes, BGR; the offset goes to the bias.
    lift = torch.eye(3)[[2, 1, 0]] * 255 * 0.25
    offset = torch.tensor([0.5 * 255 - m * 255 for m in CAFFE.mean[::-1]])
    for name in names:
        features, conv, source = torch.cat(seen[name]).double(), student.net.convs[name], teacher.convs[name]
        chosen = scipy.linalg.qr(features.numpy(), mode="r", pivoting=True)[1][: len(conv.weight)].copy()
        scale = features[:, chosen].square().mean(0).sqrt().clamp_min(1e-3).float()
        weight, bias = source.weight.float().cpu(), source.bias.float().cpu()
        conv.weight.copy_(torch.einsum("oiyx,ij->ojyx", weight[chosen], lift) / scale[:, None, None, None])
        conv.bias.copy_((bias[chosen] + torch.einsum("oiyx,i->o", weight[chosen], offset)) / scale)
        lift = solved(features[:, chosen] / scale, features, 1e-9).T.float()
        offset = torch.zeros(len(lift))
        if name in student.heads:
            student.heads[name].copy_(lift)
