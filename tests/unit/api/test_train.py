"""`brushwork.train`: what the command does, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from brushwork import (
    Johnson,
    Picture,
    TextureNets,
    TrainConditional,
    TrainJohnson,
    TrainTextureNets,
    stylize,
    synthesize,
    train,
    write_image,
)
from brushwork.errors import Interrupted, UsageError
from brushwork.training.loop import Report

SMALL: dict[str, Any] = {"steps": 2, "batch": 1, "side": 64, "style_size": 64}
TINY = TrainJohnson(**SMALL, width=4, blocks=1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "photos").mkdir()
    for name in ("photos/a.png", "photos/b.png", "wave.png", "sea.png"):
        write_image(Picture(torch.rand(1, 3, 80, 96)), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_style_is_trained_and_used(here: Path) -> None:
    reports: list[Report] = []
    done = train("wave.png", "photos", "mine.safetensors", TINY, log="log", progress=reports.append)
    assert (done.output, done.steps) == (Path("mine.safetensors"), 2)
    assert [report.step for report in reports] == [1, 2]
    assert (here / "log" / "losses.csv").exists()
    assert stylize("wave.png", "mine.safetensors", Johnson()).picture.size == (96, 80)
    assert train("wave.png", "photos", "mine.safetensors", TINY, resume=True).steps == 0


def test_many_styles_and_textures(here: Path) -> None:
    train(
        ["wave.png", Path("sea.png")], Path("photos"), "two.safetensors", TrainConditional(**SMALL, width=4, blocks=1)
    )
    assert {path.name for path in (here / "two").iterdir()} == {"wave.safetensors", "sea.safetensors"}
    train("wave.png", None, "t.safetensors", TrainTextureNets(**SMALL, makes="textures", channels=2, scales=3))
    assert synthesize("t.safetensors", 40, 30, TextureNets()).size == (40, 30)


def test_stopped_it_goes_on(here: Path) -> None:
    def stop(report: Report) -> None:
        raise KeyboardInterrupt

    with pytest.raises(
        Interrupted, match=r"after 1 of 2 steps; to continue from mine\.safetensors\.training, pass resume=True"
    ):
        train("wave.png", "photos", "mine.safetensors", TINY, progress=stop)
    with pytest.raises(UsageError, match="resume"):
        train("wave.png", "photos", "mine.safetensors", TINY)
    assert train("wave.png", "photos", "mine.safetensors", TINY, resume=True).steps == 2
    train("wave.png", "photos", "whole.safetensors", TINY)
    assert (here / "mine.safetensors").read_bytes() == (here / "whole.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settings": "johnson"}, "settings: expected settings such as TrainJohnson"),
        ({"settings": TrainJohnson}, "settings: expected settings such as TrainJohnson"),
        ({"settings": Johnson()}, "settings: expected settings such as TrainJohnson"),
        ({"photos": None}, "expected a folder of photographs"),
        ({"photos": "none"}, "none is not a folder"),
        ({"output": "a.png"}, "ending in .safetensors"),
        ({"output": "none/a.safetensors"}, "doesn't exist; create it"),
        ({"style": []}, "at least one painting"),
        ({"style": ["wave.png", "sea.png"]}, "one style at a time"),
        ({"style": ["wave.png", "./wave.png"]}, "the same file name"),
        ({"style": Picture(torch.rand(1, 3, 8, 8))}, "style: expected a file"),
        ({"device": "gpu"}, "device: expected"),
    ],
)
def test_wrong_arguments_are_told(change: dict[str, Any], told: str, here: Path) -> None:
    given: dict[str, Any] = {"style": "wave.png", "photos": "photos", "output": "a.safetensors", "settings": TINY}
    with pytest.raises(UsageError, match=told):
        train(**{**given, **change})
    assert not (here / "a.safetensors").exists()
