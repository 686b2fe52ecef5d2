"""Color space conversion, and color transfer between images.

All functions map (B, 3, H, W) tensors to (B, 3, H, W) tensors of the same type and device, and modify nothing in place.
Color space conversions and `keep_luminance` are differentiable, with finite gradients everywhere, including black;
color matching (`match_…`) is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from brushwork.errors import UsageError
from brushwork.nn.statistics import interpolated

__all__ = [
    "ColorMoments",
    "keep_luminance",
    "luma",
    "luminance",
    "match_covariance",
    "match_histogram",
    "match_luminance",
    "rgb_to_yiq",
    "yiq_to_rgb",
]

Matrix = tuple[tuple[float, float, float], ...]

# NTSC, on gamma-encoded values. Source: Recommendation ITU-R BT.601 for Y; FCC 73.682 for I and Q.
_YIQ_FROM_RGB: Matrix = (
    (0.299, 0.587, 0.114),
    (0.59590059, -0.27455667, -0.32134392),
    (0.21153661, -0.52273617, 0.31119955),
)
_NOISE = 2 / 255  # standard deviation of 8-bit and JPEG noise, which must not be amplified as if it were color
_STEEPEST = 5  # maximum slope of histogram matching: 8 turns a print's grain into speckle, 3 loses color


def rgb_to_yiq(rgb: Tensor) -> Tensor:
    """Return luma and the two chroma axes of NTSC.

    Args:
        rgb: (B, 3, H, W) sRGB, [0, 1].

    Returns:
        (B, 3, H, W): Y in [0, 1], I in [-0.596, 0.596], Q in [-0.523, 0.523].

    Source: FCC 73.682; ITU-R BT.601.
    """
    return _mix(rgb, _matrix(_YIQ_FROM_RGB, rgb))


def luma(rgb: Tensor) -> Tensor:
    """Return only the first channel of `rgb_to_yiq`, which is faster.

    Args:
        rgb: (B, 3, H, W) sRGB, [0, 1].

    Returns:
        (B, 1, H, W) in [0, 1].
    """
    return (rgb * _matrix(_YIQ_FROM_RGB, rgb)[0].view(1, 3, 1, 1)).sum(1, keepdim=True)


def yiq_to_rgb(yiq: Tensor) -> Tensor:
    """Return sRGB from NTSC's luma and chroma; the inverse of `rgb_to_yiq`, not clamped.

    Args:
        yiq: (B, 3, H, W) as `rgb_to_yiq` gives.

    Returns:
        (B, 3, H, W); within [0, 1] only where that color exists in sRGB.
    """
    return _mix(yiq, _inverse(_YIQ_FROM_RGB, yiq))


def keep_luminance(result: Tensor, content: Tensor) -> Tensor:
    """Return the result in the content's colors: its luma, with I and Q of the content.

    Args:
        result: (B, 3, H, W) sRGB, [0, 1]; only its luma is used.
        content: (B, 3, H, W) or (1, 3, H, W) sRGB, [0, 1]; provides the colors.

    Returns:
        (B, 3, H, W) sRGB, clamped to [0, 1].

    Source: Gatys, Bethge, Hertzmann, Shechtman 2016, "Preserving Color in Neural Artistic Style Transfer",
    luminance-only transfer, arXiv:1606.05897; Gatys, Ecker, Bethge, Hertzmann, Shechtman 2017, section 5.1,
    arXiv:1611.07865.
    Differs: both papers stylize luminance only; that is left to the caller (`brushwork.api.color_control`).
    """
    luma = rgb_to_yiq(result)[:, :1]
    chroma = rgb_to_yiq(content)[:, 1:].expand(len(result), -1, -1, -1)
    return yiq_to_rgb(torch.cat([luma, chroma], dim=1)).clamp(0, 1)


def luminance(pixels: Tensor) -> Tensor:
    """Return the gray image of the same luma.

    Args:
        pixels: (B, 3, H, W) sRGB, [0, 1].

    Returns:
        (B, 3, H, W) sRGB, [0, 1], three equal channels.
    """
    return rgb_to_yiq(pixels)[:, :1].expand(-1, 3, -1, -1).clamp(0, 1)


@torch.no_grad()
def match_luminance(
    image: Tensor, reference: Tensor, *, mask: Tensor | None = None, reference_mask: Tensor | None = None
) -> Tensor:
    """Return the image with the mean and standard deviation of the reference's luma; I and Q are unchanged.

    Args:
        image: (B, 3, H, W) sRGB, [0, 1].
        reference: (1, 3, h, w) or (B, 3, h, w) sRGB, [0, 1], of any size.
        mask: Weight of each pixel of the image, (1, 1, H, W) in [0, 1]; all pixels are recolored.
        reference_mask: The same for the reference, (1, 1, h, w).

    Returns:
        (B, 3, H, W) sRGB, clamped to [0, 1].

    Source: L' = σ_C / σ_S (L_S - μ_S) + μ_C of Gatys, Bethge, Hertzmann, Shechtman 2016, luminance-only transfer,
    arXiv:1606.05897; and section 5.1 of Gatys et al. 2017, arXiv:1611.07865.
    Differs: σ_S below 2/255 counts as 2/255, so that a flat image stays flat.
    """
    mean, covariance = _moments(image, mask)
    wanted_mean, wanted_covariance = _moments(reference, reference_mask)
    weights = _matrix(_YIQ_FROM_RGB, mean)[0]  # of luma
    # Clamped: rounding can make the variance of a flat image slightly negative.
    deviation, wanted = ((weights @ each @ weights).clamp(min=0).sqrt() for each in (covariance, wanted_covariance))
    gain = (wanted / deviation.clamp(min=_NOISE))[:, None, None, None]
    luma = rgb_to_yiq(image.double())[:, :1]
    matched = gain * (luma - (weights @ mean)[..., None, None]) + (weights @ wanted_mean)[..., None, None]
    recolored: Tensor = (image + (matched - luma)).clamp(0, 1)  # the same for R, G and B, so I and Q don't change
    return recolored.to(image.dtype)


@torch.no_grad()
def match_covariance(
    image: Tensor,
    reference: Tensor,
    *,
    mask: Tensor | None = None,
    reference_mask: Tensor | None = None,
    measured: Tensor | None = None,
) -> Tensor:
    """Return the image with the mean and covariance of the reference's RGB: one linear map for all pixels.

    Args:
        image: (B, 3, H, W) sRGB, [0, 1].
        reference: (1, 3, h, w) or (B, 3, h, w) sRGB, [0, 1], of any size.
        mask: Weight of each pixel of the image, (1, 1, H, W) in [0, 1]; all pixels are recolored.
        reference_mask: The same for the reference, (1, 1, h, w).
        measured: If `image` is a part: a thumbnail of the whole image, to which `mask` then applies; otherwise None.

    Returns:
        (B, 3, H, W) sRGB, clamped to [0, 1].

    Source: x' = A (x - μ_S) + μ_C with A = L_C L_S⁻¹, Σ = L Lᵀ (Cholesky), of Gatys, Bethge, Hertzmann, Shechtman
    2016, color histogram matching, arXiv:1606.05897; and section 5.2 of Gatys et al. 2017, arXiv:1611.07865.
    Differs: where the image hardly varies (in a flat or gray one, Σ_S has no inverse), its deviation counts as 2/255.
    Adding ε to the diagonals, as is common, changes the other directions too, or amplifies noise a hundredfold.
    """
    mean, covariance = _moments(image if measured is None else measured, mask)
    wanted_mean, wanted_covariance = _moments(reference, reference_mask)
    lower, wanted = _cholesky(covariance, _NOISE**2), _cholesky(wanted_covariance, 1e-12)
    transform = torch.linalg.solve_triangular(lower, wanted.expand_as(lower), upper=False, left=False)
    matched: Tensor = transform @ (image.double().flatten(2) - mean) + wanted_mean
    return matched.clamp(0, 1).reshape(image.shape).to(image.dtype)


@torch.no_grad()
def match_histogram(
    image: Tensor,
    reference: Tensor,
    *,
    mask: Tensor | None = None,
    reference_mask: Tensor | None = None,
    measured: Tensor | None = None,
) -> Tensor:
    """Return the image with the reference's histograms of Y, I and Q, each matched separately.

    R, G and B are correlated: matched separately, they drift apart into hues that neither image has, and white paper
    becomes a rainbow. Y, I and Q are nearly independent, and light stays lighter than dark. The arguments are those of
    `match_covariance`.

    Returns:
        (B, 3, H, W) sRGB, clamped to [0, 1].

    Source: histogram matching as in Gonzalez and Woods, "Digital Image Processing", section 3.3; here by quantiles, so
    the images may differ in size and have any number of levels.
    Differs: differences grow at most fivefold, and the rest of the histogram moves inward. Otherwise the grain of a
    flat sky would become black and white speckle, and the rounding errors of a gray image would become colored.
    """
    measured = image if measured is None else measured
    weights, wanted_weights = _weights(measured, mask), _weights(reference, reference_mask)
    channels, known = (rgb_to_yiq(x.double()).flatten(2).flatten(0, 1) for x in (image, measured))
    wanted = rgb_to_yiq(reference.double().expand(len(image), -1, -1, -1)).flatten(2).flatten(0, 1)
    matched = [_match_values(*each, weights, wanted_weights) for each in zip(channels, known, wanted, strict=True)]
    return yiq_to_rgb(torch.stack(matched).reshape(image.shape)).clamp(0, 1).to(image.dtype)


def _match_values(values: Tensor, known: Tensor, wanted: Tensor, weights: Tensor, wanted_weights: Tensor) -> Tensor:
    """Map values (L,) by the curve that gives `known` (N,) the histogram and mean of `wanted` (M,)."""
    levels, quantiles = _quantiles(known, weights)
    wanted_levels, wanted_quantiles = _quantiles(wanted, wanted_weights)
    low, high = float(levels[0]), max(float(levels[-1]), float(levels[0]) + 1 / 255)
    knots = torch.linspace(low, high, int((high - low) * 255) + 2, dtype=levels.dtype, device=levels.device)
    curve = interpolated(interpolated(knots, levels, quantiles), wanted_quantiles, wanted_levels)
    steps = curve.diff().clamp(max=_STEEPEST * (high - low) / (len(knots) - 1))
    curve = torch.cat([steps.new_zeros(1), steps.cumsum(0)])
    shift = (wanted * wanted_weights).sum() - (interpolated(known, knots, curve) * weights).sum()
    return interpolated(values, knots, curve) + shift


def _quantiles(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sorted distinct values of (N,) and their quantiles; values of weight 0 are ignored.

    A value's quantile is the share of smaller values plus half that of equal ones, so a flat image is all median.
    """
    levels, place = torch.unique(values[weights > 0], return_inverse=True)
    shares = torch.zeros_like(levels).index_add_(0, place, weights[weights > 0])
    return levels, shares.cumsum(0) - shares / 2


