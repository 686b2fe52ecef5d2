"""Style losses that compare whole distributions in one dimension, where optimal transport is sorting."""

from __future__ import annotations

from torch import Tensor

from brushwork.losses.content import relative_error
from brushwork.nn.statistics import project, resampled

__all__ = ["histogram_loss", "sliced_wasserstein", "sorted_distance"]


def sorted_distance(values: Tensor, quantiles: Tensor) -> Tensor:
    """Return the squared 2-Wasserstein distance of rows to quantile functions, summed, relative to that of zeros.

    Args:
        values: Shape (B, K, M).
        quantiles: The style's, (B or 1, K, Q); resampled to M points if Q differs.

    Source: Heitz et al. 2021, arXiv:2006.07229: sort both, compare in order.
    """
    return relative_error(values.sort(2).values, resampled(quantiles, values.shape[2]))


def sliced_wasserstein(features: Tensor, directions: Tensor, quantiles: Tensor) -> Tensor:
    """Return the squared sliced Wasserstein distance of feature vectors, relative to that of zero features.

    Args:
        features: Shape (B, C, H, W).
        directions: Unit vectors, (K, C).
        quantiles: Quantiles of the style's features along them, (B or 1, K, Q).

    Source: Heitz et al. 2021, "A Sliced Wasserstein Loss for Neural Texture Synthesis", arXiv:2006.07229.
    Differs: the directions are fixed by the caller, because L-BFGS needs the same function at every step; the paper
        draws new ones each time.
    """
    return sorted_distance(project(features, directions), quantiles)


def histogram_loss(features: Tensor, quantiles: Tensor) -> Tensor:
    """Return each channel's distance to itself with the style's histogram, relative to that of zero features.

    Args:
        features: Shape (B, C, H, W).
        quantiles: Quantiles of the style's channels, (B or 1, C, Q).

    Source: Risser, Wilmot and Barnes 2017, L_histogram = Σ γ ‖O - R(O)‖², arXiv:1701.08893. R(O) is treated as constant
        for the gradient there; here too, since a small step doesn't change the ranks.
    Differs: exact, by sorting, where the paper uses 256 bins.
    """
    return sorted_distance(features.flatten(2), quantiles)
