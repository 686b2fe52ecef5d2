"""The Python in README and docs runs as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL))
]


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name, size in (("photo.jpg", (40, 32)), ("painting.jpg", (36, 36))):
        Image.fromarray(random.integers(0, 255, (*size[::-1], 3), np.uint8)).save(name)
    (tmp_path / "frames").mkdir()
    for number in (1, 2):
        Image.fromarray(random.integers(0, 255, (32, 40, 3), np.uint8)).save(tmp_path / "frames" / f"{number:05d}.png")
    (tmp_path / "holiday").mkdir()  # photographs to train on, and to paint one after another
    for name in ("boat.jpg", "cat.jpg"):
        Image.fromarray(random.integers(0, 255, (96, 80, 3), np.uint8)).save(tmp_path / "holiday" / name)
    return tmp_path


@pytest.mark.parametrize("block", BLOCKS)
def test_python_block_runs(block: str, pictures: Path) -> None:
    names: dict[str, object] = {}
    exec(compile(block, "docs", "exec"), names)
    if "stylize(" in block:
        assert names["result"].picture.size == (40, 32)


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text("utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing
