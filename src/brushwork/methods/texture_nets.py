"""Texture networks: textures from noise at several scales, or stylized photos, in one pass.

Source: Ulyanov, Lebedev, Vedaldi and Lempitsky 2016, "Texture Networks: Feed-forward Synthesis of Textures and
Stylized Images", ICML, arXiv:1603.03417. Diversity and instance normalization: Ulyanov, Vedaldi and Lempitsky 2017,
"Improved Texture Networks", CVPR, arXiv:1701.02096. What differs: docs/methods/texture_nets.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.errors import UsageError
from brushwork.losses.perceptual import PerceptualLoss, at_size
from brushwork.methods.base import Declaration
from brushwork.methods.style_network import TrainedStyleNetwork, read_start, write_network
from brushwork.nn.transformation import MIDDLE, StyleNorm
from brushwork.options.methods import TextureNets
from brushwork.options.training import TrainTextureNets
from brushwork.tiling.tiles import Stages, TileInput, run_whole

__all__ = ["TextureNetsStyleNetwork", "TextureNetwork", "TextureTask", "noise"]

NAME = "texture-nets"
NOISE = 3  # channels of noise at each size; section 3.1
SLOPE = 0.01
SMALLEST = 128  # four pixels at the coarsest of six sizes


class _Layer(nn.Module):
    """Convolution, normalization, leaky ReLU."""

    def __init__(self, channels: int, width: int, kernel: int, *, batch: bool) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, width, kernel), StyleNorm(width, batch=batch)
        self.margin = kernel // 2

    def steps(self, x: Tensor, border: str) -> Stages:
        """Apply the layer to features of an image or a tile."""
        x = F.pad(x, (self.margin,) * 4, mode=border) if self.margin else x
        return F.leaky_relu((yield from _normed(self.norm, self.conv(x))), SLOPE)


class _Block(nn.ModuleList):
    """Three layers, 3×3, 3×3 and 1×1, of one width."""

    def __init__(self, channels: int, width: int, *, batch: bool) -> None:
        sizes = ((channels, 3), (width, 3), (width, 1))
        super().__init__([_Layer(inputs, width, kernel, batch=batch) for inputs, kernel in sizes])

    def steps(self, x: Tensor, border: str) -> Stages:
        """Apply the block to features of an image or a tile."""
        layer: Any
        for layer in self:
            x = yield from layer.steps(x, border)
        return x


class TextureNetwork(nn.Module):
    """The generator: from the coarsest scale to the finest, each adding features of its own noise and photo.

    Args:
        channels: Number of feature channels per scale.
        scales: Number of scales, each half the previous size.
        photo: Whether it stylizes a photo; otherwise it generates seamless textures.
        batch: Batch normalization, as in the first paper, instead of instance normalization.

    Source: Ulyanov et al. 2016, section 3.1 and supplementary material, figure 8: 8 channels, 5 sizes for textures and
        6 for photos, circular convolution for textures.
    """

    def __init__(self, channels: int = 8, scales: int = 6, *, photo: bool = True, batch: bool = False) -> None:
        super().__init__()
        self.scales, self.photo = scales, photo
        inputs = NOISE + 3 * photo
        self.own = nn.ModuleList([_Block(inputs, channels, batch=batch) for _ in range(scales)])
        widths = [channels * (count + 1) for count in range(scales)]  # after joining, the coarsest first
        self.joined = nn.ModuleList([_Block(width, width, batch=batch) for width in widths[1:]])
        self.up_norms = nn.ModuleList([StyleNorm(width, batch=batch) for width in widths[:-1]])
        self.own_norms = nn.ModuleList([StyleNorm(channels, batch=batch) for _ in widths[1:]])
        self.last = nn.Conv2d(widths[-1], 3, 1)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> TextureNetwork:
        """Build a frozen network from tensors, which determine its width and depth.

        Raises:
            ValueError: They don't belong to such a network.
        """
        try:
            width, inputs = tensors["own.0.0.conv.weight"].shape[:2]
            scales = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("joined."))
            batch = "own.0.0.norm.running_mean" in tensors
            network = cls(width, scales + 1, photo=inputs > NOISE, batch=batch)
            network.load_state_dict(dict(tensors))
        except (KeyError, ValueError, RuntimeError) as error:
            raise ValueError(f"not a texture network: {error}") from error
        return network.eval().requires_grad_(False)

    @property
    def multiple(self) -> int:
        """Sides must be multiples of this."""
        return int(2 ** (self.scales - 1))

    def forward(self, noises: Sequence[Tensor], photo: Tensor | None = None) -> Tensor:
        """Return pixels (B, 3, H, W), about [0, 1].

        Args:
            noises: In [0, 1), (B, 3, H / 2ᵏ, W / 2ᵏ) for k = 0, 1, …
            photo: (B, 3, H, W); for a network that stylizes.
        """
        return run_whole(self.steps(noises, photo))

    def steps(self, noises: Sequence[Tensor], photo: Tensor | None = None) -> Stages:
        """Return the stages of `forward`, for an image or a tile."""
        border = "reflect" if self.photo else "circular"
        blocks: Any = self.own
        joined: Any = self.joined
        x = torch.empty(0)
        for level in reversed(range(self.scales)):
            given = noises[level]
            if photo is not None:
                small = F.avg_pool2d(photo, 2**level) if level else photo
                given = torch.cat([given.to(small).expand(len(small), -1, -1, -1), small], 1)
            given = given.contiguous(memory_format=torch.channels_last)
            own, place = (yield from blocks[level].steps(given, border)), self.scales - 2 - level
            if place < 0:
                x = own
                continue
            up = F.interpolate((yield from _normed(self.up_norms[place], x)), scale_factor=2.0)
            own = yield from _normed(self.own_norms[place], own)
            x = yield from joined[place].steps(torch.cat([up, own], 1), border)
        result: Tensor = self.last(x).float() + MIDDLE
        return result


def _normed(norm: Any, x: Tensor) -> Stages:
    steps: Stages = norm.steps(x, (norm.scale, norm.shift))
    return steps


def noise(width: int, height: int, scales: int, seed: int, *, left: int = 0, top: int = 0) -> list[Tensor]:
    """Return uniform noise (1, 3, H / 2ᵏ, W / 2ᵏ) for k = 0, 1, …, independent of the image's size at each position.

    Args:
        width: In pixels, a multiple of 2^(scales - 1).
        height: In pixels, a multiple of 2^(scales - 1).
        scales: Number of scales.
        seed: Seed of the noise.
        left: Left edge in the image, a multiple of 2^(scales - 1).
        top: Top edge in the image, a multiple of 2^(scales - 1).
    """
    return [_field(width >> k, height >> k, seed * 64 + k, left >> k, top >> k) for k in range(scales)]


def _field(width: int, height: int, seed: int, left: int, top: int) -> Tensor:
    x, y = left + torch.arange(width), (top + torch.arange(height))[:, None]
    columns = torch.stack([_mixed(x + 1, seed * NOISE + channel) for channel in range(NOISE)])[:, None]
    return _mixed(_xor(_mixed(columns + y, 1), y), 2)[None].double().div(2.0**32).float()


def _mixed(number: Tensor, seed: int) -> Tensor:
    """Hash integers to 32 pseudorandom bits.

    Source: Wellons 2018, "Prospecting for Hash Functions", the function lowbias32.
    """
    x = (number + (seed * 0x9E3779B9 & 0x7FFFFFFF)) % 2**32
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        x = (_xor(x, x >> shift) * factor) % 2**32
    return _xor(x, x >> 15)


def _xor(a: Tensor, b: Tensor) -> Tensor:
    """Return the exclusive or of integers from 0 to 2³² - 1.

    ONNX has none for integers before opset 18: there, a table has it for each pair of bytes.
    """
    if not torch.onnx.is_in_onnx_export():
        return a ^ b
    byte = torch.arange(256, dtype=torch.uint8)
    table = (byte[:, None] ^ byte).flatten()
    bytes_of = [((a >> k) % 256 * 256 + (b >> k) % 256, 2**k) for k in (0, 8, 16, 24)]
    return torch.stack([table[pair].long() * weight for pair, weight in bytes_of]).sum(0)


class TextureTask:
    """Trains a texture network for a painting or a texture.

    Args:
        settings: The options.
        painting: Pixels (1, 3, H, W) in [0, 1].
        device: The device to run on.

    Source: Ulyanov et al. 2016, section 3.2; with `diversity_weight` Ulyanov et al. 2017, section 4.
    """

    paintings = None

    def __init__(self, settings: TrainTextureNets, painting: Tensor, device: torch.device) -> None:
        self.settings = settings
        torch.manual_seed(settings.seed)
        if settings.start:
            self.network = read_start(settings.start, NAME, TextureNetwork.from_tensors)
        else:
            photo, batch = settings.makes == "pictures", settings.normalization == "batch"
            scales = settings.scales or (6 if photo else 5)
            self.network = TextureNetwork(settings.channels, scales, photo=photo, batch=batch)
        if self.network.photo != (settings.makes == "pictures"):
            raise UsageError(f"start: {settings.start} makes {'pictures' if self.network.photo else 'textures'}")
        if settings.side % self.network.multiple or settings.side < 2 * self.network.multiple:
            raise UsageError(
                f"side: expected a multiple of {self.network.multiple}, at least twice that, got {settings.side}"
            )
        self.network.to(device)
        self.loss = PerceptualLoss(settings, [at_size(painting, settings.style_size)], device)
        self.critic = self.loss.critic

    def facts(self) -> dict[str, Any]:
        """Return what must match for a checkpoint to be resumed."""
        return {"task": NAME, **self.loss.facts()}

    def terms(self, photos: Tensor) -> dict[str, Tensor]:
        """Return the weighted loss terms for photos (B, 3, S, S), which for textures only determine the size."""
        pictures, spiky = self._painted(photos)
        terms = self.loss(pictures, photos if self.network.photo else None, self.loss.targets)
        terms["spikes"] = spiky
        if self.settings.diversity_weight and len(pictures) > 1:
            terms["diversity"] = self.settings.diversity_weight * self._sameness(pictures)
        return terms

    def painted(self, photos: Tensor) -> Tensor:
        """Generate images (B, 3, S, S) from random noise."""
        return self._painted(photos)[0]

    def _painted(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        count, side = len(photos), photos.shape[3]
        noises = [torch.rand(count, NOISE, side >> k, side >> k).to(photos.device) for k in range(self.network.scales)]
        return self.loss.paint(self.network, noises, photos if self.network.photo else None)

    def _sameness(self, pictures: Tensor) -> Tensor:
        """Return the mean negative log distance of each image's features to those of its nearest neighbor.

        Source: Ulyanov et al. 2017, eq. 9, with network features instead of pixels; relu4_2 there too.
        """
        layer = self.settings.content_layer
        features = self.loss.network(pictures.clamp(0, 1), [layer])[layer].flatten(1)
        distances = torch.cdist(features, features, p=1) / features.abs().sum(1).mean().clamp_min(1e-8)
        others = distances + 1e6 * torch.eye(len(features), device=features.device)
        return -(others.min(1).values + 1e-6).log().mean()

    def write(self, path: Path) -> None:
        """Write the network as a style for `--style`."""
        write_network(path, NAME, self.network)


class TextureNetsStyleNetwork(TrainedStyleNetwork[TextureNetwork]):
    """Texture networks: a network per style; see `TrainedStyleNetwork`."""

    declaration = Declaration(smallest=SMALLEST, tiling="statistics", blends=False, regions=True)
    settings: TextureNets
    multiple = 32

    def style_from(self, tensors: Mapping[str, Tensor]) -> TextureNetwork:
        """Build the network from tensors.

        Raises:
            ValueError: They don't belong to such a network.
        """
        network = TextureNetwork.from_tensors({name: tensor.float() for name, tensor in tensors.items()})
        for module in network.modules():  # normalizations stay in float32
            if isinstance(module, nn.Conv2d):
                module.to(self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.to(self.device)

    def neutral_style(self) -> TextureNetwork:
        """Return an untrained network."""
        return self.style_from(TextureNetwork().state_dict())

    def halo(self, styles: Sequence[TextureNetwork]) -> int:
        """Return the receptive field's radius in pixels."""
        return 4 << max(network.scales for network in styles)  # four pixels at each size

    def generate_one(self, tile: TileInput, network: TextureNetwork) -> Stages:
        """Return the stages of one network; see `TrainedStyleNetwork`."""
        if not network.photo:
            raise UsageError("this network makes textures from noise only; use brushwork synthesize")
        height, width = tile.photo.shape[2:]
        noises = noise(width, height, network.scales, self.settings.seed, left=tile.left, top=tile.top)
        return network.steps([field.to(tile.photo) for field in noises], tile.photo)

    @torch.inference_mode()
    def synthesize(self, style: TextureNetwork, width: int, height: int) -> Tensor:
        """Generate a texture, pixels (1, 3, H, W) in [0, 1].

        It tiles seamlessly if the sides are multiples of 16, or of 32 for a network of six scales, and at least twice
        that.

        Raises:
            UsageError: The network stylizes photos.
        """
        if style.photo:
            raise UsageError("this network stylizes photos and makes no textures; use brushwork stylize")
        sides = [max(2, -(-side // style.multiple)) * style.multiple for side in (width, height)]
        noises = noise(sides[0], sides[1], style.scales, self.settings.seed)
        result: Tensor = style([field.to(self.device, self.dtype) for field in noises])
        return result[:, :, :height, :width].clamp(0, 1).cpu().contiguous()


def make_task(settings: TrainTextureNets, paintings: Mapping[str, Tensor], device: torch.device) -> TextureTask:
    """Return the task for the only painting."""
    return TextureTask(settings, next(iter(paintings.values())), device)
