from __future__ import annotations

from pathlib import Path

import pytest
import torch


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "recipes"))
    import target_cache

    return target_cache


def entry(value: float) -> dict[str, torch.Tensor]:
    return {"pixels": torch.full((3, 4, 4), value)}


def test_the_oldest_entries_make_room_and_sweeping_deletes_their_files(recipe, tmp_path: Path) -> None:
    cache = recipe.TargetCache(tmp_path, {"crops": 2})
    keys = [cache.add("crops", entry(value)) for value in (0.0, 1.0, 2.0)]
    assert cache.pools["crops"] == keys[1:]
    assert torch.equal(cache.get(keys[0])["pixels"], entry(0.0)["pixels"])  # a checkpoint may still name it
    cache.sweep()
    assert {path.stem for path in tmp_path.iterdir()} == set(keys[1:])


@pytest.mark.parametrize("harm", ["changed", "cut", "missing"])
def test_a_damaged_entry_is_refused(recipe, tmp_path: Path, harm: str) -> None:
    cache = recipe.TargetCache(tmp_path, {"crops": 2})
    key = cache.add("crops", entry(1.0))
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(content if harm == "changed" else content[:-8])
    with pytest.raises(recipe.DamagedEntryError, match=str(path.name)):
        cache.get(key)


def test_a_cache_takes_up_where_another_left_it(recipe, tmp_path: Path) -> None:
    first = recipe.TargetCache(tmp_path, {"crops": 3})
    keys = [first.add("crops", entry(value)) for value in (0.0, 1.0, 2.0)]
    second = recipe.TargetCache(tmp_path, {"crops": 2, "more": 5})
    second.restore(first.state())
    assert second.pools == {"crops": keys[1:], "more": []}
