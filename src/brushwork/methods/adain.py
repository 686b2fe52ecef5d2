"""Any style in one pass: the photo's features take means and deviations of the painting's, and a decoder paints them.

Source: Huang and Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", ICCV,
arXiv:1703.06868. What differs: docs/methods/adain.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.errors import UsageError
from brushwork.losses.content import relative_errors
from brushwork.losses.perceptual import OUTSIDE, SEEN, bounded
from brushwork.methods.base import Declaration
from brushwork.methods.style_network import TensorStyleNetwork
from brushwork.nn import FeatureNetwork, fingerprint, load_network
from brushwork.nn.statistics import mean_std
from brushwork.options.methods import AdaIN
from brushwork.options.training import TrainAdaIN
from brushwork.runtime.device import choose_dtype
from brushwork.runtime.tensor_files import write_tensors
from brushwork.tiling.tiles import Moments, Stages, StatisticsRequest, TileInput
from brushwork.training.data import PhotoFolder
from brushwork.weights import ARCHITECTURES, RECORDS, Architecture, read

__all__ = ["AdaINStyle", "AdaINStyleNetwork", "AdaINTask", "Decoder", "adaptive_instance_norm", "decoder_of"]

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")  # of the training
LAYER = "relu4_1"
STRIDE = 8  # of that layer
HALO = 80  # how many pixels away encoder and decoder see
SMALLEST = 16  # what reflected borders need there


@dataclass(frozen=True)
class AdaINStyle:
    """What the decoder needs to know of a style: mean and standard deviation of each channel at relu4_1, (C,)."""

    mean: Tensor
    std: Tensor


def adaptive_instance_norm(
    features: Tensor, style: AdaINStyle, mask: Tensor | None = None, moments: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """Features with the style's mean and deviation in each channel instead of their own.

    Args:
        features: Shape (1, C, H, W).
        style: Means and deviations, (C,).
        mask: Where the features' own are measured, (1, 1, h, w) in [0, 1].
        moments: Instead: means and deviations, (1, C), of the whole picture, of which the features are a part.

    Source: Huang and Belongie 2017, eq. 8.

    >>> x = torch.rand(1, 2, 4, 4)
    >>> styled = adaptive_instance_norm(x, AdaINStyle(torch.tensor([5.0, 6.0]), torch.ones(2)))
    >>> styled.mean((2, 3)).round().tolist()
    [[5.0, 6.0]]
    """
    mean, std = (value[..., None, None] for value in moments or mean_std(features, mask))
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


class AdaINTask:
    """What trains a decoder for an encoder, which stays as it is.

    Args:
        settings: All options.
        paintings: Squares of these are its styles.
        device: Where it runs.

    Source: Huang and Belongie 2017, eq. 11 to 13: what is decoded shall have, seen through the encoder again, the
        features that were decoded and the painting's means and deviations.
    Differs: errors are relative to their targets, because features of our encoder have no fixed scale, and those of
        style count by their root beyond 1; some photos are their own style.
    """

    critic = None

    def __init__(self, settings: TrainAdaIN, paintings: PhotoFolder, device: torch.device) -> None:
        self.settings, self.paintings = settings, paintings
        torch.manual_seed(settings.seed)
        self.dtype = choose_dtype(settings.precision, device)
        encoder = load_network(settings.network, device=device, dtype=self.dtype, padding="reflect")
        self.encoder, self._weights = encoder.network, encoder.weights
        self.record = decoder_of(self._weights.record.name)
        self.network = Decoder(ARCHITECTURES[RECORDS[self.record].architecture])
        self._start: str | None = None
        if settings.start:
            start = read(settings.start, name=self.record)
            if start.record.architecture != RECORDS[self.record].architecture:
                raise UsageError(f"start: {settings.start} holds {start.record.name}, expected {self.record}")
            self.network = Decoder.from_tensors(start.tensors, start.record.architecture)
            self._start = start.sha256
        # torch's annotations don't know that a module takes memory_format.
        self.network.train().requires_grad_(True).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def facts(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be gone on from."""
        dtype = str(self.dtype).removeprefix("torch.")
        weights = {"encoder": self._weights.sha256, "model": self._start, "dtype": dtype}
        return {"task": "adain", "paintings": len(self.paintings.files), **weights}

    def terms(self, photos: Tensor) -> dict[str, Tensor]:
        """The weighted terms of the loss of photos (B, 3, S, S), in styles of paintings, a few in their own."""
        paintings = self.paintings.drawn(len(photos), recolor=True).to(photos.device)
        own = torch.rand(len(photos), 1, 1, 1).to(photos.device) < self.settings.own_share
        targets = self._seen(torch.where(own, photos, paintings))
        mixed = self._mixed(photos, targets)
        pictures = self._decoded(mixed)
        found = self.encoder(pictures.clamp(*SEEN).contiguous(memory_format=torch.channels_last), STYLE_LAYERS)
        errors = [
            bounded(relative_errors(a, b))
            for layer in STYLE_LAYERS
            for a, b in zip(mean_std(found[layer]), mean_std(targets[layer]), strict=True)
        ]
        return {
            "content": relative_errors(found[LAYER], mixed).mean(),
            "style": self.settings.style_weight * torch.stack(errors).sum(0).mean() / len(STYLE_LAYERS),
            "outside": OUTSIDE * (pictures - pictures.clamp(0, 1)).abs().mean(),
        }

    def painted(self, photos: Tensor) -> Tensor:
        """Pictures of photos, (B, 3, S, S), in styles of paintings that are drawn."""
        return self._decoded(
            self._mixed(photos, self._seen(self.paintings.drawn(len(photos), recolor=True).to(photos.device)))
        )

    def write(self, path: Path) -> None:
        """Write what the option `decoder` takes."""
        tensors = {
            name.removeprefix("convs."): tensor.detach().cpu().half().contiguous()
            for name, tensor in self.network.state_dict().items()
        }
        write_tensors(path, tensors, {"record": self.record})

    @torch.no_grad()
    def _seen(self, pixels: Tensor, layers: Sequence[str] = STYLE_LAYERS) -> Mapping[str, Tensor]:
        return self.encoder(pixels.contiguous(memory_format=torch.channels_last), layers)

    @torch.no_grad()
    def _mixed(self, photos: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        features = torch.split(self._seen(photos, [LAYER])[LAYER], 1)
        styles = (AdaINStyle(mean, std) for mean, std in zip(*mean_std(targets[LAYER]), strict=True))
        return torch.cat([adaptive_instance_norm(x, style) for x, style in zip(features, styles, strict=True)])

    def _decoded(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            return self.network(features.contiguous(memory_format=torch.channels_last)).float()  # type: ignore[no-any-return]


class AdaINStyleNetwork(TensorStyleNetwork[AdaINStyle]):
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
        self.settings, self.device = settings, torch.device(device)
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

    def encode(self, image: Tensor, mask: Tensor | None = None) -> AdaINStyle:
        """Means and deviations of a painting's features; see `StyleNetwork`."""
        mean, std = mean_std(self.network(image, [LAYER])[LAYER], mask)
        return AdaINStyle(mean[0], std[0])

    def neutral_style(self) -> AdaINStyle:
        """The style of a gray picture."""
        return self.encode(torch.full((1, 3, 2 * STRIDE, 2 * STRIDE), 0.5, device=self.device))

    def halo(self, styles: Sequence[AdaINStyle]) -> int:
        """How many pixels away it looks."""
        return HALO

    def generate(self, tile: TileInput, styles: Sequence[AdaINStyle], shares: Tensor | None = None) -> Stages:
        """The stages that paint a picture or a tile; see `StyleNetwork`."""
        features = self.network(tile.photo, [LAYER])[LAYER]
        small = None if shares is None else F.adaptive_avg_pool2d(shares, (features.shape[2], features.shape[3]))
        mixed = self.mixed(features, styles, small, (yield StatisticsRequest(features, small)))
        painted: Tensor = self.decoder(mixed.to(self.dtype, memory_format=torch.channels_last)).float()
        return painted

    def mixed(
        self, features: Tensor, styles: Sequence[AdaINStyle], shares: Tensor | None, whole: Moments | None = None
    ) -> Tensor:
        """What the decoder gets: each style's normalization, where its share says.

        Args:
            features: The photo's, (1, C, H, W).
            styles: One or several.
            shares: Of each style at each position, (N, 1, h, w), of sum 1; None for one style.
            whole: Of the whole picture, if these are a tile's.

        Source: Huang and Belongie 2017, eq. 8, and section 7.3, "spatial control".
        """
        parts = [
            adaptive_instance_norm(features, style, _one(shares, k), None if whole is None else whole.of(k))
            for k, style in enumerate(styles)
        ]
        return parts[0] if shares is None else (torch.stack(parts)[:, 0] * shares).sum(0, keepdim=True)


def _one(shares: Tensor | None, number: int) -> Tensor | None:
    return None if shares is None else shares[number : number + 1]


def decoder_of(encoder: str) -> str:
    """The record of the decoder that belongs to an encoder.

    Raises:
        UsageError: There is none.
    """
    decoders = {record.encoder: name for name, record in RECORDS.items() if record.encoder}
    if encoder not in decoders:
        raise UsageError(
            f"network: there is no decoder for {encoder}, only for {', '.join(decoders)}; take one of these, or, to "
            "paint, name a decoder of your own with decoder (--decoder)"
        )
    return decoders[encoder]
