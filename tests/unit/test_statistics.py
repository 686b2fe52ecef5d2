import numpy as np
import pytest
import torch

from brushwork.errors import UsageError
from brushwork.statistics import gram_matrix


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
