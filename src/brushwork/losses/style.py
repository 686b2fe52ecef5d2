"""The available style statistics: what each stores for a layer of a painting, its loss, and how styles are blended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import UsageError
from brushwork.losses.content import relative_error
from brushwork.losses.moments import covariance_loss, gaussian_mmd, linear_mmd, mean_std_loss, polynomial_mmd
from brushwork.losses.patches import patch_loss
from brushwork.losses.transport import histogram_loss, sliced_wasserstein
from brushwork.nn.statistics import (
    covariance,
    drawn,
    gram_matrix,
    mean_std,
    patches,
    position_weights,
    project,
    quantiles,
    random_directions,
)

__all__ = ["STATISTICS", "Statistic", "Target", "packed", "unpacked"]

Target: TypeAlias = Mapping[str, Tensor]

SAMPLES = 1024  # feature vectors stored for the gaussian kernel
FREQUENCIES = 4  # random Fourier frequencies per channel for the gaussian kernel; each gives a cosine and a sine
PATCHES = 4096  # maximum patches of a painting, which is all of them up to 66 × 66 positions
SYMMETRIC = {"gram", "covariance"}


def _averaged(targets: Sequence[Target], shares: Sequence[float]) -> dict[str, Tensor]:
    """Return the weighted mean of each tensor, on the device of the first style: a saved one is on the CPU."""
    pairs = list(zip(targets, shares, strict=True))
    return {
        name: torch.stack([share * target[name].to(first) for target, share in pairs]).sum(0)
        for name, first in targets[0].items()
    }


@dataclass(frozen=True)
class Statistic:
    """A style representation and its loss.

    Args:
        keeps: Names of the tensors that `encode` returns.
        encode: Features (1, C, H, W), mask (1, 1, h, w) or None, seed → target tensors for a layer of the style.
        loss: Features, target tensors, mask or None → a scalar: 0 is a match, 1 about the distance of zero features.
        gain: Factor of the loss, measured so that style_weight means about the same for each statistic: on average,
            the result is as far from the photo in content as with Gram matrices (docs/methods/statistics.md).
        blend: Target tensors of several styles, weights of sum 1 → target tensors of the blended style.
        blends: Whether it supports blending; if not, `blend` raises UsageError with the reason.
        regions: Whether its loss supports a mask.
    """

    keeps: tuple[str, ...]
    encode: Callable[[Tensor, Tensor | None, int], dict[str, Tensor]]
    loss: Callable[[Tensor, Target, Tensor | None], Tensor]
    gain: float = 1.0
    blend: Callable[[Sequence[Target], Sequence[float]], dict[str, Tensor]] = _averaged
    blends: bool = True
    regions: bool = False


def _gaussian_encode(features: Tensor, mask: Tensor | None, seed: int) -> dict[str, Tensor]:
    channels = features.shape[1]
    waves = torch.randn(FREQUENCIES * channels, channels, generator=torch.Generator().manual_seed(seed))
    # Exact in bfloat16, so that saving them to a file is lossless.
    return {"samples": drawn(features, mask, SAMPLES, seed), "frequencies": waves.bfloat16().to(features)}


def _gaussian_blend(targets: Sequence[Target], shares: Sequence[float]) -> dict[str, Tensor]:
    """Return a sample of the mixture: from each style by its weight, never the same position twice."""
    frequencies = _common("frequencies", targets)
    ends = [round(SAMPLES * sum(shares[: index + 1])) for index in range(len(shares))]
    parts = [t["samples"][start:end].to(frequencies) for t, start, end in zip(targets, [0, *ends], ends, strict=False)]
    return {"samples": torch.cat(parts), "frequencies": frequencies}


def _sliced_encode(features: Tensor, mask: Tensor | None, seed: int) -> dict[str, Tensor]:
    channels = features.shape[1]
    directions = random_directions(channels, channels, seed).to(features)  # as many as channels, as in the paper
    return {"directions": directions, "quantiles": _quantiles(project(features, directions), features, mask)}


def _sliced_blend(targets: Sequence[Target], shares: Sequence[float]) -> dict[str, Tensor]:
    """Return the mean of the quantile functions: the Wasserstein barycenter along each direction."""
    return {**_averaged(targets, shares), "directions": _common("directions", targets)}


def _quantiles(values: Tensor, features: Tensor, mask: Tensor | None) -> Tensor:
    return quantiles(values, None if mask is None else position_weights(features, mask)[0, 0])


def _common(name: str, targets: Sequence[Target]) -> Tensor:
    """Return the randomly drawn tensor that blended styles must have in common."""
    first = targets[0][name]
    if any(other[name].shape != first.shape or not torch.equal(other[name].to(first), first) for other in targets[1:]):
        raise UsageError(
            f"these styles were made with different seeds, so their {name} differ; encode one of them again"
        )
    return first


def _patch_encode(features: Tensor, mask: Tensor | None, seed: int) -> dict[str, Tensor]:
    found = patches(features)
    if mask is not None:
        weights = F.adaptive_avg_pool2d(mask.to(features), (features.shape[2], features.shape[3]))
        found = found[patches(weights).mean(1) > 0.5]
        if not len(found):
            raise UsageError("the mask leaves no area of the painting as large as a patch; make its white area larger")
    # A random choice instead of every n-th patch, which could all fall into one column.
    chosen = torch.randperm(len(found), generator=torch.Generator().manual_seed(seed))[:PATCHES].sort().values
    return {"patches": found[chosen.to(found.device)]}


def _patch_blend(targets: Sequence[Target], shares: Sequence[float]) -> dict[str, Tensor]:
    raise UsageError(
        "statistic 'patch' can't blend styles, because patches are matched to the nearest one and can't be weighted; "
        "use another statistic, or a single style"
    )


STATISTICS: dict[str, Statistic] = {
    "gram": Statistic(
        ("gram",),
        lambda features, mask, seed: {"gram": gram_matrix(features, mask)},
        lambda features, style, mask: relative_error(gram_matrix(features, mask), style["gram"]),
        regions=True,
    ),
    "mean-std": Statistic(
        ("mean", "std"),
        lambda features, mask, seed: dict(zip(("mean", "std"), mean_std(features, mask), strict=True)),
        lambda features, style, mask: mean_std_loss(features, style["mean"], style["std"], mask),
        gain=3.0,
        regions=True,
    ),
    "covariance": Statistic(
        ("mean", "covariance"),
        lambda features, mask, seed: {"mean": mean_std(features, mask)[0], "covariance": covariance(features, mask)},
        lambda features, style, mask: covariance_loss(features, style["mean"], style["covariance"], mask),
        gain=0.75,
        regions=True,
    ),
    "mmd-linear": Statistic(
        ("mean",),
        lambda features, mask, seed: {"mean": mean_std(features, mask)[0]},
        lambda features, style, mask: linear_mmd(features, style["mean"]),
        gain=5.0,
    ),
    "mmd-polynomial": Statistic(
        ("gram", "mean"),
        lambda features, mask, seed: {"gram": gram_matrix(features, mask), "mean": mean_std(features, mask)[0]},
        # c = mean ‖y‖², the trace: both terms of the kernel then have the same magnitude, whatever the network's scale.
        lambda features, style, mask: polynomial_mmd(
            features, style["gram"], style["mean"], style["gram"].diagonal(dim1=1, dim2=2).sum()
        ),
        gain=2.5,
    ),
    "mmd-gaussian": Statistic(
        ("samples", "frequencies"),
        _gaussian_encode,
        lambda features, style, mask: gaussian_mmd(features, style["samples"], style["frequencies"]),
        gain=8.5,
        blend=_gaussian_blend,
    ),
    "sliced-wasserstein": Statistic(
        ("directions", "quantiles"),
        _sliced_encode,
        lambda features, style, mask: sliced_wasserstein(features, style["directions"], style["quantiles"]),
        gain=3.1,
        blend=_sliced_blend,
    ),
    "patch": Statistic(
        ("patches",),
        _patch_encode,
        lambda features, style, mask: patch_loss(features, style["patches"]),
        gain=0.2,
        blend=_patch_blend,
        blends=False,
    ),
    "histogram": Statistic(
        ("gram", "quantiles"),
        lambda features, mask, seed: {
            "gram": gram_matrix(features, mask),
            "quantiles": _quantiles(features.flatten(2), features, mask),
        },
        lambda features, style, mask: (
            (relative_error(gram_matrix(features), style["gram"]) + histogram_loss(features, style["quantiles"])) / 2
        ),
        gain=1.4,
    ),
}


def packed(name: str, tensor: Tensor, precision: float | None = None) -> Tensor:
    """Return a target tensor in its file format: bfloat16 (float16 overflows), symmetric matrices reduced.

    Args:
        name: As in `Statistic.keeps`.
        tensor: If symmetric, (1, C, C), its upper triangle (C (C + 1) / 2) is returned.
        precision: Relative precision in the Frobenius norm. If given, a symmetric tensor is returned as a factor (C, R)
            whose product with its transpose it is, if that is smaller.
    """
    if name in SYMMETRIC:
        triangle = tensor[0][tuple(torch.triu_indices(*tensor.shape[1:]))]
        factor = triangle if precision is None else _factor(tensor[0], precision)
        tensor = factor if factor.numel() < triangle.numel() else triangle
    return tensor.bfloat16().cpu().contiguous()


def _factor(matrix: Tensor, precision: float) -> Tensor:
    """Return the fewest columns whose product with their transpose is the symmetric matrix."""
    values, vectors = torch.linalg.eigh(matrix.double().cpu())
    values, vectors = values.clamp_min(0).flip(0), vectors.flip(1)
    left = values.square().flip(0).cumsum(0).flip(0).sqrt()  # error without this eigenvalue and the remaining ones
    rank = max(1, int((left > precision * left[0]).sum()))
    factor: Tensor = vectors[:, :rank] * values[:rank].sqrt()
    return factor


def unpacked(name: str, tensor: Tensor) -> Tensor:
    """Invert `packed`, to bfloat16 precision."""
    if name not in SYMMETRIC:
        return tensor.float()
    if tensor.ndim == 2:
        return (tensor.float() @ tensor.float().T)[None]
    channels = round((2 * len(tensor) + 0.25) ** 0.5 - 0.5)
    full = torch.zeros(channels, channels)
    full[tuple(torch.triu_indices(channels, channels))] = tensor.float()
    return (full + full.triu(1).mT)[None]
