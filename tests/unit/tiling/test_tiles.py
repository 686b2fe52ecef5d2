"""Tiles: how a picture is cut, what is summed over all of them, and how they wait."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from torch import Tensor

from brushwork.errors import BrushworkError
from brushwork.nn.transformation import TransformationNetwork
from brushwork.tiling.feature_cache import FeatureCache
from brushwork.tiling.passes import TileProgress, over_tiles
from brushwork.tiling.tiles import Stages, StatisticsRequest, Sums, Tile, cut, run_whole


@pytest.mark.parametrize(("height", "width", "side", "halo"), [(64, 64, 64, 16), (200, 328, 96, 10), (8, 800, 100, 30)])
def test_tiles_cover_a_picture_once_and_see_more(height: int, width: int, side: int, halo: int) -> None:
    seen = torch.zeros(height, width)
    for tile in cut(height, width, side, halo, 8):
        top, left, bottom, right = tile.core
        seen[top:bottom, left:right] += 1
        assert all(edge % 8 == 0 for edge in (*tile.core, *tile.seen))
        assert bottom - top <= side + 8
        assert tile.seen[0] <= max(0, top - halo)
        assert tile.seen[3] >= min(width, right + halo)
    assert (seen == 1).all()


def test_sums_of_parts_are_those_of_the_whole() -> None:
    features = 100 + torch.randn(1, 5, 40, 60)
    weights = torch.rand(2, 1, 40, 60)
    plain, weighted = Sums(), Sums()
    for part, counts in zip(features.split(8, 3), weights.split(8, 3), strict=True):
        plain.add(part)
        weighted.add(part, counts)
    moments = plain.moments(torch.device("cpu"))
    assert torch.allclose(moments.mean[0], features.mean((0, 2, 3)), rtol=1e-6)
    assert torch.allclose(moments.variance[0], features.var((0, 2, 3), correction=0), rtol=1e-5)
    found, share = weighted.moments(torch.device("cpu")), weights[1, 0] / weights[1].sum()
    mean = (features[0] * share).sum((1, 2))
    assert torch.allclose(found.mean[1], mean, rtol=1e-6)
    assert torch.allclose(
        found.variance[1], ((features[0] - mean[:, None, None]).square() * share).sum((1, 2)), rtol=1e-5
    )


def painted(network: TransformationNetwork, photo: Tensor, **options: object) -> Tensor:
    result = torch.zeros_like(photo)

    def done(tile: Tile, pixels: Tensor) -> None:
        top, left, bottom, right = tile.core
        result[:, :, top:bottom, left:right] = pixels

    tiles = cut(*photo.shape[2:], 64, network.halo, 4)  # type: ignore[call-arg]
    over_tiles(tiles, lambda tile: network.steps(tile.of(photo), network.row()), done, **options)  # type: ignore[arg-type]
    return result


@pytest.mark.parametrize("recompute_stages", [0, 1, 3])
@torch.inference_mode()
def test_tiles_that_wait_in_files_or_begin_anew_paint_the_same(recompute_stages: int, tmp_path: Path) -> None:
    network, photo = TransformationNetwork(4, 1).eval(), torch.rand(1, 3, 160, 200)
    whole = network.paint(photo, network.row())
    assert torch.allclose(painted(network, photo), whole, atol=1e-4)
    here = painted(network, photo, recompute_stages=recompute_stages)
    files = painted(network, photo, recompute_stages=recompute_stages, cache=FeatureCache(tmp_path, 20_000))
    assert torch.equal(files, here)
    assert torch.allclose(here, whole, atol=1e-4)
    assert not list(tmp_path.iterdir())


@torch.inference_mode()
def test_what_waits_in_files_is_not_in_memory(tmp_path: Path) -> None:
    sizes, tensors = list[int](), list[Tensor]()

    def steps(tile: Tile) -> Stages:
        x, kept = torch.ones(1, 1, 8, 8), torch.ones(1, 4, 8, 8)
        tensors.extend((x, kept))
        yield StatisticsRequest(x, keep=(kept,))
        yield StatisticsRequest(x, keep=(kept,))
        return x + kept[:, :1]

    def done(tile: Tile, pixels: Tensor) -> None:
        sizes.append(sum(tensor.untyped_storage().nbytes() for tensor in tensors))
        assert not list(tmp_path.iterdir())  # the files have no names, so that nothing is left of a killed process
        assert (pixels == 2).all()

    over_tiles(cut(8, 32, 8, 0, 8), steps, done, cache=FeatureCache(tmp_path))
    assert sizes == [5 * 64 * 4 * here for here in (1, 2, 3, 4)]  # what is painted stays only because it is held here


def test_alone_it_measures_itself() -> None:
    def steps() -> Stages:
        assert (yield StatisticsRequest(torch.rand(1, 1, 2, 2))) is None
        return torch.ones(1)

    assert run_whole(steps()) == 1


@pytest.mark.parametrize("stop", [1, 13, 40])
@torch.inference_mode()
def test_others_can_go_on_with_the_journal(stop: int) -> None:
    network, photo, journal = TransformationNetwork(4, 1).eval(), torch.rand(1, 3, 160, 200), TileProgress()
    whole, seen = painted(network, photo), 0

    def passed(_: Tile) -> None:
        nonlocal seen
        seen += 1
        if seen == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        painted(network, photo, progress=journal, passed=passed)
    assert len(journal.known) == (stop - 1) // 12
    assert torch.allclose(painted(network, photo, progress=journal), whole, atol=1e-5)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("brushwork.tiling.feature_cache._write_all", full)
    shelf = FeatureCache(tmp_path)
    with pytest.raises(BrushworkError, match=r"No space left on device"):
        shelf.put(0, StatisticsRequest(torch.ones(1, 1, 2, 2)))
    shelf.close()
