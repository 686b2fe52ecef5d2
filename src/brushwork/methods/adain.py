"""Any style in one pass: the photo's features take means and deviations of the painting's, and a decoder paints them.

Source: Huang and Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", ICCV,
arXiv:1703.06868. What differs: docs/methods/adain.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.device import choose_dtype
from brushwork.errors import UsageError
from brushwork.features import FeatureNetwork, fingerprint, load_network
from brushwork.methods.any_style import AnyStyle
from brushwork.methods.base import Declaration
from brushwork.settings import AdaIN
from brushwork.statistics import mean_std
from brushwork.weights import ARCHITECTURES, RECORDS, Architecture, read

__all__ = ["AdaINMethod", "AdaINStyle", "Decoder", "adaptive_instance_norm", "decoder_of"]

LAYER = "relu4_1"
STRIDE = 8  # of that layer
SMALLEST = 16  # what reflected borders need there


@dataclass(frozen=True)
class AdaINStyle:
    """What the decoder needs to know of a style: mean and standard deviation of each channel at relu4_1, (C,)."""

    mean: Tensor
    std: Tensor


def adaptive_instance_norm(features: Tensor, style: AdaINStyle, mask: Tensor | None = None) -> Tensor:
    """Features with the style's mean and deviation in each channel instead of their own.

    Args:
        features: Shape (1, C, H, W).
        style: Means and deviations, (C,).
        mask: Where the features' own are measured, (1, 1, h, w) in [0, 1].

    Source: Huang and Belongie 2017, eq. 8.

    >>> x = torch.rand(1, 2, 4, 4)
    >>> styled = adaptive_instance_norm(x, AdaINStyle(torch.tensor([5.0, 6.0]), torch.ones(2)))
    >>> styled.mean((2, 3)).round().tolist()
    [[5.0, 6.0]]
    """
    mean, std = (value[..., None, None] for value in mean_std(features, mask))
    return style.std[:, None, None] * ((features - mean) / std) + style.mean[:, None, None]


class Decoder(nn.Module):
    """The mirror image of an encoder: from features at relu4_1 to pixels.

    Args:
        architecture: Mirrored, see `brushwork.weights.Architecture`.

    Source: Huang and Belongie 2017, section 6.1: nearest enlargement for pooling, reflected borders, no normalization.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.convs = nn.ModuleDict()
        for name, (width, channels, *_) in architecture.weights().items():
            self.convs[name] = nn.Conv2d(channels, width, 3, padding=1, padding_mode="reflect")

    def forward(self, features: Tensor) -> Tensor:
        """Pixels (B, 3, 8 H, 8 W), not held to [0, 1], of features (B, C, H, W)."""
        x = features
        for name, conv in self.convs.items():
            x = conv(x)
            if name != "conv1_1":
                x = F.relu(x, inplace=True)
                x = F.interpolate(x, scale_factor=2.0) if name.endswith("_1") else x
        return x

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], architecture: str) -> Decoder:
        """A frozen decoder of tensors conv4_1.weight, conv4_1.bias and so on."""
        decoder = cls(ARCHITECTURES[architecture])
        decoder.load_state_dict({f"convs.{name}": tensor for name, tensor in tensors.items()})
        return decoder.eval().requires_grad_(False)


