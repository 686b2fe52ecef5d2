"""Statistics of feature maps: pure functions on tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import UsageError

__all__ = [
    "covariance",
    "drawn",
    "gram_matrix",
    "interpolated",
    "mean_std",
    "patches",
    "position_weights",
    "project",
    "quantiles",
    "random_directions",
    "resampled",
]


def gram_matrix(features: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the Gram matrix of feature channels, averaged over positions.

    Args:
        features: Shape (B, C, H, W).
        mask: Weight of each position, shape (B, 1, h, w) or (1, 1, h, w) in [0, 1]; resampled to H × W by area
            averaging. None weights all positions equally.

    Returns:
        Shape (B, C, C): F Fᵀ / (H W), or F diag(m) Fᵀ / Σ m.

    Raises:
        UsageError: The mask is zero everywhere.

    Source: Gatys et al. 2016, section 2.2, eq. 3.
    Differs: divided by the number of positions, so that images of different sizes are comparable (as in the authors'
    code).

    >>> import torch
    >>> gram_matrix(torch.ones(1, 2, 4, 4)).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    flat = features.flatten(2)
    if mask is None:
        if features.is_contiguous(memory_format=torch.channels_last):
            flat = flat.transpose(1, 2)  # the same memory, but the gradient has its layout too and needs no copy
            return flat.transpose(1, 2) @ flat / flat.shape[1]
        return flat @ flat.transpose(1, 2) / flat.shape[2]
    return (flat * position_weights(features, mask)) @ flat.mT


def mean_std(features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the mean and standard deviation of each channel over positions.

    Args:
        features: Shape (B, C, H, W).
        mask: See `gram_matrix`.

    Returns:
        Two tensors of shape (B, C).

    Raises:
        UsageError: The mask is zero everywhere.

    Source: Li et al. 2017, "Demystifying Neural Style Transfer", arXiv:1701.01036.
    Differs: 1e-5 is added to the variance, so that a constant channel has a gradient.

    >>> import torch
    >>> mean_std(torch.tensor([[[[1.0, 3.0]]]]))[0].tolist()
    [[2.0]]
    """
    flat, weights = features.flatten(2), position_weights(features, mask)
    mean = (flat * weights).sum(2)
    variance = ((flat - mean[..., None]).square() * weights).sum(2)
    return mean, (variance + 1e-5).sqrt()


