"""MicroAST's network at inference, for its official weights.

Source: Wang et al. 2023, "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer", AAAI,
arXiv:2211.15313.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv(nn.Module):
    """A convolution after reflection padding of half its kernel."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(channels, width, kernel, stride, groups=groups)
        self.margin = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_layer(F.pad(x, (self.margin,) * 4, mode="reflect") if self.margin else x)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = Conv(64, 64, 3), Conv(64, 64, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


class Modulated(Residual):
    def forward(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        y = F.relu(weight * self.conv1(x) + bias * x)
        return x + weight * self.conv2(y) + bias * y


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        down = [Conv(16, 32, 3, 2, 16), nn.ReLU(), Conv(32, 32, 1), nn.ReLU()]
        down += [Conv(32, 64, 3, 2, 32), nn.ReLU(), Conv(64, 64, 1), nn.ReLU()]
        self.enc1 = nn.Sequential(Conv(3, 16, 9), nn.ReLU(), *down, Residual())
        self.enc2 = nn.Sequential(Residual())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first = self.enc1(x)
        return first, self.enc2(first)


class Modulator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for name in ("weight1", "bias1", "weight2", "bias2"):
            setattr(self, name, nn.Sequential(Conv(64, 64, 3, groups=64)))

    def forward(self, first: Tensor, second: Tensor) -> list[Tensor]:
        pairs = (self.weight1, first), (self.bias1, first), (self.weight2, second), (self.bias2, second)
        return [layer(features).mean((2, 3), keepdim=True) for layer, features in pairs]


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dec1, self.dec2 = Modulated(), Modulated()

        def up() -> nn.Module:
            return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

        self.dec3 = nn.Sequential(
            up(), Conv(64, 32, 3, groups=32), nn.ReLU(), Conv(32, 32, 1), nn.ReLU(),
            up(), Conv(32, 16, 3, groups=16), nn.ReLU(), Conv(16, 16, 1), nn.ReLU(), Conv(16, 3, 9),
        )  # fmt: skip

    def forward(self, content: tuple[Tensor, Tensor], style: tuple[Tensor, Tensor], filters: list[Tensor]) -> Tensor:
        weight1, bias1, weight2, bias2 = filters
        x = self.dec1(adain(content[1], style[1]), weight2, bias2)
        return self.dec3(self.dec2(adain(x, style[0]), weight1, bias1))


def adain(x: Tensor, style: Tensor) -> Tensor:
    (mean, std), (to_mean, to_std) = (
        (f.mean((2, 3), keepdim=True), (f.var((2, 3), keepdim=True) + 1e-5).sqrt()) for f in (x, style)
    )
    return (x - mean) / std * to_std + to_mean


class MicroAST(nn.Module):
    """Photo and painting, (1, 3, H, W) in [0, 1] → pixels."""

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__()
        self.content_encoder, self.style_encoder = Encoder(), Encoder()
        self.modulator, self.decoder = Modulator(), Decoder()
        for name in ("content_encoder", "style_encoder", "modulator", "decoder") if folder else ():
            state = torch.load(folder / f"{name}_iter_160000.pth.tar", weights_only=True)
            getattr(self, name).load_state_dict(state)
        self.eval().requires_grad_(False)

    def forward(self, photo: Tensor, painting: Tensor) -> Tensor:
        style = self.style_encoder(painting)
        return self.decoder(self.content_encoder(photo), style, self.modulator(*style))