class AdaINMethod(AnyStyle[AdaINStyle]):
    """AdaIN.

    Args:
        settings: All options.
        device: Where it runs.
        network: Another encoder than `settings.network`, with a layer relu4_1 of the decoder's width at an eighth of
            the size; `settings.decoder` names the decoder that was trained with it.

    Raises:
        UsageError: No decoder for this encoder.
        WeightsError: Weights are not on this machine; says what to do.
    """

    declaration = Declaration(
        inputs="content+style", smallest=SMALLEST, tiling="statistics", blends=True, init=False, regions=True
    )
    style_type = AdaINStyle
    multiple = STRIDE

    def __init__(
        self, settings: AdaIN, device: torch.device | str = "cpu", *, network: FeatureNetwork | None = None
    ) -> None:
        super().__init__(settings, device)
        self.dtype = choose_dtype(settings.precision, self.device)
        self._recipe: dict[str, Any] = {"weights": None}
        decoder = settings.decoder
        if network is None:
            encoder = load_network(settings.network, device=self.device, dtype=self.dtype, padding="reflect")
            self._recipe["weights"] = {"name": encoder.weights.record.name, "sha256": encoder.weights.sha256}
            network, decoder = encoder.network, decoder or decoder_of(encoder.weights.record.name)
        elif not decoder:
            raise UsageError("a network given in Python needs the decoder that was trained with it: AdaIN(decoder=…)")
        elif isinstance(network, nn.Module):
            self._recipe["given"] = fingerprint(network.to(self.device))
        self.network = network
        self.decoder = self._load_decoder(decoder)
        self._recipe["dtype"] = str(self.dtype).removeprefix("torch.")

    def _load_decoder(self, source: str) -> nn.Module:
        weights = read(source)
        architecture = ARCHITECTURES[weights.record.architecture]
        if not architecture.mirrored:
            raise UsageError(f"decoder: {source} holds {weights.record.name}, which is no decoder")
        probe = torch.zeros(1, 3, SMALLEST, SMALLEST, device=self.device)
        _, given, height, _ = self.network(probe, [LAYER])[LAYER].shape
        taken = architecture.widths[-1]
        if given != taken:
            raise UsageError(
                f"decoder: {weights.record.name} takes {taken} channels at {LAYER}, the encoder gives {given}; "
                "take the decoder that was trained with it"
            )
        if height * STRIDE != SMALLEST:
            raise UsageError(
                f"network: expected {LAYER} at 1/{STRIDE} of the size, got {height} of {SMALLEST} positions"
            )
        self._recipe["decoder"] = {"name": weights.record.name, "sha256": weights.sha256}
        decoder = Decoder.from_tensors(weights.tensors, weights.record.architecture)
        # torch's annotations don't know that a module takes memory_format.
        return decoder.to(self.device, self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def recipe(self) -> dict[str, Any]:
        """Weights and dtype."""
        return dict(self._recipe)

    def _encoded(self, image: Tensor, mask: Tensor | None) -> AdaINStyle:
        mean, std = mean_std(self.network(image, [LAYER])[LAYER], mask)
        return AdaINStyle(mean[0], std[0])

    def _painted(self, photo: Tensor, styles: Sequence[AdaINStyle], shares: Tensor | None) -> Tensor:
        mixed = self.mixed(self.network(photo, [LAYER])[LAYER], styles, shares)
        return self.decoder(mixed.to(self.dtype, memory_format=torch.channels_last)).float()  # type: ignore[no-any-return]

    def mixed(self, features: Tensor, styles: Sequence[AdaINStyle], shares: Tensor | None) -> Tensor:
        """What the decoder gets: each style's normalization, where its share says.

        Args:
            features: The photo's, (1, C, H, W).
            styles: One or several.
            shares: Of each style at each position, (N, 1, h, w), of sum 1; None for one style.

        Source: Huang and Belongie 2017, eq. 8, and section 7.3, "spatial control".
        """
        if shares is None:
            return adaptive_instance_norm(features, styles[0])
        small = F.adaptive_avg_pool2d(shares, (features.shape[2], features.shape[3]))
        parts = ((style, small[k : k + 1]) for k, style in enumerate(styles))
        return torch.stack([s * adaptive_instance_norm(features, style, s) for style, s in parts]).sum(0)


def decoder_of(encoder: str) -> str:
    """The record of the decoder that belongs to an encoder.

    Raises:
        UsageError: There is none.
    """
    decoders = {record.encoder: name for name, record in RECORDS.items() if record.encoder}
    if encoder not in decoders:
        raise UsageError(
            f"network: there is no decoder for {encoder}, only for {', '.join(decoders)}; take one of these, or name "
            "a decoder of your own with decoder (--decoder)"
        )
    return decoders[encoder]
