"""What methods have in common whose style is a network: it is trained, not looked at, and nothing lies between two."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from brushwork.errors import UsageError
from brushwork.methods.feed_forward import FeedForward
from brushwork.nn import FeatureNetwork
from brushwork.options.methods import Johnson, TextureNets, method_name
from brushwork.runtime.device import choose_dtype
from brushwork.styles.references import SavedStyle, StylePart, locate_style, read_style, write_style
from brushwork.tiling.tiles import Stages, TileInput

__all__ = ["NetworkStyle", "learned", "write_network"]

Network = TypeVar("Network", bound=nn.Module)


class NetworkStyle(FeedForward[Network]):
    """A network per style; the style value is the network.

    Args:
        settings: All options.
        device: Where it runs.
        network: Refused: no feature network is looked through once a style is learned.
    """

    def __init__(
        self, settings: Johnson | TextureNets, device: torch.device | str, *, network: FeatureNetwork | None = None
    ) -> None:
        super().__init__(settings, device)
        self.name = method_name(settings)
        if network is not None:
            raise UsageError(f"{self.name} looks through no feature network once a style is learned; leave network out")
        self.dtype = choose_dtype(settings.precision, self.device)

    @abstractmethod
    def _painting(self, network: Network, seen: TileInput) -> Stages:
        """What makes pixels (1, 3, H, W), about [0, 1], of pixels in the network's dtype."""

    def recipe(self) -> dict[str, Any]:
        """The dtype; the weights are the style's."""
        return {"dtype": str(self.dtype).removeprefix("torch.")}

    def encode_style(self, image: Tensor, *, sizes: Sequence[int], mask: Tensor | None = None) -> Network:
        """Refused: a style is learned, not looked at.

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

    def save_style(self, style: Network) -> dict[str, Tensor]:
        """The network's tensors."""
        return {name: tensor.detach().cpu() for name, tensor in style.state_dict().items()}

    def _steps(self, work: Sequence[Network], seen: TileInput) -> Stages:
        """What paints the photo in styles; what their shares and the strength leave over is the photo itself."""
        shares, parts = seen.shares, []
        look = replace(seen, read=lambda: seen.photo.to(self.dtype, memory_format=torch.channels_last))
        for network in work:
            parts.append((yield from self._painting(network, look)).clamp(0, 1))
        painted = torch.cat(parts)
        if shares is not None:
            painted = (shares * painted).sum(0, keepdim=True) + (1 - shares.sum(0, keepdim=True)) * seen.photo
        return torch.lerp(seen.photo, painted, self.settings.strength)


def write_network(path: Path, name: str, network: nn.Module) -> None:
    """Write a network as a style of a method that `--style` takes.

    Raises:
        BrushworkError: The file can't be written.
    """
    tensors = {key: tensor.detach().cpu().half() for key, tensor in network.state_dict().items()}
    write_style(path, SavedStyle({name: tensors}, {name: {}}, {}))


def learned(start: str, name: str, build: Callable[[Mapping[str, Tensor]], Network]) -> Network:
    """The network that a training begins with, ready to learn.

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
