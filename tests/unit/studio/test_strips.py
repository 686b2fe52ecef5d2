"""Strips: small pictures of an upload in every style."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brushwork import AdaINLite, encode_style, load, save_style, stylize
from brushwork.errors import BrushworkError
from brushwork.studio.errors import BusyError
from brushwork.studio.quick_worker import FUNCTIONS, jpeg
from brushwork.studio.strips import AT_ONCE, KEPT, SIZE, Strips
from brushwork.styles.library import LibraryStyle, add_style, list_styles

STYLES = ("great-wave", "starry-night", "the-scream")


def library(count: int) -> dict[str, LibraryStyle]:
    return dict(list(list_styles().items())[:count])


class Painter:
    """Paints the name of a style, and remembers what it was asked for."""

    def __init__(self, most: int = 1000) -> None:
        self.asked: list[list[str]] = []
        self.most = most

    def __call__(self, styles: Sequence[LibraryStyle]) -> list[bytes]:
        if len(self.asked) == self.most:
            raise BusyError("busy")
        self.asked.append([style.name for style in styles])
        return [style.name.encode() for style in styles]


def test_a_strip_is_painted_a_few_styles_at_a_time_and_only_once(tmp_path: Path) -> None:
    styles, painter, strips = library(20), Painter(), Strips(tmp_path / "strips")
    first = list(strips.pictures("a" * 32, styles, painter))
    assert first == [(name, name.encode()) for name in styles]
    assert [len(part) for part in painter.asked] == [AT_ONCE, AT_ONCE, 4]
    assert list(strips.pictures("a" * 32, styles, painter)) == first
    assert len(painter.asked) == 3
    strips.forget("a" * 32)
    assert list(strips.pictures("a" * 32, styles, painter)) == first
    assert len(painter.asked) == 6


def test_what_was_painted_before_the_studio_was_busy_is_kept(tmp_path: Path) -> None:
    styles, strips = library(20), Strips(tmp_path / "strips")
    with pytest.raises(BusyError):
        list(strips.pictures("b" * 32, styles, Painter(most=1)))
    later = Painter()
    assert dict(strips.pictures("b" * 32, styles, later)) == {name: name.encode() for name in styles}
    assert sum(map(len, later.asked)) == 20 - AT_ONCE


def test_another_painting_of_the_same_name_is_painted(tmp_path: Path) -> None:
    strips, painter = Strips(tmp_path / "strips"), Painter()
    for number, shade in enumerate((40, 200), 1):
        picture = tmp_path / f"{shade}.png"
        Image.new("RGB", (32, 32), (shade, 10, 10)).save(picture)
        folder = tmp_path / f"styles-{number}"
        own = {"mine": add_style(picture, "mine", folder)}
        list(strips.pictures("c" * 32, own, painter))
        assert len(painter.asked) == number


def test_the_newest_strips_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brushwork.studio.strips.KEPT", 3)
    assert KEPT > 3
    strips = Strips(tmp_path / "strips")
    for number in range(5):
        list(strips.pictures(f"{number:032x}", library(1), Painter()))
    assert len(list((tmp_path / "strips").iterdir())) == 3


def test_thumbnails_are_the_photo_in_each_style(samples: Path, tmp_path: Path) -> None:
    def shown(content: bytes) -> np.ndarray:
        with Image.open(io.BytesIO(content)) as opened:
            return np.asarray(opened).astype(float) / 255

    earlier = load(AdaINLite(model="adain-lite"))
    saved = tmp_path / "mine.safetensors"
    save_style(saved, earlier, encode_style(earlier, samples / "photo.png", [SIZE]))
    files = [str(saved), *(str(list_styles()[name].path) for name in STYLES)]
    made = FUNCTIONS["strip"](path=str(samples / "photo.png"), size=SIZE, styles=files)
    for thumbnail, name in zip(made, [saved, *STYLES], strict=True):
        found = shown(thumbnail)
        right = shown(jpeg(stylize(samples / "photo.png", name, preset="draft").picture.pixels))
        assert found.shape == right.shape == (120, 160, 3)
        assert np.abs(found - right).mean() < 0.02


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"bad")
    with pytest.raises(BrushworkError):
        FUNCTIONS["strip"](path=str(tmp_path / "bad"), size=SIZE, styles=[str(list_styles()["great-wave"].path)])
