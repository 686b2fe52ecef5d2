"""Kinds of TIFF that libvips lacks, and files that are damaged in the middle."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from skimage import data

from brushwork import PictureError, stylize
from brushwork.io import PictureReader, read_image, read_recipe, read_size

PHOTO = np.ascontiguousarray(data.astronaut()[:96, 150:278])  # (96, 128, 3)


def array(path: Path) -> np.ndarray:
    """(H, W, 3) in steps of 8 bits, from both readers."""
    pixels = read_image(path).pixels
    assert PictureReader(path).read(0, 0, *pixels.shape[2:])[0].allclose(pixels, atol=1e-6)
    assert read_size(path) == (pixels.shape[3], pixels.shape[2])
    return pixels[0].permute(1, 2, 0).numpy() * 255


def write_tiff(path: Path, samples: bytes, width: int, height: int, tags: dict[int, int]) -> Path:
    """One strip; tags are short numbers."""
    every = {256: width, 257: height, 259: 1, 262: 1, 273: 0, 277: 1, 278: height, 279: len(samples), **tags}
    every[273] = 8 + 2 + 12 * len(every) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(every.items()))
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(every)) + entries + bytes(4) + samples)
    return path


def packed(values: np.ndarray) -> bytes:
    """Two samples of 12 bits in three bytes."""
    first, second = values.ravel()[::2].astype(int), values.ravel()[1::2].astype(int)
    three = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], -1)
    return three.astype(np.uint8).tobytes()


def test_12_bits(tmp_path: Path) -> None:
    gray = np.rint(PHOTO[..., 0] * (4095 / 255))
    path = write_tiff(tmp_path / "a.tif", packed(gray), 128, 96, {258: 12})
    assert np.abs(array(path)[..., 1] - PHOTO[..., 0]).max() < 0.05
    assert read_image(path).depth == 16


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats(kind: type, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", (PHOTO / 255).astype(kind), photometric="rgb")
    assert np.abs(array(tmp_path / "a.tif") - PHOTO).max() < 0.5
    assert read_image(tmp_path / "a.tif").notes == ("a.tif: float samples are read as sRGB values in [0, 1]",)
    tifffile.imwrite(tmp_path / "b.tif", PHOTO.astype(kind), photometric="rgb")
    with pytest.raises(PictureError, match=r"scale them to \[0, 1\]"):
        read_image(tmp_path / "b.tif")


def test_a_height_that_is_not_there_is_not_made_up(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", packed(PHOTO[..., 0]), 128, 96, {257: 1 << 24, 258: 12})
    for read in (read_recipe, read_image, PictureReader):  # tifffile alone would take minutes for the first
        with pytest.raises(PictureError):
            read(path)


def test_lab_of_8_bits(tmp_path: Path) -> None:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    image = ImageCms.profileToProfile(Image.fromarray(PHOTO), srgb, lab, outputMode="LAB")
    image.save(tmp_path / "a.tif")
    expected = np.asarray(ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")).astype(float)
    assert np.abs(array(tmp_path / "a.tif") - expected).mean() < 1.5


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiles_with_channels_apart(tmp_path: Path, deep: bool, compression: str | None) -> None:
    photo = PHOTO.astype(np.uint16) * 257 if deep else PHOTO
    tifffile.imwrite(
        tmp_path / "a.tif", photo.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", tile=(64, 64),
        compression=compression,
    )  # fmt: skip
    assert np.abs(array(tmp_path / "a.tif") - PHOTO).max() < 1e-3
    assert read_image(tmp_path / "a.tif").depth == (16 if deep else 8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_another_reader_reads_is_turned_once_and_keeps_its_exif(
    tmp_path: Path, orientation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = {1: PHOTO, 2: PHOTO[:, ::-1], 3: PHOTO[::-1, ::-1], 4: PHOTO[::-1], 5: PHOTO.transpose(1, 0, 2)}
    turned |= {6: np.rot90(PHOTO, -1), 7: PHOTO[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(PHOTO)}
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, PHOTO.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", tile=(64, 64),
        extratags=[(274, 3, 1, orientation, True), (271, 2, 0, "Camera", True)],
    )  # fmt: skip
    for reader in ("tifffile", "pillow"):
        assert np.abs(array(path) - turned[orientation]).max() < 1e-3, reader
        kept = Image.Exif()
        kept.load(read_image(path).exif or b"")
        assert (kept[271], kept.get(274, 1)) == ("Camera", 1)
        monkeypatch.setitem(sys.modules, "tifffile", None)


def test_a_kind_that_no_reader_knows_is_called_unsupported_and_not_damaged(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", packed(PHOTO), 128, 96, {258: 12, 262: 2, 277: 3, 284: 1})
    for read in (read_image, PictureReader, read_size):
        with pytest.raises(
            PictureError, match=r"of a kind that can't be read here \(12 bits per channel, RGB, uncompr"
        ):
            read(path)
    path = write_tiff(tmp_path / "a.tif", bytes(1000), 128, 96, {258: 8, 259: 34887})
    with pytest.raises(PictureError, match=r"\(8 bits per channel, gray, LERC\); save it as PNG, or as TIFF with"):
        read_image(path)


def test_the_preview_in_a_raw_file_is_not_taken_for_the_picture(tmp_path: Path) -> None:
    small = PHOTO[::4, ::4].copy()
    tifffile.imwrite(tmp_path / "a.dng", small, photometric="rgb", extratags=[(50706, 1, 4, b"\1\4\0\0", True)])
    with tifffile.TiffWriter(tmp_path / "a.nef") as file:
        file.write(small, photometric="rgb", subfiletype=1, subifds=1, extratags=[(271, 2, 0, "NIKON", True)])
        file.write(PHOTO[..., 0].copy(), photometric="minisblack")
    (tmp_path / "a.cr2").write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes(200))
    for name in ("a.dng", "a.nef", "a.cr2"):
        for read in (read_image, PictureReader, read_size):
            with pytest.raises(PictureError, match=rf"{name}: is a camera's raw file, .*; save it as PNG or JPEG$"):
                read(tmp_path / name)
    with tifffile.TiffWriter(tmp_path / "pyramid.tif") as file:
        file.write(PHOTO, photometric="rgb", subifds=1, extratags=[(271, 2, 0, "Scanner", True)])
        file.write(small, photometric="rgb", subfiletype=1)
    assert read_image(tmp_path / "pyramid.tif").size == (128, 96)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.tif", {"compression": "tiff_lzw"}),
        ("a.jpg", {"quality": 100, "subsampling": 0, "restart_marker_rows": 1}),
    ],
)
def test_damage_in_the_middle_leaves_the_rest_unless_strict(
    tmp_path: Path, name: str, options: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    Image.fromarray(PHOTO).save(path, **options)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 60] = bytes((37 * k + 11) % 256 for k in range(60))
    path.write_bytes(content)
    picture = read_image(path)
    assert picture.notes == (
        f"{name}: is damaged, and only a part of it could be decoded; copy it again, or refuse such files with "
        "--strict",
    )
    assert np.abs(array(path)[:16] - PHOTO[:16]).max() < (8 if name == "a.jpg" else 1e-3)
    assert PictureReader(path).notes == picture.notes
    assert stylize(path, path, masks=[path], size=64).picture.notes == picture.notes * 3
    for read in (read_image, PictureReader):
        with pytest.raises(PictureError, match="damaged or incomplete"):
            read(path, strict=True)
    sound = tmp_path / "sound.png"
    Image.fromarray(PHOTO).save(sound)
    for photo, style, mask in ((path, sound, sound), (sound, path, sound), (sound, sound, path)):
        with pytest.raises(PictureError, match="damaged or incomplete"):
            stylize(photo, style, masks=[mask], size=64, strict=True)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("progressive", [False, True])
def test_bytes_before_the_end_of_a_jpeg_are_no_damage(progressive: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(PHOTO).save(path, progressive=progressive)
    content = path.read_bytes()
    expected = array(path)
    path.write_bytes(content[:-2] + bytes(20) + content[-2:])  # as many cameras do
    assert read_image(path, strict=True).notes == ()
    assert PictureReader(path, strict=True).notes == ()
    assert np.array_equal(array(path), expected)
