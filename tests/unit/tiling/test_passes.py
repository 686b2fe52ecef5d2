from __future__ import annotations

import sys
import time

import pytest
import torch

from brushwork.tiling.feature_cache import FirstFeatures
from brushwork.tiling.passes import in_turn
from brushwork.tiling.tiles import Tile, cut


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_turn_whoever_is_first(workers: int) -> None:
    def work(item: int) -> tuple[int, bool]:
        time.sleep(0.02 if item % 2 else 0)
        return item**2, torch.is_inference_mode_enabled()

    cores = torch.get_num_threads()
    for inference in (False, True):
        with torch.inference_mode(inference):
            assert list(in_turn(work, range(7), workers)) == [(item, (item**2, inference)) for item in range(7)]
    assert torch.get_num_threads() == cores


def test_work_that_fails_ends_it_and_gives_the_cores_back() -> None:
    cores, begun = torch.get_num_threads(), list[int]()

    def work(item: int) -> int:
        begun.append(item)
        if item == 1:
            raise MemoryError
        return item

    with pytest.raises(MemoryError):
        list(in_turn(work, range(50), 2))
    assert len(begun) < 10
    assert torch.get_num_threads() == cores


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_first_features_are_those_of_the_whole_picture(dtype: torch.dtype) -> None:
    height, width = 96, 64
    whole = torch.rand(1, 200, height // 4, width // 4).to(dtype)
    kept = FirstFeatures((width, height))
    for tile in cut(height, width, 32, 16, 16):
        kept.put(tile, _part(whole, tile))
    later = cut(height, width, 32, 32, 16)
    for tile in later:  # a tile's rows above are given back, which no later one sees
        assert torch.equal(kept.seen(tile), _part(whole, tile))
        kept.done(tile)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives them back at once")
def test_features_that_no_tile_will_see_are_given_back() -> None:
    kept = FirstFeatures((1024, 2048))
    tiles = cut(2048, 1024, 512, 0, 16)
    for tile in tiles:
        kept.put(tile, torch.ones(1, 16, (tile.seen[2] - tile.seen[0]) // 4, (tile.seen[3] - tile.seen[1]) // 4))
    kept.done(tiles[-1])
    assert bool((kept.seen(tiles[-1]) == 1).all())
    assert not bool(kept.seen(tiles[0]).any())


def _part(features: torch.Tensor, tile: Tile) -> torch.Tensor:
    top, left, bottom, right = (edge // 4 for edge in tile.seen)
    return features[:, :, top:bottom, left:right]
