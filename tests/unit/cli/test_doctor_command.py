from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brushwork.api import doctor

Run = Callable[..., Any]


def test_doctor_says_what_is_here(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SPEED_TEST", 0.05)
    outcome = run("doctor")
    assert outcome.code == 0
    for words in (
        "torch",
        "libvips",
        "cpu",
        "threads:",
        "memory free:",
        "weights vgg19-slim:",
        "ms per step",
        "preset good:",
    ):
        assert words in outcome.out
    assert json.loads(run("doctor", "--json").out)["weights vgg19.caffe"].startswith("not on this machine")
