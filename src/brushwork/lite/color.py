"""Keeping the photo's colors, in NumPy; the same as `brushwork.color` and `brushwork.api.color_control`.

Pixels are (3, H, W) sRGB in [0, 1], weights of pixels (1, H, W). For sources, see there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brushwork.errors import UsageError
from brushwork.lite.tensors import Array

__all__ = ["ColorControl", "keep_luminance", "luminance", "match_covariance", "match_histogram", "match_luminance"]

Doubles = npt.NDArray[np.float64]

YIQ = np.array(((0.299, 0.587, 0.114), (0.59590059, -0.27455667, -0.32134392), (0.21153661, -0.52273617, 0.31119955)))
RGB = np.linalg.inv(YIQ)
NOISE = 2 / 255  # standard deviation of 8-bit and JPEG noise, which must not be amplified as if it were color
STEEPEST = 5  # maximum slope of histogram matching


def keep_luminance(result: Array, content: Array) -> Array:
    """Return the result in the content's colors: its luma, with I and Q of the content."""
    yiq = np.concatenate([_mixed(YIQ[:1], result), _mixed(YIQ[1:], content)])
    kept: Array = np.clip(_mixed(RGB, yiq), 0, 1)
    return kept


def luminance(pixels: Array) -> Array:
    """Return the gray image of the same luma, with three equal channels."""
    gray: Array = np.clip(np.repeat(_mixed(YIQ[:1], pixels), 3, 0), 0, 1)
    return gray


def match_luminance(image: Array, reference: Array, mask: Array | None, reference_mask: Array | None) -> Array:
    """Return the image with the mean and standard deviation of the reference's luma; I and Q are unchanged."""
    mean, covariance = _moments(image, mask)
    wanted_mean, wanted_covariance = _moments(reference, reference_mask)
    weights = YIQ[0]
    deviation, wanted = (np.sqrt(max(0.0, weights @ each @ weights)) for each in (covariance, wanted_covariance))
    luma = np.tensordot(weights, image.astype(np.float64), 1)
    matched = wanted / max(deviation, NOISE) * (luma - weights @ mean[:, 0]) + weights @ wanted_mean[:, 0]
    recolored: Array = np.clip(image + (matched - luma), 0, 1).astype(np.float32)
    return recolored


def match_covariance(image: Array, reference: Array, mask: Array | None, reference_mask: Array | None) -> Array:
    """Return the image with the mean and covariance of the reference's RGB: one linear map for all pixels."""
    mean, covariance = _moments(image, mask)
    wanted_mean, wanted_covariance = _moments(reference, reference_mask)
    lower, wanted = _cholesky(covariance, NOISE**2), _cholesky(wanted_covariance, 1e-12)
    transform = np.linalg.solve(lower.T, wanted.T).T  # wanted @ lower⁻¹
    mapped = transform @ (image.astype(np.float64).reshape(3, -1) - mean) + wanted_mean
    matched: Array = np.clip(mapped, 0, 1).reshape(image.shape).astype(np.float32)
    return matched


def match_histogram(image: Array, reference: Array, mask: Array | None, reference_mask: Array | None) -> Array:
    """Return the image with the reference's histograms of Y, I and Q, each matched separately."""
    weights, wanted_weights = _weights(image, mask), _weights(reference, reference_mask)
    channels = np.tensordot(YIQ, image.astype(np.float64), 1).reshape(3, -1)
    wanted = np.tensordot(YIQ, reference.astype(np.float64), 1).reshape(3, -1)
    mapped = [_matched(*each, weights, wanted_weights) for each in zip(channels, wanted, strict=True)]
    rgb = np.tensordot(RGB, np.stack(mapped), 1)
    matched: Array = np.clip(rgb, 0, 1).reshape(image.shape).astype(np.float32)
    return matched


