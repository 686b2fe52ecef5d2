"""What A and B are compared by: luma on one scale, oriented filters; and an A for paintings that have none."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["remapped", "smoothed", "steered"]

NOISE = 2 / 255  # deviation of luma that a flat picture counts as having
SIGMA = 1.0  # of the derivatives of a Gaussian, in pixels
STEPS, CONTRAST, RATE = 24, 0.08, 0.2  # of diffusion: steps, differences that are edges, and share per step


def remapped(source: Tensor, example: Tensor, target: Tensor, usable: Tensor) -> tuple[Tensor, Tensor]:
    """Return A and A' with A's mean and deviation of luma made those of B.

    Args:
        source: A, (1, h, w).
        example: A', (C', h, w), changed as A is.
        target: B, (1, H, W).
        usable: (h, w) bool, pixels of A that are measured.

    Source: section 3.4: Y(p) ← σ_B / σ_A · (Y(p) - μ_A) + μ_B.
    """
    known = source[:, usable]
    gain = target.std(correction=0) / known.std(correction=0).clamp(min=NOISE)
    shift = target.mean() - gain * known.mean()
    return gain * source + shift, gain * example + shift


def steered(planes: Tensor) -> Tensor:
    """Return the first and second derivatives of luma, a basis of steerable filters; together as strong as luma.

    Args:
        planes: (1, H, W).

    Returns:
        (5, H, W).

    Source: Freeman and Adelson 1991, "The Design and Use of Steerable Filters", IEEE PAMI 13(9), sections II and III.
    """
    x = torch.arange(-4.0, 5.0)
    plain = torch.exp(-(x**2) / (2 * SIGMA**2))
    plain = plain / plain.sum()
    first, second = -x / SIGMA**2 * plain, (x**2 / SIGMA**2 - 1) / SIGMA**2 * plain
    padded = F.pad(planes[None], (4,) * 4, mode="replicate")
    kernels = [(first, plain), (plain, first), (second, plain), (first, first), (plain, second)]
    found = torch.cat([F.conv2d(padded, torch.outer(rows, columns)[None, None])[0] for rows, columns in kernels])
    deviation = found.square().mean((1, 2), keepdim=True).sqrt().clamp(min=NOISE / 10)
    scaled: Tensor = found / deviation * planes.std(correction=0).clamp(min=NOISE) / len(kernels) ** 0.5
    return scaled


def smoothed(pixels: Tensor) -> Tensor:
    """Return a painting without its strokes: smoothed where it differs little.

    Args:
        pixels: (1, 3, H, W) in [0, 1].

    Source: Perona and Malik 1990, "Scale-Space and Edge Detection Using Anisotropic Diffusion", IEEE PAMI 12(7), eq. 8.
    """
    for _ in range(STEPS):
        change = torch.zeros_like(pixels)
        for axis, after, before in ((2, (0, 0, 0, 1), (0, 0, 1, 0)), (3, (0, 1), (1, 0))):
            difference = pixels.diff(dim=axis)
            strength = difference.square().mean(1, keepdim=True) / CONTRAST**2
            flow = RATE * difference * torch.exp(-strength)
            change += F.pad(flow, after) - F.pad(flow, before)
        pixels = pixels + change
    return pixels.clamp(0, 1)
