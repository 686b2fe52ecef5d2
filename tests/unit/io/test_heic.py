"""Phones' HEIC: read with its colors, its EXIF and upright; other formats are called by their names."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips
from heic_pictures import heic
from PIL import Image
from skimage import data

from brushwork import PictureError, stylize
from brushwork.io import PictureReader, read_image, read_recipe, read_size
from brushwork.io.film_formats import open_film
from brushwork.studio.quick_worker import check
from brushwork.training.data import PhotoFolder

PHOTO = np.ascontiguousarray(data.astronaut()[:96, 150:278])  # (96, 128, 3)


def save(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def pixels(path: Path) -> np.ndarray:
    return read_image(path).pixels[0].permute(1, 2, 0).numpy() * 255


def exif() -> bytes:
    tags = Image.Exif()
    tags[271], tags[274] = "Phone", 6
    return tags.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"msf1"])
def test_it_is_read(tmp_path: Path, brand: bytes) -> None:
    path = save(tmp_path / "a.heic", heic(PHOTO, brand=brand))
    assert np.abs(pixels(path) - PHOTO).mean() < 1.5
    picture = read_image(path)
    assert read_size(path) == picture.size == (128, 96)
    assert (picture.depth, picture.alpha, picture.notes, picture.exif) == (8, None, (), None)
    assert PictureReader(path).read(0, 0, 96, 128)[0].equal(picture.pixels)
    assert read_recipe(path) is None


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("mirror", [None, 0, 1])
def test_it_is_turned_once_by_its_container_and_not_by_its_exif(tmp_path: Path, turns: int, mirror: int | None) -> None:
    path = save(tmp_path / "a.heic", heic(PHOTO, quarter_turns=turns, mirror=mirror, exif=exif()))
    expected = np.rot90(PHOTO, turns)
    expected = expected if mirror is None else np.flip(expected, mirror)
    assert read_size(path) == expected.shape[1::-1]
    assert np.abs(pixels(path) - expected).mean() < 1.5
    kept = Image.Exif()
    kept.load(read_image(path).exif or b"")
    assert (kept[271], kept[274]) == ("Phone", 1)


@pytest.mark.parametrize("bits", [10, 12])
def test_10_and_12_bits_reach_white(tmp_path: Path, bits: int) -> None:
    photo = PHOTO.copy()
    photo[:48] = 255
    path = save(tmp_path / "a.heic", heic(photo, bits=bits))
    assert read_image(path).depth == 16
    assert np.abs(pixels(path) - photo).mean() < 1.5
    assert pixels(path)[:40].min() > 254.9


def test_its_profile_is_applied(tmp_path: Path) -> None:
    profile = bytes(pyvips.Image.profile_load("p3"))
    path = save(tmp_path / "a.heic", heic(PHOTO, profile=profile))
    Image.fromarray(PHOTO).save(tmp_path / "a.png", icc_profile=profile)
    assert np.abs(pixels(path) - pixels(tmp_path / "a.png")).mean() < 1.5


def test_it_is_a_photo_a_style_a_mask_a_frame_a_training_picture_and_an_upload(tmp_path: Path) -> None:
    path = save(tmp_path / "1.HEIC", heic(PHOTO))
    assert stylize(path, path, masks=[path], size=64).picture.size == (64, 48)
    (frame,) = open_film(tmp_path).frames()
    assert frame.pixels.shape == (1, 3, 96, 128)
    photos = PhotoFolder(tmp_path, 64)
    assert photos.batch(1, random.Random(0)).shape == (1, 3, 64, 64)
    assert not photos.passed_over
    assert check(str(path), 1, 1) == {"kind": "picture", "width": 128, "height": 96}


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    content = heic(PHOTO)
    for cut in (70, 300, len(content) // 2):
        with pytest.raises(PictureError, match=r"a\.heic: can't be read because it is damaged"):
            read_image(save(tmp_path / "a.heic", content[:cut]))


def test_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.heic", heic(PHOTO))
    for read in (read_image, read_size):
        with pytest.raises(PictureError, match="128 x 96 pixels are more than the limit"):
            read(path, max_pixels=1000)


def test_without_a_reader_it_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.heic", heic(PHOTO))
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    for read in (read_image, read_size, PictureReader):
        with pytest.raises(PictureError, match=r"is a HEIC picture, which needs .* pip install pi-heif, or save it"):
            read(path)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"\0\0\0\x0cJXL \r\n\x87\n", "is a JPEG XL picture.*; save it as PNG or JPEG$"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "is a JPEG 2000 picture.*; save it as PNG or JPEG$"),
        (b"8BPS\0\1", "is a Photoshop document.*; save it as PNG or JPEG$"),
        (b"%PDF-1.7", "is a PDF document.*; save it as PNG or JPEG$"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "is a camera's raw file.*; save it as PNG or JPEG$"),
        (b"\n<!DOCTYPE html><html>", "is a web page.*; download the picture itself$"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "is a film.*; save a frame of it as PNG, or use brushwork video$"),
    ],
)
def test_other_formats_are_called_by_their_names(tmp_path: Path, head: bytes, told: str) -> None:
    if b"JXL" in head and pyvips.type_find("VipsForeignLoad", "jxlload_source"):
        pytest.skip("JPEG XL is read")
    with pytest.raises(PictureError, match=told):
        read_image(save(tmp_path / "a.jpg", head + bytes(100)))


@pytest.mark.parametrize("box", [b"hvcC", b"ipma", b"iloc", b"pitm"])
def test_a_missing_box_is_damage(box: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(heic(PHOTO).replace(box, b"free", 1))
    for read in (read_image, read_size, PictureReader):
        with pytest.raises(PictureError, match=r"a\.heic: can't be read because it is damaged or incomplete"):
            read(path)
