"""The last stage of AdaIN-lite 2, in NumPy: the painting's mean and covariance of the colors, exactly.

The same as `brushwork.methods.adain_lite.colors`; for its source, see there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from brushwork.lite.tensors import Array

__all__ = ["COLOR_CODE", "color_code", "opponent_colors", "recolored", "with_products"]

Doubles = npt.NDArray[np.float64]

COLOR_CODE = 9  # numbers: three means, six of a lower triangle
FLAT = (2 / 255) ** 2  # variances below this count as this, so that a flat picture stays flat
STEEPEST = 8.0  # how many times a difference of colors may grow
# Orthonormal: gray, red-green, yellow-blue.
AXES = np.array([[1, 1, 1], [1, -1, 0], [1, 1, -2]]) / np.sqrt([[3], [2], [6]])
LOWER = np.tril_indices(3)


def color_code(mean: Array, covariance: Array) -> Array:
    """Return the part (9,) of a code that holds the colors: means (3,) and the Cholesky triangle of a covariance."""
    triangle = _cholesky(AXES @ covariance.astype(np.float64) @ AXES.T)
    code: Array = np.concatenate([AXES @ mean, triangle[LOWER]]).astype(np.float32)
    return code


def opponent_colors(pixels: Array) -> Array:
    """Return pixels (3, H, W) along the axes."""
    colors: Array = np.tensordot(AXES.astype(np.float32), pixels, 1)
    return colors


def with_products(colors: Array) -> Array:
    """Append to colors (3, …) the products of each two, six, by rows of a lower triangle."""
    row, column = LOWER
    return np.concatenate([colors, colors[row] * colors[column]])


def recolored(colors: Array, wanted: Sequence[Array], shares: Array | None, moments: Array) -> Array:
    """Return pixels (3, H, W) with the wanted colors.

    Args:
        colors: The picture along the axes, (3, H, W), or a tile of it.
        wanted: What each style wants, from `color_code`.
        shares: Share of each style at each pixel, (N, 1, H, W); None for one style.
        moments: Means (N, 9) over the whole picture of colors with their products, for each style.
    """
    result = np.zeros_like(colors)
    for k, (code, measured) in enumerate(zip(wanted, moments, strict=True)):
        kernel, bias = _move(measured.astype(np.float64), code.astype(np.float64))
        part = np.tensordot(kernel.astype(np.float32), colors, 1)
        part += bias.astype(np.float32)[:, None, None]
        result += part if shares is None else shares[k] * part
    return result


def _move(measured: Doubles, code: Doubles) -> tuple[Doubles, Doubles]:
    """Return matrix (3, 3) and shift (3,) from a picture's colors along the axes to pixels in a style's colors."""
    mean, squares, triangle = measured[:3], np.zeros((3, 3)), np.zeros((3, 3))
    squares[LOWER], triangle[LOWER] = measured[3:], code[3:]
    transform = triangle @ np.linalg.inv(_cholesky(squares - np.outer(mean, mean)))
    transform *= min(1.0, STEEPEST / max(float(np.linalg.norm(transform)), 1e-12))
    return AXES.T @ transform, AXES.T @ (code[:3] - transform @ mean)


def _cholesky(covariance: Doubles) -> Doubles:
    """Return the lower triangle of L Lᵀ = Σ from that of Σ, with a floor to what each axis adds."""
    lower = np.zeros((3, 3))
    for i in range(3):
        for j in range(i):
            lower[i, j] = (covariance[i, j] - lower[i, :j] @ lower[j, :j]) / lower[j, j]
        lower[i, i] = np.sqrt(max(covariance[i, i] - lower[i, :i] @ lower[i, :i], FLAT))
    return lower
