"""docs/studio.md and docs/http.md say what is so."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brushwork.options.base import option_of
from brushwork.studio.limits import Limits

DOCS = Path(__file__).parents[3] / "docs"
PAGE, HTTP = ((DOCS / name).read_text("utf-8") for name in ("studio.md", "http.md"))


def test_all_limits_are_listed_with_their_defaults() -> None:
    listed = dict(re.findall(r"\| `--([\w-]+)` \| .* \| ([\d.]+) \|", PAGE))
    limits = {name.replace("_", "-"): f"{getattr(Limits(), name):g}" for name in option_of(Limits)}
    assert listed == limits


def test_the_client_does_what_it_is_said_to(
    serve: Callable[..., Any], samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = re.findall(r"```python server\n(.*?)```", HTTP, re.DOTALL)
    assert "http://127.0.0.1:7860" in block
    monkeypatch.chdir(tmp_path)
    shutil.copy(samples / "photo.png", "photo.jpg")  # what a file is, its content says
    exec(compile(block.replace("http://127.0.0.1:7860", serve().url), "docs", "exec"), {})
    assert Path("painted.png").read_bytes()[:4] == b"\x89PNG"
    assert Path("painted.tif").read_bytes()[:2] == b"II"
