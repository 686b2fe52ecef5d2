"""AlexNet and Inception-v3, through which published measures look at pictures."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.errors import PictureError
from brushwork.weights import Preprocessing, read
from brushwork.weights.measure_networks import ALEXNET, INCEPTION_BLOCKS, INCEPTION_STEM, Conv, Pool, Step

__all__ = ["AlexNet", "Inception", "load_alexnet", "load_inception"]

FID_SIDE = 299  # pixels, to which FID resizes pictures
SMALLEST = 75  # pixels of the shorter side, from which Inception's last layers have something to look at
EPSILON = 1e-3  # of Inception's batch normalization


class AlexNet(nn.Module):
    """AlexNet up to relu5, as a feature network: pixels (B, 3, H, W) in [0, 1] → {"relu1": …, "relu5": …}.

    Source: Krizhevsky 2014, arXiv:1404.5997.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.preprocessing = preprocessing
        channels = (3, *(conv.width for conv in ALEXNET))
        self.convs = nn.ModuleDict(
            {conv.name: nn.Conv2d(before, conv.width, conv.kernel, conv.stride, conv.padding)
             for before, conv in zip(channels, ALEXNET, strict=False)}
        )  # fmt: skip

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the features of these layers, after ReLU."""
        x, found = self.preprocessing(image), {}
        for number, conv in enumerate(self.convs.values(), 1):
            x = F.relu(conv(F.max_pool2d(x, 3, 2) if number in (2, 3) else x))
            if f"relu{number}" in layers:
                found[f"relu{number}"] = x
        return found


def load_alexnet() -> tuple[AlexNet, str]:
    """Return AlexNet, frozen, and the SHA-256 of its weights.

    Raises:
        WeightsError: They aren't on this machine; the message says where to get them.
    """
    weights = read("alexnet")
    network = AlexNet(weights.record.preprocessing)
    network.convs.load_state_dict(weights.tensors)
    return network.eval().requires_grad_(False), weights.sha256


class _NormedConv(nn.Module):
    def __init__(self, channels: int, conv: Conv) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, conv.width, conv.kernel, conv.stride, conv.padding, bias=False)
        self.bn = nn.BatchNorm2d(conv.width, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class _Block(nn.Module):
    """Branches side by side, concatenated.

    Args:
        channels: Of the input.
        branches: Steps of each.
        pooling: "max", or "mean" with or without the padding ("mean-padded") counting.
    """

    def __init__(self, channels: int, branches: list[list[Step]], pooling: str) -> None:
        super().__init__()
        self._branches, self._pooling, self.width = branches, pooling, 0
        for branch in branches:
            width = channels
            for step in branch:
                if not isinstance(step, Pool):
                    convs = (step,) if isinstance(step, Conv) else step
                    for conv in convs:
                        self.add_module(conv.name, _NormedConv(width, conv))
                    width = sum(conv.width for conv in convs)
            self.width += width

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._run(branch, x) for branch in self._branches], 1)

    def _run(self, branch: list[Step], x: Tensor) -> Tensor:
        for step in branch:
            if isinstance(step, Pool):
                x = self._pool(step, x)
            elif isinstance(step, Conv):
                x = self.get_submodule(step.name)(x)
            else:
                x = torch.cat([self.get_submodule(conv.name)(x) for conv in step], 1)
        return x

    def _pool(self, step: Pool, x: Tensor) -> Tensor:
        if step.stride == 2:
            return F.max_pool2d(x, 3, 2)
        if self._pooling == "max":
            return F.max_pool2d(x, 3, 1, 1)
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=self._pooling == "mean-padded")


class Inception(nn.Module):
    """Inception-v3 up to its last pooling: pixels (B, 3, H, W) in [0, 1] → vectors (B, 2048).

    Args:
        preprocessing: What the weights expect.
        fid: Whether it is FID's network, as in TensorFlow: pictures are resized to 299×299, padding doesn't count in
            means, and the last block pools maxima. Otherwise it is ArtFID's, which takes pictures as they are.

    Source: Szegedy et al. 2016, arXiv:1512.00567; FID's as ported by github.com/mseitzer/pytorch-fid; ArtFID's
        of Wright and Ommer 2022, arXiv:2207.12280.
    """

    def __init__(self, preprocessing: Preprocessing, *, fid: bool = True) -> None:
        super().__init__()
        self.preprocessing, self.fid = preprocessing, fid
        pooling = "mean" if fid else "mean-padded"
        self.stem = _Block(3, [INCEPTION_STEM], pooling)
        self.blocks = nn.ModuleDict()
        channels = self.stem.width
        for name, branches in INCEPTION_BLOCKS.items():
            block = _Block(channels, branches, "max" if fid and name == "Mixed_7c" else pooling)
            self.blocks[name], channels = block, block.width

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the means of the last block's features.

        Raises:
            PictureError: Pictures too small for ArtFID.
        """
        if not self.fid and min(pixels.shape[2:]) < SMALLEST:
            raise PictureError(f"ArtFID needs pictures of at least {SMALLEST} pixels, got {min(pixels.shape[2:])}")
        if self.fid:
            pixels = F.interpolate(pixels, (FID_SIDE, FID_SIDE), mode="bilinear", align_corners=False)
        x = self.stem(self.preprocessing(pixels))
        for block in self.blocks.values():
            x = block(x)
        vectors: Tensor = x.mean((2, 3))
        return vectors

    def load_published(self, tensors: Mapping[str, Tensor]) -> None:
        """Load tensors by their published names: Conv2d_1a_3x3.conv.weight, Mixed_5b.branch1x1.bn.bias, …."""
        own = {f"{'blocks' if name.startswith('Mixed') else 'stem'}.{name}": x for name, x in tensors.items()}
        counts = {name: x for name, x in self.state_dict().items() if name.endswith("num_batches_tracked")}
        self.load_state_dict(own | counts)


def load_inception(record: str = "inception-fid") -> tuple[Inception, str]:
    """Return Inception-v3, frozen, and the SHA-256 of its weights.

    Args:
        record: "inception-fid" or "inception-art".

    Raises:
        WeightsError: They aren't on this machine; the message says where to get them.
    """
    weights = read(record)
    network = Inception(weights.record.preprocessing, fid=record == "inception-fid")
    network.load_published(weights.tensors)
    return network.eval().requires_grad_(False), weights.sha256
