"""One feed-forward network per style.

Source: Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV,
arXiv:1603.08155. What differs: docs/methods/johnson.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from brushwork.losses.perceptual import PerceptualLoss, at_size
from brushwork.methods.base import Declaration
from brushwork.methods.style_network import TrainedStyleNetwork, read_start, write_network
from brushwork.nn.transformation import TransformationNetwork
from brushwork.options.training import TrainJohnson
from brushwork.tiling.tiles import Stages, TileInput

__all__ = ["JohnsonStyleNetwork", "JohnsonTask"]

NAME = "johnson"
STRIDE = 4  # of the network
SMALLEST = 32  # minimum side for reflection padding of the 9×9 convolutions and of those at quarter size


class JohnsonTask:
    """Trains a network for one style.

    Args:
        settings: The options.
        painting: Pixels (1, 3, H, W) in [0, 1].
        device: The device to run on.

    Source: Johnson et al. 2016, section 3.
    """

    paintings = None

    def __init__(self, settings: TrainJohnson, painting: Tensor, device: torch.device | str = "cpu") -> None:
        self.settings = settings
        torch.manual_seed(settings.seed)
        if settings.start:
            self.network = read_start(settings.start, NAME, TransformationNetwork.from_tensors)
        else:
            batch = settings.normalization == "batch"
            self.network = TransformationNetwork(settings.width, settings.blocks, batch=batch)
        self.network.to(device)
        self.loss = PerceptualLoss(settings, [at_size(painting, settings.style_size)], torch.device(device))
        self.critic = self.loss.critic

    def facts(self) -> dict[str, Any]:
        """Return what must match for a checkpoint to be resumed."""
        return {"task": NAME, **self.loss.facts()}

    def terms(self, photos: Tensor) -> dict[str, Tensor]:
        """Return the weighted loss terms for photos (B, 3, S, S)."""
        pictures, spiky = self.loss.paint(self.network, photos)
        return {**self.loss(pictures, photos, self.loss.targets), "spikes": spiky}

    def painted(self, photos: Tensor) -> Tensor:
        """Stylize photos (B, 3, S, S)."""
        return self.loss.paint(self.network, photos)[0]

    def write(self, path: Path) -> None:
        """Write the network as a style for `--style`."""
        write_network(path, NAME, self.network)


class JohnsonStyleNetwork(TrainedStyleNetwork[TransformationNetwork]):
    """Johnson et al.: a network per style; see `TrainedStyleNetwork`."""

    declaration = Declaration(smallest=SMALLEST, tiling="statistics", blends=False, regions=True)
    multiple = STRIDE

    def style_from(self, tensors: Mapping[str, Tensor]) -> TransformationNetwork:
        """Build the network from tensors.

        Raises:
            ValueError: They don't belong to such a network.
        """
        network = TransformationNetwork.from_tensors({name: tensor.float() for name, tensor in tensors.items()})
        # Normalizations stay in float32. torch's annotations don't know that a module takes memory_format.
        network.convs.to(self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.to(self.device)

    def neutral_style(self) -> TransformationNetwork:
        """Return an untrained network."""
        return self.style_from(TransformationNetwork().state_dict())

    def generate_one(self, tile: TileInput, network: TransformationNetwork) -> Stages:
        """Return the stages of one network; see `TrainedStyleNetwork`."""
        return network.steps(tile.photo, network.row())

    def halo(self, styles: Sequence[TransformationNetwork]) -> int:
        """Return the receptive field's radius in pixels."""
        return max(network.halo for network in styles)


def make_task(settings: TrainJohnson, paintings: Mapping[str, Tensor], device: torch.device) -> JohnsonTask:
    """Return the task for the only painting."""
    return JohnsonTask(settings, next(iter(paintings.values())), device)
