"""What the tests of the weights share: random tensors, the published names written out by hand, a server's plan."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from brushwork.weights import ARCHITECTURES

TORCHVISION = {
    "vgg16": [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
    "vgg19": [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34],
}
NORMALISED = [2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42, 45, 48, 51]


def published(named: dict[str, Tensor], indices: list[int], prefix: str = "") -> dict[str, Tensor]:
    layers = list(dict.fromkeys(name.partition(".")[0] for name in named))
    return {
        f"{prefix}{indices[layers.index(name.partition('.')[0])]}.{name.partition('.')[2]}": tensor
        for name, tensor in named.items()
    }


def random_tensors(
    architecture: str, depth: int | None = None, dtype: torch.dtype = torch.float32
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(7)
    shapes = ARCHITECTURES[architecture].shapes(depth)
    return {name: torch.randn(shape, generator=generator).to(dtype) * 0.1 for name, shape in shapes.items()}


@dataclass
class Server:
    """What the server sends, and how it misbehaves."""

    url: str = ""
    body: bytes = b""
    break_after: list[int] = field(default_factory=list)  # bytes sent of the first answer, the second …
    ignore_range: bool = False
    status: int = 200
    ranges: list[str | None] = field(default_factory=list)
