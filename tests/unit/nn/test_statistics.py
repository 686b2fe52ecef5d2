from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brushwork.errors import UsageError
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
    resampled,
)


def features(batch: int = 2, channels: int = 5, height: int = 7, width: int = 3) -> torch.Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(0))


def test_equals_sums_written_out() -> None:
    values = features().numpy().astype(np.float64)
    expected = np.zeros((2, 5, 5))
    for batch in range(2):
        for i in range(5):
            for j in range(5):
                expected[batch, i, j] = (values[batch, i] * values[batch, j]).sum() / 21
    np.testing.assert_allclose(gram_matrix(features()).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_does_not_depend_on_size_for_a_repeated_picture() -> None:
    tile = features(height=4, width=4)
    torch.testing.assert_close(gram_matrix(tile.repeat(1, 1, 3, 2)), gram_matrix(tile))


def test_channels_last_gives_the_same() -> None:
    torch.testing.assert_close(gram_matrix(features().to(memory_format=torch.channels_last)), gram_matrix(features()))


def test_mask_counts_only_what_it_shows() -> None:
    values, mask = features(), torch.zeros(1, 1, 7, 3)
    mask[:, :, 2:5] = 1
    torch.testing.assert_close(gram_matrix(values, mask), gram_matrix(values[:, :, 2:5]))


def test_soft_mask_weighs() -> None:
    values, mask = features(height=1, width=2), torch.tensor([[[[1.0, 0.25]]]])
    first, second = gram_matrix(values[..., :1]), gram_matrix(values[..., 1:])
    torch.testing.assert_close(gram_matrix(values, mask), (first + 0.25 * second) / 1.25)


def test_mask_is_brought_to_the_features_by_area() -> None:
    values, mask = features(height=2, width=2), torch.zeros(1, 1, 8, 8)
    mask[:, :, :4, :4] = 1
    torch.testing.assert_close(gram_matrix(values, mask), gram_matrix(values[:, :, :1, :1]))


def test_empty_mask_is_refused() -> None:
    with pytest.raises(UsageError, match="leaves nothing"):
        gram_matrix(features(), torch.zeros(1, 1, 7, 3))


@pytest.mark.parametrize("masked", [False, True])
def test_gradient(masked: bool) -> None:
    values = features(1, 3, 4, 2).double().requires_grad_(True)
    mask = torch.rand(1, 1, 4, 2, dtype=torch.float64) if masked else None
    assert torch.autograd.gradcheck(lambda x: gram_matrix(x, mask), (values,))


def weighted(masked: bool) -> tuple[torch.Tensor, np.ndarray, torch.Tensor | None, np.ndarray]:
    """Features, the same as a matrix C × M, a mask, and the weights it stands for."""
    values, mask = features(1, 4, 5, 3).double(), torch.rand(1, 1, 5, 3, dtype=torch.float64) if masked else None
    weights = np.ones(15) if mask is None else mask.numpy().ravel()
    return values, values.numpy()[0].reshape(4, 15), mask, weights / weights.sum()


@pytest.mark.parametrize("masked", [False, True])
def test_mean_std_and_covariance_are_those_of_numpy(masked: bool) -> None:
    values, matrix, mask, weights = weighted(masked)
    mean, std = mean_std(values, mask)
    np.testing.assert_allclose(mean[0], np.average(matrix, axis=1, weights=weights))
    expected = np.cov(matrix, aweights=weights, ddof=0)
    np.testing.assert_allclose(covariance(values, mask)[0], expected, atol=1e-12)
    np.testing.assert_allclose(std[0], np.sqrt(np.diag(expected)), rtol=1e-4)


def test_standard_deviation_of_a_flat_channel_has_a_gradient() -> None:
    flat = torch.ones(1, 2, 3, 3, requires_grad=True)
    mean_std(flat)[1].sum().backward()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()


@pytest.mark.parametrize("statistic", [lambda x, m: mean_std(x, m)[1], covariance, position_weights])
def test_an_empty_mask_is_refused_everywhere(statistic: Callable[..., torch.Tensor]) -> None:
    with pytest.raises(UsageError, match="leaves nothing"):
        statistic(features(), torch.zeros(1, 1, 7, 3))


@pytest.mark.parametrize(
    "statistic", [lambda x: mean_std(x)[1], covariance, lambda x: quantiles(x.flatten(2)), patches]
)
def test_gradients_of_the_others(statistic: Callable[[torch.Tensor], torch.Tensor]) -> None:
    assert torch.autograd.gradcheck(statistic, (features(1, 2, 4, 3).double().requires_grad_(True),))


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 40), count=st.integers(1, 60), seed=st.integers(0, 2**32 - 1))
def test_quantiles_are_numpy_s(size: int, count: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(2, 3, size))
    expected = np.quantile(values, (np.arange(count) + 0.5) / count, axis=2, method="hazen").transpose(1, 2, 0)
    np.testing.assert_allclose(quantiles(torch.from_numpy(values), count=count), expected, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(weights=st.lists(st.integers(0, 5), min_size=2, max_size=12).filter(any), count=st.integers(1, 30))
def test_weighted_quantiles_are_read_between_the_middles_of_the_shares(weights: list[int], count: int) -> None:
    values = np.random.default_rng(len(weights)).permutation(len(weights)) * 1.5
    got = quantiles(torch.from_numpy(values), torch.tensor(weights, dtype=torch.float64), count)
    kept = sorted((value, weight) for value, weight in zip(values, weights, strict=True) if weight)
    shares = np.array([weight for _, weight in kept])
    middles = (np.cumsum(shares) - shares / 2) / shares.sum()
    expected = np.interp((np.arange(count) + 0.5) / count, middles, [value for value, _ in kept])
    np.testing.assert_allclose(got, expected, atol=1e-9)


def test_resampled_quantiles_are_read_off_the_line() -> None:
    torch.testing.assert_close(resampled(torch.tensor([0.0, 1.0]), 4), torch.tensor([0.0, 0.25, 0.75, 1.0]))
    same = torch.rand(2, 5).sort(1).values
    assert resampled(same, 5) is same
    torch.testing.assert_close(resampled(torch.tensor([[3.0]]), 2), torch.tensor([[3.0, 3.0]]))


def test_project_is_an_inner_product_at_each_position() -> None:
    values, directions = features(1, 5, 2, 3), torch.rand(4, 5)
    expected = np.einsum("kc,bchw->bkhw", directions.numpy(), values.numpy()).reshape(1, 4, 6)
    np.testing.assert_allclose(project(values, directions), expected, rtol=1e-5)


def test_directions_are_orthonormal_bases_fixed_by_their_seed() -> None:
    directions = random_directions(8, 5, seed=3)
    torch.testing.assert_close(directions[:5] @ directions[:5].mT, torch.eye(5), atol=0.02, rtol=0)
    torch.testing.assert_close(directions[5:] @ directions[5:].mT, torch.eye(3), atol=0.02, rtol=0)
    assert torch.equal(directions, random_directions(8, 5, seed=3))
    assert not torch.equal(directions, random_directions(8, 5, seed=4))
    assert torch.equal(directions, directions.bfloat16().float())


def test_patches_are_cut_out_row_by_row() -> None:
    values = features(1, 2, 5, 4)
    expected = [values[0, :, y : y + 3, x : x + 3].flatten() for y in range(3) for x in range(2)]
    torch.testing.assert_close(patches(values), torch.stack(expected))


def test_a_map_smaller_than_a_patch_is_continued() -> None:
    assert patches(torch.tensor([[[[1.0, 2.0]]]])).tolist() == [[1, 2, 2] * 3]


def test_drawn_takes_each_position_as_often_as_its_share() -> None:
    values, mask = torch.arange(4.0).reshape(1, 1, 1, 4), torch.tensor([[[[0.0, 1.0, 0.5, 0.5]]]])
    sample = drawn(values, mask, 64, seed=0)
    assert sample.shape == (64, 1)
    assert sample.flatten().long().bincount().tolist() == [0, 32, 16, 16]
    assert drawn(values, None, 4, seed=0).flatten().sort().values.tolist() == [0, 1, 2, 3]


def test_drawn_is_shuffled_and_fixed_by_its_seed() -> None:
    values = torch.arange(100.0).reshape(1, 1, 10, 10)
    first = drawn(values, None, 100, seed=0)
    assert torch.equal(first, drawn(values, None, 100, seed=0))
    assert not torch.equal(first, drawn(values, None, 100, seed=1))
    assert abs(first[:50].mean() - 49.5) < 15
