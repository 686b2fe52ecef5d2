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
    """Gram matrix of feature channels, averaged over positions.

    Args:
        features: Shape (B, C, H, W).
        mask: How much each position counts, shape (B, 1, h, w) or (1, 1, h, w) in [0, 1]; it is brought to H × W by
            averaging areas. None counts all positions alike.

    Returns:
        Shape (B, C, C): F Fᵀ / (H W), or F diag(m) Fᵀ / Σ m.

    Raises:
        UsageError: A mask that leaves nothing.

    Source: Gatys et al. 2016, section 2.2, eq. 3.
    Differs: divided by the number of positions, so that pictures of different sizes compare (so does the authors'
    code).

    >>> import torch
    >>> gram_matrix(torch.ones(1, 2, 4, 4)).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    flat = features.flatten(2)
    if mask is None:
        if features.is_contiguous(memory_format=torch.channels_last):
            flat = flat.mT  # the same memory, but the gradient comes in its order too, and needs no copy
            return flat.mT @ flat / flat.shape[1]
        return flat @ flat.mT / flat.shape[2]
    return (flat * position_weights(features, mask)) @ flat.mT


def mean_std(features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over positions.

    Args:
        features: Shape (B, C, H, W).
        mask: See `gram_matrix`.

    Returns:
        Two of shape (B, C).

    Raises:
        UsageError: A mask that leaves nothing.

    Source: Li et al. 2017, "Demystifying Neural Style Transfer", arXiv:1701.01036.
    Differs: 1e-5 is added to the variance, so that a flat channel has a gradient.

    >>> import torch
    >>> mean_std(torch.tensor([[[[1.0, 3.0]]]]))[0].tolist()
    [[2.0]]
    """
    flat, weights = features.flatten(2), position_weights(features, mask)
    mean = (flat * weights).sum(2)
    variance = ((flat - mean[..., None]).square() * weights).sum(2)
    return mean, (variance + 1e-5).sqrt()


def covariance(features: Tensor, mask: Tensor | None = None) -> Tensor:
    """Covariance matrix of the channels: the Gram matrix of what is left after their means.

    Args:
        features: Shape (B, C, H, W).
        mask: See `gram_matrix`.

    Returns:
        Shape (B, C, C); the sum is divided by the number of positions (or Σ m), not by one less.

    Raises:
        UsageError: A mask that leaves nothing.
    """
    mean, _ = mean_std(features, mask)
    return gram_matrix(features - mean[..., None, None], mask)


def quantiles(values: Tensor, weights: Tensor | None = None, count: int = 512) -> Tensor:
    """The quantile function of each row at (j + ½) / count, j = 0 … count - 1.

    Args:
        values: Shape (…, M); each row is a sample.
        weights: How much each position counts, (M,), of any sum above 0; None counts all alike.
        count: How many quantiles.

    Returns:
        Shape (…, count). A sorted sample's i-th value stands in the middle of its share of the weight; between those
        it is linear, beyond the outermost it is constant (NumPy's "hazen").

    >>> import torch
    >>> quantiles(torch.tensor([4.0, 0.0, 8.0]), count=3).tolist()
    [0.0, 4.0, 8.0]
    """
    if weights is None:
        return resampled(values.sort(-1).values, count)
    values, weights = values[..., weights > 0], weights[weights > 0]  # what counts nothing is no knot either
    ordered, order = values.sort(-1)
    share = weights[order]
    reached = share.cumsum(-1)
    return interpolated(_middles(count, values), (reached - share / 2) / reached[..., -1:], ordered)


def resampled(quantiles: Tensor, count: int) -> Tensor:
    """A quantile function at another number of points.

    Args:
        quantiles: Shape (…, N), values at (i + ½) / N.
        count: How many points the result has.

    Returns:
        Shape (…, count).
    """
    if quantiles.shape[-1] == count:
        return quantiles
    knots = _middles(quantiles.shape[-1], quantiles).expand(quantiles.shape)
    return interpolated(_middles(count, quantiles), knots, quantiles)


def project(features: Tensor, directions: Tensor) -> Tensor:
    """Features seen along directions.

    Args:
        features: Shape (B, C, H, W).
        directions: Shape (K, C).

    Returns:
        Shape (B, K, H W).
    """
    return directions @ features.flatten(2)


def random_directions(count: int, channels: int, seed: int) -> Tensor:
    """Unit vectors, fixed by their seed: as many bases of orthonormal ones as are needed.

    Args:
        count: How many.
        channels: Their length.
        seed: Draws them, on the CPU, so that every device has the same.

    Returns:
        Shape (count, channels), exact in bfloat16 (and so of unit length to its precision): a file gives them back.

    Source: Heitz et al. 2021, "A Sliced Wasserstein Loss for Neural Texture Synthesis", arXiv:2006.07229.
    Differs: orthonormal rather than independent, which leaves no direction unseen where there are few.
    """
    generator = torch.Generator().manual_seed(seed)
    bases = [
        torch.linalg.qr(torch.randn(channels, channels, generator=generator, dtype=torch.float64)).Q
        for _ in range(-(-count // channels))
    ]
    return torch.cat(bases)[:count].bfloat16().float()


def patches(features: Tensor, size: int = 3) -> Tensor:
    """All square patches, one at each position that has room for it.

    Args:
        features: Shape (1, C, H, W); sides shorter than a patch are continued by their border.
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
    """How much each position counts, of sum 1.

    Args:
        features: Shape (B, C, H, W).
        mask: See `gram_matrix`.

    Returns:
        Shape (B or 1, 1, H W).

    Raises:
        UsageError: A mask that leaves nothing.
    """
    height, width = features.shape[2:]
    if mask is None:
        return features.new_full((1, 1, height * width), 1 / (height * width))
    weights = F.adaptive_avg_pool2d(mask.to(features), (height, width)).flatten(2)
    total = weights.sum(2, keepdim=True)
    if not (total > 0).all():
        raise UsageError("the mask leaves nothing of the style picture; paint something white in it")
    return weights / total


def drawn(features: Tensor, mask: Tensor | None, count: int, seed: int) -> Tensor:
    """A sample of the positions' feature vectors, each as often as its share of the mask.

    Args:
        features: Shape (1, C, H, W).
        mask: See `gram_matrix`.
        count: How many; more than there are positions repeats some.
        seed: Decides their order.

    Returns:
        Shape (count, C), shuffled, so that any part of it is a sample too.

    Raises:
        UsageError: A mask that leaves nothing.
    """
    weights = position_weights(features, mask)[0, 0].cpu().double()  # not every device has doubles
    order = torch.randperm(len(weights), generator=torch.Generator().manual_seed(seed))
    reached = weights[order].cumsum(0)
    # Even steps through the weights rather than independent draws: no position is missed or repeated by chance.
    picked = torch.searchsorted(reached / reached[-1], _middles(count, reached).contiguous())
    chosen = order[picked.clamp_max(len(weights) - 1)].to(features.device)
    return features[0].flatten(1)[:, chosen].mT.contiguous()


def _middles(count: int, like: Tensor) -> Tensor:
    return (torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) / count


def interpolated(at: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Piecewise linear functions, one per row, constant beyond the outermost knots, as by np.interp.

    Args:
        at: Where, (N,).
        knots: Rising, (…, M).
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
