import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brushwork.losses.transport import histogram_loss, sliced_wasserstein, sorted_distance
from brushwork.nn.statistics import project, quantiles


def features(seed: int, height: int = 5, width: int = 3) -> torch.Tensor:
    return torch.randn(1, 4, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def transport(x: np.ndarray, y: np.ndarray) -> float:
    """Squared 2-Wasserstein distance of two samples of one size on a line, per point."""
    return float(((np.sort(x) - np.sort(y)) ** 2).mean())


def test_sliced_wasserstein_is_transport_along_each_direction() -> None:
    x, y, directions = features(0), features(1), torch.randn(6, 4, dtype=torch.float64)
    rows = [[np.einsum("c,cm->m", d, f[0].flatten(1)) for d in directions.numpy()] for f in (x, y)]
    expected = sum(transport(a, b) for a, b in zip(*rows, strict=True)) / sum((b**2).mean() for b in rows[1])
    got = sliced_wasserstein(x, directions, quantiles(project(y, directions), count=15))
    assert got.item() == pytest.approx(expected)


def test_histogram_loss_is_the_distance_to_the_remapped_channel() -> None:
    """R(O): every activation gets the value that has its rank in the style."""
    x, y = features(0)[0].flatten(1).numpy(), features(1)[0].flatten(1).numpy()
    remapped = np.stack([np.sort(b)[np.argsort(np.argsort(a))] for a, b in zip(x, y, strict=True)])
    expected = ((x - remapped) ** 2).sum() / (y**2).sum()
    assert histogram_loss(features(0), quantiles(features(1).flatten(2), count=15)).item() == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(shift=st.floats(-5, 5), scale=st.floats(0.1, 5), seed=st.integers(0, 2**32 - 1))
def test_transport_of_a_moved_sample_has_a_closed_form(shift: float, scale: float, seed: int) -> None:
    """To a·x + b along one line: mean (x - a x - b)²."""
    x = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, 1, 40)))
    y = scale * x + shift
    expected = (x - y).square().mean() / y.square().mean()
    got = sorted_distance(x[..., torch.randperm(40)], quantiles(y, count=40))
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-9)


def test_a_style_of_another_size_is_brought_to_the_photo_s() -> None:
    x = torch.randn(1, 4, 60, 61)
    target = quantiles(torch.randn(1, 4, 50, 50).flatten(2))
    assert histogram_loss(x, target).item() < 0.01
    assert histogram_loss(x, quantiles(x.flatten(2))).item() < 0.001
