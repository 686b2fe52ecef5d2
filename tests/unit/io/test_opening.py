"""Hostile files: each is refused with one line that names it."""

import contextlib
import gzip
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image as PillowImage
from PIL import features
from skimage import data

from brushwork.errors import PictureError, UsageError
from brushwork.io import read_image, read_size

PHOTO = np.ascontiguousarray(data.astronaut()[:67, 200:301])
NO_JXL = pytest.mark.skipif(bool(pyvips.type_find("VipsForeignLoad", "jxlload_source")), reason="JPEG XL is read")


def save(path: Path, image: PillowImage.Image | np.ndarray, **options: object) -> Path:
    image = PillowImage.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(path, **options)
    return path


def assert_refused(path: Path, message: str, **options: int) -> None:
    for reader in (read_image, read_size):
        with pytest.raises(PictureError, match=message) as caught:
            reader(path, **options)
        text = str(caught.value)
        assert text.startswith(f"{path}: ")
        assert "\n" not in text


def test_missing_file(tmp_path: Path) -> None:
    assert_refused(tmp_path / "nope.png", "no such file")
    assert_refused(tmp_path / "nowhere" / "nope.png", "no such file")


def test_directory(tmp_path: Path) -> None:
    assert_refused(tmp_path, "is a directory")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert_refused(tmp_path / "a.png", r"is empty \(0 bytes\)")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    thread = threading.Thread(target=assert_refused, args=(tmp_path / "a.png", "not a regular file"), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def test_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", PHOTO)

    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # the rights themselves don't bind the superuser
    assert_refused(path, "permission denied")


@pytest.mark.parametrize(
    "content", [b"hello, world\n" * 9, b"\x89PNG", b"\xff\xd8\xff", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"B"]
)
def test_file_that_is_no_picture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert_refused(path, "is not in a supported format|damaged or incomplete")


def test_vips_own_format_is_refused(tmp_path: Path) -> None:
    pyvips.Image.black(9, 9).write_to_file(str(tmp_path / "a.v"))
    assert_refused(tmp_path / "a.v", "is not in a supported format")


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- --><svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        gzip.compress(b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", mtime=0),
        b"%PDF-1.7\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"P6 1 1 255 abc",
        b"#?RADIANCE\n",
        b"SIMPLE  =                    T",
        b"1,2,3\n4,5,6\n",
        pytest.param(b"\xff\x0a\xfa\x7f\x01\x90", marks=NO_JXL),
        b"\0\0\0\x0cjP  \r\n\x87\n",  # JPEG 2000
        b"v/1\x01\x02\0\0\0",  # OpenEXR
        b"\0\0\x01\0\x01\0\x10\x10",  # ICO
        b"RIFF\x24\0\0\0WAVEfmt ",
    ],
)
def test_libvips_sees_no_byte_of_a_foreign_format(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise AssertionError("libvips was asked to open a foreign format")

    monkeypatch.setattr(pyvips.Source, "new_from_descriptor", fail)
    path = tmp_path / "a.png"
    path.write_bytes(content + bytes(99))
    assert_refused(path, "is not in a supported format; (save it as PNG or JPEG|expected PNG, JPEG, .*, BMP or GIF)$")


def test_only_the_formats_own_loader_is_called(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
    assert_refused(path, "damaged")


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("endian", ["<", ">"])
def test_every_kind_of_tiff_is_read(tmp_path: Path, endian: Literal["<", ">"], big: bool) -> None:
    tifffile.imwrite(tmp_path / "a", PHOTO, bigtiff=big, byteorder=endian, photometric="rgb")
    assert read_image(tmp_path / "a").size == (101, 67)


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_an_avif_may_name_its_kind_among_its_compatible_brands(tmp_path: Path) -> None:
    path = save(tmp_path / "a.avif", PHOTO)
    content = path.read_bytes()
    assert content[4:12] == b"ftypavif"
    path.write_bytes(content[:8] + b"mif1" + content[12:])
    assert read_size(path) == (101, 67)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jpg", {}),
        ("a.jpg", {"progressive": True}),
        ("a.png", {}),
        ("a.tif", {}),
        ("a.tif", {"compression": "tiff_lzw"}),
        ("a.webp", {}),
        pytest.param("a.avif", {}, marks=pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")),
        ("a.gif", {}),
        ("a.bmp", {}),
    ],
)
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.95])
def test_truncated_file(tmp_path: Path, name: str, options: dict[str, object], kept: float) -> None:
    path = save(tmp_path / name, PHOTO, **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(PictureError, match="damaged") as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif", "a.tif"])
def test_decompression_bomb(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, PillowImage.new("1", (3000, 2000)))
    assert_refused(
        path, "3000 x 2000 pixels are more than the limit of 5,999,999.*--max-pixels 6000000", max_pixels=5_999_999
    )
    assert read_size(path, max_pixels=6_000_000) == (3000, 2000)


def test_default_limit_is_checked_before_decoding(tmp_path: Path) -> None:
    head = struct.pack(">4sIIBBBBB", b"IHDR", 60_000, 60_000, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(head))
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + crc + struct.pack(">I4sI", 0, b"IDAT", 0x35AF061E)
    )
    assert_refused(path, "60000 x 60000 pixels are more than the limit of 500,000,000")
    bmp = save(tmp_path / "a.bmp", PillowImage.new("1", (8, 8))).read_bytes()
    path = tmp_path / "b.bmp"
    path.write_bytes(bmp[:18] + struct.pack("<ii", 60_000, 60_000) + bmp[26:])
    assert_refused(path, "60000 x 60000")


def test_blown_up_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--max-pixels"):
        read_image(save(tmp_path / "a.png", PHOTO), size=100_000)


def test_errors_of_one_file_do_not_name_another(tmp_path: Path) -> None:
    for name in ("first.jpg", "second.png"):
        path = save(tmp_path / name, PHOTO)
        path.write_bytes(path.read_bytes()[:-1000])
        with pytest.raises(PictureError) as caught:
            read_image(path)
    assert "first" not in str(caught.value)
    assert "JPEG" not in str(caught.value)


def test_files_are_closed(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("needs /proc")
    path = save(tmp_path / "a.png", PHOTO)
    read_image(path)
    before = len(list(descriptors.iterdir()))
    for _ in range(20):
        read_image(path)
        read_size(path)
    assert len(list(descriptors.iterdir())) <= before + 2


def test_warning_that_is_not_utf8_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    profile = bytes(pyvips.Image.profile_load("p3"))
    path = save(tmp_path / "a.png", PHOTO[..., 0], icc_profile=profile)  # grey with a profile of colors: a warning
    content = path.read_bytes()
    start = content.index(b"iCCP")
    end = start + 4 + struct.unpack(">I", content[start - 4 : start])[0]
    chunk = content[start:end].replace(b"ICC Profile", "Profils été".encode("latin-1"))  # PNG's own encoding
    path.write_bytes(content[:start] + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[end + 4 :])
    assert read_image(path).size == (101, 67)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.bmp", "a.gif"])
def test_random_damage_is_read_or_refused(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    content = save(tmp_path / name, PHOTO).read_bytes()
    random = np.random.default_rng(0)
    for _ in range(30):
        damaged = bytearray(content)
        for position in random.integers(0, min(len(content), 500), 3):
            damaged[position] = random.integers(256)
        (tmp_path / name).write_bytes(damaged)
        with contextlib.suppress(PictureError):  # and nothing else
            picture = read_image(tmp_path / name, max_pixels=1_000_000)
            assert 0 <= picture.pixels.min() <= picture.pixels.max() <= 1
    assert capfd.readouterr() == ("", "")
