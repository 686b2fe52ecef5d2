from __future__ import annotations

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from brushwork.patches import cheapest_path, seam_mask


def total(cost: torch.Tensor, path: list[int]) -> float:
    return float(sum(cost[row, column] for row, column in enumerate(path)))


@given(height=st.integers(1, 40), width=st.integers(1, 9), seed=st.integers(0, 2**31))
def test_the_cheapest_path_never_costs_more_than_a_straight_cut(height: int, width: int, seed: int) -> None:
    cost = torch.rand(2, height, width, generator=torch.Generator().manual_seed(seed))
    for costs, path in zip(cost, cheapest_path(cost).tolist(), strict=True):
        assert total(costs, path) <= float(costs.sum(0).min()) + 1e-4
        assert all(abs(a - b) <= 1 for a, b in itertools.pairwise(path))
        assert 0 <= min(path) <= max(path) < width


def test_it_is_the_cheapest_of_all() -> None:
    cost = torch.rand(1, 5, 4)
    ways = [
        way for way in itertools.product(range(4), repeat=5) if all(abs(a - b) <= 1 for a, b in itertools.pairwise(way))
    ]
    least = min(total(cost[0], list(way)) for way in ways)
    assert abs(total(cost[0], cheapest_path(cost)[0].tolist()) - least) < 1e-6


def test_the_new_patch_begins_at_the_path() -> None:
    cost = torch.ones(1, 3, 4)
    cost[0, [0, 1, 2], [1, 2, 1]] = 0
    assert seam_mask(cost)[0].int().tolist() == [[0, 1, 1, 1], [0, 0, 1, 1], [0, 1, 1, 1]]
