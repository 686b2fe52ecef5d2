from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.errors import UsageError
from brushwork.patches import PatchCosts, PatchTree, kernels, nearest_patches, voted, weighted
from brushwork.patches.search import SEARCHES


def smooth(*size: int) -> Tensor:
    return F.interpolate(torch.rand(1, size[0], size[1] // 4 + 1, size[2] // 4 + 1), size[1:], mode="bicubic")[0]


def brute(query: Tensor, source: Tensor, side: int) -> Tensor:
    """All distances, by plain loops: (H', W', h', w')."""
    sizes = [[extent - side + 1 for extent in planes.shape[1:]] for planes in (query, source)]
    table = torch.empty(*sizes[0], *sizes[1])
    for y, x, r, c in np.ndindex(*table.shape):
        own, other = query[:, y : y + side, x : x + side], source[:, r : r + side, c : c + side]
        table[y, x, r, c] = ((own - other) ** 2).sum()
    return table


def test_exact_search_finds_what_plain_loops_find() -> None:
    query, source = smooth(2, 13, 11), smooth(2, 12, 15)
    field, table = nearest_patches(query, source, 3, search="exact"), brute(query, source, 3)
    assert field.places.shape == (11, 9, 2)
    assert torch.allclose(field.distances, table.flatten(2).min(2).values, atol=1e-5)
    rows, columns = field.places.unbind(2)
    y, x = torch.meshgrid(torch.arange(11), torch.arange(9), indexing="ij")
    assert torch.allclose(table[y, x, rows, columns], field.distances, atol=1e-5)


def test_exact_search_in_bands_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    query, source = smooth(3, 24, 31), smooth(3, 30, 22)
    whole = nearest_patches(query, source, 5, search="exact")
    monkeypatch.setattr("brushwork.patches.exact.QUERIES", 40)
    monkeypatch.setattr("brushwork.patches.exact.SOURCES", 30)
    monkeypatch.setattr("brushwork.patches.field.BAND", 100)
    banded = nearest_patches(query, source, 5, search="exact")
    assert torch.allclose(banded.distances, whole.distances, atol=1e-5)


@pytest.mark.parametrize("search", SEARCHES)
def test_every_search_finds_a_picture_in_itself(search: str) -> None:
    picture = torch.rand(3, 60, 70)
    field = nearest_patches(picture[:, 10:50, 20:60], picture, 5, search=search)
    assert (field.distances < 1e-6).float().mean() > 0.99
    assert (voted(field, picture, 5) - picture[:, 10:50, 20:60]).abs().mean() < 0.01


@pytest.mark.parametrize("search", SEARCHES)
def test_every_search_takes_only_what_may_be_taken(search: str) -> None:
    picture, usable = torch.rand(1, 80, 90), torch.ones(80, 90, dtype=torch.bool)
    usable[30:45] = False
    field = nearest_patches(picture, picture, 4, search=search, usable=usable)
    rows = field.places[..., 0]
    assert not ((rows > 26) & (rows < 45)).any()
    assert field.distances.isfinite().all()


@pytest.mark.parametrize("search", SEARCHES)
def test_the_distances_are_those_of_the_places(search: str) -> None:
    query, source = smooth(2, 70, 75), smooth(2, 80, 72)
    field = nearest_patches(query, source, 4, search=search)
    for y, x in ((0, 0), (66, 71), (20, 33)):
        r, c = field.places[y, x].tolist()
        expected = ((query[:, y : y + 4, x : x + 4] - source[:, r : r + 4, c : c + 4]) ** 2).sum()
        assert float(field.distances[y, x]) == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize(("search", "share"), [("patchmatch", 1.12), ("kdtree", 1.15)])
def test_approximate_searches_come_close(search: str, share: float) -> None:
    query, source = smooth(3, 100, 90), smooth(3, 90, 100)
    exact = nearest_patches(query, source, 5, search="exact").distances.sqrt().mean()
    found = nearest_patches(query, source, 5, search=search).distances.sqrt().mean()
    assert exact <= found <= share * exact


def test_patchmatch_has_the_same_result_for_the_same_seed() -> None:
    query, source = smooth(3, 100, 90), smooth(3, 90, 100)
    first, again, other = (nearest_patches(query, source, 5, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.places, again.places)
    assert torch.equal(first.distances, again.distances)
    assert not torch.equal(first.places, other.places)


def test_patchmatch_without_numba_is_only_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    query, source = smooth(3, 90, 80), smooth(3, 80, 90)
    compiled = nearest_patches(query, source, 5)
    monkeypatch.setattr(kernels, "compiled", lambda: False)
    monkeypatch.setattr(kernels, "BAND", 10_000)
    plain = nearest_patches(query, source, 5)
    assert (compiled.places == plain.places).all(2).float().mean() > 0.98  # sums are rounded in another order
    assert torch.allclose(compiled.distances.mean(), plain.distances.mean(), rtol=0.01)


def test_patchmatch_starts_from_places_given() -> None:
    query = smooth(3, 100, 90)
    y, x = torch.meshgrid(torch.arange(96), torch.arange(86), indexing="ij")
    field = nearest_patches(query, query, 5, start=torch.stack((y, x), 2), passes=1)
    assert (field.distances == 0).all()


def test_weights_say_how_much_a_plane_counts() -> None:
    query, source = torch.rand(2, 20, 20), torch.rand(2, 20, 20)
    only_first = nearest_patches(weighted(query, [1, 0]), weighted(source, [1, 0]), 3, search="exact")
    assert torch.equal(only_first.places, nearest_patches(query[:1], source[:1], 3, search="exact").places)
    with pytest.raises(UsageError, match="weights: expected 2 numbers"):
        weighted(query, [1, -1])


def test_what_cannot_be_searched_is_told() -> None:
    planes = torch.rand(3, 20, 20)
    for wrong, told in (
        ({"search": "quick"}, "search: expected one of patchmatch, exact, kdtree"),
        ({"side": 21}, "query: expected at least 21 x 21 pixels"),
        ({"source": planes[:2]}, "same C"),
        ({"usable": torch.ones(3, 3)}, "usable: expected"),
        ({"usable": torch.zeros(20, 20)}, "usable: no patch of 5 x 5"),
    ):
        values = {"query": planes, "source": planes, "side": 5, **wrong}
        with pytest.raises(UsageError, match=told):
            nearest_patches(**values)


def test_costs_of_templates_are_weighted_sums_of_squares() -> None:
    source, templates, weights = torch.rand(3, 17, 22), torch.rand(6, 3, 5, 5), torch.rand(3, 5, 5)
    costs = PatchCosts(source, 5)
    found = costs.costs(templates, weights, costs.power(weights))
    windows = source.unfold(1, 5, 1).unfold(2, 5, 1)[None]
    expected = (weights[:, None, None] * (windows - templates[:, :, None, None]) ** 2).sum((1, 4, 5))
    assert found.shape == (6, 13, 18)
    assert torch.allclose(found, expected, atol=1e-4)


def test_a_tree_finds_vectors_in_itself() -> None:
    vectors = torch.randn(500, 30) @ torch.randn(30, 30)
    tree = PatchTree(vectors, kept=1.0, components=30)
    assert torch.equal(tree.nearest(vectors + 1e-4), torch.arange(500))
