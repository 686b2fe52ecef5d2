"""Parts of a picture, read as the whole would be."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from brushwork.errors import PictureError
from brushwork.image import Picture
from brushwork.io import PictureReader, read_image, write_image

BOXES = [(0, 0, 7, 9), (20, 30, 61, 47), (5, 0, 6, 83), (0, 0, 61, 83)]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
@pytest.mark.parametrize("size", [None, 40, 120])
def test_parts_are_those_of_the_whole(name: str, size: int | None, tmp_path: Path) -> None:
    write_image(Picture(torch.rand(1, 3, 61, 83)), tmp_path / name)
    whole, reader = read_image(tmp_path / name, size=size), PictureReader(tmp_path / name, size=size)
    assert (reader.size, reader.depth, reader.alpha) == (whole.size, whole.depth, False)
    width, height = whole.size
    for top, left, bottom, right in [(0, 0, height, width), (3, 5, height // 2, width), (height - 4, 0, height, 9)]:
        pixels, alpha = reader.read(top, left, bottom, right)
        assert alpha is None
        assert torch.allclose(pixels, whole.pixels[:, :, top:bottom, left:right], atol=1e-6)


def test_alpha_16_bits_and_turned_pictures(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    write_image(Picture(torch.rand(1, 3, 61, 83), torch.rand(1, 1, 61, 83)), path, depth=16)
    whole, reader = read_image(path), PictureReader(path)
    assert (reader.depth, reader.alpha) == (16, True)
    for top, left, bottom, right in BOXES:
        pixels, alpha = reader.read(top, left, bottom, right)
        assert torch.equal(pixels, whole.pixels[:, :, top:bottom, left:right])
        assert whole.alpha is not None
        assert alpha is not None
        assert torch.equal(alpha, whole.alpha[:, :, top:bottom, left:right])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.effect_noise((90, 50), 80).convert("RGB").save(tmp_path / "turned.jpg", exif=exif)
    whole, reader = read_image(tmp_path / "turned.jpg"), PictureReader(tmp_path / "turned.jpg")
    assert reader.size == whole.size == (50, 90)
    assert torch.equal(reader.read(10, 5, 70, 50)[0], whole.pixels[:, :, 10:70, 5:50])


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    write_image(Picture(torch.rand(1, 3, 200, 200)), path)
    path.write_bytes(path.read_bytes()[:60_000])
    with pytest.raises(PictureError, match=r"cut\.png"):
        PictureReader(path).read(0, 0, 200, 200)
