"""The transformer network of pytorch/examples' fast_neural_style, for its official weights.

Source: Johnson et al. 2016, arXiv:1603.08155, with instance normalization.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv(nn.Module):
    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1, enlarge: int = 1) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(channels, width, kernel, stride)
        self.margin, self.enlarge = kernel // 2, enlarge

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=self.enlarge, mode="nearest") if self.enlarge > 1 else x
        return self.conv2d(F.pad(x, (self.margin,) * 4, mode="reflect"))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = Conv(128, 128, 3), Conv(128, 128, 3)
        self.in1, self.in2 = (nn.InstanceNorm2d(128, affine=True) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))


class FastNeuralStyle(nn.Module):
    """Pixels (1, 3, H, W) of 0..255 → the same."""

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = Conv(3, 32, 9), Conv(32, 64, 3, 2), Conv(64, 128, 3, 2)
        for index in range(1, 6):
            setattr(self, f"res{index}", Residual())
        self.deconv1, self.deconv2 = Conv(128, 64, 3, enlarge=2), Conv(64, 32, 3, enlarge=2)
        self.deconv3 = Conv(32, 3, 9)
        for index, width in enumerate((32, 64, 128, 64, 32), 1):
            setattr(self, f"in{index}", nn.InstanceNorm2d(width, affine=True))
        if weights:
            state = torch.load(weights, weights_only=True)
            # Statistics of old versions of the layer, which it never used.
            self.load_state_dict({name: t for name, t in state.items() if "running_" not in name})
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        for index in (1, 2, 3):
            x = F.relu(getattr(self, f"in{index}")(getattr(self, f"conv{index}")(x)))
        for index in range(1, 6):
            x = getattr(self, f"res{index}")(x)
        x = F.relu(self.in4(self.deconv1(x)))
        return self.deconv3(F.relu(self.in5(self.deconv2(x))))
