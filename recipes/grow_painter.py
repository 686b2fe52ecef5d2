"""Widen a trained network of AdaIN-lite without changing what it paints, so that training goes on from there."""

from __future__ import annotations

import torch
from torch import Tensor

from brushwork.methods.adain_lite.architecture import Architecture
from brushwork.methods.adain_lite.network import LiteNetwork, ModulatedConv

# Where the input channels of a layer come from, if not from a single layer: (channels in turn), each as a size's name.
JOINED = {"detail": ("half", "half")}


def grown(small: LiteNetwork, sizes: Architecture) -> LiteNetwork:
    """Return a network of larger sizes that computes the same: what is new is not listened to yet."""
    large = LiteNetwork(sizes)
    with torch.no_grad():
        _grow_coder(small, large)
        for name in ("edges", "enter"):
            old, new = getattr(small.painter, name), getattr(large.painter, name)
            new.weight[: len(old.weight)] = 0
            new.weight[: len(old.weight), : old.weight.shape[1]] = old.weight
            new.bias[: len(old.bias)] = old.bias
        for name, layer in small.painter.styled.items():
            larger = large.painter.styled[name]
            if isinstance(layer, ModulatedConv):
                _grow_conv(layer, larger, _kept(name, small.sizes, sizes, layer, larger))
            else:
                _grow_shape(
                    layer.shape, larger.shape, [len(layer.shape.bias) // 2] * 2, [len(larger.shape.bias) // 2] * 2
                )
    return large


def _kept(name: str, old: Architecture, new: Architecture, layer: ModulatedConv, larger: ModulatedConv) -> Tensor:
    """Return the positions of the old input channels among the new ones."""
    if name not in JOINED:
        return torch.arange(layer.sizes[0])
    places, start = [], 0
    for part in JOINED[name]:
        places.append(start + torch.arange(getattr(old, part)))
        start += getattr(new, part)
    return torch.cat(places)


def _grow_conv(old: ModulatedConv, new: ModulatedConv, inputs: Tensor) -> None:
    _, width, rank, _ = old.sizes
    places = (inputs[:, None] * 9 + torch.arange(9)).flatten()
    new.weight[:width] = 0
    new.weight[:width, places] = old.weight
    new.bias[:width] = old.bias
    new.down[:rank] = 0
    new.down[:rank, places] = old.down
    new.up[:width, :rank] = old.up
    _grow_shape(old.shape, new.shape, old.sizes, new.sizes, inputs)


def _grow_shape(
    old: torch.nn.Linear, new: torch.nn.Linear, parts: list[int], wider: list[int], first: Tensor | None = None
) -> None:
    """Copy a layer from codes to modulations; the first part may have other places; new codes have no effect yet."""
    new.weight.zero_()
    new.bias.zero_()
    start = begin = 0
    for number, (count, more) in enumerate(zip(parts, wider, strict=True)):
        places = first if number == 0 and first is not None else torch.arange(count)
        new.weight[begin + places, : old.weight.shape[1]] = old.weight[start : start + count]
        new.bias[begin + places] = old.bias[start : start + count]
        start, begin = start + count, begin + more


def _grow_coder(small: LiteNetwork, large: LiteNetwork) -> None:
    old, new = small.coder, large.coder
    for layer, directions in old.directions.items():
        new.directions[layer].copy_(directions)
    for name in ("unit", "mean", "std"):
        getattr(new, name)[: len(getattr(old, name))] = getattr(old, name)
    for k in (0, 2, 4):
        a, b = old.layers[k], new.layers[k]
        b.weight[: len(a.weight)] = 0
        b.weight[: len(a.weight), : a.weight.shape[1]] = a.weight
        b.bias[: len(a.bias)] = a.bias