def covariance(features: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the covariance matrix of the channels: the Gram matrix after subtracting their means.

    Args:
        features: Shape (B, C, H, W).
        mask: See `gram_matrix`.

    Returns:
        Shape (B, C, C); the sum is divided by the number of positions (or Σ m), without Bessel's correction.

    Raises:
        UsageError: The mask is zero everywhere.
    """
    mean, _ = mean_std(features, mask)
    return gram_matrix(features - mean[..., None, None], mask)


def quantiles(values: Tensor, weights: Tensor | None = None, count: int = 512) -> Tensor:
    """Return the quantile function of each row at (j + ½) / count, j = 0 … count - 1.

    Args:
        values: Shape (…, M); each row is a sample.
        weights: Weight of each position, (M,), with any sum above 0; None weights all equally.
        count: Number of quantiles.

    Returns:
        Shape (…, count). Each value of the sorted sample is placed at the middle of its share of the weight; values in
        between are interpolated linearly, those beyond the outermost are constant (NumPy's "hazen").

    >>> import torch
    >>> quantiles(torch.tensor([4.0, 0.0, 8.0]), count=3).tolist()
    [0.0, 4.0, 8.0]
    """
    if weights is None:
        return resampled(values.sort(-1).values, count)
    values, weights = values[..., weights > 0], weights[weights > 0]  # positions of weight 0 are not knots
    ordered, order = values.sort(-1)
    share = weights[order]
    reached = share.cumsum(-1)
    return interpolated(_middles(count, values), (reached - share / 2) / reached[..., -1:], ordered)


def resampled(quantiles: Tensor, count: int) -> Tensor:
    """Resample a quantile function to another number of points.

    Args:
        quantiles: Shape (…, N), values at (i + ½) / N.
        count: Number of points in the result.

    Returns:
        Shape (…, count).
    """
    if quantiles.shape[-1] == count:
        return quantiles
    knots = _middles(quantiles.shape[-1], quantiles).expand(quantiles.shape)
    return interpolated(_middles(count, quantiles), knots, quantiles)


def project(features: Tensor, directions: Tensor) -> Tensor:
    """Project features onto directions.

    Args:
        features: Shape (B, C, H, W).
        directions: Shape (K, C).

    Returns:
        Shape (B, K, H W).
    """
    return directions @ features.flatten(2)


def random_directions(count: int, channels: int, seed: int) -> Tensor:
    """Return unit vectors determined by a seed, from as many orthonormal bases as needed.

    Args:
        count: Number of vectors.
        channels: Number of components.
        seed: Seed of the generator, which runs on the CPU, so that every device gets the same vectors.

    Returns:
        Shape (count, channels), exact in bfloat16 (and so of unit length to its precision): saving them is lossless.

    Source: Heitz et al. 2021, "A Sliced Wasserstein Loss for Neural Texture Synthesis", arXiv:2006.07229.
    Differs: orthonormal instead of independent, which covers all directions even with few vectors.
    """
    generator = torch.Generator().manual_seed(seed)
    bases = [
        torch.linalg.qr(torch.randn(channels, channels, generator=generator, dtype=torch.float64)).Q
        for _ in range(-(-count // channels))
    ]
    return torch.cat(bases)[:count].bfloat16().float()


def patches(features: Tensor, size: int = 3) -> Tensor:
    """Return all square patches, one for each position where a patch fits.

    Args:
        features: Shape (1, C, H, W); sides shorter than a patch are extended by replicating the border.
        size: Side of a patch.

    Returns:
        Shape (N, C size²), row by row.

    Source: Li and Wand 2016, "Combining Markov Random Fields and CNNs", arXiv:1601.04589.
    """
    height, width = features.shape[2:]
    if min(height, width) < size:
        features = F.pad(features, (0, max(0, size - width), 0, max(0, size - height)), mode="replicate")
    return F.unfold(features, size)[0].mT


def position_weights(features: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the weight of each position, with sum 1.

    Args:
        features: Shape (B, C, H, W).
        mask: See `gram_matrix`.

    Returns:
        Shape (B or 1, 1, H W).

    Raises:
        UsageError: The mask is zero everywhere.
    """
    height, width = features.shape[2:]
    if mask is None:
        return features.new_full((1, 1, height * width), 1 / (height * width))
    weights = F.adaptive_avg_pool2d(mask.to(features), (height, width)).flatten(2)
    total = weights.sum(2, keepdim=True)
    if not (total > 0).all():
        raise UsageError("the mask leaves nothing of the painting; paint part of it white")
    return weights / total


def drawn(features: Tensor, mask: Tensor | None, count: int, seed: int) -> Tensor:
    """Sample feature vectors from the positions, in proportion to the mask.

    Args:
        features: Shape (1, C, H, W).
        mask: See `gram_matrix`.
        count: Number of samples; if there are fewer positions, some are repeated.
        seed: Determines their order.

    Returns:
        Shape (count, C), shuffled, so that any part of it is also a sample.

    Raises:
        UsageError: The mask is zero everywhere.
    """
    weights = position_weights(features, mask)[0, 0].cpu().double()  # not every device supports float64
    order = torch.randperm(len(weights), generator=torch.Generator().manual_seed(seed))
    reached = weights[order].cumsum(0)
    # Systematic sampling instead of independent draws: no position is missed or repeated by chance.
    picked = torch.searchsorted(reached / reached[-1], _middles(count, reached).contiguous())
    chosen = order[picked.clamp_max(len(weights) - 1)].to(features.device)
    return features[0].flatten(1)[:, chosen].mT.contiguous()


def _middles(count: int, like: Tensor) -> Tensor:
    return (torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) / count


def interpolated(at: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Evaluate piecewise linear functions, one per row, constant beyond the outermost knots, as in np.interp.

    Args:
        at: Positions, (N,).
        knots: Increasing, (…, M).
        values: At the knots, (…, M).

    Returns:
        Shape (…, N).
    """
    at = at.expand(*knots.shape[:-1], len(at)).contiguous()
    right = torch.searchsorted(knots.contiguous(), at)
    left, right = (right - 1).clamp_min(0), right.clamp_max(knots.shape[-1] - 1)
    low, high = knots.gather(-1, left), knots.gather(-1, right)
    share = ((at - low) / (high - low).clamp_min(torch.finfo(at.dtype).tiny)).clamp(0, 1)
    return values.gather(-1, left).lerp(values.gather(-1, right), share)
