"""docs/design.md is true: its tree names every module, and its rows are those that import-linter checks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomllib")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "design.md").read_text("utf-8")
SOURCE = ROOT / "src" / "brushwork"


def section(title: str) -> list[str]:
    text = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    return [line[4:] for line in text.splitlines() if line.startswith("    ")]


def named() -> list[str]:
    """Paths of the tree's modules, relative to the package."""
    found: list[str] = []
    folders: list[str] = []
    for line in section("2. The tree")[1:]:
        depth, name = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        if depth == 0:
            break
        folders = folders[: depth - 1]
        if name.endswith("/"):
            folders.append(name)
        else:
            found.append("".join(folders) + name)
    return found


def test_the_tree_names_every_module_once() -> None:
    modules = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py")}
    inner = {name for name in modules if name.endswith("/__init__.py")}
    assert sorted(named()) == sorted(modules - inner)


def test_every_folder_says_in_a_sentence_what_lives_in_it() -> None:
    for folder in [path for path in SOURCE.rglob("*") if (path / "__init__.py").exists()]:
        assert (folder / "__init__.py").read_text("utf-8").startswith('"""'), folder


def test_at_most_eight_loose_modules_and_ten_rows() -> None:
    assert len(list(SOURCE.glob("*.py"))) <= 8
    assert len(section("3. Import rows")) <= 10


def test_the_rows_are_those_that_are_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers")
    assert section("3. Import rows") == layers
