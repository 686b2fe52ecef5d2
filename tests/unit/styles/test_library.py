"""Styles by name: those that come with brushwork, and the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from brushwork import Gatys, Picture, add_style, list_styles, load, read_image, remove_style, stylize, write_image
from brushwork.api.style_encoding import encode_style, save_styles
from brushwork.errors import BrushworkError, PictureError, UsageError
from brushwork.registry import OPTIONS, TRAINED
from brushwork.styles import built_in, references

SHORT = Gatys(steps=2, scales=1)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BRUSHWORK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name in ("photo", "My Wave (2)"):
        write_image(Picture(torch.rand(1, 3, 36, 48)), tmp_path / f"{name}.png")
    return tmp_path


def test_an_added_style_is_in_the_library_and_every_method_can_take_it() -> None:
    added = add_style("My Wave (2).png", title="The Wave", year=1831)
    assert added.name == "my-wave-2"
    found = list_styles()["my-wave-2"]
    assert found == added
    assert found.own
    assert found.methods == tuple(name for name in OPTIONS if name not in TRAINED)
    assert found.about == {"title": "The Wave", "year": "1831"}
    Path("My Wave (2).png").unlink()
    assert stylize("photo.png", "my-wave-2", SHORT).picture.size == (48, 36)
    remove_style("my-wave-2")
    assert "my-wave-2" not in list_styles()
    assert not list((references.own_folder()).iterdir())


def test_a_saved_style_is_added_for_the_methods_it_is_for() -> None:
    method = load(SHORT)
    save_styles("mine.safetensors", [(method, encode_style(method, "My Wave (2).png", [48]))], title="Mine")
    added = add_style("mine.safetensors", year=1831)
    assert (added.own, added.methods, added.about) == (True, ("gatys",), {"title": "Mine", "year": "1831"})
    Path("mine.safetensors").unlink()
    assert stylize("photo.png", "mine", SHORT).picture.size == (48, 36)
    with pytest.raises(UsageError, match="a style named mine already exists"):
        add_style("photo.png", "mine")
    remove_style("mine")
    assert not list(references.own_folder().iterdir())
    for name in ("none.safetensors", "none.pth"):
        with pytest.raises(BrushworkError, match=name):
            add_style(name)
    references.own_folder().joinpath("broken.safetensors").write_bytes(b"junk")
    assert list_styles()["broken"].methods == ()
    remove_style("broken")


def test_a_large_picture_is_kept_at_1024() -> None:
    write_image(Picture(torch.rand(1, 3, 20, 2000)), "wide.png")
    assert read_image(add_style("wide.png").path).size == (1024, 10)


@pytest.mark.parametrize("name", ["", "a+b", "a:1", "a/b", ".hidden", "a b"])
def test_names_that_style_could_not_tell_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="expected letters, digits and hyphens"):
        add_style("photo.png", name)
    assert not references.own_folder().exists()


def test_what_goes_wrong_leaves_nothing(here: Path) -> None:
    (here / "broken.png").write_bytes(b"no picture")
    with pytest.raises(PictureError, match="broken"):
        add_style("broken.png")
    add_style("photo.png", "mine")
    with pytest.raises(UsageError, match="a style named mine already exists"):
        add_style("photo.png", "mine")
    with pytest.raises(UsageError, match="it doesn't exist; styles you added: mine"):
        remove_style("other")
    (here / "home2").write_text("a file")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BRUSHWORK_HOME", str(here / "home2"))
        with pytest.raises(BrushworkError, match="can't create"):
            add_style("photo.png", "more")


def test_built_in_styles_say_which_methods_take_them(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = here / "built-in"
    folder.mkdir()
    monkeypatch.setattr(built_in, "FOLDER", folder)
    method = load(SHORT)
    value = encode_style(method, "My Wave (2).png", [48])
    save_styles(folder / "wave.safetensors", [(method, value)], title="Wave", artist="Hokusai")
    style = list_styles()["wave"]
    assert (style.methods, style.own, style.about["artist"]) == (("gatys",), False, "Hokusai")
    assert stylize("photo.png", "wave", SHORT).picture.size == (48, 36)
    with pytest.raises(UsageError, match="it is built in"):
        remove_style("wave")
    add_style("photo.png", "wave")
    assert list_styles()["wave"].own


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    add_style("photo.png", "great-wave")
    with pytest.raises(UsageError, match="did you mean great-wave"):
        stylize("photo.png", "great-vawe", SHORT)
