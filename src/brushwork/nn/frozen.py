"""What takes most of the time when pixels are optimized: 3×3 convolutions with frozen weights, and Gram matrices.

Autograd saves a convolution's padded input for the weight gradient, even if it isn't needed. Here only the output is
saved, which the next layer needs anyway: half the memory and fewer passes over it, with the same results. And it
differentiates F Fᵀ as a product of two different matrices; here it is one of a matrix with itself, half the work.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_input

__all__ = ["frozen_conv_relu", "frozen_gram", "pad_by_one"]

PARTS, LEAST = 32, 4096  # parts of the positions, whose rounding errors average out, and the size of a part, at least


def pad_by_one(image: Tensor, padding: str) -> Tensor:
    """Return the image padded by one pixel on each side.

    Args:
        image: Shape (B, C, H, W).
        padding: "replicate", "reflect" or "zeros".
    """
    return F.pad(image, (1, 1, 1, 1), mode="constant" if padding == "zeros" else padding)


def frozen_conv_relu(image: Tensor, weight: Tensor, bias: Tensor, padding: str) -> Tensor:
    """Return max(0, weight ∗ image + bias), differentiable once and only with respect to the image.

    Args:
        image: Shape (B, C, H, W).
        weight: Shape (N, C, 3, 3).
        bias: Shape (N,).
        padding: "replicate", "reflect" or "zeros".

    Returns:
        Shape (B, N, H, W). It must not be modified in place: the gradient is computed from it.
    """
    result: Tensor = _FrozenConvReLU.apply(image, weight, bias, padding)  # type: ignore[no-untyped-call]
    return result


class _FrozenConvReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor, padding: str) -> Tensor:
        result = F.conv2d(pad_by_one(image, padding), weight, bias).relu_()
        ctx.save_for_backward(result, weight)
        ctx.padding, ctx.channels = padding, image.shape[1]
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        result, weight = ctx.saved_tensors
        gradient = torch.ops.aten.threshold_backward(gradient, result, 0)
        batch, _, height, width = result.shape
        size = (batch, ctx.channels, height + 2, width + 2)
        padded: Tensor = conv2d_input(size, weight, gradient)  # type: ignore[no-untyped-call]
        return _fold(padded, ctx.padding), None, None, None


def _fold(padded: Tensor, padding: str) -> Tensor:
    """Return the gradient of `pad_by_one`: the border is added to the pixels it was copied from; modifies its input."""
    if padding != "zeros":
        near = 1 if padding == "replicate" else 2
        padded[:, :, near].add_(padded[:, :, 0])
        padded[:, :, -1 - near].add_(padded[:, :, -1])
        padded[..., near].add_(padded[..., 0])
        padded[..., -1 - near].add_(padded[..., -1])
    return padded[:, :, 1:-1, 1:-1]


def frozen_gram(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the Gram matrix of features, differentiable once.

    Args:
        features: Shape (1, C, H, W), of any dtype, in which the sums run; fastest in channels-last format.
        weights: Weight of each position, (1, 1, H W); None: 1 / (H W).

    Returns:
        Shape (1, C, C), float32.
    """
    result: Tensor = _FrozenGram.apply(features, weights)  # type: ignore[no-untyped-call]
    return result


class _FrozenGram(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weights: Tensor | None) -> Tensor:
        ctx.save_for_backward(features, weights)
        rows, weighted = _weighted_rows(features, weights)
        count = min(len(rows), max(LEAST, len(rows) // PARTS))
        whole = len(rows) // count * count
        left, right = (x[:whole].view(-1, count, x.shape[1]) for x in (weighted, rows))
        gram = torch.bmm(left.mT, right).float().sum(0)
        if whole < len(rows):
            gram += (weighted[whole:].mT @ rows[whole:]).float()
        return gram[None] / (1 if weights is not None else len(rows))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        features, weights = ctx.saved_tensors
        rows, weighted = _weighted_rows(features, weights)
        both = (gradient[0] + gradient[0].mT) / (1 if weights is not None else len(rows))
        _, _, height, width = features.shape
        return (weighted @ both.to(rows)).view(1, height, width, -1).permute(0, 3, 1, 2), None


def _weighted_rows(features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return features as one row per position, (H W, C), without and with the weights."""
    rows = features.permute(0, 2, 3, 1).flatten(0, 2)
    return rows, rows if weights is None else rows * weights[0].mT.to(rows)
