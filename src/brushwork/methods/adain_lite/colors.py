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

__all__ = ["COLOR_CODE", "color_code", "opponent_colors", "recolor", "recolored", "wanted_colors"]

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
    """Return the triangles (…, 3, 3) and the means (…, 3) of codes' colors (…, 9)."""
    from brushwork.methods.adain_lite.network import ModulatedWeights

    zero = torch.zeros_like(code[..., 0])
    a, b, c, d, e, f = code[..., 3:].unbind(-1)
    lower = torch.stack([a, zero, zero, b, c, zero, d, e, f], -1).reshape(*code.shape[:-1], 3, 3)
    return ModulatedWeights(lower, code[..., :3])


def recolor(pixels: Tensor, codes: Tensor) -> Tensor:
    """Return whole pictures (B, 3, H, W), each with the colors of its code (B, 9)."""
    return recolored(opponent_colors(pixels), [wanted_colors(codes)], None, None)


def opponent_colors(pixels: Tensor) -> Tensor:
    """Return pixels (B, 3, H, W) along the axes, in float32."""
    with torch.autocast(pixels.device.type, enabled=False):
        return F.conv2d(pixels, OPPONENT[:, :, None, None].to(pixels))


def recolored(x: Tensor, targets: Sequence[ModulatedWeights], shares: Tensor | None, whole: Moments | None) -> Tensor:
    """Return pixels (B, 3, H, W) with the wanted colors.

    Args:
        x: The picture along the axes, (B, 3, H, W), or a tile of it.
        targets: What each style wants, or, for one style, what each picture wants.
        shares: Share of each style at each pixel, (N, 1, H, W); None for one style.
        whole: Moments of the whole picture, with products, if x is a tile.
    """
    with torch.autocast(x.device.type, enabled=False):
        parts = [
            _moved(x, *_spread(x, None if shares is None else shares[k : k + 1], whole, k), target)
            for k, target in enumerate(targets)
        ]
    if shares is None:
        return parts[0]
    return torch.stack([shares[k : k + 1] * part for k, part in enumerate(parts)]).sum(0)


def _spread(x: Tensor, shares: Tensor | None, whole: Moments | None, k: int) -> tuple[Tensor, Sequence[Tensor]]:
    """Return means (B, 3) and covariances, six tensors (B,), of the whole picture, for style k."""
    if whole is not None:
        mean, squares = whole.mean[k : k + 1, :3], whole.mean[k : k + 1, 3:]
        return mean, [squares[:, i] - mean[:, ROWS[i]] * mean[:, COLUMNS[i]] for i in range(6)]
    mean, matrix = _measured(x, shares)
    return mean, matrix[:, ROWS, COLUMNS].unbind(1)


def _measured(x: Tensor, shares: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return means (B, 3) and covariances (B, 3, 3) of the colors, weighted by shares (1, 1, H, W)."""
    flat = x.flatten(2)
    if shares is None:
        mean = flat.mean(2, keepdim=True)
        away = flat - mean
        return mean[:, :, 0], away @ away.mT / flat.shape[2]
    weights = shares.flatten(2) / shares.sum().clamp_min(1e-6)
    mean = (flat * weights).sum(2, keepdim=True)
    away = flat - mean
    return mean[:, :, 0], (away * weights) @ away.mT


def _moved(x: Tensor, mean: Tensor, spread: Sequence[Tensor], target: ModulatedWeights) -> Tensor:
    """Move colors (B, 3, H, W) of this mean (B, 3) and covariance, six tensors (B,), to a target's."""
    a, b, c, d, e, f = cholesky(spread)
    zero = torch.zeros_like(a)
    ia, ic, jf = 1 / a, 1 / c, 1 / f
    inverse = torch.stack(  # of a lower triangle, written out
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
