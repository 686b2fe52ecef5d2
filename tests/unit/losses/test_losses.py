import math

import numpy as np
import pytest
import torch

from brushwork.losses.content import content_loss, relative_error
from brushwork.losses.gram import gram_loss
from brushwork.losses.regularizers import checkerboard_loss, low_frequency_color_loss, total_variation


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_content_loss_is_half_the_squared_distance() -> None:
    a, b = random(1, 3, 5, 4), random(1, 3, 5, 4, seed=1)
    assert content_loss(a, b).item() == pytest.approx(((a.numpy() - b.numpy()) ** 2).sum() / 2)


def test_gram_loss_is_equation_4() -> None:
    """1 / (4 N² M²) Σ (G - A)² with G and A summed over the positions, as the paper writes it."""
    a, b = random(1, 3, 5, 4).numpy()[0].reshape(3, 20), random(1, 3, 5, 4, seed=1).numpy()[0].reshape(3, 20)
    expected = ((a @ a.T - b @ b.T) ** 2).sum() / (4 * 3**2 * 20**2)
    grams = [torch.from_numpy(x @ x.T / 20)[None] for x in (a, b)]
    assert gram_loss(*grams).item() == pytest.approx(expected)


def test_relative_error_is_0_for_a_match_and_1_for_nothing() -> None:
    target = random(1, 3, 5, 4)
    assert relative_error(target, target).item() == 0
    assert relative_error(torch.zeros_like(target), target).item() == pytest.approx(1)


def test_relative_error_ignores_scale() -> None:
    a, b = random(1, 3, 5, 4), random(1, 3, 5, 4, seed=1)
    assert relative_error(1000 * a, 1000 * b).item() == pytest.approx(relative_error(a, b).item())


def test_relative_error_of_a_dark_target_is_finite() -> None:
    assert torch.isfinite(relative_error(random(1, 3, 5, 4), torch.zeros(1, 3, 5, 4)))


def test_total_variation_is_the_mean_squared_step() -> None:
    x = random(1, 3, 6, 5).numpy()
    expected = ((np.diff(x, axis=2) ** 2).sum() + (np.diff(x, axis=3) ** 2).sum()) / x.size
    assert total_variation(torch.from_numpy(x)).item() == pytest.approx(expected)


def test_total_variation_of_tiles_adds_up_to_that_of_the_whole() -> None:
    x, total = random(1, 3, 7, 10), torch.zeros(())
    for top, bottom in ((0, 4), (4, 7)):
        for left, right in ((0, 3), (3, 10)):
            seen = x[:, :, top : bottom + 1, left : right + 1]
            total = total + total_variation(seen, (bottom - top, right - left), x.numel())
    assert total.item() == pytest.approx(total_variation(x).item())


def test_total_variation_of_a_single_pixel_is_0() -> None:
    assert total_variation(random(1, 3, 1, 1)).item() == 0


def test_gradients() -> None:
    target = random(1, 2, 3, 3, seed=1)
    for loss in (content_loss, relative_error, gram_loss):
        value = random(1, 2, 3, 3).requires_grad_(True)
        assert torch.autograd.gradcheck(lambda x, loss=loss: loss(x, target), (value,))
    assert torch.autograd.gradcheck(total_variation, (random(1, 3, 4, 3).requires_grad_(True),))


def test_a_recolored_photo_has_no_foreign_forms_and_a_patch_is_one() -> None:
    photo = torch.rand(1, 3, 4, 6).repeat_interleave(16, 2).repeat_interleave(16, 3)
    recolored = torch.einsum("dc,nchw->ndhw", torch.randn(3, 3), photo) + 0.3
    assert low_frequency_color_loss(recolored, photo) < 2e-3
    patch = recolored.clone()
    patch[:, 1, 16:48, 32:64] += 1
    assert low_frequency_color_loss(patch, photo) > 20 * low_frequency_color_loss(recolored, photo)
    fine = recolored + torch.randn_like(recolored)  # strokes are no forms
    assert low_frequency_color_loss(fine, photo) < 0.2 * low_frequency_color_loss(patch, photo)
    patch.requires_grad_()
    low_frequency_color_loss(patch, photo).backward()
    assert patch.grad is not None
    assert patch.grad[:, 1, 16:48, 32:64].mean() > 0
    assert low_frequency_color_loss(torch.rand(1, 3, 5, 7), torch.rand(1, 3, 5, 7)) < 0.1


def test_a_grid_of_four_pixels_repeats_and_a_photo_does_not() -> None:
    smooth = torch.linspace(0, 1, 96).expand(1, 3, 96, 96)
    grid = smooth.clone()
    grid[..., ::4, ::4] += 0.1
    assert checkerboard_loss(grid) > 20 * checkerboard_loss(smooth)
    assert checkerboard_loss(grid) > 20 * checkerboard_loss(smooth + 0.1 * torch.rand(1, 3, 96, 96)) / 3
    moved = smooth + 0.1 * torch.sin(torch.arange(96) * 2 * math.pi / 7)
    assert checkerboard_loss(moved) < 0.2 * checkerboard_loss(grid)
