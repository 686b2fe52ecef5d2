"""One network for one style: a photo passes it once.

Source: Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV,
arXiv:1603.08155. What differs: docs/methods/johnson.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from brushwork.device import choose_dtype
from brushwork.errors import UsageError
from brushwork.features import FeatureNetwork
from brushwork.methods.base import Declaration
from brushwork.methods.feed_forward import FeedForward
from brushwork.networks import TransformationNetwork
from brushwork.settings import Johnson

__all__ = ["JohnsonMethod"]

STRIDE = 4  # of the network
SMALLEST = 32  # what the reflected borders of its 9×9 convolutions need, and those at a quarter


class JohnsonMethod(FeedForward[TransformationNetwork]):
    """A network per style; the style value is the network.

    Args:
        settings: All options.
        device: Where it runs.
        network: Refused: no feature network is looked through once a style is learned.
    """

    declaration = Declaration(
        inputs="content+trained style", smallest=SMALLEST, tiling="statistics", blends=False, init=False, regions=True
    )
    multiple = STRIDE

    def __init__(
        self, settings: Johnson, device: torch.device | str = "cpu", *, network: FeatureNetwork | None = None
    ) -> None:
        super().__init__(settings, device)
        if network is not None:
            raise UsageError("johnson looks through no feature network once a style is learned; leave network out")
        self.dtype = choose_dtype(settings.precision, self.device)

    def recipe(self) -> dict[str, Any]:
        """The dtype; the weights are the style's."""
        return {"dtype": str(self.dtype).removeprefix("torch.")}

    def encode_style(self, image: Tensor, *, sizes: Sequence[int], mask: Tensor | None = None) -> TransformationNetwork:
        """Refused: a style is learned, not looked at.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            "johnson needs a network that was trained for a style, as --style FILE.safetensors, not a painting; "
            "adain-lite, adain and gatys take any painting"
        )

    def blend(self, values: Sequence[TransformationNetwork], weights: Sequence[float]) -> TransformationNetwork:
        """Refused: there is nothing between two networks.

        Raises:
            UsageError: Always.
        """
        raise UsageError("johnson has a network per style, and there is nothing between two; take adain-lite")

    def save_style(self, style: TransformationNetwork) -> dict[str, Tensor]:
        """The network's tensors."""
        return {name: tensor.detach().cpu() for name, tensor in style.state_dict().items()}

    def load_style(self, tensors: Mapping[str, Tensor]) -> TransformationNetwork:
        """The network of these tensors.

        Raises:
            ValueError: They are of no such network.
        """
        network = TransformationNetwork.from_tensors({name: tensor.float() for name, tensor in tensors.items()})
        # torch's annotations don't know that a module takes memory_format.
        return network.to(self.device, self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def _probe(self) -> TransformationNetwork:
        return self.load_style(TransformationNetwork().state_dict())

    def _painted_in(self, styles: Sequence[TransformationNetwork], photo: Tensor, shares: Tensor | None) -> Tensor:
        pixels = photo.to(self.dtype, memory_format=torch.channels_last)
        painted = torch.cat([network(pixels, network.row()) for network in styles]).clamp(0, 1)
        if shares is not None:
            painted = (shares * painted).sum(0, keepdim=True) + (1 - shares.sum(0, keepdim=True)) * photo
        return torch.lerp(photo, painted, self.settings.strength)
