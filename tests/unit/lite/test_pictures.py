"""Picture files by Pillow: what is read is what the full package reads, and what is written comes back."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage import data

from brushwork.errors import PictureError, UsageError
from brushwork.io import read_image
from brushwork.lite.pictures import FORMATS, check_target, fit_size, read_picture, read_size, write_picture
from brushwork.lite.tensors import Array

MOST = 10**8


def cat(width: int = 90, height: int = 60) -> Image.Image:
    return Image.fromarray(data.chelsea()).resize((width, height))


def pixels(path: Path, longer: int | None = None) -> Array:
    picture = read_picture(path, max_pixels=MOST, size=lambda size: fit_size(size, longer) if longer else size)
    return picture.part(0, 0, *picture.size[::-1])


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA", "I;16"])
def test_modes_read_as_in_the_full_package(tmp_path: Path, mode: str) -> None:
    image = cat().convert("L") if mode == "I;16" else cat().convert(mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    if mode == "RGBA":
        image.putalpha(cat().convert("L"))
    image.save(tmp_path / "cat.png")
    assert np.abs(pixels(tmp_path / "cat.png") - read_image(tmp_path / "cat.png").visible()[0].numpy()).max() < 1e-3


@pytest.mark.parametrize("longer", [20, 45, 90, 133, 180])
def test_sizes_resampled_as_in_the_full_package(tmp_path: Path, longer: int) -> None:
    cat().save(tmp_path / "cat.png")
    wanted = read_image(tmp_path / "cat.png", size=longer).pixels[0].numpy()
    assert np.abs(pixels(tmp_path / "cat.png", longer) - wanted).mean() < 0.2 / 255


def test_transparency_is_resampled_without_hidden_colors(tmp_path: Path) -> None:
    image = cat().convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.repeat([0, 255], 45).astype(np.uint8), (60, 1))))
    image.save(tmp_path / "cat.png")
    picture = read_picture(tmp_path / "cat.png", max_pixels=MOST, size=lambda size: fit_size(size, 45))
    wanted = read_image(tmp_path / "cat.png", size=45)
    assert picture.alpha is not None
    assert wanted.alpha is not None
    assert np.abs(picture.alpha - wanted.alpha[0].numpy()).mean() < 1 / 255
    assert np.abs(picture.part(0, 0, 30, 45) - wanted.visible()[0].numpy()).mean() < 1 / 255


def test_pictures_are_turned_upright_and_their_exif_kept(tmp_path: Path) -> None:
    image, exif = cat(), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    image.save(tmp_path / "cat.jpg", exif=exif)
    assert read_size(tmp_path / "cat.jpg", MOST) == (60, 90)
    picture = read_picture(tmp_path / "cat.jpg", max_pixels=MOST)
    assert picture.size == (60, 90)
    write_picture(tmp_path / "out.jpg", np.asarray(cat(60, 90)), exif=picture.exif)
    with Image.open(tmp_path / "out.jpg") as written:
        assert written.getexif().get(0x0112, 1) == 1
        assert written.getexif()[0x010F] == "a camera"


def test_profiles_are_applied(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(_swapped_profile()))
    cat().save(tmp_path / "cat.png", icc_profile=profile.tobytes())
    read = pixels(tmp_path / "cat.png")
    assert np.abs(read - read_image(tmp_path / "cat.png").pixels[0].numpy()).max() < 2 / 255
    assert np.abs(read - np.asarray(cat()).transpose(2, 0, 1) / 255).max() > 5 / 255
    cat().save(tmp_path / "odd.png", icc_profile=b"no profile")
    assert "its color profile is damaged" in read_picture(tmp_path / "odd.png", max_pixels=MOST).notes[0]


def _swapped_profile() -> bytes:
    """An sRGB profile whose curves are those of another gamma."""
    plain = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = plain.index(b"para")
    plain[at + 12 : at + 16] = (int(1.4 * 65536)).to_bytes(4, "big")
    return bytes(plain)


def test_what_is_lost_is_told(tmp_path: Path) -> None:
    frames = [cat(), cat().rotate(90)]
    frames[0].save(tmp_path / "cat.gif", save_all=True, append_images=frames[1:])
    assert read_picture(tmp_path / "cat.gif", max_pixels=MOST).notes == ("cat.gif: first of 2 frames",)
    import pyvips

    pyvips.Image.black(9, 9, bands=3).cast("ushort").copy(interpretation="rgb16").write_to_file(
        str(tmp_path / "deep.png")
    )
    assert "16 bits per channel" in read_picture(tmp_path / "deep.png", max_pixels=MOST).notes[0]


def test_bad_files_are_refused_in_one_line(tmp_path: Path) -> None:
    cat(200, 200).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:9000])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    told = {
        "cut": "cut off",
        "text": "not in a format",
        "empty": "not in a format",
        "folder": "a directory",
        "no": "no such",
    }
    for name, words in told.items():
        with pytest.raises(PictureError, match=words) as refused:
            read_picture(tmp_path / f"{name}.png", max_pixels=MOST)
        assert str(tmp_path / f"{name}.png") in str(refused.value)
        assert "\n" not in str(refused.value)
    with pytest.raises(PictureError, match="more than the limit of 100"):
        read_picture(tmp_path / "whole.png", max_pixels=100)
    with pytest.raises(UsageError, match="more pixels than the limit"):
        read_picture(tmp_path / "whole.png", max_pixels=50_000, size=lambda size: (900, 900))


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    samples = np.dstack([np.asarray(cat()), np.full((60, 90), 255, np.uint8)])
    write_picture(path, samples, quality=90)
    assert np.abs(pixels(path) - samples[:, :, :3].transpose(2, 0, 1) / 255).mean() < 0.06


def test_places_that_cant_be_written_are_refused_beforehand(tmp_path: Path) -> None:
    for path, words in {"out.docx": "suffix", "no/out.png": "create it first"}.items():
        with pytest.raises((UsageError, PictureError), match=words):
            check_target(tmp_path / path)
    (tmp_path / "out.png").mkdir()
    with pytest.raises(PictureError, match="is a directory"):
        check_target(tmp_path / "out.png")
    with pytest.raises(UsageError, match="at most 16383"):
        check_target(tmp_path / "out.webp", (20_000, 10))


def test_a_picture_that_cant_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")
    with pytest.raises(PictureError, match="can't be written"):
        write_picture(path, np.empty((0, 4, 3), np.uint8))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