def _matched(values: Doubles, wanted: Doubles, weights: Doubles, wanted_weights: Doubles) -> Doubles:
    """Map values (N,) by the curve that gives them the histogram and mean of `wanted` (M,)."""
    levels, quantiles = _quantiles(values, weights)
    wanted_levels, wanted_quantiles = _quantiles(wanted, wanted_weights)
    low, high = levels[0], max(levels[-1], levels[0] + 1 / 255)
    knots = np.linspace(low, high, int((high - low) * 255) + 2)
    curve = np.interp(np.interp(knots, levels, quantiles), wanted_quantiles, wanted_levels)
    steps = np.minimum(np.diff(curve), STEEPEST * (high - low) / (len(knots) - 1))
    curve = np.concatenate([[0.0], np.cumsum(steps)])
    mapped = np.interp(values, knots, curve)
    result: Doubles = mapped + (wanted @ wanted_weights - mapped @ weights)
    return result


def _quantiles(values: Doubles, weights: Doubles) -> tuple[Doubles, Doubles]:
    """Return the sorted distinct values and their quantiles; values of weight 0 are ignored."""
    levels, place = np.unique(values[weights > 0], return_inverse=True)
    shares = np.bincount(place, weights[weights > 0])
    return levels, np.cumsum(shares) - shares / 2


def _weights(pixels: Array, mask: Array | None) -> Doubles:
    """Return the pixel weights (N,), normalized to a sum of 1."""
    weights = np.ones(pixels[0].size) if mask is None else mask.astype(np.float64).ravel()
    if not weights.sum() > 0:
        raise UsageError("the mask is 0 everywhere; make it positive where pixels should count")
    normalized: Doubles = weights / weights.sum()
    return normalized


def _moments(pixels: Array, mask: Array | None) -> tuple[Doubles, Doubles]:
    """Return mean (3, 1) and covariance (3, 3)."""
    flat, weights = pixels.astype(np.float64).reshape(3, -1), _weights(pixels, mask)
    mean = (flat @ weights)[:, None]
    return mean, ((flat - mean) * weights) @ (flat - mean).T


def _cholesky(covariance: Doubles, floor: float) -> Doubles:
    """Return the lower triangle L of L Lᵀ = Σ, with the variance in every direction raised to at least `floor`."""
    variances, directions = np.linalg.eigh(covariance)
    return np.linalg.cholesky((directions * np.maximum(variances, floor)) @ directions.T)


def _mixed(matrix: Doubles, pixels: Array) -> Array:
    result: Array = np.tensordot(matrix.astype(np.float32), pixels, 1)
    return result


@dataclass(frozen=True, eq=False)
class ColorControl:
    """Transfers the photo's colors to the painting or to the result.

    Args:
        way: "luminance", "cholesky" or "histogram"; None keeps the painting's colors.
        when: "before" recolors the painting, "after" the result.
    """

    way: str | None
    when: str | None

    @property
    def grays(self) -> bool:
        """Whether the photo is painted by its luminance only."""
        return (self.way, self.when) == ("luminance", "before")

    @property
    def whole(self) -> bool:
        """Whether the result can be recolored only when all of it is there."""
        return self.when == "after" and self.way != "luminance"

    def style(self, painting: Array, mask: Array | None, photo: Array, photo_mask: Array | None) -> Array:
        """Return a painting, recolored if it is to be."""
        if self.when != "before":
            return painting
        if self.way == "luminance":
            return match_luminance(luminance(painting), photo, mask, photo_mask)
        return _MATCH[self.way or ""](painting, photo, mask, photo_mask)

    def result(self, painted: Array, photo: Array, mask: Array | None) -> Array:
        """Return the result in its colors; for `luminance` also a part of it."""
        if self.way == "luminance":
            return keep_luminance(painted, photo)
        return _MATCH[self.way or ""](painted, photo, mask, mask) if self.when == "after" else painted


_MATCH = {"cholesky": match_covariance, "histogram": match_histogram}
