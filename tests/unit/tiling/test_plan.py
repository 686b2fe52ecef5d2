"""Plans: what fits, and what is told where nothing does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from brushwork import AdaINLite, Gatys, Johnson, Picture, load, stylize, write_image
from brushwork.cli.main import cli
from brushwork.errors import BrushworkError, UsageError
from brushwork.methods import Method
from brushwork.options.flags import memory_limit
from brushwork.runtime.memory import resident_memory
from brushwork.tiling.metering import live_bytes
from brushwork.tiling.plan import plan_job, worth_a_plan

GB = 10**9


@pytest.fixture(scope="module")
def method() -> Method:
    return load(AdaINLite(precision="float32"))


def test_a_small_picture_is_made_whole(method: Method, tmp_path: Path) -> None:
    plan = plan_job(method, (800, 600), max_memory=8 * GB, file=tmp_path / "out.png")
    assert (plan.way, plan.tiling, plan.disk) == ("whole", None, 0)
    assert resident_memory() < plan.memory < resident_memory() + GB


def test_the_larger_the_picture_the_more_it_takes_until_it_is_cut(method: Method, tmp_path: Path) -> None:
    sizes = [(1000, 1000), (3000, 3000), (10_000, 10_000), (32_000, 32_000)]
    plans = [plan_job(method, size, max_memory=12 * GB, file=tmp_path / "out.png") for size in sizes]
    assert [plan.way for plan in plans] == ["whole", "whole", "streamed", "streamed"]
    assert plans[0].memory < plans[1].memory
    assert all(plan.memory <= plan.limit == 12 * GB for plan in plans)
    assert plans[2].seconds < plans[3].seconds
    assert plans[3].disk >= 3 * 32_000**2  # at least the picture itself
    assert plans[3].tiling is not None
    assert plans[3].tiling.folder == tmp_path


def test_in_memory_it_takes_tiles_where_the_whole_does_not_fit(method: Method) -> None:
    size, here = (4000, 4000), resident_memory()
    whole = plan_job(method, size, max_memory=here + 20 * GB)
    tiled = plan_job(method, size, max_memory=here + int(1.5 * GB))
    assert (whole.way, tiled.way) == ("whole", "tiled")
    assert tiled.memory < whole.memory
    with pytest.raises(BrushworkError, match="with the smallest tiles"):
        plan_job(method, size, max_memory=here + GB // 10)


def test_gatys_lays_its_pairs_on_disk(tmp_path: Path) -> None:
    gatys = load(Gatys(steps=4))
    whole = plan_job(gatys, (1000, 1000), max_memory=40 * GB, file=tmp_path / "out.png")
    large = plan_job(gatys, (4000, 4000), max_memory=resident_memory() + 4 * GB, file=tmp_path / "out.png")
    assert (whole.way, large.way) == ("whole", "tiled")
    assert large.tiling is not None
    assert large.tiling.folder == tmp_path
    assert large.disk >= 4000 * 4000 * 12 * 10
    with pytest.raises(BrushworkError, match="doesn't support tiles"):
        plan_job(load(Gatys(statistic="patch")), (4000, 4000), max_memory=resident_memory() + GB)


@pytest.mark.parametrize("make", [lambda: load(AdaINLite()), lambda: load(Johnson())])
def test_the_demand_is_what_larger_pictures_take(make: Callable[[], Method]) -> None:
    method = make()
    demand, photo, style = method.demand(), torch.rand(1, 3, 512, 512), method.network.neutral_style()  # type: ignore[attr-defined]
    method(photo, style)
    taken = live_bytes(lambda: method(photo, style))
    assert 0.9 <= (demand.fixed + demand.pixel * 512**2) / taken <= 1.4


def test_only_large_pictures_and_narrow_limits_are_worth_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brushwork.tiling.plan.available_memory", lambda: 16 * GB)
    assert not worth_a_plan((1024, 1024), None)
    assert worth_a_plan((1024, 1024), GB)
    assert worth_a_plan((4096, 4096), None)
    monkeypatch.setattr("brushwork.tiling.plan.available_memory", lambda: GB)
    assert worth_a_plan((1024, 1024), None)


@pytest.mark.parametrize("words", ["", "4", "GB", "0GB", "-1GB", "4 XB", "4GB!"])
def test_wrong_amounts_of_memory(words: str) -> None:
    if words == "4":
        assert memory_limit(words) == 4
        return
    with pytest.raises(UsageError, match="amount"):
        memory_limit(words)


def test_the_command_plans_without_doing(tmp_path: Path) -> None:
    write_image(Picture(torch.rand(1, 3, 60, 80)), tmp_path / "photo.png")
    line = ["plan", str(tmp_path / "photo.png"), "--style", "feminine-wave", "-o", str(tmp_path / "out.png")]
    told = CliRunner().invoke(cli, line, catch_exceptions=False)
    assert "80×60, whole" in told.output
    found = json.loads(CliRunner().invoke(cli, [*line, "--json", "--max-memory", "30GB"]).output)
    assert found["way"] == "whole"
    assert found["limit"] == 30 * GB
    assert 0 < found["memory"] < found["limit"]
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_a_limit_changes_the_way_and_not_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brushwork.tiling.plan.SIDES", (256, 128, 64))
    method = load(AdaINLite(precision="float32"))
    photo = Picture(torch.nn.functional.interpolate(torch.rand(1, 3, 60, 80), (600, 800), mode="bicubic").clamp(0, 1))
    whole = stylize(photo, "feminine-wave", method=method, max_memory=100 * GB)
    tiled = stylize(photo, "feminine-wave", method=method, max_memory=resident_memory() + 150_000_000)
    assert "tile" not in whole.recipe
    assert tiled.recipe["tile"] in (256, 128, 64)
    assert (whole.picture.pixels - tiled.picture.pixels).abs().max() <= 2 / 255
