"""One network for one style: a photo passes it once.

Source: Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV,
arXiv:1603.08155. What differs: docs/methods/johnson.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from brushwork.device import choose_dtype
from brushwork.errors import UsageError
from brushwork.features import FeatureNetwork, load_network
from brushwork.image import resize
from brushwork.losses.content import relative_error
from brushwork.losses.regularizers import total_variation
from brushwork.methods.base import Declaration
from brushwork.methods.feed_forward import FeedForward
from brushwork.networks import TransformationNetwork
from brushwork.settings import Johnson, TrainJohnson
from brushwork.statistics import gram_matrix
from brushwork.styles import SavedStyle, write_style

__all__ = ["JohnsonMethod", "JohnsonTask"]

STRIDE = 4  # of the network
SMALLEST = 32  # what the reflected borders of its 9×9 convolutions need, and those at a quarter


class JohnsonTask:
    """What trains a network for one style: the photo's features, the painting's Gram matrices, total variation.

    Args:
        settings: All options.
        painting: Pixels (1, 3, H, W) in [0, 1]; brought to `style_size`.
        device: Where it runs.

    Source: Johnson et al. 2016, section 3.2 and eq. 5.
    Differs: errors are relative to their targets, so that one weight means the same through any loss network.
    """

    def __init__(self, settings: TrainJohnson, painting: Tensor, device: torch.device | str = "cpu") -> None:
        self.settings = settings
        torch.manual_seed(settings.seed)
        self.network = TransformationNetwork(settings.width, settings.blocks)
        loaded = load_network(settings.loss_network, device=device, dtype=choose_dtype("auto", torch.device(device)))
        self.judge, self._weights = loaded.network, loaded.weights.sha256
        height, width = painting.shape[2:]
        factor = settings.style_size / max(height, width)
        seen = resize(painting, (max(SMALLEST, round(width * factor)), max(SMALLEST, round(height * factor))))
        with torch.no_grad():
            features = self.judge(seen.to(device), settings.style_layers)
        self.grams = {layer: gram_matrix(found) for layer, found in features.items()}

    def facts(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be gone on from."""
        style = hashlib.sha256(b"".join(gram.cpu().numpy().tobytes() for gram in self.grams.values()))
        return {"task": "johnson", "loss network": self._weights, "style": style.hexdigest()}

    def terms(self, photos: Tensor, step: int) -> dict[str, Tensor]:
        """The weighted terms of the loss of photos (B, 3, S, S)."""
        settings = self.settings
        pictures = self.network(photos, self.network.row())
        with torch.no_grad():
            content = self.judge(photos, [settings.content_layer])[settings.content_layer]
        # What is far out of range is pulled back by its colors; the network sees only what can be shown, nearly.
        found = self.judge(pictures.clamp(-0.1, 1.1), {settings.content_layer, *settings.style_layers})
        outside = (pictures - pictures.clamp(0, 1)).abs().mean()
        grams = {layer: gram.expand(len(photos), -1, -1) for layer, gram in self.grams.items()}
        style = [relative_error(gram_matrix(found[layer]), gram) for layer, gram in grams.items()]
        return {
            "content": settings.content_weight * relative_error(found[settings.content_layer], content),
            "style": settings.style_weight * torch.stack(style).mean(),
            "tv": settings.tv_weight * total_variation(pictures),
            "outside": 10 * outside,
        }

    def write(self, network: nn.Module, path: Path) -> None:
        """Write the network as a style that `--style` takes."""
        tensors = {name: tensor.detach().cpu().half() for name, tensor in network.state_dict().items()}
        write_style(path, SavedStyle({"johnson": tensors}, {"johnson": {}}, {}))


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
        # Normalizations stay in float32. torch's annotations don't know that a module takes memory_format.
        network.convs.to(self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.to(self.device)

    def _probe(self) -> TransformationNetwork:
        return self.load_style(TransformationNetwork().state_dict())

    def _painted_in(self, styles: Sequence[TransformationNetwork], photo: Tensor, shares: Tensor | None) -> Tensor:
        pixels = photo.to(self.dtype, memory_format=torch.channels_last)
        painted = torch.cat([network(pixels, network.row()) for network in styles]).clamp(0, 1)
        if shares is not None:
            painted = (shares * painted).sum(0, keepdim=True) + (1 - shares.sum(0, keepdim=True)) * photo
        return torch.lerp(photo, painted, self.settings.strength)
