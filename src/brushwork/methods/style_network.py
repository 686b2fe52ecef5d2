"""What a paper contributes to a method of one pass: a network that encodes a style and generates a picture in it.

`OnePass` holds such a network and adds what all of them share: sizes, strength, regions, tiles, progress.
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
    """Encodes styles and generates pictures in them.

    Attributes:
        declaration: What callers must know of the method.
        settings: All options of the method.
        device: Where the network runs.
        multiple: Sides are padded to multiples of this many pixels.
        mixes_styles: Whether strength and regions are mixed as style values and features; otherwise as pixels.
        first_halo: How many pixels away it looks before its first statistics, if that is far less than `halo`.
        near_output: Whether it looks 16 pixels away at most after its last statistics.
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
        """The style of a painting.

        Args:
            image: Pixels (1, 3, H, W) in [0, 1], on the device.
            mask: How much each pixel counts, (1, 1, H, W) in [0, 1]; None: all alike.

        Raises:
            UsageError: The network takes no paintings.
        """

    @abstractmethod
    def generate(self, tile: TileInput, styles: Sequence[Style], shares: Tensor | None = None) -> Stages:
        """The stages that generate a picture, or a tile of it: pixels (B, 3, H, W), about [0, 1].

        Args:
            tile: Its sides are multiples of `multiple`.
            styles: One, or several with shares.
            shares: Of each style at each pixel, (N, 1, H, W), of sum 1.
        """

    @abstractmethod
    def halo(self, styles: Sequence[Style]) -> int:
        """How many pixels away the network looks."""

    @abstractmethod
    def neutral_style(self) -> Style:
        """Any style of this network: for measuring time and memory, and for its shapes."""

    @abstractmethod
    def blend(self, values: Sequence[Style], weights: Sequence[float]) -> Style:
        """A style between styles.

        Raises:
            UsageError: No styles, weights that are negative or sum to 0; or there is nothing between two styles.
        """

    @abstractmethod
    def style_tensors(self, style: Style) -> dict[str, Tensor]:
        """A style as named tensors, for a file."""

    @abstractmethod
    def style_from(self, tensors: Mapping[str, Tensor]) -> Style:
        """A style from a file's tensors.

        Raises:
            ValueError: Tensors of other names or shapes than this network's.
        """

    @abstractmethod
    def recipe(self) -> dict[str, Any]:
        """What of this network decides the result, beyond its settings: weights, dtype."""

    def encode_content(self, photo: Tensor, mask: Tensor | None = None) -> Style:
        """The photo's own style, see `encode`."""
        return self.encode(photo, mask)

    def painting_size(self, sizes: Sequence[int]) -> int:
        """Longer side at which a painting is encoded for pictures of these longer sides, in pixels."""
        return max(1, round(max(sizes) * getattr(self.settings, "style_scale", 1.0)))


class TensorStyleNetwork(StyleNetwork[Style]):
    """A network whose styles are numbers to calculate with.

    A subclass names its style's dataclass, `style_type`, all of whose fields are tensors.
    """

    style_type: type[Style]

    def blend(self, values: Sequence[Style], weights: Sequence[float]) -> Style:
        """The weighted mean of styles; see `StyleNetwork`."""
        shares = normalized(values, weights)
        parts = [self.style_tensors(value) for value in values]
        return self.style_from(
            {
                name: torch.stack([w * part[name] for w, part in zip(shares, parts, strict=True)]).sum(0)
                for name in parts[0]
            }
        )

    def style_tensors(self, style: Style) -> dict[str, Tensor]:
        """The fields of the style."""
        return {field.name: getattr(style, field.name) for field in dataclasses.fields(self.style_type)}  # type: ignore[arg-type]

    def style_from(self, tensors: Mapping[str, Tensor]) -> Style:
        """A style from a file's tensors; see `StyleNetwork`."""
        expected = {name: tensor.shape for name, tensor in self.style_tensors(self.neutral_style()).items()}
        if {name: tensor.shape for name, tensor in tensors.items()} != expected:
            raise ValueError(f"expected tensors {expected}")
        return self.style_type(**{name: tensor.float().to(self.device) for name, tensor in tensors.items()})


class TrainedStyleNetwork(StyleNetwork[Network]):
    """A network per style: it is trained, not encoded, and the style value is the network itself.

    A subclass says how a network is made of its tensors, and how one network generates.

    Args:
        settings: All options, with `precision`.
        device: Where it runs.
        network: Refused: no feature network is used once a style is trained.

    Raises:
        UsageError: A network is given.
    """

    mixes_styles = False

    def __init__(
        self, settings: Any, device: torch.device | str = "cpu", *, network: FeatureNetwork | None = None
    ) -> None:
        self.name, self.settings, self.device = method_name(settings), settings, torch.device(device)
        if network is not None:
            raise UsageError(f"{self.name} uses no feature network once a style is trained; leave network out")
        self.dtype = choose_dtype(settings.precision, self.device)

    @abstractmethod
    def generate_one(self, tile: TileInput, network: Network) -> Stages:
        """The stages of one network; the pixels it is given are in its dtype."""

    def generate(self, tile: TileInput, styles: Sequence[Network], shares: Tensor | None = None) -> Stages:
        """What each network generates, where its share says."""
        typed = dataclasses.replace(tile, read=lambda: tile.photo.to(self.dtype, memory_format=torch.channels_last))
        parts = []
        for network in styles:
            parts.append((yield from self.generate_one(typed, network)).clamp(0, 1))
        return parts[0] if shares is None else (shares * torch.cat(parts)).sum(0, keepdim=True)

    def encode(self, image: Tensor, mask: Tensor | None = None) -> Network:
        """Refused: such a style is trained.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"{self.name} needs a network that was trained for a style, as --style FILE.safetensors, not a painting; "
            f"train one with brushwork train {self.name}; adain-lite, adain and gatys take any painting"
        )

    def blend(self, values: Sequence[Network], weights: Sequence[float]) -> Network:
        """Refused: there is nothing between two networks.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{self.name} has a network per style, and there is nothing between two; take adain-lite")

    def style_tensors(self, style: Network) -> dict[str, Tensor]:
        """The network's tensors."""
        return {name: tensor.detach().cpu() for name, tensor in style.state_dict().items()}

    def recipe(self) -> dict[str, Any]:
        """The dtype; the weights are the style's."""
        return {"dtype": str(self.dtype).removeprefix("torch.")}


def write_network(path: Path, name: str, network: nn.Module) -> None:
    """Write a network as a style of a method that `--style` takes.

    Raises:
        BrushworkError: The file can't be written.
    """
    tensors = {key: tensor.detach().cpu().half() for key, tensor in network.state_dict().items()}
    write_style(path, SavedStyle({name: tensors}, {name: {}}, {}))


def read_start(start: str, name: str, build: Callable[[Mapping[str, Tensor]], Network]) -> Network:
    """The network that a training starts from, ready to learn.

    Args:
        start: A saved style, or a style's name.
        name: The method's.
        build: Makes a network of its tensors.

    Raises:
        UsageError: There is no network of this method in it.
        BrushworkError: It can't be read.
    """
    path = locate_style(StylePart(start))
    values = read_style(path).values.get(name)
    if values is None:
        raise UsageError(f"start: {path} holds no network of {name}")
    try:
        return build(values).train().requires_grad_(True)
    except ValueError as error:
        raise UsageError(f"start: {path}: {error}") from error
