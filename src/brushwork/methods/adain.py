"""Any style in one pass: matches means and deviations of the photo's features to the painting's, then decodes.

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

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")  # during training
LAYER = "relu4_1"
STRIDE = 8  # of that layer
HALO = 80  # radius in pixels of the receptive field of encoder and decoder
SMALLEST = 16  # minimum side for reflection padding


@dataclass(frozen=True)
class AdaINStyle:
    """A style: mean and standard deviation of each channel at relu4_1, (C,)."""

    mean: Tensor
    std: Tensor


def adaptive_instance_norm(
    features: Tensor, style: AdaINStyle, mask: Tensor | None = None, moments: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """Replace each channel's mean and standard deviation by the style's.

    Args:
        features: Shape (1, C, H, W).
        style: Means and deviations, (C,).
        mask: Weights for measuring the features' own moments, (1, 1, h, w) in [0, 1].
        moments: Means and deviations (1, C) of the whole image, to use instead if the features are a tile's.

    Source: Huang and Belongie 2017, eq. 8.

    >>> x = torch.rand(1, 2, 4, 4)
    >>> styled = adaptive_instance_norm(x, AdaINStyle(torch.tensor([5.0, 6.0]), torch.ones(2)))
    >>> styled.mean((2, 3)).round().tolist()
    [[5.0, 6.0]]
    """
    mean, std = (value[..., None, None] for value in moments or mean_std(features, mask))
    return style.std[:, None, None] * ((features - mean) / std) + style.mean[:, None, None]


class Decoder(nn.Module):
    """A mirrored encoder: from features at relu4_1 to pixels.

    Args:
        architecture: The mirrored architecture, see `brushwork.weights.Architecture`.

    Source: Huang and Belongie 2017, section 6.1: nearest upsampling instead of pooling, reflection padding, no
        normalization.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.convs = nn.ModuleDict()
        for name, (width, channels, *_) in architecture.weights().items():
            self.convs[name] = nn.Conv2d(channels, width, 3, padding=1, padding_mode="reflect")

    def forward(self, features: Tensor) -> Tensor:
        """Return pixels (B, 3, 8 H, 8 W), not clamped to [0, 1], from features (B, C, H, W)."""
        x = features
        for name, conv in self.convs.items():
            x = conv(x)
            if name != "conv1_1":
                x = F.relu(x, inplace=True)
                x = F.interpolate(x, scale_factor=2.0) if name.endswith("_1") else x
        return x

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], architecture: str) -> Decoder:
        """Return a frozen decoder with tensors conv4_1.weight, conv4_1.bias and so on."""
        decoder = cls(ARCHITECTURES[architecture])
        decoder.load_state_dict({f"convs.{name}": tensor for name, tensor in tensors.items()})
        return decoder.eval().requires_grad_(False)


