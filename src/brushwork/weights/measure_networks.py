"""Networks of published measures: their convolutions, and the names and shapes of their tensors as published.

They are kept under their published names. Tensors that no measure needs, such as classifiers, are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from brushwork.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ALEXNET", "INCEPTION_BLOCKS", "INCEPTION_STEM", "MEASURE_NETWORKS", "Conv", "Pool", "Step", "select"]


class Conv(NamedTuple):
    """A convolution: its published name, width, kernel (rows, columns), stride and padding on each side."""

    name: str
    width: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: tuple[int, int] = (0, 0)


class Pool(NamedTuple):
    """A 3×3 pooling: with stride 2 of maxima; with stride 1 padded, of means or maxima."""

    stride: int


Step: TypeAlias = Conv | Pool | tuple[Conv, ...]  # several convolutions side by side are concatenated


def _same(name: str, width: int, rows: int = 1, columns: int | None = None) -> Conv:
    kernel = (rows, rows if columns is None else columns)
    return Conv(name, width, kernel, 1, (kernel[0] // 2, kernel[1] // 2))


def _halving(name: str, width: int) -> Conv:
    return Conv(name, width, (3, 3), 2)


def _block_a(pooled: int) -> list[list[Step]]:
    return [
        [_same("branch1x1", 64)],
        [_same("branch5x5_1", 48), _same("branch5x5_2", 64, 5)],
        [_same("branch3x3dbl_1", 64), _same("branch3x3dbl_2", 96, 3), _same("branch3x3dbl_3", 96, 3)],
        [Pool(1), _same("branch_pool", pooled)],
    ]


def _block_c(width: int) -> list[list[Step]]:
    twice = "branch7x7dbl_"
    return [
        [_same("branch1x1", 192)],
        [_same("branch7x7_1", width), _same("branch7x7_2", width, 1, 7), _same("branch7x7_3", 192, 7, 1)],
        [
            _same(f"{twice}1", width), _same(f"{twice}2", width, 7, 1), _same(f"{twice}3", width, 1, 7),
            _same(f"{twice}4", width, 7, 1), _same(f"{twice}5", 192, 1, 7),
        ],
        [Pool(1), _same("branch_pool", 192)],
    ]  # fmt: skip


def _block_e() -> list[list[Step]]:
    def both(name: str) -> tuple[Conv, ...]:
        return _same(f"{name}a", 384, 1, 3), _same(f"{name}b", 384, 3, 1)

    return [
        [_same("branch1x1", 320)],
        [_same("branch3x3_1", 384), both("branch3x3_2")],
        [_same("branch3x3dbl_1", 448), _same("branch3x3dbl_2", 384, 3), both("branch3x3dbl_3")],
        [Pool(1), _same("branch_pool", 192)],
    ]


# Szegedy et al. 2016, "Rethinking the Inception Architecture", table 1 and figures 5 to 7, arXiv:1512.00567; names as
# in torchvision.
INCEPTION_STEM: list[Step] = [
    _halving("Conv2d_1a_3x3", 32), Conv("Conv2d_2a_3x3", 32, (3, 3)), _same("Conv2d_2b_3x3", 64, 3), Pool(2),
    Conv("Conv2d_3b_1x1", 80), Conv("Conv2d_4a_3x3", 192, (3, 3)), Pool(2),
]  # fmt: skip
INCEPTION_BLOCKS: dict[str, list[list[Step]]] = {
    "Mixed_5b": _block_a(32),
    "Mixed_5c": _block_a(64),
    "Mixed_5d": _block_a(64),
    "Mixed_6a": [
        [_halving("branch3x3", 384)],
        [_same("branch3x3dbl_1", 64), _same("branch3x3dbl_2", 96, 3), _halving("branch3x3dbl_3", 96)],
        [Pool(2)],
    ],
    "Mixed_6b": _block_c(128),
    "Mixed_6c": _block_c(160),
    "Mixed_6d": _block_c(160),
    "Mixed_6e": _block_c(192),
    "Mixed_7a": [
        [_same("branch3x3_1", 192), _halving("branch3x3_2", 320)],
        [
            _same("branch7x7x3_1", 192), _same("branch7x7x3_2", 192, 1, 7), _same("branch7x7x3_3", 192, 7, 1),
            _halving("branch7x7x3_4", 192),
        ],
        [Pool(2)],
    ],
    "Mixed_7b": _block_e(),
    "Mixed_7c": _block_e(),
}  # fmt: skip

# Krizhevsky 2014, "One weird trick", arXiv:1404.5997; names as in torchvision, without "features.".
ALEXNET = (
    Conv("0", 64, (11, 11), 4, (2, 2)), _same("3", 192, 5), _same("6", 384, 3), _same("8", 256, 3), _same("10", 256, 3),
)  # fmt: skip


def _alexnet() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for conv in ALEXNET:
        shapes |= {f"{conv.name}.weight": (conv.width, channels, *conv.kernel), f"{conv.name}.bias": (conv.width,)}
        channels = conv.width
    return shapes


def _lpips(widths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"lin{layer}.model.1.weight": (1, width, 1, 1) for layer, width in enumerate(widths)}


def _inception() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}

    def run(steps: list[Step], prefix: str, channels: int) -> int:
        for step in steps:
            if isinstance(step, Pool):
                continue
            convs = (step,) if isinstance(step, Conv) else step
            for conv in convs:
                shapes[f"{prefix}{conv.name}.conv.weight"] = (conv.width, channels, *conv.kernel)
                for part in ("weight", "bias", "running_mean", "running_var"):
                    shapes[f"{prefix}{conv.name}.bn.{part}"] = (conv.width,)
            channels = sum(conv.width for conv in convs)
        return channels

    channels = run(INCEPTION_STEM, "", 3)
    for block, branches in INCEPTION_BLOCKS.items():
        channels = sum(run(branch, f"{block}.", channels) for branch in branches)
    return shapes


MEASURE_NETWORKS: dict[str, dict[str, tuple[int, ...]]] = {
    "alexnet": _alexnet(),
    "lpips-vgg": _lpips((64, 128, 256, 512, 512)),
    "lpips-alex": _lpips((64, 192, 384, 256, 256)),
    "inception-fid": _inception(),
    "inception-art": _inception(),
}


def select(tensors: Mapping[str, Tensor], architecture: str | None = None) -> tuple[str, dict[str, Tensor]] | None:
    """Return which of these networks the tensors are, and those it needs, in order; None if they are another one.

    Args:
        tensors: By their published names, without prefixes.
        architecture: The expected key of `MEASURE_NETWORKS`, if it is known.

    Raises:
        WeightsError: A tensor is missing or has another shape.
    """
    name = architecture if architecture in MEASURE_NETWORKS else next(_fitting(tensors), None)
    if name is None or architecture not in (name, None):
        return None
    for key, shape in MEASURE_NETWORKS[name].items():
        if key not in tensors:
            raise WeightsError(f"{key} is missing; {name} needs it")
        if tuple(tensors[key].shape) != shape:
            raise WeightsError(f"{key} has shape {tuple(tensors[key].shape)}, expected {shape} for {name}")
    return name, {key: tensors[key] for key in MEASURE_NETWORKS[name]}


def _fitting(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """Yield the network that a few tensors are typical of."""
    if "lin1.model.1.weight" in tensors:
        yield "lpips-alex" if tensors["lin1.model.1.weight"].shape[1] == 192 else "lpips-vgg"
    if "Mixed_7c.branch_pool.conv.weight" in tensors:  # ArtFID's network has two classifiers, of artists and of styles
        yield "inception-art" if "fc1.weight" in tensors else "inception-fid"
    if "0.weight" in tensors and tuple(tensors["0.weight"].shape[2:]) == ALEXNET[0].kernel:
        yield "alexnet"
