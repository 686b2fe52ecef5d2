"""The loss of a picture tile by tile: that of the whole, and so is its gradient."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from brushwork import Gatys, load
from brushwork.methods.gatys.method import GatysMethod
from brushwork.methods.gatys.tiled_objective import TiledObjective
from brushwork.tiling.tiles import Tiling

SETTINGS = Gatys(precision="float32", tv_weight=3.0, steps=4, scales=1)


def pictures(*sizes: tuple[int, int]) -> list[Tensor]:
    torch.manual_seed(1)
    return [
        torch.nn.functional.interpolate(torch.rand(1, 3, h // 6, w // 6), (h, w), mode="bilinear") for h, w in sizes
    ]


@pytest.mark.parametrize("loss", ["normalized", "paper"])
@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("precision", ["float32", "network"])
@pytest.mark.parametrize("local", [0.0, 2.0])
@pytest.mark.parametrize("size", [(201, 333), (700, 97)])
def test_the_gradient_over_tiles_is_that_of_the_whole(
    loss: str, masks: bool, precision: str, local: float, size: tuple[int, int]
) -> None:
    if local and precision == "network":
        pytest.skip("local style is computed in float32")
    method = load(replace(SETTINGS, loss=loss, gram_precision=precision, local_weight=local))
    assert isinstance(method, GatysMethod)
    photo, pixels, *paintings = pictures(size, size, (120, 160), (160, 120))
    styles = [method.encode_style(painting, sizes=[333]) for painting in paintings[: 1 + masks]]
    shares = torch.rand(2, 1, *size) if masks else None
    found = []
    for tiling in (None, Tiling(96)):
        objective = method._objective(photo, styles, size[::-1], 333, shares, tiling)
        assert isinstance(objective, TiledObjective) == (tiling is not None)
        leaf = pixels.clone().requires_grad_()
        value, terms = objective(leaf)
        (gradient,) = torch.autograd.grad(value / 7, leaf)
        found.append((value.detach(), {name: term.detach() for name, term in terms.items()}, gradient))
    (whole, terms, gradient), (value, parts, sums) = found
    assert abs(float(value / whole) - 1) < 1e-5
    assert list(parts) == list(terms)
    assert all(abs(float(parts[name] / terms[name]) - 1) < 1e-5 for name in terms)
    assert (sums - gradient).norm() / gradient.norm() < 1e-5


def test_a_picture_in_tiles_is_the_picture(tmp_path: Path) -> None:
    method = load(SETTINGS)
    content, painting = pictures((301, 201), (120, 160))
    style = method.encode_style(painting, sizes=method.sizes(201, 301))
    whole = method(content, style)
    tiled = method(content, style, tiling=Tiling(96, folder=tmp_path))
    assert (tiled - whole).abs().max() < 2e-3  # half a gray level; sums in another order
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("masks", [False, True])
def test_gram_matrices_as_the_network_computes_give_the_same_gradient(masks: bool) -> None:
    photo, pixels, *paintings = pictures((90, 131), (90, 131), (120, 160), (160, 120))
    shares = torch.rand(2, 1, 90, 131) if masks else None
    found = []
    for gram_precision in ("float32", "network"):
        method = load(replace(SETTINGS, gram_precision=gram_precision))
        assert isinstance(method, GatysMethod)
        styles = [method.encode_style(painting, sizes=[131]) for painting in paintings[: 1 + masks]]
        leaf = pixels.clone().requires_grad_()
        value, _ = method._objective(photo, styles, (131, 90), 131, shares)(leaf)
        found.append((value.detach(), *torch.autograd.grad(value, leaf)))
    (value, gradient), (other, same) = found
    assert abs(float(other / value) - 1) < 1e-5
    assert (same - gradient).norm() / gradient.norm() < 1e-4


def test_a_level_that_fits_where_a_tile_does_is_not_cut() -> None:
    method = load(replace(SETTINGS, scales=2))
    assert isinstance(method, GatysMethod)
    photo, painting = pictures((400, 400), (120, 160))
    styles = [method.encode_style(painting, sizes=[400])]
    for size, cut in ((200, False), (400, True)):  # a tile of 96 px is seen with 70 px around it
        objective = method._objective(photo, styles, (size, size), size, None, Tiling(96))
        assert isinstance(objective, TiledObjective) == cut


def test_pairs_on_disk_are_pairs_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brushwork.optim.lbfgs.MAPPED", 0)
    method = load(replace(SETTINGS, steps=8))
    content, painting = pictures((70, 90), (60, 60))
    style = method.encode_style(painting, sizes=method.sizes(90, 70))
    here = method(content, style)
    assert torch.equal(method(content, style, tiling=Tiling(1024, folder=tmp_path)), here)
