import itertools

import numpy as np
import pytest
import torch

from brushwork.losses.moments import covariance_loss, gaussian_mmd, linear_mmd, mean_std_loss, polynomial_mmd
from brushwork.nn.statistics import covariance, gram_matrix, mean_std


def features(seed: int, height: int = 5, width: int = 3, shift: float = 0.0) -> torch.Tensor:
    return shift + torch.randn(1, 4, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def vectors(maps: torch.Tensor) -> np.ndarray:
    return maps[0].flatten(1).T.numpy()


def mmd(x: np.ndarray, y: np.ndarray, kernel: object) -> float:
    """The double sums of Gretton et al. 2012, eq. 5 (biased), written out."""

    def mean(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean([kernel(p, q) for p, q in itertools.product(a, b)]))  # type: ignore[operator]

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def test_mean_std_loss() -> None:
    x, y = vectors(features(0)), vectors(features(1, 4, 6))
    ours, theirs = (np.concatenate([v.mean(0), np.sqrt(v.var(0) + 1e-5)]) for v in (x, y))
    expected = ((ours - theirs) ** 2).sum() / (theirs**2).sum()
    assert mean_std_loss(features(0), *mean_std(features(1, 4, 6))).item() == pytest.approx(expected)


def test_covariance_loss() -> None:
    x, y = vectors(features(0)), vectors(features(1, 4, 6, shift=2))
    ours, theirs = np.cov(x.T, ddof=0), np.cov(y.T, ddof=0)
    expected = ((ours - theirs) ** 2).sum() / (theirs**2).sum()
    expected += ((x.mean(0) - y.mean(0)) ** 2).sum() / (y.mean(0) ** 2).sum()
    style = features(1, 4, 6, shift=2)
    assert covariance_loss(features(0), mean_std(style)[0], covariance(style)).item() == pytest.approx(expected / 2)


def test_linear_mmd_is_that_of_the_linear_kernel() -> None:
    x, y = vectors(features(0)), vectors(features(1, 4, 6, shift=1))
    expected = mmd(x, y, np.dot) / mmd(np.zeros((1, 4)), y, np.dot)
    assert linear_mmd(features(0), mean_std(features(1, 4, 6, shift=1))[0]).item() == pytest.approx(expected)


def test_squared_gram_distance_is_the_mmd_of_the_quadratic_kernel() -> None:
    """Li et al. 2017, section 3.1: k(x, y) = (xᵀy)², from sums over pairs of positions, without a Gram matrix."""
    style = features(1, 4, 6, shift=1)
    discrepancy = mmd(vectors(features(0)), vectors(style), lambda p, q: np.dot(p, q) ** 2)
    grams = gram_matrix(features(0)), gram_matrix(style)
    assert (grams[0] - grams[1]).square().sum().item() == pytest.approx(discrepancy)
    expected = discrepancy / grams[1].square().sum().item()
    assert polynomial_mmd(features(0), grams[1], mean_std(style)[0], 0).item() == pytest.approx(expected)


@pytest.mark.parametrize("offset", [0.3, 7.0])
def test_polynomial_mmd_is_that_of_the_kernel_with_its_offset(offset: float) -> None:
    style = features(1, 4, 6, shift=1)

    def kernel(p: np.ndarray, q: np.ndarray) -> float:
        return float((np.dot(p, q) + offset) ** 2)

    expected = mmd(vectors(features(0)), vectors(style), kernel) / mmd(np.zeros((1, 4)), vectors(style), kernel)
    got = polynomial_mmd(features(0), gram_matrix(style), mean_std(style)[0], offset)
    assert got.item() == pytest.approx(expected)


def test_gaussian_mmd_comes_near_that_of_the_kernel_with_many_waves() -> None:
    style, waves = features(1, 4, 6, shift=1), torch.randn(4000, 4, dtype=torch.float64)
    x, y = vectors(features(0)), vectors(style)
    variance = np.mean([((p - q) ** 2).sum() for p, q in itertools.product(y, y)])

    def kernel(p: np.ndarray, q: np.ndarray) -> float:
        return float(np.exp(-((p - q) ** 2).sum() / (2 * variance)))

    own = np.mean([kernel(p, q) for p, q in itertools.product(y, y)])
    samples = style[0].flatten(1).mT
    assert gaussian_mmd(features(0), samples, waves).item() == pytest.approx(mmd(x, y, kernel) / own, rel=0.06)


def test_gaussian_mmd_in_chunks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, waves = features(1)[0].flatten(1).mT, torch.randn(9, 4, dtype=torch.float64)
    x = features(0).requires_grad_(True)
    whole = gaussian_mmd(x, samples, waves)
    monkeypatch.setattr("brushwork.losses.moments._CHUNK", 4)
    parts = gaussian_mmd(x, samples, waves)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(torch.autograd.grad(parts, x), torch.autograd.grad(whole, x))


def test_gaussian_mmd_of_a_flat_style_is_finite() -> None:
    x = features(0).requires_grad_(True)
    for shade in (0.0, 3.0):
        loss = gaussian_mmd(x, torch.full((6, 4), shade, dtype=torch.float64), torch.randn(9, 4, dtype=torch.float64))
        assert loss.isfinite()
        assert torch.autograd.grad(loss, x)[0].isfinite().all()
