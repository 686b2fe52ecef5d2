"""Distances between sets of pictures, from one vector of features per picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["frechet_distance", "frechet_of_sets", "kernel_distance"]

Array = npt.NDArray[np.float64]


def frechet_distance(mean: Array, covariance: Array, other_mean: Array, other_covariance: Array) -> float:
    """Return the squared Fréchet distance between two Gaussians.

    ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½)

    Args:
        mean: (D,).
        covariance: (D, D).
        other_mean: (D,).
        other_covariance: (D, D).

    Source: Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule", eq. 6, arXiv:1706.08500.
    """
    root = _square_root(covariance)
    # The eigenvalues of Σ₁ Σ₂ are those of the symmetric Σ₁^½ Σ₂ Σ₁^½.
    values = np.linalg.eigvalsh(root @ other_covariance @ root)
    crossed = np.sqrt(np.clip(values, 0, None)).sum()
    total = np.square(mean - other_mean).sum() + np.trace(covariance) + np.trace(other_covariance) - 2 * crossed
    return max(0.0, float(total))


def _square_root(covariance: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance)
    root: Array = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


def frechet_of_sets(vectors: Any, others: Any) -> float:
    """Return the Fréchet distance between two sets (N, D) and (M, D), of at least two vectors each.

    Source: Heusel et al. 2017; there, the vectors are Inception's, and the distance is called FID. With fewer vectors
        than dimensions it is biased; compare sets of equal size only.
    """
    a, b = (np.asarray(x, dtype=np.float64) for x in (vectors, others))
    if min(len(a), len(b)) > a.shape[1]:
        return frechet_distance(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))
    apart = np.square(a.mean(0) - b.mean(0)).sum()
    a, b = ((x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b))
    # With Σ₁ = AᵀA and Σ₂ = BᵀB, the roots of the eigenvalues of Σ₁ Σ₂ are the singular values of A Bᵀ, a small matrix.
    crossed = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return max(0.0, float(apart + np.square(a).sum() + np.square(b).sum() - 2 * crossed))


def kernel_distance(vectors: Any, others: Any) -> float:
    """Return the squared maximum mean discrepancy between two sets, without bias; it may be slightly negative.

    Args:
        vectors: (N, D), at least two.
        others: (M, D), at least two.

    Source: Bińkowski et al. 2018, "Demystifying MMD GANs", section 4, arXiv:1801.01401: the kernel (x·y / D + 1)³.
        There, the vectors are Inception's, and the distance is called KID.
    """
    a, b = (np.asarray(x, dtype=np.float64) for x in (vectors, others))

    def kernel(x: Array, y: Array) -> Array:
        values: Array = (x @ y.T / x.shape[1] + 1) ** 3
        return values

    own, other = kernel(a, a), kernel(b, b)
    n, m = len(a), len(b)
    within = (own.sum() - np.trace(own)) / (n * (n - 1)) + (other.sum() - np.trace(other)) / (m * (m - 1))
    return float(within - 2 * kernel(a, b).mean())
