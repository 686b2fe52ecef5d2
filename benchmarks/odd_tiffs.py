"""TIFF files of every kind, made by program."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from odd_pictures import GRAY, PHOTO, OddPicture, by_vips, gray3, saved, tiff

__all__ = ["tiffs"]

TIFF = "TIFF: compressions, planar, tiled, big-endian, BigTIFF, 12 bits, Lab, CMYK, pages"


def packed12(values: npt.NDArray[Any]) -> bytes:
    """Return two samples of 12 bits in three bytes."""
    first, second = values.ravel()[::2].astype(int), values.ravel()[1::2].astype(int)
    return np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], -1).astype(np.uint8).tobytes()


def lzw(samples: bytes) -> bytes:
    """Return LZW that never learns: literals of 9 bits, cleared before they would grow (TIFF 6.0, section 13)."""
    codes = [code for at in range(0, len(samples), 200) for code in (256, *samples[at : at + 200])] + [257]
    bits = "".join(f"{code:09b}" for code in codes)
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


def hand_tiff(samples: bytes, tags: dict[int, int], order: str = "<") -> bytes:
    """Return a TIFF of one strip, of 96 x 64."""
    every = {256: 96, 257: 64, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: 64, 279: len(samples), **tags}
    every[273] = 8 + 2 + 12 * len(every) + 4
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in sorted(every.items()))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(every))
    return head + entries + bytes(4) + samples


def tiff_kinds() -> Iterator[OddPicture]:
    kind, picture = TIFF, Image.fromarray(PHOTO)
    for name in ("none", "lzw", "deflate", "packbits"):
        yield OddPicture(kind, f"{name}.tif", by_vips(PHOTO, ".tif", compression=name), PHOTO)
    for name in ("zstd", "lzma"):
        yield OddPicture(kind, f"{name}.tif", saved(PHOTO, "TIFF", compression=name), PHOTO)
    yield OddPicture(kind, "jpeg.tif", by_vips(PHOTO, ".tif", compression="jpeg", Q=95), PHOTO, 4)
    yield OddPicture(kind, "predictor.tif", by_vips(PHOTO, ".tif", compression="lzw", predictor="horizontal"), PHOTO)
    yield OddPicture(kind, "tiles.tif", by_vips(PHOTO, ".tif", tile=True, tile_width=32, tile_height=16), PHOTO)
    yield OddPicture(kind, "big_endian.tif", tiff(PHOTO, byteorder=">"), PHOTO)
    yield OddPicture(kind, "big_endian16.tif", tiff(PHOTO.astype(np.uint16) * 257, byteorder=">"), PHOTO)
    yield OddPicture(kind, "bigtiff.tif", tiff(PHOTO, bigtiff=True), PHOTO)
    planes = np.ascontiguousarray(np.moveaxis(PHOTO, -1, 0))
    yield OddPicture(kind, "planar.tif", tiff(planes, planarconfig="separate"), PHOTO)
    yield OddPicture(kind, "planar_tiles.tif", tiff(planes, planarconfig="separate", tile=(16, 16)), PHOTO)
    yield OddPicture(kind, "planar_deflate.tif", tiff(planes, planarconfig="separate", compression="zlib"), PHOTO)
    yield OddPicture(
        kind,
        "pages.tif",
        saved(picture, "TIFF", save_all=True, append_images=[picture] * 2),
        PHOTO,
        words="first of 3 pages",
    )


def tiff_colors() -> Iterator[OddPicture]:
    kind, picture = TIFF, Image.fromarray(PHOTO)
    for bits, most in ((4, 15), (12, 4095)):
        values = np.rint(GRAY * (most / 255))
        samples = (
            packed12(values)
            if bits == 12
            else (values[:, ::2].astype(int) << 4 | values[:, 1::2].astype(int)).astype(np.uint8).tobytes()
        )
        expected = gray3(np.rint(values * (255 / most)).astype(np.uint8))
        yield OddPicture(kind, f"gray{bits}.tif", hand_tiff(samples, {258: bits}), expected)
    yield OddPicture(
        kind,
        "gray12_deflate.tif",
        hand_tiff(zlib.compress(packed12(np.rint(GRAY * (4095 / 255)))), {258: 12, 259: 8}),
        gray3(GRAY),
    )
    yield OddPicture(
        kind, "gray12_lzw.tif", hand_tiff(lzw(packed12(np.rint(GRAY * (4095 / 255)))), {258: 12, 259: 5}), gray3(GRAY)
    )
    yield OddPicture(kind, "gray_zero_is_white.tif", hand_tiff((255 - GRAY).tobytes(), {262: 0}), gray3(GRAY))
    yield OddPicture(kind, "gray_lzw.tif", hand_tiff(lzw(GRAY.tobytes()), {259: 5}), gray3(GRAY))
    lab = ImageCms.profileToProfile(
        picture, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    yield OddPicture(kind, "lab8.tif", saved(lab, "TIFF"), PHOTO, 3)
    cmyk = picture.convert("CMYK")
    yield OddPicture(kind, "cmyk.tif", saved(cmyk, "TIFF"), PHOTO, 40)
    few = picture.quantize(200)
    yield OddPicture(kind, "palette.tif", saved(few, "TIFF"), np.asarray(few.convert("RGB")))
    black = picture.convert("1")
    expected = gray3(np.asarray(black).astype(np.uint8) * 255)
    for compression in ("raw", "group4", "group3"):
        yield OddPicture(kind, f"bit_{compression}.tif", saved(black, "TIFF", compression=compression), expected)


def tiff_samples() -> Iterator[OddPicture]:
    kind = TIFF
    floats = (PHOTO / 255).astype(np.float32)
    yield OddPicture(kind, "float.tif", tiff(floats), PHOTO, words="float samples are read as sRGB")
    yield OddPicture(kind, "double.tif", tiff(floats.astype(np.float64)), PHOTO, words="float samples are read as sRGB")
    yield OddPicture(kind, "half.tif", tiff(floats.astype(np.float16)), PHOTO, words="float samples are read as sRGB")
    kind = "TIFF of kinds without a reader or an agreed range"
    yield OddPicture(kind, "float_hdr.tif", tiff(floats * 9), None, words="scale them to [0, 1]")
    yield OddPicture(kind, "signed.tif", tiff(PHOTO.astype(np.int16)), None, words="16 bits per channel")
    yield OddPicture(kind, "uint32.tif", tiff(PHOTO.astype(np.uint32)), None, words="16 bits per channel")
    deep = hand_tiff(lzw(packed12(np.rint(PHOTO * (4095 / 255)))), {258: 12, 259: 5, 262: 2, 277: 3})
    yield OddPicture(kind, "rgb12_lzw.tif", deep, None, words="of a kind that can't be read here")
    yield OddPicture(kind, "lerc.tif", hand_tiff(bytes(999), {259: 34887}), None, words="LERC")


def tiffs() -> Iterator[OddPicture]:
    for kinds in (tiff_kinds, tiff_colors, tiff_samples):
        yield from kinds()
