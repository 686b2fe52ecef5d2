"""The command evaluate pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from samples import write_pairs

from brushwork import Picture, write_image

if TYPE_CHECKING:
    from conftest import Outcome


def test_pictures_are_measured(run: Callable[..., Outcome], tmp_path: Path) -> None:
    table = write_pairs(tmp_path)
    arguments = ("evaluate", "pictures", table, tmp_path, "--size", 64)
    found = json.loads(run(*arguments, "--json").out)
    assert set(found) == {"mean", "interval", "sets", "settings", "pictures", "failed"}
    rows = run(*arguments, "--csv").out.splitlines()
    assert rows[0].startswith("name,content,style")
    assert len(rows) == 4
    assert "| ssim |" in run(*arguments, "--markdown").out
    assert "speckle" not in run(*arguments).out
    assert "speckle" in run(*arguments, "--all").out
    (tmp_path / "pa__sa.png").unlink()
    told = run(*arguments)
    assert told.code == 1
    assert "1 of 3 pictures were not measured" in told.err


def test_weights_that_are_not_there_are_told(run: Callable[..., Outcome], tmp_path: Path) -> None:
    table = write_pairs(tmp_path)
    told = run("evaluate", "pictures", table, tmp_path, "--size", 64, "--with", "lpips")
    assert told.code == 1
    assert "brushwork weights fetch lpips-alex" in told.err


def test_other_sizes_are_told_and_resized_only_if_asked(run: Callable[..., Outcome], tmp_path: Path) -> None:
    table = write_pairs(tmp_path)
    write_image(Picture(torch.rand(1, 3, 64, 64)), tmp_path / "pa__sa.png")
    arguments = ("evaluate", "pictures", table, tmp_path, "--size", 64)
    told = run(*arguments)
    assert told.code == 1
    assert "pa__sa.png: has other proportions than its photo (64×64 instead of 64×48" in told.err.replace("\n", " ")
    assert "content" in told.out  # the others were measured
    assert run(*arguments, "--resize").code == 0
