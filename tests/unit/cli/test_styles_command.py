"""`brushwork styles`, as a user sees it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brushwork.io import read_size
from brushwork.registry import OPTIONS, TRAINED
from brushwork.styles.built_in import built_in_styles

Run = Callable[..., Any]
ANY = [name for name in OPTIONS if name not in TRAINED]  # methods that take any painting


def test_an_added_style_is_listed_shown_and_removed(run: Run, here: Path) -> None:
    outcome = run("styles", "add", "wave.jpg", "--name", "mine", "--title", "My Wave", "--year", "1831")
    assert outcome.code == 0, outcome.err
    assert "--style mine" in outcome.out
    (listed,) = run("styles", "list", "--json").objects
    mine = next(style for style in listed if style["name"] == "mine")
    assert (mine["title"], mine["year"], mine["yours"], mine["methods"]) == (
        "My Wave",
        "1831",
        True,
        [name for name in OPTIONS if name not in TRAINED],
    )
    assert "My Wave" in run("styles", "show", "mine").out
    assert run("styles", "remove", "mine").code == 0
    assert "mine" not in run("styles", "list").out


def test_a_title_is_shown_to_the_letter(run: Run, here: Path) -> None:
    assert run("styles", "add", "wave.jpg", "--title", "Study [/b] of [red]").code == 0
    shown = run("styles", "list").out  # a narrow terminal breaks the title into lines
    assert "[/b]" in shown
    assert "[red]" in shown
    (here / "home" / "styles" / "wave.json").write_text("null")
    assert run("styles", "list").code == 0


def test_every_built_in_style_has_title_and_artist(run: Run, here: Path) -> None:
    (listed,) = run("styles", "list", "--json").objects
    assert [style["name"] for style in listed] == sorted(built_in_styles())
    assert len(listed) >= 48
    for style in listed:
        assert style["title"]
        assert style["artist"]
        assert style["source"]
        assert set(style["methods"]) >= {"adain-lite", "adain", "gatys"}


def test_a_swatch_and_a_sheet_are_written(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = run("styles", "show", "feminine-wave", "--swatch", "swatch.png", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.objects[0]["swatch"] == "swatch.png"
    assert read_size(here / "swatch.png") == (256, 256)
    monkeypatch.setattr("brushwork.styles.built_in.FOLDER", here / "none")
    assert run("styles", "add", "wave.jpg").code == 0
    for photo in ((), ("--photo", "photo.png")):
        outcome = run("styles", "sheet", f"sheet{len(photo)}.png", "--size", 48, *photo)
        assert outcome.code == 0, outcome.err
        assert "1 style" in outcome.out
    assert (here / "sheet0.png").read_bytes() != (here / "sheet2.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nothere"], "unknown style 'nothere'"),
        (["show", "feminine-wave", "--swatch", "swatch.xyz"], ".xyz"),
        (["sheet", "nofolder/sheet.png"], "nofolder"),
        (["sheet", "sheet.png", "--photo", "nothere.png"], "nothere.png"),
        (["remove", "feminine-wave"], "it is built in"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], words: str, run: Run, here: Path) -> None:
    outcome = run("styles", *arguments)
    assert outcome.code in (1, 2)
    assert words in outcome.err
    assert "Traceback" not in outcome.err
    assert not list(here.glob("s[hw]*"))


def test_a_style_is_tuned_when_it_is_added_and_later(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from brushwork.api import style_tuning

    for name, small in (("SIDE", 48), ("BATCH", 1), ("HELD", 1)):
        monkeypatch.setattr(style_tuning, name, small)
    outcome = run("styles", "add", "wave.jpg", "--name", "mine", "--tune", "1s")
    assert outcome.code == 0, outcome.err
    assert re.search(r"tuned mine: \d+% closer to photo and painting than untuned", outcome.out)
    assert run("styles", "tune", "mine", "--time", "0.01m", "--model", "adain-lite").code == 0
    for time in ("0", "soon", "-3s"):
        outcome = run("styles", "tune", "mine", "--time", time)
        assert outcome.code == 2
        assert f"expected a time such as 90s or 5m, got '{time}'" in outcome.err