class AdaINTask:
    """Trains a decoder for an encoder, which is frozen.

    Args:
        settings: The options.
        paintings: Random crops of these are the styles.
        device: The device to run on.

    Source: Huang and Belongie 2017, eq. 11 to 13: encoded again, the output should have the decoded features and the
        painting's means and deviations.
    Differs: errors are relative to their targets, because our encoder's features have no fixed scale; style errors
        above 1 are replaced by their root; some photos are their own style.
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
        """Return what must match for a checkpoint to be resumed."""
        dtype = str(self.dtype).removeprefix("torch.")
        weights = {"encoder": self._weights.sha256, "model": self._start, "dtype": dtype}
        return {"task": "adain", "paintings": len(self.paintings.files), **weights}

    def terms(self, photos: Tensor) -> dict[str, Tensor]:
        """Return the weighted loss terms for photos (B, 3, S, S), in styles of paintings, a few in their own."""
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
        """Stylize photos (B, 3, S, S) in the styles of random paintings."""
        return self._decoded(
            self._mixed(photos, self._seen(self.paintings.drawn(len(photos), recolor=True).to(photos.device)))
        )

    def write(self, path: Path) -> None:
        """Write the weights for the option `decoder`."""
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
        settings: The options.
        device: The device to run on.
        network: An encoder to use instead of `settings.network`, with a layer relu4_1 of the decoder's width at 1/8 of
            the size; `settings.decoder` names the decoder trained with it.

    Raises:
        UsageError: No decoder for this encoder.
        WeightsError: Weights are not on this machine; says what to do.
    """

    declaration = Declaration(smallest=SMALLEST, tiling="statistics", blends=True, regions=True)
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
            raise UsageError(
                "a network passed as an object needs the decoder that was trained with it: AdaIN(decoder=…)"
            )
        elif isinstance(network, nn.Module):
            self._recipe["given"] = fingerprint(network.to(self.device))
        self.network = network
        self.decoder = self._load_decoder(decoder)
        self._recipe["dtype"] = str(self.dtype).removeprefix("torch.")

    def _load_decoder(self, source: str) -> nn.Module:
        weights = read(source)
        architecture = ARCHITECTURES[weights.record.architecture]
        if not architecture.mirrored:
            raise UsageError(f"decoder: {source} holds {weights.record.name}, which is not a decoder")
        probe = torch.zeros(1, 3, SMALLEST, SMALLEST, device=self.device)
        _, given, height, _ = self.network(probe, [LAYER])[LAYER].shape
        taken = architecture.widths[-1]
        if given != taken:
            raise UsageError(
                f"decoder: {weights.record.name} expects {taken} channels at {LAYER}, but the encoder has {given}; "
                "use the decoder that was trained with it"
            )
        if height * STRIDE != SMALLEST:
            raise UsageError(
                f"network: expected {LAYER} at 1/{STRIDE} of the size, got {height} of {SMALLEST} positions"
            )
        self._recipe["decoder"] = {"name": weights.record.name, "sha256": weights.sha256}
        decoder = Decoder.from_tensors(weights.tensors, weights.record.architecture)
        # torch's annotations don't know that a module takes memory_format.
        return decoder.to(self.device, self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def encode(self, image: Tensor, mask: Tensor | None = None) -> AdaINStyle:
        """Return means and deviations of a painting's features; see `StyleNetwork`."""
        mean, std = mean_std(self.network(image, [LAYER])[LAYER], mask)
        return AdaINStyle(mean[0], std[0])

    def neutral_style(self) -> AdaINStyle:
        """Return the style of a gray image."""
        return self.encode(torch.full((1, 3, 2 * STRIDE, 2 * STRIDE), 0.5, device=self.device))

    def halo(self, styles: Sequence[AdaINStyle]) -> int:
        """Return the receptive field's radius in pixels."""
        return HALO

    def generate(self, tile: TileInput, styles: Sequence[AdaINStyle], shares: Tensor | None = None) -> Stages:
        """Return the stages that stylize an image or a tile; see `StyleNetwork`."""
        features = self.network(tile.photo, [LAYER])[LAYER]
        small = None if shares is None else F.adaptive_avg_pool2d(shares, (features.shape[2], features.shape[3]))
        mixed = self.mixed(features, styles, small, (yield StatisticsRequest(features, small)))
        painted: Tensor = self.decoder(mixed.to(self.dtype, memory_format=torch.channels_last)).float()
        return painted

    def mixed(
        self, features: Tensor, styles: Sequence[AdaINStyle], shares: Tensor | None, whole: Moments | None = None
    ) -> Tensor:
        """Return the decoder's input: the features normalized for each style, mixed by shares.

        Args:
            features: The photo's, (1, C, H, W).
            styles: One or several.
            shares: Share of each style at each position, (N, 1, h, w), with a sum of 1; None for one style.
            whole: Moments of the whole image, if the features are a tile's.

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
    """Return the name of the decoder trained for an encoder.

    Raises:
        UsageError: There is none.
    """
    decoders = {record.encoder: name for name, record in RECORDS.items() if record.encoder}
    if encoder not in decoders:
        raise UsageError(
            f"network: there is no decoder for {encoder}, only for {', '.join(decoders)}; use one of these "
            "encoders, or pass your own decoder with decoder (--decoder)"
        )
    return decoders[encoder]
