"""The last stage of AdaIN-lite: the picture gets exactly the painting's mean and covariance of the colors.

The colors are seen along three orthogonal axes, the first of which is gray. With Σ = L Lᵀ (Cholesky) of the picture and
W = M Mᵀ of the painting, each color x becomes M L⁻¹ (x - μ) + μ_w: lightness depends on lightness alone, so that light
and shade stay where they are, and the colors follow. M and μ_w are part of the style code, where they blend.

Source: Gatys et al. 2016, arXiv:1606.05897, section 5.2 (color histogram matching by Cholesky's decomposition).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.tiling.tiles import Moments

if TYPE_CHECKING:
    from brushwork.methods.adain_lite.network import ModulatedWeights

__all__ = ["COLOR_CODE", "OPPONENT", "color_code", "products", "recolored", "wanted_colors"]

COLOR_CODE = 9  # numbers: three means, six of a lower triangle
FLAT = (2 / 255) ** 2  # variances below this count as this, so that a flat picture stays flat
STEEPEST = 8.0  # how many times a difference of colors may grow
# Orthonormal: gray, red-green, yellow-blue.
OPPONENT = torch.tensor([[3**-0.5, 3**-0.5, 3**-0.5], [2**-0.5, -(2**-0.5), 0.0], [6**-0.5, 6**-0.5, -2 * 6**-0.5]])
ROWS, COLUMNS = (0, 1, 1, 2, 2, 2), (0, 0, 1, 0, 1, 2)  # of a lower triangle


def color_code(mean: Tensor, covariance: Tensor) -> Tensor:
    """Return the part (B, 9) of a code that holds the colors: means, and the Cholesky triangle of the covariance."""
    axes = OPPONENT.to(mean)
    spread = axes @ covariance @ axes.T
    return torch.cat([mean @ axes.T, torch.stack(cholesky(spread[:, ROWS, COLUMNS].unbind(1)), 1)], 1)


def cholesky(entries: Sequence[Tensor]) -> list[Tensor]:
    """Return the lower triangle of L Lᵀ = Σ from that of Σ, both as six tensors, row by row."""
    xx, xy, yy, xz, yz, zz = entries
    a = xx.clamp_min(FLAT).sqrt()
    b, d = xy / a, xz / a
    c = (yy - b.square()).clamp_min(FLAT).sqrt()
    e = (yz - d * b) / c
    return [a, b, c, d, e, (zz - d.square() - e.square()).clamp_min(FLAT).sqrt()]


def wanted_colors(code: Tensor) -> ModulatedWeights:
    """Return the triangle (3, 3) and the means (3,) of a code's colors (9,)."""
    from brushwork.methods.adain_lite.network import ModulatedWeights

    lower = code.new_zeros(3, 3)
    lower = lower.index_put((torch.tensor(ROWS), torch.tensor(COLUMNS)), code[3:])
    return ModulatedWeights(lower, code[:3])


def products(x: Tensor) -> Tensor:
    """Return the six products of channels (B, 6, H, W) whose means make the covariance; x is (B, 3, H, W)."""
    return torch.cat([x[:, ROWS[k], None] * x[:, COLUMNS[k], None] for k in range(6)], 1)


def recolored(
    x: Tensor,
    extended: Tensor,
    targets: Sequence[ModulatedWeights],
    shares: Tensor | None,
    whole: Moments | None,
) -> Tensor:
    """Return pixels (B, 3, H, W) with the wanted colors.

    Args:
        x: The picture along the axes, (B, 3, H, W), or a tile of it.
        extended: With its products, (B, 9, H, W).
        targets: What each style wants.
        shares: Share of each style at each pixel, (N, 1, H, W); None for one style.
        whole: Moments of the whole picture if x is a tile.
    """
    results = []
    for k, target in enumerate(targets):
        if whole is not None:
            means = whole.mean[k : k + 1]
        elif shares is None:
            means = extended.mean((2, 3))
        else:
            means = (extended * shares[k : k + 1]).sum((2, 3)) / shares[k : k + 1].sum((2, 3)).clamp_min(1e-6)
        results.append(_moved(x, means, target))
    if shares is None:
        return results[0]
    return torch.stack([shares[k : k + 1] * result for k, result in enumerate(results)]).sum(0)


def _moved(x: Tensor, means: Tensor, target: ModulatedWeights) -> Tensor:
    """Move colors (B, 3, H, W) whose means, and means of products, are (B, 9), to a target's."""
    mean, squares = means[:, :3], means[:, 3:]
    covariance = [squares[:, k] - mean[:, ROWS[k]] * mean[:, COLUMNS[k]] for k in range(6)]
    a, b, c, d, e, f = cholesky(covariance)
    zero = torch.zeros_like(a)
    # The inverse of a lower triangle, written out.
    ia, ic, jf = 1 / a, 1 / c, 1 / f
    inverse = torch.stack(
        [ia, zero, zero, -b * ia * ic, ic, zero, (b * e - d * c) * ia * ic * jf, -e * ic * jf, jf], 1
    ).view(-1, 3, 3)
    transform = target.weight @ inverse
    largest = transform.flatten(1).norm(dim=1)[:, None, None]
    transform = transform * (STEEPEST / largest).clamp(max=1.0)
    back = OPPONENT.to(x).T
    shift = target.bias - (transform @ mean[:, :, None])[:, :, 0]
    kernel, bias = back @ transform, shift @ back.T
    return torch.cat(
        [F.conv2d(part, k[:, :, None, None], b) for part, k, b in zip(torch.split(x, 1), kernel, bias, strict=True)]
    )
