"""AdaIN-lite: any style in one fast pass. Our own network; the default.

A painting is encoded once as a code of 128 numbers, which modulates the kernels and the two normalizations of a small
network. The photo passes the network once, mostly at 1/4, 1/8 and 1/16 of its size. Only the two normalizations need
statistics of the whole photo.

Related: AdaIN (Huang and Belongie 2017, arXiv:1703.06868); style prediction (Ghiasi et al. 2017, arXiv:1705.06830);
kernels modulated by a style (Karras et al. 2020, arXiv:1912.04958); kernels mixed by an input (Yang et al. 2019,
arXiv:1904.04971). Experiments: docs/methods/adain_lite.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import UsageError
from brushwork.flow import warp
from brushwork.losses.content import relative_errors
from brushwork.losses.perceptual import PerceptualLoss
from brushwork.methods.adain_lite.architecture import FIRST, architecture_of
from brushwork.methods.adain_lite.network import (
    HALO,
    MULTIPLE,
    Generator,
    LiteNetwork,
    MeanCovariance,
    ModulatedWeights,
)
from brushwork.methods.base import Declaration
from brushwork.methods.style_network import TensorStyleNetwork
from brushwork.nn import FeatureNetwork, load_network
from brushwork.nn.statistics import covariance
from brushwork.options.methods import AdaINLite
from brushwork.options.training import TrainAdaINLite
from brushwork.runtime.device import choose_dtype
from brushwork.runtime.tensor_files import write_tensors
from brushwork.tiling.tiles import NEAR, Stages, TileInput
from brushwork.training.data import PhotoFolder
from brushwork.training.synthetic_motion import moving_layers
from brushwork.weights import Model, load_into, read_model

__all__ = ["AdaINLiteStyleNetwork", "AdaINLiteTask", "LiteStyle", "MovedPhotos", "gaussian_codes"]

NAME = "adain-lite"
ENCODER = "vgg19-slim"
STYLE_SIZE = 256  # longer side of the painting as input to the style encoder at style_scale 1, in pixels
STROKE_SIZE = 384  # longer side of the painting that defines the stroke size during training, in pixels
FASTEST = 8.0  # maximum motion in pixels between the two frames of the temporal loss
GRAIN = 0.02  # maximum standard deviation of the synthetic camera noise in these frames
GIVEN_BACK = 8.0  # weight of the reconstruction loss of photos in their own style


@dataclass(frozen=True)
class LiteStyle:
    """A style as a code (128,), or (393,) of the second architecture."""

    code: Tensor


@dataclass(frozen=True)
class PreparedStyle(LiteStyle):
    """A style with its kernels and normalizations, which all tiles share."""

    kernels: Mapping[str, ModulatedWeights]


def gaussian_codes(codes: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Return codes (count, 128) drawn from a Gaussian with the mean and covariance of others.

    Args:
        codes: The others, (N, 128).
        count: How many.
        generator: Decides them; None for torch's own.
    """
    device = None if generator is None else generator.device
    # Random combinations of the codes' deviations have their covariance.
    shares = torch.randn(count, len(codes), generator=generator, device=device).to(codes.device)
    mean = codes.mean(0)
    return mean + shares @ ((codes - mean) / math.sqrt(max(1, len(codes) - 1)))


