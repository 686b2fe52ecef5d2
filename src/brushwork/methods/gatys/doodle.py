"""Label maps beside features, so that patches are found where the labels agree.

Source: Champandard 2016, "Semantic Style Transfer and Turning Two-Bit Doodles into Fine Artworks", arXiv:1603.01768,
section 3.
Differs: the labels' weight is relative to features that the network sees in noise, so it means the same for all
networks and layers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import UsageError
from brushwork.methods.gatys.margin import with_margin
from brushwork.nn import FeatureNetwork

if TYPE_CHECKING:
    from brushwork.methods.gatys.method import GatysMethod

__all__ = ["LabeledNetwork", "Labels", "labeled"]

WEIGHT = 2.0  # of another label, against the mean norm of features
PROBE = 96  # side of the noise


class LabeledNetwork:
    """A feature network that appends the planes of a label map to the features of some layers.

    Args:
        network: Gives the features.
        planes: (1, N, H, W), of the picture that it will be given, at any size.
        strengths: Layer → factor of the planes.
    """

    def __init__(self, network: FeatureNetwork, planes: Tensor, strengths: dict[str, float]) -> None:
        self._network, self._planes, self._strengths = network, planes, strengths

    def __call__(self, image: Tensor, layers: Collection[str], /) -> dict[str, Tensor]:
        """Return the features of these layers."""
        return {layer: self._with_labels(layer, found) for layer, found in self._network(image, layers).items()}

    def _with_labels(self, layer: str, features: Tensor) -> Tensor:
        if layer not in self._strengths:
            return features
        planes = F.adaptive_avg_pool2d(self._planes.to(features), (features.shape[2], features.shape[3]))
        return torch.cat((features, self._strengths[layer] * planes), 1)


class Labels:
    """The label maps of a painting and of the picture that is made.

    Args:
        painting: (N, h, w), 1 where a label is and 0 elsewhere.
        picture: (N, H, W), with the same labels, of the picture with its margin.
        network: Gives the features.
        layers: Those that labels are appended to.
        device: Where the network is.
    """

    def __init__(
        self, painting: Tensor, picture: Tensor, network: FeatureNetwork, layers: Sequence[str], device: torch.device
    ) -> None:
        noise = torch.rand(1, 3, PROBE, PROBE, generator=torch.Generator().manual_seed(0)).to(device)
        with torch.no_grad():
            found = network(noise, layers)
        strengths = {layer: WEIGHT * float(features.norm(dim=1).mean()) for layer, features in found.items()}
        self.of_painting = LabeledNetwork(network, painting[None], strengths)
        self.of_picture = LabeledNetwork(network, picture[None], strengths)


def labeled(method: GatysMethod, painting: Tensor, picture: Tensor) -> GatysMethod:
    """Return a method for one painting and one picture with label maps.

    Args:
        method: Of the statistic "patch".
        painting: (N, h, w), 1 where a label is in the painting and 0 elsewhere.
        picture: (N, H, W), the same for the picture.

    Raises:
        UsageError: The statistic isn't "patch".
    """
    if method.settings.statistic != "patch":
        raise UsageError(f"labels: expected the statistic 'patch', got {method.settings.statistic!r}")
    other = copy(method)
    margin = with_margin(picture[None])[0]
    other.labels = Labels(painting, margin, method.network, method.settings.layers("style"), method.device)
    return other
