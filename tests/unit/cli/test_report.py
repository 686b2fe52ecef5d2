from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
import torch
from rich.console import Console

from brushwork.cli.report import Report, reason
from brushwork.errors import PictureError
from brushwork.io import read_image
from brushwork.runtime.progress import Step


def step(number: int, picture: torch.Tensor | None = None) -> Step:
    shown = torch.zeros(1, 3, 8, 8) if picture is None else picture
    return Step(number, 10, 0.25, {"content": 0.25}, (8, 8), 1.0, 75.0, lambda: shown)


def test_reason_is_one_line() -> None:
    assert reason(PictureError("a.png: is\n  empty")) == "a.png: is empty"
    assert "bug" in reason(KeyError("x"))
    assert "\n" not in reason(RuntimeError("one\ntwo"))


def test_the_bar_shows_steps_loss_and_what_is_left() -> None:
    report = Report(as_json=False)
    screen = io.StringIO()
    report.console = Console(file=screen, force_terminal=True, width=120, emoji=False)
    with report.bar("[/x].png") as progress:
        progress(step(3))
    for words in ("[/x].png", "3/10", "loss 0.25", "1 min 15 s left"):
        assert words in screen.getvalue()


def test_without_a_terminal_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Report(as_json=False).bar("x.png") as progress:
        progress(step(3))
    assert capsys.readouterr() == ("", "")


def test_lines_for_people_or_objects_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    Report(as_json=False).say("done [red]", output="b.png")
    assert capsys.readouterr() == ("", "done [red]\n")
    report = Report(as_json=True)
    report.say("only words")
    report.say("done", output="ü\udcff.png")
    out = capsys.readouterr().out
    assert json.loads(out) == {"output": "ü\udcff.png"}
    assert out.isascii()


def test_the_preview_is_renewed_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("brushwork.cli.report.time.monotonic", lambda: clock[0])
    path = tmp_path / "preview.png"
    with Report(as_json=True, preview=path).bar("x") as progress:
        for now, shade in ((0.0, 0.0), (1.0, 0.5), (2.5, 1.0)):
            clock[0] = now
            progress(step(1, torch.full((1, 3, 8, 8), shade)))
            assert float(read_image(path).pixels.mean()) == (0.0 if now < 2 else 1.0)


def test_the_bar_shows_the_speed_of_this_run_not_of_what_was_done_before() -> None:
    report = Report(as_json=False)
    screen = io.StringIO()
    clock = iter(range(0, 1000, 2))
    report.console = Console(file=screen, force_terminal=True, width=120, get_time=lambda: float(next(clock)))
    with report.bar("x.mp4", unit="frames") as progress:
        progress(step(7))  # gone on with after 6
        progress(step(8))
        progress(step(9))
    speeds = re.findall(r"([\d.]+) frames/s", screen.getvalue())
    assert 0 < float(speeds[-1]) <= 0.5
