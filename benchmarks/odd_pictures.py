"""Odd pictures, made by program: each with what must come out of it."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips
import tifffile
from PIL import Image, ImageCms
from skimage import data

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from heic_pictures import heic

__all__ = ["NAMES", "PHOTO", "OddPicture", "pictures", "turned"]

Samples = npt.NDArray[np.uint8]

DATE = "2024:05:06 07:08:09"
# Names that shells, patterns, options, blends or Python might take for something else.
NAMES = (
    "12:30", "100% fun", "50%d", "%s", "b[1]", "[a-z]", "-1", "--style", "a+b", "wave.jpg:0.7", "~", "~root", "a b  c",
    "ü写🖌", "a'b\"c", "a#b?c", "all*", "{x}", ".hidden", "a,b", "a=b", "$HOME", "a&b|c;d", "a\nb", "x" * 120,
    "CON", "@a",
)  # fmt: skip


def _photo() -> Samples:
    """A photograph of 96 x 64 that gets brighter to the right and, less so, to the bottom."""
    photo = data.astronaut()[:64, 150:246] * 0.45
    ramp = np.linspace(0, 100, 96)[None, :] + np.linspace(0, 40, 64)[:, None]
    return np.rint(photo + ramp[..., None]).astype(np.uint8)


PHOTO = _photo()
ALPHA = np.where(np.hypot(*np.mgrid[-32:32, -48:48]) < 30, 255, 0).astype(np.uint8)
SEEN_THROUGH = np.dstack([PHOTO, ALPHA])
GRAY = np.asarray(Image.fromarray(PHOTO).convert("L"))


@dataclass(frozen=True)
class OddPicture:
    """A picture and what must come out.

    Args:
        kind: The row of the table.
        name: The file's name.
        content: Its bytes.
        expected: (H, W, 3 or 4), as it must be read; None if it must be refused.
        tolerance: How far pixels may be from that in the mean, of 255.
        words: What must be in the notes, or in the error.
        dated: Whether the EXIF date must be kept.
    """

    kind: str
    name: str
    content: bytes
    expected: Samples | None
    tolerance: float = 0.5
    words: str = ""
    dated: bool = False


def saved(image: Image.Image | Samples, kind: str, **options: Any) -> bytes:
    """Return a file written by Pillow."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def by_vips(samples: npt.NDArray[Any], suffix: str, interpretation: str = "srgb", **options: Any) -> bytes:
    """Return a file written by libvips."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(samples), interpretation=interpretation)
    written: bytes = image.write_to_buffer(suffix, **options)
    return written


def tiff(samples: npt.NDArray[Any], **options: Any) -> bytes:
    """Return a file written by tifffile."""
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **{"photometric": "rgb" if samples.ndim == 3 else "minisblack", **options})
    return file.getvalue()


def turned(samples: Samples, orientation: int) -> Samples:
    """Return samples as they are shown with this EXIF orientation (TIFF 6.0, tag 274)."""
    upright = samples.swapaxes(0, 1) if orientation >= 5 else samples
    mirrored, flipped = orientation in (2, 3, 6, 7), orientation in (3, 4, 7, 8)
    return np.ascontiguousarray(upright[:: -1 if flipped else 1, :: -1 if mirrored else 1])


def exif(orientation: int) -> bytes:
    """Return EXIF with an orientation and a date."""
    tags = Image.Exif()
    tags[274], tags[306] = orientation, DATE
    return tags.tobytes()


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    """Return a JPEG with one more segment at its beginning."""
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + jpeg[2:]


def gray3(samples: Samples) -> Samples:
    return np.dstack([samples] * 3)


def more_behind() -> Iterator[OddPicture]:
    kind, jpeg = "JPEG with more behind (gain map, MPO, film)", saved(PHOTO, "JPEG", quality=95)
    small = saved(np.ascontiguousarray(GRAY[::2, ::2]), "JPEG")
    mpf = with_segment(jpeg, 0xE2, b"MPF\0MM\0*\0\0\0\x08" + bytes(40)) + small
    mpo = saved(PHOTO, "MPO", save_all=True, append_images=[Image.fromarray(PHOTO[:, ::-1].copy())], quality=95)
    behind = {
        "zeros.jpg": jpeg + bytes(5000), "text.jpg": jpeg + b"more " * 99, "zip.jpg": jpeg + b"PK\3\4" + bytes(300),
        "twice.jpg": jpeg + jpeg, "gain_map.jpg": mpf, "motion.jpg": jpeg + b"\0\0\0\x18ftypmp42" + bytes(4000),
        "stereo.mpo": mpo, "stereo.jpg": mpo,
    }  # fmt: skip
    for name, content in behind.items():
        yield OddPicture(kind, name, content, PHOTO, 3)
    if pyvips.type_find("VipsForeignSave", "uhdrsave"):
        yield OddPicture(kind, "uhdr.jpg", by_vips(PHOTO, ".jpg", Q=95), PHOTO, 3)


def jpeg_kinds() -> Iterator[OddPicture]:
    kind, picture = "JPEG: progressive, gray, CMYK, subsampled, restart markers", Image.fromarray(PHOTO)
    for name, options in {
        "progressive": {"progressive": True}, "420": {"subsampling": 2}, "422": {"subsampling": 1},
        "restart": {"restart_marker_rows": 1}, "blocks": {"restart_marker_blocks": 3},
    }.items():  # fmt: skip
        yield OddPicture(kind, f"{name}.jpg", saved(picture, "JPEG", quality=95, **options), PHOTO, 4)
    yield OddPicture(kind, "gray.jpg", saved(GRAY, "JPEG", quality=95), gray3(GRAY), 3)
    yield OddPicture(kind, "cmyk.jpg", saved(picture.convert("CMYK"), "JPEG", quality=95), PHOTO, 40)
    rgb = saved(picture, "JPEG", quality=95, keep_rgb=True)
    yield OddPicture(kind, "rgb.jpg", rgb, PHOTO, 3)
    jpeg = saved(picture, "JPEG", quality=95)
    yield OddPicture(kind, "fill.jpg", jpeg[:-2] + bytes(30) + jpeg[-2:], PHOTO, 3)
    yield OddPicture(kind, "comment.jpg", with_segment(jpeg, 0xFE, b"\xff\xd8\xff\xd9" * 99), PHOTO, 3)


def deep_and_wide() -> Iterator[OddPicture]:
    deep = PHOTO.astype(np.uint16) * 257
    with_alpha = np.dstack([deep, ALPHA.astype(np.uint16) * 257])
    kind = "16 bits"
    yield OddPicture(kind, "rgb16.png", by_vips(deep, ".png", "rgb16"), PHOTO)
    yield OddPicture(kind, "rgba16.png", by_vips(with_alpha, ".png", "rgb16"), SEEN_THROUGH)
    yield OddPicture(kind, "gray16.png", by_vips(GRAY.astype(np.uint16) * 257, ".png", "grey16"), gray3(GRAY))
    yield OddPicture(kind, "rgb16.tif", tiff(deep), PHOTO)
    yield OddPicture(kind, "rgba16.tif", by_vips(with_alpha, ".tif", "rgb16"), SEEN_THROUGH)
    kind = "color profiles (Display P3, damaged, of another model)"
    p3 = pyvips.Image.new_from_array(PHOTO, interpretation="srgb").icc_transform("p3", input_profile="srgb")
    for suffix, tolerance in ((".png", 2.0), (".jpg[Q=95]", 4.0), (".tif", 2.0), (".webp[lossless]", 2.0)):
        yield OddPicture(kind, f"p3{suffix.split('[')[0]}", p3.write_to_buffer(suffix), PHOTO, tolerance)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for name, icc in (("cut", profile[:99]), ("lab", profile), ("zeros", bytes(500))):
        content = saved(PHOTO, "PNG", icc_profile=icc)
        yield OddPicture(kind, f"profile_{name}.png", content, PHOTO)


def png_kinds() -> Iterator[OddPicture]:
    kind, picture = "PNG: gray, palette, 1 to 4 bits, transparent colors, interlaced", Image.fromarray(PHOTO)
    yield OddPicture(kind, "gray.png", saved(GRAY, "PNG"), gray3(GRAY))
    yield OddPicture(kind, "gray_alpha.png", saved(np.dstack([GRAY, ALPHA]), "PNG"), np.dstack([gray3(GRAY), ALPHA]))
    for colors, bits in ((2, 1), (4, 2), (16, 4), (250, 8)):
        few = picture.quantize(colors)
        expected = np.asarray(few.convert("RGB"))
        yield OddPicture(kind, f"palette{bits}.png", saved(few, "PNG", bits=bits), expected)
        opaque = np.where(np.asarray(few) == 1, 0, 255).astype(np.uint8)
        content = saved(few, "PNG", bits=bits, transparency=1)
        yield OddPicture(kind, f"see_through{bits}.png", content, np.dstack([expected, opaque]))
    black = picture.convert("1")
    yield OddPicture(kind, "bit.png", saved(black, "PNG"), gray3(np.asarray(black).astype(np.uint8) * 255))
    key = PHOTO.copy()
    key[:20] = (1, 2, 3)
    shown = np.where((key == (1, 2, 3)).all(-1), 0, 255).astype(np.uint8)
    yield OddPicture(kind, "key.png", saved(key, "PNG", transparency=(1, 2, 3)), np.dstack([key, shown]))
    yield OddPicture(kind, "interlaced.png", by_vips(PHOTO, ".png", interlace=True), PHOTO)
    yield OddPicture(kind, "interlaced_alpha.png", by_vips(SEEN_THROUGH, ".png", interlace=True), SEEN_THROUGH)
    png = saved(PHOTO, "PNG")
    yield OddPicture(kind, "behind.png", png + bytes(999), PHOTO)
    yield OddPicture(kind, "unknown_chunk.png", png[:33] + chunk(b"abCd", b"?" * 99) + png[33:], PHOTO)


def orientations() -> Iterator[OddPicture]:
    png = saved(PHOTO, "PNG")
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:D'
    xmp += b'escription xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>'
    for number in range(1, 9):
        shown, tags, words = turned(PHOTO, number), exif(number), xmp % number
        packet = b"http://ns.adobe.com/xap/1.0/\0" + words
        plain = tags.removeprefix(b"Exif\0\0")
        digits = b"\nexif\n%8d\n" % len(tags) + tags.hex().encode()
        files = {
            "exif.jpg": (saved(PHOTO, "JPEG", quality=95, exif=tags), 3.0),
            "exif.png": (png[:33] + chunk(b"eXIf", plain) + png[33:], 0.5),
            "exif_behind.png": (png[:-12] + chunk(b"eXIf", plain) + png[-12:], 0.5),
            "exif_text.png": (png[:33] + chunk(b"tEXt", b"Raw profile type exif\0" + digits) + png[33:], 0.5),
            "exif.tif": (saved(PHOTO, "TIFF", tiffinfo={274: number, 306: DATE}), 0.5),
            "exif.webp": (saved(PHOTO, "WEBP", lossless=True, exif=tags), 0.5),
            "xmp.jpg": (with_segment(saved(PHOTO, "JPEG", quality=95), 0xE1, packet), 3.0),
            "xmp.png": (png[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + words) + png[33:], 0.5),
        }
        for name, (content, tolerance) in files.items():
            where = "XMP" if name.startswith("xmp") else "EXIF"
            yield OddPicture(
                f"eight orientations in {where}", f"{number}_{name}", content, shown, tolerance, dated=where == "EXIF"
            )


def phones() -> Iterator[OddPicture]:
    kind = "HEIC, turned and mirrored; AVIF"
    yield OddPicture(kind, "a.heic", heic(PHOTO), PHOTO, 6)
    yield OddPicture(kind, "deep.heic", heic(PHOTO, bits=10), PHOTO, 6)
    yield OddPicture(kind, "named.jpg", heic(PHOTO), PHOTO, 6)
    for turns in (1, 2, 3):
        expected = np.ascontiguousarray(np.rot90(PHOTO, turns))
        yield OddPicture(kind, f"turned{turns}.heic", heic(PHOTO, quarter_turns=turns, exif=exif(6)[6:]), expected, 6)
    for axis, expected in ((0, PHOTO[::-1]), (1, PHOTO[:, ::-1])):
        yield OddPicture(kind, f"mirrored{axis}.heic", heic(PHOTO, mirror=axis), np.ascontiguousarray(expected), 6)
    for name, samples, options in (
        ("a.avif", PHOTO, {}), ("alpha.avif", SEEN_THROUGH, {}), ("deep.avif", PHOTO, {"bitdepth": 10}),
    ):  # fmt: skip
        content = by_vips(samples, ".avif", Q=95, **options)
        yield OddPicture(kind, name, content, samples, 6)


def bmp(bits: int, rows: bytes, height: int = 64, compression: int = 0, palette: bytes = b"") -> bytes:
    """Return a BMP by hand."""
    start = 54 + len(palette)
    head = struct.pack(
        "<2sIIIIiiHHIIiiII",
        b"BM",
        start + len(rows),
        0,
        start,
        40,
        96,
        height,
        1,
        bits,
        compression,
        len(rows),
        0,
        0,
        len(palette) // 4,
        0,
    )
    return head + palette + rows


def bmp_kinds() -> Iterator[OddPicture]:
    kind, picture = "BMP: 1 to 32 bits, top-down, RLE", Image.fromarray(PHOTO)
    yield OddPicture(kind, "24.bmp", saved(PHOTO, "BMP"), PHOTO)
    yield OddPicture(
        kind, "8.bmp", saved(picture.quantize(200), "BMP"), np.asarray(picture.quantize(200).convert("RGB"))
    )
    black = picture.convert("1")
    yield OddPicture(kind, "1.bmp", saved(black, "BMP"), gray3(np.asarray(black).astype(np.uint8) * 255))
    yield OddPicture(kind, "gray.bmp", saved(GRAY, "BMP"), gray3(GRAY))
    bgr = np.ascontiguousarray(PHOTO[..., ::-1])
    yield OddPicture(kind, "top_down.bmp", bmp(24, bgr.tobytes(), -64), PHOTO)
    yield OddPicture(kind, "32.bmp", bmp(32, np.dstack([bgr, ALPHA * 0])[::-1].tobytes()), PHOTO)
    r, g, b = (PHOTO[..., band].astype(np.uint16) >> 3 for band in range(3))
    rows = (r << 10 | g << 5 | b).astype("<u2")[::-1].tobytes()
    yield OddPicture(kind, "16.bmp", bmp(16, rows), PHOTO, 6)
    gray = b"".join(bytes((k, k, k, 0)) for k in range(256))
    rle = (
        b"".join(bytes(byte for value in row for byte in (1, value)) + b"\0\0" for row in GRAY[::-1].tolist()) + b"\0\1"
    )
    yield OddPicture(kind, "rle8.bmp", bmp(8, rle, compression=1, palette=gray), gray3(GRAY))


def animations() -> Iterator[OddPicture]:
    kind = "animations and GIF as pictures"
    frames = [Image.fromarray(np.roll(PHOTO, 8 * k, 1)) for k in range(5)]
    for name, options in (("a.webp", {"lossless": True}), ("a.png", {}), ("a.gif", {})):
        content = saved(
            frames[0], name[2:].upper(), save_all=True, append_images=frames[1:], duration=90, loop=3, **options
        )
        yield OddPicture(kind, name, content, PHOTO, 10 if name == "a.gif" else 0.5, words="first of 5 frames")
    few = Image.fromarray(PHOTO).quantize(200)
    expected = np.asarray(few.convert("RGB"))
    yield OddPicture(kind, "still.gif", saved(few, "GIF"), expected)
    yield OddPicture(kind, "interlaced.gif", saved(few, "GIF", interlace=1), expected)
    hidden = np.where(np.asarray(few) == 1, 0, 255).astype(np.uint8)
    yield OddPicture(kind, "see_through.gif", saved(few, "GIF", transparency=1), np.dstack([expected, hidden]))
    yield OddPicture(kind, "alpha.webp", saved(SEEN_THROUGH, "WEBP", lossless=True, exact=True), SEEN_THROUGH)


def sizes() -> Iterator[OddPicture]:
    kind = "tiny and long: 1×1 to 3×2000"
    for width, height in ((1, 1), (1, 2), (2, 1), (1, 64), (64, 1), (3, 5), (3, 2000), (2000, 3), (1, 1000)):
        samples = np.ascontiguousarray(np.resize(PHOTO, (height, width, 3)))
        for kinds in ("PNG", "JPEG", "TIFF", "BMP"):
            name = f"{width}x{height}.{kinds.lower()}"
            yield OddPicture(
                kind, name.replace("tiff", "tif"), saved(samples, kinds), samples, 0.5 if kinds != "JPEG" else 60
            )


def names() -> Iterator[OddPicture]:
    content = saved(PHOTO, "JPEG", quality=95)
    for name in NAMES:
        yield OddPicture("odd names, of photo, style and output", f"{name}.jpg", content, PHOTO, 3)
    kind = "wrong, missing and capital suffixes"
    contents = {
        "png": saved(PHOTO, "PNG"),
        "jpg": content,
        "webp": saved(PHOTO, "WEBP", lossless=True),
        "tif": tiff(PHOTO),
    }
    for true, content in contents.items():
        for suffix in (".jpg", ".png", ".tif", ".gif", ".JPG", ".txt", ""):
            yield OddPicture(kind, f"is_{true}{suffix}", content, PHOTO, 3)


def damaged() -> Iterator[OddPicture]:
    kind = "cut, empty and damaged files"
    every = {
        "jpg": saved(PHOTO, "JPEG", quality=95), "png": saved(PHOTO, "PNG"),
        "tif": by_vips(PHOTO, ".tif", compression="lzw"),
        "webp": saved(PHOTO, "WEBP", lossless=True), "gif": saved(Image.fromarray(PHOTO).quantize(99), "GIF"),
        "bmp": saved(PHOTO, "BMP"), "avif": by_vips(PHOTO, ".avif"), "heic": heic(PHOTO),
    }  # fmt: skip
    for suffix, content in every.items():
        for percent in (1, 10, 50, 90):
            cut = content[: max(2, len(content) * percent // 100)]
            yield OddPicture(kind, f"cut{percent}.{suffix}", cut, None)
    for suffix in ("jpg", "png"):
        yield OddPicture(kind, f"empty.{suffix}", b"", None, words="is empty (0 bytes)")
        yield OddPicture(kind, f"zeros.{suffix}", bytes(5000), None, words="not in a supported format")
        yield OddPicture(kind, f"text.{suffix}", b"no picture " * 99, None, words="not in a supported format")
    kind = "damaged in the middle: read in part, with a note"
    noise = bytes((37 * k + 11) % 255 for k in range(40))
    for suffix in ("jpg", "png", "tif"):
        content = saved(PHOTO, "JPEG", quality=95, restart_marker_rows=1) if suffix == "jpg" else every[suffix]
        for share in (0.5, 0.7):
            at = int(len(content) * share)
            broken = content[:at] + noise + content[at + len(noise) :]
            yield OddPicture(kind, f"{share}.{suffix}", broken, PHOTO, 200, words="only a part of it could be decoded")


def foreign() -> Iterator[OddPicture]:
    kind = "other formats, called by their name"
    for name, content, words in (
        ("a.jxl", b"\xff\x0a" + bytes(99), "JPEG XL"), ("b.jxl", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99), "JPEG XL"),
        ("a.jp2", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99), "JPEG 2000"), ("a.psd", b"8BPS" + bytes(99), "Photoshop"),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"), ("a.pdf", b"%PDF-1.7\n" + bytes(99), "PDF"),
        ("a.exr", b"v/1\1" + bytes(99), "OpenEXR"), ("a.hdr", b"#?RADIANCE\n" + bytes(99), "Radiance"),
        ("a.ico", b"\0\0\1\0" + bytes(99), "icon"), ("page.jpg", b"<!DOCTYPE html><html></html>", "web page"),
        ("a.cr3", b"\0\0\0\x18ftypcrx " + bytes(99), "raw file"),
        ("a.raf", b"FUJIFILMCCD-RAW " + bytes(99), "raw file"),
        ("film.jpg", b"\0\0\0\x18ftypmp42" + bytes(99), "film"), ("film.png", b"\x1a\x45\xdf\xa3" + bytes(99), "film"),
    ):  # fmt: skip
        yield OddPicture(kind, name, content, None, words=words)


def flat() -> Iterator[OddPicture]:
    for name, color in (("black", 0), ("gray", 119), ("white", 255)):
        samples = np.full((64, 96, 3), color, np.uint8)
        yield OddPicture("flat: black, gray, white", f"{name}.png", saved(samples, "PNG"), samples)


def pictures() -> list[OddPicture]:
    """Return all of them but TIFFs."""
    makers = (
        more_behind, jpeg_kinds, deep_and_wide, png_kinds, orientations, phones, bmp_kinds, animations, sizes, names,
        damaged, foreign, flat,
    )  # fmt: skip
    return [picture for make in makers for picture in make()]
