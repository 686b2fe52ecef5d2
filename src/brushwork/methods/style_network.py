"""The interface of style networks, which encode a style and generate an image in it.

`OnePass` wraps such a network and adds what all of them share: sizes, strength, regions, tiles, progress.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from brushwork.errors import UsageError
from brushwork.methods.base import Declaration, normalized
from brushwork.nn import FeatureNetwork
from brushwork.registry import method_name
from brushwork.runtime.device import choose_dtype
from brushwork.styles.references import SavedStyle, StylePart, locate_style, read_style, write_style
from brushwork.tiling.tiles import Stages, TileInput

__all__ = ["StyleNetwork", "TensorStyleNetwork", "TrainedStyleNetwork", "read_start", "write_network"]

Style = TypeVar("Style")
Network = TypeVar("Network", bound=nn.Module)


class StyleNetwork(ABC, Generic[Style]):
    """Encodes styles and generates images in them.

    Attributes:
        declaration: The method's capabilities.
        settings: The method's options.
        device: The device the network runs on.
        multiple: Sides are padded to multiples of this many pixels.
        mixes_styles: Whether strength and regions are mixed as styles and features; otherwise as pixels.
        first_halo: The receptive field's radius before the first statistics, if it is much smaller than `halo`.
        near_output: Whether the receptive field's radius after the last statistics is at most 16 pixels.
    """

    declaration: Declaration
    settings: Any
    device: torch.device
    multiple: int
    mixes_styles = True
    first_halo: int | None = None
    near_output = False

    @abstractmethod
    def encode(self, image: Tensor, mask: Tensor | None = None) -> Style:
        """Encode the style of a painting.

        Args:
            image: Pixels (1, 3, H, W) in [0, 1], on the device.
            mask: Weight of each pixel, (1, 1, H, W) in [0, 1]; None weights all equally.

        Raises:
            UsageError: The network can't encode paintings.
        """

    @abstractmethod
    def generate(self, tile: TileInput, styles: Sequence[Style], shares: Tensor | None = None) -> Stages:
        """Return the stages that generate an image or a tile: pixels (B, 3, H, W), about [0, 1].

        Args:
            tile: Its sides are multiples of `multiple`.
            styles: One, or several with shares.
            shares: Share of each style at each pixel, (N, 1, H, W), with a sum of 1.
        """

    @abstractmethod
    def halo(self, styles: Sequence[Style]) -> int:
        """Return the receptive field's radius in pixels."""

    @abstractmethod
    def neutral_style(self) -> Style:
        """Return an arbitrary style, to measure time and memory and to get tensor shapes."""

    @abstractmethod
    def blend(self, values: Sequence[Style], weights: Sequence[float]) -> Style:
        """Blend styles.

        Raises:
            UsageError: No styles, weights that are negative or sum to 0, or styles that can't be blended.
        """

    @abstractmethod
    def style_tensors(self, style: Style) -> dict[str, Tensor]:
        """Return a style as named tensors, for a file."""

    @abstractmethod
    def style_from(self, tensors: Mapping[str, Tensor]) -> Style:
        """Return a style from a file's tensors.

        Raises:
            ValueError: Names or shapes don't match this network.
        """

    @abstractmethod
    def recipe(self) -> dict[str, Any]:
        """Return the recipe's entries for what determines the result besides the settings: weights, dtype."""

    def encode_content(self, photo: Tensor, mask: Tensor | None = None) -> Style:
        """Encode the photo's own style; see `encode`."""
        return self.encode(photo, mask)

    def prepare(self, style: Style) -> Style:
        """Return the style with what all tiles need and can be computed once; by default, the style itself."""
        return style

    def painting_size(self, sizes: Sequence[int]) -> int:
        """Return the longer side, in pixels, at which a painting is encoded for images of these longer sides."""
        return max(1, round(max(sizes) * getattr(self.settings, "style_scale", 1.0)))