def _weights(pixels: Tensor, mask: Tensor | None) -> Tensor:
    """Return the pixel weights (N,), normalized to a sum of 1."""
    if mask is None:
        mask = torch.ones_like(pixels[:1, :1])
    if mask.shape != (1, 1, *pixels.shape[2:]):
        raise UsageError(f"expected a mask of shape {(1, 1, *pixels.shape[2:])}, got {tuple(mask.shape)}")
    weights = mask.to(pixels.device, torch.float64).flatten()
    if not weights.sum() > 0:
        raise UsageError("the mask is 0 everywhere; make it positive where pixels should count")
    return weights / weights.sum()


def _moments(pixels: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return mean (B, 3, 1) and covariance (B, 3, 3), in float64 to avoid cancellation."""
    flat, weights = pixels.double().flatten(2), _weights(pixels, mask)
    mean = (flat * weights).sum(2, keepdim=True)
    return mean, ((flat - mean) * weights) @ (flat - mean).mT


@dataclass(frozen=True)
class ColorMoments:
    """Mean and covariance of an image's colors.

    Args:
        mean: (3,) sRGB, [0, 1], in float64.
        covariance: (3, 3).
    """

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, pixels: Tensor, mask: Tensor | None = None) -> ColorMoments:
        """Measure an image.

        Args:
            pixels: (1, 3, H, W) sRGB, [0, 1].
            mask: Weight of each pixel, (1, 1, H, W) in [0, 1].
        """
        mean, covariance = _moments(pixels, mask)
        return cls(mean[0, :, 0].cpu(), covariance[0].cpu())

    @classmethod
    def mixture(cls, parts: Sequence[ColorMoments], shares: Sequence[float]) -> ColorMoments:
        """Return the moments of several images' pixels taken together, in shares of sum 1."""
        mean = torch.stack([share * part.mean for part, share in zip(parts, shares, strict=True)]).sum(0)
        spread = [part.covariance + torch.outer(part.mean - mean, part.mean - mean) for part in parts]
        return cls(mean, torch.stack([share * each for each, share in zip(spread, shares, strict=True)]).sum(0))

    def transported(self, pixels: Tensor, wanted: ColorMoments, steepest: float = _STEEPEST) -> Tensor:
        """Return the image with other moments, each color moved as little as possible: optimal transport of Gaussians.

        Args:
            pixels: (B, 3, H, W) sRGB, [0, 1], an image of these moments, or a part of it.
            wanted: The moments it should have.
            steepest: How many times differences of color may grow.

        Returns:
            (B, 3, H, W), clamped to [0, 1].

        Source: Pitié and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping for example-based colour
        transfer", CVMP, eq. 10: x' = T (x - μ) + μ_w, T = Σ^-1/2 (Σ^1/2 Σ_w Σ^1/2)^1/2 Σ^-1/2.
        Differs: a deviation below 2/255 counts as 2/255, so that a flat image stays flat, and no difference grows more
        than `steepest`: the noise in a gray photo's colors would become a rainbow.
        """
        root = _power(self.covariance, 0.5, _NOISE**2)
        inverse = _power(self.covariance, -0.5, _NOISE**2)
        exact = inverse @ _power(root @ wanted.covariance @ root, 0.5, 0.0) @ inverse
        gains, directions = torch.linalg.eigh((exact + exact.mT) / 2)
        transform = (directions * gains.clamp(max=steepest)) @ directions.mT
        shift = wanted.mean - transform @ self.mean
        return _mix(pixels, transform.to(pixels)).add_(shift.to(pixels)[:, None, None]).clamp_(0, 1)


def _power(covariance: Tensor, exponent: float, floor: float) -> Tensor:
    """Return a power of a symmetric matrix, with the variance in every direction raised to at least `floor`."""
    variances, directions = torch.linalg.eigh(covariance)
    power: Tensor = (directions * variances.clamp(min=floor) ** exponent) @ directions.mT
    return power


def _cholesky(covariance: Tensor, floor: float) -> Tensor:
    """Return the lower triangle L of L Lᵀ = Σ, with the variance in every direction raised to at least `floor`."""
    variances, directions = torch.linalg.eigh(covariance)
    lower: Tensor = torch.linalg.cholesky((directions * variances.clamp(min=floor)[:, None]) @ directions.mT)
    return lower


def _matrix(rows: Matrix, like: Tensor) -> Tensor:
    return torch.tensor(rows, dtype=like.dtype, device=like.device)


def _inverse(rows: Matrix, like: Tensor) -> Tensor:
    inverse: Tensor = torch.linalg.inv(torch.tensor(rows, dtype=torch.float64))
    return inverse.to(dtype=like.dtype, device=like.device)


def _mix(pixels: Tensor, matrix: Tensor) -> Tensor:
    mixed: Tensor = torch.einsum("ij,bjhw->bihw", matrix, pixels)
    return mixed
