"""Convert style transfer networks published by others to brushwork's tensor names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["microast_tensors", "missing_keys", "transformation_tensors"]

_MICROAST = {"modulator": "weight1.", "decoder": "dec1.", "content_encoder": "enc1.", "style_encoder": "enc1."}

_LEVELS = {"conv1": "down1", "conv2": "down2", "conv3": "down3", "deconv1": "up1", "deconv2": "up2", "deconv3": "up3"}
_NORMS = {"in1": "down1", "in2": "down2", "in3": "down3", "in4": "up1", "in5": "up2"}
_FORMS = {"weight": "scale", "bias": "shift"}


def transformation_tensors(published: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """Convert the tensors of pytorch/examples' fast_neural_style to those of a `TransformationNetwork`.

    Args:
        published: By their published names: conv1.conv2d.weight, in1.weight, res1.conv1.conv2d.weight, …; with or
            without the unused running statistics of old versions.

    Returns:
        The converted tensors; None if a tensor is missing or has another name.

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
    return {**_of_unit_range(tensors), "epsilon": _epsilon()} if _complete(tensors) else None


def missing_keys(published: Mapping[str, Tensor]) -> list[str]:
    """Return the names that a damaged network of fast_neural_style lacks; none if these are other tensors.

    Args:
        published: Tensors by their published names.
    """
    present = {name.removeprefix("module.") for name in published}
    blocks = max((int(match[1]) for name in present if (match := re.match(r"res(\d+)\.", name))), default=0)
    places = [("", _LEVELS, _NORMS)] + [
        (f"res{block + 1}.", ("conv1", "conv2"), ("in1", "in2")) for block in range(blocks)
    ]
    expected = [
        f"{prefix}{layer}.{form}"
        for prefix, convs, norms in places
        for layer in (*(f"{conv}.conv2d" for conv in convs), *norms)
        for form in _FORMS
    ]
    missing = [name for name in expected if name not in present]
    return missing if 2 * len(missing) < len(expected) else []


def _epsilon() -> Tensor:
    """Return the epsilon of torch's instance normalization."""
    import torch

    return torch.tensor(1e-5)


def _complete(tensors: Mapping[str, Tensor]) -> bool:
    blocks = sum(name.startswith("convs.block") and name.endswith("_1.conv.weight") for name in tensors)
    levels = [*_LEVELS.values(), *(f"block{block + 1}_{place}" for block in range(blocks) for place in (1, 2))]
    expected = {f"convs.{level}.conv.{form}" for level in levels for form in _FORMS}
    expected |= {f"norms.{level}.{form}" for level in levels if level != "up3" for form in _FORMS.values()}
    return blocks > 0 and tensors.keys() == expected


def _of_unit_range(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rescale tensors published for pixels in 0..255 to pixels in 0..1, centered at 0.5."""
    factor = {"convs.down1.conv.weight": 255.0, "convs.up3.conv.weight": 1 / 255, "convs.up3.conv.bias": 1 / 255}
    scaled = {name: tensor * factor.get(name, 1.0) for name, tensor in tensors.items()}
    return {name: tensor - 0.5 if name == "convs.up3.conv.bias" else tensor for name, tensor in scaled.items()}


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


def microast_tensors(files: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor] | None:
    """Convert the authors' four files to the tensors of `brushwork.methods.microast.MicroASTNetwork`.

    Args:
        files: File name → its tensors. The two encoders have the same structure; only the file names distinguish them.

    Returns:
        The converted tensors; None if these are other files.

    Source: github.com/EndyWon/MicroAST.
    """
    parts: dict[str, Mapping[str, Tensor]] = {}
    for file, tensors in files.items():
        for part, prefix in _MICROAST.items():
            if file.startswith(part) and any(name.startswith(prefix) for name in tensors):
                parts[part] = tensors
    if len(parts) < len(_MICROAST) or len(files) != len(_MICROAST):
        return None
    return {
        f"{part}.{name.replace('conv_layer.', '')}": tensor
        for part, tensors in parts.items()
        for name, tensor in tensors.items()
    }
