"""Style losses that compare whole distributions, one line at a time: in one dimension optimal transport is sorting."""

from __future__ import annotations

from torch import Tensor

from brushwork.losses.content import relative_error
from brushwork.nn.statistics import project, resampled

__all__ = ["histogram_loss", "sliced_wasserstein", "sorted_distance"]


def sorted_distance(values: Tensor, quantiles: Tensor) -> Tensor:
    """Squared 2-Wasserstein distance of each row to a quantile function, summed, relative to that of nothing.

    Args:
        values: Shape (B, K, M).
        quantiles: The style's, (B or 1, K, Q); brought to M points where M is another number.

    Source: Heitz et al. 2021, arXiv:2006.07229: sort both, compare in order.
    """
    return relative_error(values.sort(2).values, resampled(quantiles, values.shape[2]))


def sliced_wasserstein(features: Tensor, directions: Tensor, quantiles: Tensor) -> Tensor:
    """Squared sliced Wasserstein distance of the positions' feature vectors, relative to that of nothing.

    Args:
        features: Shape (B, C, H, W).
        directions: Unit vectors, (K, C).
        quantiles: Of the style's features along them, (B or 1, K, Q).

    Source: Heitz et al. 2021, "A Sliced Wasserstein Loss for Neural Texture Synthesis", arXiv:2006.07229.
    Differs: the directions are the caller's, the same at each step, because L-BFGS needs one function to go down; the
        paper draws them anew.
    """
    return sorted_distance(project(features, directions), quantiles)


def histogram_loss(features: Tensor, quantiles: Tensor) -> Tensor:
    """Distance of each channel to itself with the style's histogram, relative to that of nothing.

    Args:
        features: Shape (B, C, H, W).
        quantiles: Of the style's channels, (B or 1, C, Q).

    Source: Risser, Wilmot and Barnes 2017, L_histogram = Σ γ ‖O - R(O)‖², arXiv:1701.08893. R(O) is fixed for the
        gradient there; here too, since a small step changes no ranks.
    Differs: exact by sorting, where the paper has 256 bins.
    """
    return sorted_distance(features.flatten(2), quantiles)
