"""The time left that the page shows, of jobs whose estimates are known."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "web"
SCRIPT = """
import { readFileSync } from "node:fs";
import { timeLeft } from "./time_left.mjs";
const given = JSON.parse(readFileSync(0));
console.log(JSON.stringify(given.map(([time, progress]) => timeLeft("job", progress, time))));
"""
Said = Callable[[Iterator[tuple[float, dict[str, Any]]]], list[float | None]]


@pytest.fixture
def said(tmp_path: Path) -> Said:
    """What is said of a job after each of its messages: a time, and what is known of the progress."""
    bundler = SOURCE / "node_modules" / ".bin" / "esbuild"
    if shutil.which("node") is None or not bundler.exists():
        pytest.skip("there is no node here, or npm ci was not run in web/")
    module = tmp_path / "time_left.mjs"
    subprocess.run([bundler, SOURCE / "src" / "time_left.ts", "--format=esm", f"--outfile={module}"], check=True)
    (tmp_path / "say.mjs").write_text(SCRIPT)

    def said(told: Iterator[tuple[float, dict[str, Any]]]) -> list[float | None]:
        ran = subprocess.run(
            ["node", tmp_path / "say.mjs"], input=json.dumps(list(told)), capture_output=True, check=True, text=True
        )
        return list(json.loads(ran.stdout))

    return said


def picture(seconds: float, total: Callable[[float], float]) -> Iterator[tuple[float, dict[str, Any]]]:
    """Messages of one picture, four a second; `total` estimates how long it takes."""
    for quarter in range(1, round(4 * seconds) + 1):
        now = quarter / 4
        share = now / seconds
        left = max(0.0, total(now) - now)
        yield now, {"share": share, "seconds": now, "seconds_left": left, "done": 0, "all": 1}


def test_it_counts_down_in_friendly_steps(said: Said) -> None:
    told = said(picture(90, lambda now: 90))
    assert told[:3] == [None] * 3  # too early to tell
    steps = list(dict.fromkeys(told[3:]))
    assert steps == [120, 60, 45, 30, 20, 15, 10, 5, None]  # at 100 %, nothing is left


def test_estimates_that_jump_do_not_make_it_jump(said: Said) -> None:
    told = said(picture(90, lambda now: 90 * (1.35 if round(now) % 2 else 0.75)))
    times = [time for time in told if time is not None]
    assert times == sorted(times, reverse=True)
    assert set(times) <= {180, 120, 60, 45, 30, 20, 15, 10, 5}


def test_it_is_longer_if_the_job_really_slows(said: Said) -> None:
    told = said(picture(240, lambda now: 60 if now < 20 else 240))
    assert told[76] == 45  # after 19 seconds
    assert max(time for time in told[80:160] if time) >= 180
    assert told.index(max(time for time in told if time)) < 4 * 40  # soon
    changes = [(before, after) for before, after in pairwise(told) if before and after]
    assert sum(after > before for before, after in changes) <= 3


def test_a_series_is_estimated_by_its_rate_so_far(said: Said) -> None:
    def series() -> Iterator[tuple[float, dict[str, Any]]]:
        for photo in range(10):  # each takes 20 seconds, of which the studio knows nothing
            for second in range(1, 21):
                done = photo + second / 20
                yield 20 * photo + second, {
                    "share": done / 10, "seconds": second, "seconds_left": 20 - second, "done": photo, "all": 10,
                }  # fmt: skip

    told = said(series())
    for at, time in ((40, 160), (100, 100), (160, 40)):
        assert time <= (told[at - 1] or 0) <= 2 * time
    times = [time for time in told if time is not None]
    assert times == sorted(times, reverse=True)