class AdaINLiteTask:
    """Trains style encoder and generator.

    Args:
        settings: The options.
        paintings: Random crops of these are the styles.
        device: The device to run on.
    """

    def __init__(self, settings: TrainAdaINLite, paintings: PhotoFolder, device: torch.device) -> None:
        self.settings, self.paintings = settings, paintings
        torch.manual_seed(settings.seed)
        self.loss = PerceptualLoss(settings, [], device)
        self.critic = self.loss.critic
        self.encoder = load_network(ENCODER, device=device, dtype=self.loss.dtype).network
        self.model = read_model(settings.start, NAME) if settings.start else None
        self.network = LiteNetwork(FIRST if self.model is None else architecture_of(self.model))
        if self.model is not None:
            load_into(self.network, self.model)
        self.network.train().requires_grad_(True).to(device)
        if settings.learn == "painter":
            self.network.coder.requires_grad_(False)
        if self.model is None:
            self._set_units(device)

    def facts(self) -> dict[str, Any]:
        """Return what must match for a checkpoint to be resumed."""
        start = self.model and self.model.sha256
        return {"task": NAME, "model": start, "paintings": len(self.paintings.files), **self.loss.facts()}

    def terms(self, photos: Tensor) -> dict[str, Tensor]:
        """Return the weighted loss terms for photos (B, 3, S, S), in styles of paintings, a few in their own."""
        paintings = self.paintings.drawn(len(photos), recolor=True).to(photos.device)
        own = torch.rand(len(photos), 1, 1, 1).to(photos.device) < self.settings.own_share
        film = MovedPhotos(photos) if self.settings.temporal_weight else None
        photos = photos if film is None else film.before
        paintings = torch.where(own, photos, paintings)
        pictures, spiky = self._painted(photos, paintings)
        colors = _color_errors(pictures, paintings).mean()
        steady = {}
        if film is not None:
            apart = film.apart(pictures, self._painted(film.after, paintings)[0])
            steady = {"temporal": self.settings.temporal_weight * apart}
        return {
            **steady,
            **self.loss(pictures, photos, self.loss.grams(paintings), paintings=paintings),
            "spikes": spiky,
            "colors": self.settings.color_weight * colors,
            "own": GIVEN_BACK * (own * (pictures - photos).abs()).mean(),
        }

    def painted(self, photos: Tensor) -> Tensor:
        """Stylize photos (B, 3, S, S) in the styles of random paintings."""
        return self._painted(photos, self.paintings.drawn(len(photos), recolor=True).to(photos.device))[0]

    def write(self, path: Path) -> None:
        """Write the weights for the option `model`."""
        tensors = {name: tensor.detach().cpu().half() for name, tensor in self.network.state_dict().items()}
        about = {"model": NAME, "architecture": self.network.sizes.name}
        if self.settings.learn == "painter" and self.model is not None:
            about["codes"] = _codes_of(self.model)
        write_tensors(path, tensors, about)

    def _painted(self, photos: Tensor, paintings: Tensor) -> tuple[Tensor, Tensor]:
        return self.loss.paint(self.network, photos.to(self.loss.dtype), self._moments(paintings))

    @torch.no_grad()
    def _moments(self, paintings: Tensor) -> list[MeanCovariance]:
        """Return the style encoder's inputs for paintings, which are downscaled for it."""
        seen = F.interpolate(paintings, scale_factor=STYLE_SIZE / STROKE_SIZE, mode="bicubic", antialias=True)
        seen = seen.clamp(0, 1).contiguous(memory_format=torch.channels_last)
        coder = self.network.coder
        return coder.moments(seen, self.encoder(seen, coder.sizes.layer_names))

    @torch.no_grad()
    def _set_units(self, device: torch.device) -> None:
        """Set the style encoder's input normalization from the statistics of sample paintings."""
        coder = self.network.coder
        shown = [self._moments(self.paintings.drawn(8, recolor=True).to(device)) for _ in range(25)]
        layers = zip(*shown, strict=True)
        moments = [(torch.cat([m for m, _ in layer]), torch.cat([spread for _, spread in layer])) for layer in layers]
        squares = [mean.square() + spread.diagonal(dim1=1, dim2=2) for mean, spread in moments[1:]]
        coder.unit.copy_(torch.stack([square.mean() for square in squares]).sqrt())
        found = coder.statistics(moments)
        coder.mean.copy_(found.mean(0))
        coder.std.copy_(found.std(0) + 1e-3)


class MovedPhotos:
    """Synthetic frame pairs with known motion: photos, each with a piece of another one in front.

    Args:
        photos: (B, 3, S, S) in [0, 1].
        covered: False leaves out the piece in front: the first frame is the photo, with grain.
    """

    def __init__(self, photos: Tensor, *, covered: bool = True) -> None:
        side, shown = photos.shape[3], photos.cpu()
        films = []
        for number, photo in enumerate(torch.split(shown, 1)):
            seed, speed = int(torch.randint(1 << 60, ())), FASTEST * float(torch.rand(()))
            layers = [photo, shown[number - 1, None]] if covered else [photo]
            films.append(moving_layers(layers, (side, side), 2, seed=seed, speed=speed, margin=1.0))
        self.before, self.after = (self._grainy(torch.cat([f.frames[k] for f in films]), photos) for k in (0, 1))
        self.back = torch.cat([film.flow(1, 0) for film in films]).to(photos.device)
        self.visible = torch.cat([film.visible(1, 0) for film in films]).to(photos.device)

    @staticmethod
    def _grainy(frames: Tensor, like: Tensor) -> Tensor:
        """Add camera noise."""
        grainy = (frames + GRAIN * torch.rand(()) * torch.randn(frames.shape)).clamp(0, 1)
        return grainy.to(like.device).contiguous(memory_format=torch.channels_last)

    def apart(self, before: Tensor, after: Tensor) -> Tensor:
        """Return the mean squared error between the stylized frames, (B, 3, S, S), where both show the same points."""
        brought = warp(before, self.back, mode="bicubic")
        return (self.visible * (after - brought).square()).sum() / (3 * self.visible.sum()).clamp_min(1)


