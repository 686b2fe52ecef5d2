"""MicroAST: any style in one pass of a small network, with its authors' weights, which have to be imported.

Source: Wang, Zhao, Zuo, Li, Chen, Xing and Lu 2023, "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style
Transfer", AAAI, arXiv:2211.15313.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.errors import UsageError
from brushwork.methods.base import Declaration
from brushwork.methods.style_network import TensorStyleNetwork
from brushwork.nn import FeatureNetwork
from brushwork.nn.statistics import mean_std, position_weights
from brushwork.options.methods import MicroAST
from brushwork.runtime.device import choose_dtype
from brushwork.tiling.tiles import Stages, StatisticsRequest, TileInput, within
from brushwork.weights import load_into, read_model

__all__ = ["MicroASTNetwork", "MicroASTStyle", "MicroASTStyleNetwork"]

WIDTH = 64  # channels at a quarter of the size
STRIDE = 4
HALO = 64  # radius of the receptive field in pixels
SMALLEST = 16  # minimum side for reflection padding


@dataclass(frozen=True)
class MicroASTStyle:
    """For each of the style encoder's two features, (2, 64): means and deviations, filter factors and shares."""

    mean: Tensor
    std: Tensor
    factor: Tensor
    share: Tensor


class _Conv(nn.Conv2d):
    """Convolution with reflection padding of half the kernel size."""

    def forward(self, x: Tensor) -> Tensor:
        margin = self.kernel_size[0] // 2
        result: Tensor = super().forward(F.pad(x, (margin,) * 4, mode="reflect") if margin else x)
        return result


class _Block(nn.Module):
    """x + conv(ReLU(conv(x))); in the decoder, the style scales each channel of both paths."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Conv(WIDTH, WIDTH, 3), _Conv(WIDTH, WIDTH, 3)

    def forward(self, x: Tensor, factor: Tensor | float = 1.0, share: Tensor | float = 0.0) -> Tensor:
        y = F.relu(factor * self.conv1(x) + share * x)
        result: Tensor = x + factor * self.conv2(y) + share * y
        return result


def _narrow(channels: int, width: int, stride: int = 1) -> list[nn.Module]:
    """Return a grouped convolution and a 1×1 convolution."""
    groups = min(channels, width)
    return [_Conv(channels, width, 3, stride, groups=groups), nn.ReLU(), _Conv(width, width, 1), nn.ReLU()]


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        start: list[nn.Module] = [_Conv(3, 16, 9), nn.ReLU()]
        self.enc1 = nn.Sequential(*start, *_narrow(16, 32, 2), *_narrow(32, WIDTH, 2), _Block())
        self.enc2 = nn.Sequential(_Block())

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        first = self.enc1(pixels)
        return first, self.enc2(first)


class _Modulator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for name in ("weight1", "bias1", "weight2", "bias2"):
            setattr(self, name, nn.Sequential(_Conv(WIDTH, WIDTH, 3, groups=WIDTH)))


class _Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dec1, self.dec2 = _Block(), _Block()
        up = nn.Upsample(scale_factor=2, mode="bilinear")
        self.dec3 = nn.Sequential(up, *_narrow(WIDTH, 32), up, *_narrow(32, 16), _Conv(16, 3, 9))


class MicroASTNetwork(nn.Module):
    """The four parts of MicroAST, named as by its authors."""

    def __init__(self) -> None:
        super().__init__()
        self.content_encoder, self.style_encoder = _Encoder(), _Encoder()
        self.modulator, self.decoder = _Modulator(), _Decoder()

    def encode(self, painting: Tensor, mask: Tensor | None = None) -> MicroASTStyle:
        """Encode the style of pixels (1, 3, H, W)."""
        features = self.style_encoder(painting)
        moments = [mean_std(x, mask) for x in features]
        filters = [
            torch.stack([self._mean(f"{name}{k}", x, mask) for k, x in enumerate(features, 1)])
            for name in ("weight", "bias")
        ]
        mean, std = (torch.cat([pair[k] for pair in moments]) for k in (0, 1))
        return MicroASTStyle(mean, std, filters[0], filters[1])

    def _mean(self, name: str, features: Tensor, mask: Tensor | None) -> Tensor:
        """Return the spatial mean of a depthwise convolution of features, (64,)."""
        found = getattr(self.modulator, name)(features)
        return (found.flatten(2) * position_weights(found, mask)).sum(2)[0]  # type: ignore[no-any-return]

    def steps(self, look: Callable[[], Tensor], styles: Sequence[MicroASTStyle], shares: Tensor | None) -> Stages:
        """Return the stages that stylize the pixels (1, 3, H, W) from `look`, in styles with shares of sum 1."""

        def where(of: str, depth: int) -> Tensor:
            """Return a channel parameter of the styles mixed at each position: (1, 64, H / 4, W / 4)."""
            numbers = torch.stack([getattr(style, of)[depth] for style in styles])
            return torch.einsum("nc,nohw->ochw", numbers, small)

        x: Tensor = self.content_encoder(look())[1]
        size = x.shape[2], x.shape[3]
        small = x.new_ones(1, 1, *size) if shares is None else F.adaptive_avg_pool2d(shares, size)
        for depth, block in ((1, self.decoder.dec1), (0, self.decoder.dec2)):
            whole = yield StatisticsRequest(x)
            mean, std = mean_std(x.float()) if whole is None else whole.of(0)
            x = (x - mean[..., None, None]) / std[..., None, None] * where("std", depth) + where("mean", depth)
            x = block(x, where("factor", depth), where("share", depth))
        result: Tensor = self.decoder.dec3(x)
        return result


class MicroASTStyleNetwork(TensorStyleNetwork[MicroASTStyle]):
    """MicroAST.

    Args:
        settings: The options.
        device: The device to run on.
        network: Not supported; it has its own encoders.

    Raises:
        UsageError: A network is given.
        WeightsError: The model is not here, or can't be read.
    """

    declaration = Declaration(smallest=SMALLEST, tiling="statistics", blends=True, regions=True)
    settings: MicroAST
    style_type = MicroASTStyle
    multiple = STRIDE

    def __init__(
        self, settings: MicroAST, device: torch.device | str = "cpu", *, network: FeatureNetwork | None = None
    ) -> None:
        self.settings, self.device = settings, torch.device(device)
        if network is not None:
            raise UsageError("microast has its own encoders; use gatys for other networks")
        self.dtype = choose_dtype(settings.precision, self.device)
        model = read_model(settings.model, "microast")
        self.network = MicroASTNetwork()
        load_into(self.network, model)
        self.network.to(self.device)
        self._recipe = {
            "model": {"name": model.name, "sha256": model.sha256},
            "dtype": str(self.dtype).removeprefix("torch."),
        }

    def neutral_style(self) -> MicroASTStyle:
        """Return the style of a gray image."""
        return self.encode(torch.full((1, 3, SMALLEST, SMALLEST), 0.5, device=self.device))

    def encode(self, image: Tensor, mask: Tensor | None = None) -> MicroASTStyle:
        """Encode a painting; see `StyleNetwork`."""
        return self.network.encode(image, mask)

    def halo(self, styles: Sequence[MicroASTStyle]) -> int:
        """Return the receptive field's radius in pixels."""
        return HALO

    def generate(self, tile: TileInput, styles: Sequence[MicroASTStyle], shares: Tensor | None = None) -> Stages:
        """Return the stages that stylize an image or a tile; see `StyleNetwork`."""
        mixed = partial(torch.autocast, self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)
        return (yield from within(mixed, self.network.steps(lambda: tile.photo, styles, shares))).float()