class TensorStyleNetwork(StyleNetwork[Style]):
    """A network whose styles consist of tensors that can be interpolated.

    A subclass sets `style_type`, a dataclass whose fields are all tensors, and `_recipe`, its weights and dtype.
    """

    style_type: type[Style]
    _recipe: Mapping[str, Any]

    def recipe(self) -> dict[str, Any]:
        """Return weights and dtype; see `StyleNetwork`."""
        return dict(self._recipe)

    def blend(self, values: Sequence[Style], weights: Sequence[float]) -> Style:
        """Return the weighted mean of styles; see `StyleNetwork`."""
        shares = normalized(values, weights)
        parts = [self.style_tensors(value) for value in values]
        return self.style_from(
            {
                name: torch.stack([w * part[name] for w, part in zip(shares, parts, strict=True)]).sum(0)
                for name in parts[0]
            }
        )

    def style_tensors(self, style: Style) -> dict[str, Tensor]:
        """Return the fields of the style."""
        return {field.name: getattr(style, field.name) for field in dataclasses.fields(self.style_type)}  # type: ignore[arg-type]

    def style_from(self, tensors: Mapping[str, Tensor]) -> Style:
        """Return a style from a file's tensors; see `StyleNetwork`."""
        expected = {name: tensor.shape for name, tensor in self.style_tensors(self.neutral_style()).items()}
        if {name: tensor.shape for name, tensor in tensors.items()} != expected:
            raise ValueError(f"expected tensors {expected}")
        return self.style_type(**{name: tensor.float().to(self.device) for name, tensor in tensors.items()})


class TrainedStyleNetwork(StyleNetwork[Network]):
    """One trained network per style; the style is the network itself.

    A subclass defines how to build a network from tensors, and how a single network generates an image.

    Args:
        settings: The options, including `precision`.
        device: The device to run on.
        network: Not supported, since a trained style uses no feature network.

    Raises:
        UsageError: `network` is given.
    """

    mixes_styles = False

    def __init__(
        self, settings: Any, device: torch.device | str = "cpu", *, network: FeatureNetwork | None = None
    ) -> None:
        self.name, self.settings, self.device = method_name(settings), settings, torch.device(device)
        if network is not None:
            raise UsageError(f"{self.name} uses no feature network; omit network")
        self.dtype = choose_dtype(settings.precision, self.device)

    @abstractmethod
    def generate_one(self, tile: TileInput, network: Network) -> Stages:
        """Return the stages of one network; its input pixels have its dtype."""

    def generate(self, tile: TileInput, styles: Sequence[Network], shares: Tensor | None = None) -> Stages:
        """Mix the outputs of the networks by their shares."""
        typed = dataclasses.replace(tile, read=lambda: tile.photo.to(self.dtype, memory_format=torch.channels_last))
        parts = []
        for network in styles:
            parts.append((yield from self.generate_one(typed, network)).clamp(0, 1))
        return parts[0] if shares is None else (shares * torch.cat(parts)).sum(0, keepdim=True)

    def encode(self, image: Tensor, mask: Tensor | None = None) -> Network:
        """Raise UsageError: these styles are trained, not encoded.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"{self.name} needs a network trained for one style (--style FILE.safetensors), not a painting; "
            f"train one with brushwork train {self.name}; adain-lite, adain and gatys accept any painting"
        )

    def blend(self, values: Sequence[Network], weights: Sequence[float]) -> Network:
        """Raise UsageError: separate networks can't be blended.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{self.name} has one network per style and can't blend styles; use adain-lite")

    def style_tensors(self, style: Network) -> dict[str, Tensor]:
        """Return the network's tensors."""
        return {name: tensor.detach().cpu() for name, tensor in style.state_dict().items()}

    def recipe(self) -> dict[str, Any]:
        """Return the dtype; the weights belong to the style."""
        return {"dtype": str(self.dtype).removeprefix("torch.")}


def write_network(path: Path, name: str, network: nn.Module) -> None:
    """Save a network as a style file for `--style`.

    Raises:
        BrushworkError: The file can't be written.
    """
    tensors = {key: tensor.detach().cpu().half() for key, tensor in network.state_dict().items()}
    write_style(path, SavedStyle({name: tensors}, {name: {}}, {}))


def read_start(start: str, name: str, build: Callable[[Mapping[str, Tensor]], Network]) -> Network:
    """Load the network that a training starts from, with gradients enabled.

    Args:
        start: A saved style, or a style's name.
        name: The method's name.
        build: Builds a network from tensors.

    Raises:
        UsageError: It contains no network of this method.
        BrushworkError: It can't be read.
    """
    path = locate_style(StylePart(start))
    values = read_style(path).values.get(name)
    if values is None:
        raise UsageError(f"start: {path} contains no {name} network")
    try:
        return build(values).train().requires_grad_(True)
    except ValueError as error:
        raise UsageError(f"start: {path}: {error}") from error
