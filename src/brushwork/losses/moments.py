"""Style losses that compare moments: means, standard deviations, covariances, and the maximum mean discrepancy (MMD).

The MMD of two samples under a kernel is the distance between their means in the kernel's feature space. For the linear
and the polynomial kernel, that space is small enough to compute the means explicitly.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from brushwork.losses.content import relative_error
from brushwork.nn.statistics import covariance, gram_matrix, mean_std

__all__ = ["covariance_loss", "gaussian_mmd", "linear_mmd", "mean_std_loss", "polynomial_mmd"]

_CHUNK = 1 << 15  # positions whose kernel features are in memory at once


def mean_std_loss(features: Tensor, mean: Tensor, std: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the distance of the channels' means and standard deviations, relative to the target's.

    Args:
        features: Shape (B, C, H, W).
        mean: The style's, (B, C).
        std: The style's, (B, C).
        mask: Weights of the positions, see `gram_matrix`.

    Source: Li et al. 2017, "Demystifying Neural Style Transfer", their loss on batch normalization statistics,
        arXiv:1701.01036.
    Differs: relative to the target instead of divided by C.
    """
    return relative_error(torch.cat(mean_std(features, mask), 1), torch.cat([mean, std], 1))


def covariance_loss(features: Tensor, mean: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the distance of covariance matrices and of means, each relative to the target's, averaged.

    Args:
        features: Shape (B, C, H, W).
        mean: The style's channel means, (B, C).
        target: The style's covariance matrix, (B, C, C).
        mask: Weights of the positions, see `gram_matrix`.

    Source: the two moments that the whitening and coloring transform matches, Li et al. 2017, "Universal Style Transfer
        via Feature Transforms", arXiv:1705.08086; here used as a loss. Covariances alone don't constrain the colors.
    """
    own, _ = mean_std(features, mask)
    return (relative_error(covariance(features, mask), target) + relative_error(own, mean)) / 2


def linear_mmd(features: Tensor, mean: Tensor) -> Tensor:
    """Return the squared MMD under k(x, y) = xᵀy, the squared distance of means, relative to that of zero features.

    Args:
        features: Shape (B, C, H, W).
        mean: The style's channel means, (B, C).

    Source: Li et al. 2017, "Demystifying Neural Style Transfer", arXiv:1701.01036.
    """
    return relative_error(features.flatten(2).mean(2), mean)


def polynomial_mmd(features: Tensor, gram: Tensor, mean: Tensor, offset: Tensor | float) -> Tensor:
    """Return the squared MMD under k(x, y) = (xᵀy + c)², relative to that of zero features.

    (xᵀy + c)² = ⟨x xᵀ, y yᵀ⟩ + 2 c ⟨x, y⟩ + c², so it is ‖G - A‖² + 2 c ‖μ - ν‖²; for c = 0 the Gram matrix distance.

    Args:
        features: Shape (1, C, H, W).
        gram: The style's Gram matrix A, averaged over positions, (1, C, C).
        mean: The style's channel means ν, (1, C).
        offset: c ≥ 0.

    Source: Li et al. 2017, "Demystifying Neural Style Transfer", arXiv:1701.01036, who show it for c = 0.
    """
    distance = (gram_matrix(features) - gram).square().sum()
    distance = distance + 2 * offset * (features.flatten(2).mean(2) - mean).square().sum()
    return distance / (gram.square().sum() + 2 * offset * mean.square().sum()).clamp_min(1e-12)


def gaussian_mmd(features: Tensor, samples: Tensor, frequencies: Tensor) -> Tensor:
    """Return the squared MMD under k(x, y) = exp(-‖x - y‖² / 2σ²), σ² the mean squared distance of style samples.

    Args:
        features: Shape (1, C, H, W).
        samples: Samples of the style's feature vectors, (N, C).
        frequencies: Drawn from the standard normal distribution, (D, C).

    Returns:
        A scalar, relative to the style's own squared norm in the kernel's space.

    Source: Li et al. 2017, "Demystifying Neural Style Transfer", arXiv:1701.01036.
    Differs: the kernel is approximated by D random Fourier features (Rahimi and Recht 2007), so that all positions
        count and the time is linear in their number, not quadratic. With a fixed sample of positions, the others would
        never change.
    """
    # Mean of ‖y - y'‖² over all pairs = 2 (mean ‖y‖² - ‖mean y‖²). A constant style would have σ = 0.
    energy = samples.square().sum(1).mean()
    variance = (2 * (energy - samples.mean(0).square().sum())).clamp_min(1e-3 * energy + 1e-8)
    waves = frequencies / variance.sqrt()
    target = _fourier_mean(samples, waves)
    return relative_error(_fourier_mean(features[0].flatten(1).mT, waves), target)


class _FourierMean(torch.autograd.Function):
    """Mean of the cosines and sines along each frequency, vectors (M, C) and waves (D, C) → (2, D).

    It saves only the vectors for the backward pass: D numbers per position would take more memory than the network.
    """

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, waves: Tensor) -> Tensor:
        ctx.save_for_backward(vectors, waves)
        total = vectors.new_zeros(2, len(waves))
        for chunk in torch.split(vectors, _CHUNK):
            phases = chunk @ waves.mT
            total += torch.stack([phases.cos().sum(0), phases.sin_().sum(0)])
        return total / len(vectors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        vectors, waves = ctx.saved_tensors
        along_cos, along_sin = gradients[0] / len(vectors)
        parts = []
        for chunk in torch.split(vectors, _CHUNK):
            phases = chunk @ waves.mT
            slopes = phases.cos().mul_(along_sin).sub_(phases.sin_().mul_(along_cos))
            parts.append(slopes @ waves)
        return torch.cat(parts), None


def _fourier_mean(vectors: Tensor, waves: Tensor) -> Tensor:
    mean: Tensor = _FourierMean.apply(vectors, waves)  # type: ignore[no-untyped-call]
    return mean