def _color_errors(found: Tensor, target: Tensor) -> Tensor:
    """Return the errors (B,) of color means and covariances."""
    means = (found.mean((2, 3)) - target.mean((2, 3))).square().sum(1)
    return 4 * means + relative_errors(covariance(found), covariance(target)).clamp(max=4)


def _codes_of(model: Model) -> str:
    """Return the hash of the model whose codes it uses: its own, unless only its generator was trained."""
    return str(model.about.get("codes", model.sha256))


class AdaINLiteStyleNetwork(TensorStyleNetwork[LiteStyle]):
    """AdaIN-lite.

    Args:
        settings: The options.
        device: The device to run on.
        network: Not supported; codes are computed from features of vgg19-slim.

    Raises:
        UsageError: A network is given.
        WeightsError: The model can't be read.
    """

    declaration = Declaration(smallest=MULTIPLE, tiling="statistics", blends=True, regions=True)
    settings: AdaINLite
    style_type = LiteStyle
    multiple = MULTIPLE
    first_halo, near_output = NEAR, True  # the receptive field before the first request and after the last one

    def __init__(
        self, settings: AdaINLite, device: torch.device | str = "cpu", *, network: FeatureNetwork | None = None
    ) -> None:
        self.settings, self.device = settings, torch.device(device)
        if network is not None:
            raise UsageError(f"{NAME} only works with the feature network {ENCODER}; use gatys for other networks")
        self.dtype = choose_dtype(settings.precision, self.device)
        encoder = load_network(ENCODER, device=self.device, dtype=self.dtype)
        model = read_model(settings.model, NAME)
        lite = LiteNetwork(architecture_of(model))
        load_into(lite, model)
        lite.to(self.device)
        self.encoder, self.coder = encoder.network, lite.coder
        self.generator: Generator = lite.painter.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._neutral: LiteStyle | None = None
        self._recipe = {
            "weights": {"name": encoder.weights.record.name, "sha256": encoder.weights.sha256},
            "model": {"name": model.name, "sha256": model.sha256, "codes": _codes_of(model)},
            "dtype": str(self.dtype).removeprefix("torch."),
        }

    def painting_size(self, sizes: Sequence[int]) -> int:
        """Return the same size for photos of all sizes; see `StyleNetwork`."""
        return max(1, round(STYLE_SIZE * self.settings.style_scale))

    def encode_content(self, photo: Tensor, mask: Tensor | None = None) -> LiteStyle:
        """Encode the photo, downscaled as paintings are; see `StyleNetwork`."""

        def seen(x: Tensor) -> Tensor:
            return F.interpolate(x, scale_factor=STYLE_SIZE / STROKE_SIZE, mode="bilinear", antialias=True).clamp(0, 1)

        return self.encode(seen(photo), None if mask is None else seen(mask))

    def encode(self, image: Tensor, mask: Tensor | None = None) -> LiteStyle:
        """Encode a painting; see `StyleNetwork`."""
        pixels = image.contiguous(memory_format=torch.channels_last)
        features = self.encoder(pixels, self.coder.sizes.layer_names)
        return LiteStyle(self.coder(self.coder.moments(pixels, features, mask))[0])

    def generate(self, tile: TileInput, styles: Sequence[LiteStyle], shares: Tensor | None = None) -> Stages:
        """Return the stages that stylize an image or a tile; see `StyleNetwork`."""
        weights = [self.prepare(style).kernels for style in styles]

        def typed(pixels: Tensor) -> Tensor:
            return pixels.to(self.dtype, memory_format=torch.channels_last)

        typed_tile = replace(tile, read=lambda: typed(tile.photo), read_near=lambda: typed(tile.photo_nearby))
        return self.generator.stages(typed_tile, weights, shares)

    def prepare(self, style: LiteStyle) -> PreparedStyle:
        """Return the style with its kernels: megabytes that each suspended tile would otherwise hold."""
        if isinstance(style, PreparedStyle):
            return style
        return PreparedStyle(style.code, self.generator.modulate(style.code, self.dtype))

    def neutral_style(self) -> LiteStyle:
        """Return the code of a gray image."""
        if self._neutral is None:
            self._neutral = self.encode(torch.full((1, 3, 2 * MULTIPLE, 2 * MULTIPLE), 0.5, device=self.device))
        return self._neutral

    def halo(self, styles: Sequence[LiteStyle]) -> int:
        """Return the receptive field's radius in pixels."""
        return HALO
