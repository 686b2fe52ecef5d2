"""Networks of one style as others publish them, in our names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["transformation_tensors"]

_LEVELS = {"conv1": "down1", "conv2": "down2", "conv3": "down3", "deconv1": "up1", "deconv2": "up2", "deconv3": "up3"}
_NORMS = {"in1": "down1", "in2": "down2", "in3": "down3", "in4": "up1", "in5": "up2"}
_FORMS = {"weight": "scale", "bias": "shift"}


def transformation_tensors(published: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The tensors of `brushwork.networks.TransformationNetwork` from those of pytorch/examples' fast_neural_style.

    Args:
        published: By its names: conv1.conv2d.weight, in1.weight, res1.conv1.conv2d.weight, …; with the statistics that
            old versions kept and never used, or without.

    Returns:
        None where a tensor has another name.

    Source: the network of Johnson et al. 2016 with instance normalization, github.com/pytorch/examples.
    """
    tensors: dict[str, Tensor] = {}
    for name, tensor in published.items():
        if name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            continue
        target = _name(name.removeprefix("module."))
        if target is None:
            return None
        tensors[target] = tensor[None] if target.startswith("norms.") else tensor
    return tensors or None


def _name(name: str) -> str | None:
    if match := re.fullmatch(r"(?:res(\d+)\.)?(\w+)\.conv2d\.(weight|bias)", name):
        block, layer, form = match.groups()
        level = f"block{block}_{layer[-1]}" if block else _LEVELS.get(layer)
        return level and f"convs.{level}.conv.{form}"
    if match := re.fullmatch(r"(?:res(\d+)\.)?(in\d)\.(weight|bias)", name):
        block, layer, form = match.groups()
        level = f"block{block}_{layer[-1]}" if block else _NORMS.get(layer)
        return level and f"norms.{level}.{_FORMS[form]}"
    return None
