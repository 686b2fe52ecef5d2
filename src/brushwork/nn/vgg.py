"""VGG-16, VGG-19 and slim VGG-19, as feature networks: image → {layer: features}.

Source: Simonyan and Zisserman 2015, arXiv:1409.1556, table 1 (configurations D and E).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.errors import UsageError
from brushwork.nn.frozen import frozen_conv_relu, frozen_gram
from brushwork.weights import Architecture, Preprocessing

__all__ = ["PADDINGS", "POOLINGS", "VGG"]

POOLINGS = ("max", "average")
PADDINGS = ("replicate", "reflect", "zeros")


class VGG(nn.Module):
    """A VGG whose ReLU layers are returned by name; the forward pass stops at the deepest one requested.

    Args:
        architecture: Stages and widths; layers with a tap go through a learned 1×1 convolution before they are returned
            (see `vgg19-slim`).
        preprocessing: Conversion of pixels in [0, 1] to what these weights were trained on.
        pooling: "max" as published, or "average", which Gatys et al. 2016 (section 2) found smoother.
        padding: Padding mode. "zeros" is the published one, but it causes frame artifacts in optimized images, so
            "replicate" is the default; "reflect" needs images whose deepest layer is at least 2×2.

    Source: Simonyan and Zisserman 2015, table 1, arXiv:1409.1556.
    Differs: padding, see above.
    """

    def __init__(
        self,
        architecture: Architecture,
        preprocessing: Preprocessing,
        *,
        pooling: str = "max",
        padding: str = "replicate",
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS or padding not in PADDINGS:
            raise UsageError(
                f"pooling is one of {POOLINGS} and padding one of {PADDINGS}, got {pooling!r}, {padding!r}"
            )
        self.layers = [f"relu{layer}" for layer in architecture.layers()]
        self.preprocessing, self.padding = preprocessing, padding
        self.pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
        self.convs = nn.ModuleDict()
        self.taps = nn.ModuleDict()
        for name, (width, channels, *_) in architecture.weights().items():
            layer = f"relu{name[-3:]}"
            if name.startswith("conv"):
                self.convs[layer] = nn.Conv2d(channels, width, 3, padding=1, padding_mode=padding)  # type: ignore[arg-type]
            else:
                self.taps[layer] = _Tap(channels, width, 1, bias=False)

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the features of the requested layers, after ReLU.

        Args:
            image: Pixels, shape (B, 3, H, W), sRGB in [0, 1].
            layers: Names such as "relu4_1".

        Returns:
            For each layer a float32 tensor of shape (B, C, H / 2^(stage - 1), W / 2^(stage - 1)), rounded down.

        Raises:
            UsageError: A layer that this network does not have, or an image too small for the deepest one.
        """
        return {layer: self.tapped(layer, x) for layer, x in self.untapped(image, layers).items()}

    def untapped(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the features before taps, in the network's own dtype; the rest as in `forward`."""
        self._check(image, layers)
        found: dict[str, Tensor] = {}
        x = self.preprocessing(image).to(next(self.parameters()).dtype)
        for layer in self.layers:
            if len(found) == len(set(layers)):
                break
            if layer.endswith("_1") and layer != "relu1_1":
                x = self.pool(x, 2)
            x = self._rectified(layer, x)
            if layer in layers:
                found[layer] = x
        return found

    def tapped(self, layer: str, untapped: Tensor) -> Tensor:
        """Return a layer's features, float32, from its untapped ones."""
        features: Tensor = (self.taps[layer](untapped) if layer in self.taps else untapped).float()
        return features

    def gram(self, layer: str, untapped: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the Gram matrix of a layer's features from its untapped ones.

        It equals `gram_matrix` of the features: a tap T is linear, so it can be applied to the matrix: T G Tᵀ. Sums run
        in the network's dtype, in parts that are added in float32.

        Args:
            layer: Its name.
            untapped: Shape (1, C, H, W), from `untapped`.
            weights: Weight of each position, (1, 1, H W); None: 1 / (H W).

        Returns:
            Shape (1, N, N), float32.
        """
        gram = frozen_gram(untapped, weights)
        if layer not in self.taps:
            return gram
        tap = self.taps[layer].weight
        assert isinstance(tap, Tensor)
        matrix = tap[:, :, 0, 0].float()
        return matrix @ gram @ matrix.mT

    def _rectified(self, layer: str, x: Tensor) -> Tensor:
        conv = self.convs[layer]
        assert isinstance(conv, nn.Conv2d)
        assert conv.bias is not None
        if x.requires_grad and not conv.weight.requires_grad:
            return frozen_conv_relu(x, conv.weight, conv.bias, self.padding)
        return F.relu(conv(x), inplace=True)

    def _check(self, image: Tensor, layers: Collection[str]) -> None:
        unknown = set(layers) - set(self.layers)
        if unknown:
            raise UsageError(
                f"this network has no layer {', '.join(sorted(unknown))}; choose from {', '.join(self.layers)}"
            )
        deepest = max((int(layer[4]) for layer in layers), default=1)
        smallest = 2 ** (deepest - 1)
        if min(image.shape[-2:]) < smallest:
            raise UsageError(
                f"layer {deepest} needs a picture of at least {smallest}×{smallest} px, "
                f"got {image.shape[-1]}×{image.shape[-2]}; use a larger picture or shallower layers"
            )

    @classmethod
    def from_tensors(
        cls,
        tensors: Mapping[str, Tensor],
        preprocessing: Preprocessing,
        *,
        pooling: str = "max",
        padding: str = "replicate",
    ) -> VGG:
        """Return a frozen network whose architecture matches the weights.

        Args:
            tensors: Named as in our files: conv1_1.weight, conv1_1.bias, tap1_1.weight …; the deepest layers may be
                missing.
            preprocessing: What these weights expect.
            pooling: See the class.
            padding: See the class.
        """
        network = cls(_architecture(tensors), preprocessing, pooling=pooling, padding=padding)
        network.load_state_dict({_own_name(name): tensor for name, tensor in tensors.items()})
        return network.eval().requires_grad_(False)


class _Tap(nn.Conv2d):
    """A 1×1 convolution as a matrix product, which is faster in channels-last format, twice as fast backward."""

    def forward(self, image: Tensor) -> Tensor:
        return F.linear(image.permute(0, 2, 3, 1), self.weight[:, :, 0, 0]).permute(0, 3, 1, 2)


def _architecture(tensors: Mapping[str, Tensor]) -> Architecture:
    convs = [name for name in tensors if name.startswith("conv") and name.endswith(".weight")]
    counts = [sum(name.startswith(f"conv{stage}_") for name in convs) for stage in range(1, 6)]
    stages = tuple(count for count in counts if count)
    widths = tuple(len(tensors[f"conv{stage}_1.weight"]) for stage in range(1, len(stages) + 1))
    return Architecture(stages, widths, tuple(name[3:6] for name in tensors if name.startswith("tap")))


def _own_name(name: str) -> str:
    kind, rest = ("taps", name[3:]) if name.startswith("tap") else ("convs", name[4:])
    return f"{kind}.relu{rest}"
