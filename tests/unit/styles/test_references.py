from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from brushwork.errors import BrushworkError, UsageError
from brushwork.styles import built_in
from brushwork.styles.built_in import built_in_styles
from brushwork.styles.references import (
    SavedStyle,
    StylePart,
    is_saved,
    locate_style,
    parse_style,
    read_style,
    write_style,
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built-in library of one style."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "olive-trees.safetensors").touch()
    monkeypatch.setattr(built_in, "FOLDER", folder)
    return folder


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("wave.jpg", [("wave.jpg", 1)]),
        ("wave.jpg:0.7+olive-trees:0.3", [("wave.jpg", 0.7), ("olive-trees", 0.3)]),
        (" wave.jpg : 2 + sea ", [("wave.jpg", 2), ("sea", 1)]),
        ("wave+wave:3", [("wave", 1), ("wave", 3)]),
        ("wave.jpg:0+sea:1", [("wave.jpg", 0), ("sea", 1)]),
        (r"C:\pictures\wave.jpg", [(r"C:\pictures\wave.jpg", 1)]),
        (r"C:\wave.jpg:0.5+D:/sea.png", [(r"C:\wave.jpg", 0.5), ("D:/sea.png", 1)]),
        ("wave.jpg:", [("wave.jpg:", 1)]),
    ],
)
def test_parts_and_weights(text: str, parts: list[tuple[str, float]]) -> None:
    assert parse_style(text) == [StylePart(*part) for part in parts]


@pytest.mark.parametrize("text", ["", "+", "wave+", ":0.5", "wave:-1", "wave:nan", "wave:inf", "wave:0", "a:0+b:0"])
def test_senseless_blends_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="style "):
        parse_style(text)


@pytest.mark.parametrize("name", ["a+b.jpg", "a:b.jpg", "a:1", "a+b:0.5+c.jpg", " a.jpg"])
def test_signs_in_the_names_of_files_that_exist(name: str, here: Path) -> None:
    (here / name).touch()
    assert parse_style(name) == [StylePart(name)]
    assert parse_style(f"{name}:0.5") == [StylePart(name, 0.5)]
    assert parse_style(f"wave:0.5+{name}:0.25+sea") == [
        StylePart("wave", 0.5), StylePart(name, 0.25), StylePart("sea"),
    ]  # fmt: skip


def test_files_go_before_built_in_names(here: Path, library: Path) -> None:
    assert list(built_in_styles()) == ["olive-trees"]
    assert locate_style(StylePart("olive-trees")) == library / "olive-trees.safetensors"
    (here / "olive-trees").mkdir()  # a folder is no style
    assert locate_style(StylePart("olive-trees")) == library / "olive-trees.safetensors"
    (here / "olive-trees").rmdir()
    (here / "olive-trees").touch()
    assert locate_style(StylePart("olive-trees")) == Path("olive-trees")


def test_what_is_not_there_is_refused_with_what_is(here: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"'wave.jpg' is neither a file .* styles list shows the 1 names"):
        locate_style(StylePart("wave.jpg"))
    with pytest.raises(UsageError, match="'library' is a folder"):
        locate_style(StylePart("library"))
    monkeypatch.setattr(built_in, "FOLDER", here / "nothing")
    with pytest.raises(UsageError, match="library is empty"):
        locate_style(StylePart("x" * 5000))


def test_a_saved_style_comes_back(here: Path) -> None:
    saved = SavedStyle(
        {"gatys": {"384/relu1_1": torch.rand(10)}, "adain": {"mean": torch.rand(3)}},
        {"gatys": {"weights": "abc"}, "adain": {}},
        {"title": "The Wave, 神奈川沖浪裏"},
    )
    write_style(Path("wave.safetensors"), saved)
    back = read_style(Path("wave.safetensors"))
    assert (back.about, back.origins) == (saved.about, saved.origins)
    assert torch.equal(back.values["gatys"]["384/relu1_1"], saved.values["gatys"]["384/relu1_1"])
    assert torch.equal(back.values["adain"]["mean"], saved.values["adain"]["mean"])
    assert [path.name for path in here.iterdir()] == ["wave.safetensors"]
    assert is_saved(Path("WAVE.SafeTensors"))
    assert not is_saved(Path("wave.jpg"))


def test_writing_fails_in_one_line_and_leaves_nothing(here: Path) -> None:
    saved = SavedStyle({"gatys": {"a": torch.rand(3)}}, {"gatys": {}}, {})
    with pytest.raises(UsageError, match=r"wave\.pth: expected a name ending in \.safetensors"):
        write_style(Path("wave.pth"), saved)
    with pytest.raises(BrushworkError, match=r"nofolder/wave\.safetensors can't be written") as caught:
        write_style(Path("nofolder/wave.safetensors"), saved)
    assert "\n" not in str(caught.value)
    (here / "taken.safetensors").mkdir()
    with pytest.raises(BrushworkError, match="can't be written"):
        write_style(Path("taken.safetensors"), saved)
    assert [path.name for path in here.iterdir()] == ["taken.safetensors"]


def test_other_files_are_refused_by_name(here: Path) -> None:
    (here / "empty.safetensors").touch()
    (here / "text.safetensors").write_text("no tensors at all, only some words")
    save_file({"conv1_1.weight": torch.rand(3)}, "network.safetensors")
    save_file({"a": torch.tensor([float("nan")])}, "nan.safetensors", {"methods": '{"gatys": {}}'})
    for name in ("nothere", "empty", "text", "network", "nan"):
        with pytest.raises(BrushworkError, match=rf"^{name}\.safetensors .*") as caught:
            read_style(Path(f"{name}.safetensors"))
        assert "\n" not in str(caught.value)
