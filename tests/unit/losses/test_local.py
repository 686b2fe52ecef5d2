"""Tests of local style."""

import pytest
import torch

from brushwork.losses.local import WindowGrid, local_style_loss, mixed_windows, style_windows


def features(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, *size, generator=torch.Generator().manual_seed(seed))


def test_moments_are_means_and_deviations_of_overlapping_windows() -> None:
    found = features(3, 64, 32)
    grid = WindowGrid.of(64, 32)
    assert (grid.rows, grid.columns) == (16, 8)
    moments = grid.moments(grid.sums_with_squares(found))
    assert moments.shape == (15 * 7, 6)
    window = found[0, :, 4:12, 8:16].flatten(1)  # the second row, the third column
    row = moments[1 * 7 + 2]
    torch.testing.assert_close(row[:3], window.mean(1))
    torch.testing.assert_close(row[3:], window.std(1, correction=0))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (2, 3), (37, 41)])
def test_any_size_has_windows(height: int, width: int) -> None:
    moments = style_windows(features(2, height, width), 0)
    assert moments.shape[1] == 4
    assert len(moments) >= 1
    assert moments.isfinite().all()


def test_sums_of_parts_are_those_of_the_whole() -> None:
    found = features(2, 50, 33)
    grid = WindowGrid.of(50, 33)
    parts = grid.sums(found[:, :, :20]) + grid.sums(found[:, :, 20:, :9], 20) + grid.sums(found[:, :, 20:, 9:], 20, 9)
    torch.testing.assert_close(parts, grid.sums(found))


def test_loss_takes_the_nearest_window() -> None:
    style = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert local_style_loss(style, style) == 0
    # (1.5, 0) is nearest to (1, 0): 0.25 / (1.5 · 1); the other matches.
    torch.testing.assert_close(
        local_style_loss(torch.tensor([[1.5, 0.0], [0.0, 2.0]]), style), torch.tensor(0.25 / 1.5 / 2)
    )


def test_shares_say_where_a_style_applies() -> None:
    windows, style = torch.tensor([[3.0, 0.0], [1.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    assert local_style_loss(windows, style, torch.tensor([0.0, 1.0])) == 0
    assert local_style_loss(windows, style, torch.tensor([1.0, 0.0])) > 0


def test_gradient_leads_to_the_nearest_window() -> None:
    windows = torch.tensor([[1.5, 0.2]], requires_grad=True)
    (gradient,) = torch.autograd.grad(local_style_loss(windows, torch.tensor([[1.0, 0.0]])), windows)
    assert bool((gradient > 0).all())


def test_constant_features_have_a_finite_gradient() -> None:
    flat = torch.ones(1, 2, 32, 32, requires_grad=True)
    grid = WindowGrid.of(32, 32)
    style = style_windows(features(2, 32, 32), 0)
    (gradient,) = torch.autograd.grad(local_style_loss(grid.moments(grid.sums_with_squares(flat)), style), flat)
    assert gradient.isfinite().all()


def test_masked_painting_keeps_the_windows_inside() -> None:
    painting = torch.cat([torch.zeros(1, 1, 32, 16), torch.ones(1, 1, 32, 16)], 3)
    mask = torch.cat([torch.zeros(1, 1, 64, 32), torch.ones(1, 1, 64, 32)], 3)
    assert style_windows(painting, 0, mask)[:, 0].min() == 1
    assert len(style_windows(painting, 0, torch.zeros(1, 1, 64, 64) + 0.1)) == 15 * 15  # all outside: none is left out


def test_blend_moves_windows_to_their_nearest() -> None:
    main, other = torch.tensor([[0.0, 0.0], [4.0, 4.0]]), torch.tensor([[4.0, 8.0], [0.0, 2.0]])
    mixed = mixed_windows([other, main], [0.25, 0.75])
    assert mixed is not None
    assert mixed.tolist() == [[0.0, 0.5], [4.0, 5.0]]
    assert mixed_windows([main, None], [0.5, 0.5]) is None
