from __future__ import annotations

import numpy as np
import pytest
import torch

from brushwork.losses.temporal import long_term_weights, pass_start, temporal_loss


def test_the_loss_is_the_papers_sum() -> None:
    x, w = torch.rand(1, 3, 4, 5, dtype=torch.float64), torch.rand(1, 3, 4, 5, dtype=torch.float64)
    c = torch.rand(1, 1, 4, 5, dtype=torch.float64)
    total = 0.0
    for k, i, j in np.ndindex(3, 4, 5):  # 1/D Σ c (x - ω)²
        total += float(c[0, 0, i, j] * (x[0, k, i, j] - w[0, k, i, j]) ** 2)
    assert float(temporal_loss(x, w, c)) == pytest.approx(total / 60)


def test_its_gradient_pulls_only_where_the_weight_says() -> None:
    x = torch.rand(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    c = torch.zeros(1, 1, 4, 5, dtype=torch.float64)
    c[..., 2] = 1
    brought = torch.rand(1, 3, 4, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: temporal_loss(x, brought, c), x)
    (gradient,) = torch.autograd.grad(temporal_loss(x, brought, c), x)
    torch.testing.assert_close(gradient[..., 2], (2 / 60 * (x - brought))[..., 2].detach())
    assert not bool(gradient[..., [0, 1, 3, 4]].any())


def test_each_place_is_held_by_the_nearest_frame_that_shows_it() -> None:
    rows = ([1.0, 0, 0, 0.25], [1.0, 1, 0, 0.5], [1.0, 1, 1, 1])
    near, middle, far = (torch.tensor(row).view(1, 1, 1, 4) for row in rows)
    found = long_term_weights([near, middle, far])
    assert [weight.flatten().tolist() for weight in found] == [[1, 0, 0, 0.25], [0, 1, 0, 0.25], [0, 0, 1, 0.25]]
    assert long_term_weights([]) == []


def test_a_further_pass_begins_between_itself_and_its_neighbor() -> None:
    before, brought = torch.rand(1, 3, 2, 2), torch.rand(1, 3, 2, 2)
    weights = torch.tensor([[1.0, 0.0], [0.5, 0.0]])[None, None]
    found = pass_start(before, brought, weights)
    torch.testing.assert_close(found[..., 0, 0], (before + brought)[..., 0, 0] / 2)
    torch.testing.assert_close(found[..., 0, 1], before[..., 0, 1])
    torch.testing.assert_close(found[..., 1, 0], 0.25 * brought[..., 1, 0] + 0.75 * before[..., 1, 0])
