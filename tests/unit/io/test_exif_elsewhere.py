"""EXIF and the orientation where other programs put them: obeyed once, reset once, and the rest is kept."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from brushwork.io import PictureReader, read_image, read_size, write_image

PHOTO = np.ascontiguousarray(data.astronaut()[:67, 200:301])
TURNED = {
    1: PHOTO, 2: PHOTO[:, ::-1], 3: PHOTO[::-1, ::-1], 4: PHOTO[::-1], 5: PHOTO.transpose(1, 0, 2),
    6: np.rot90(PHOTO, -1), 7: PHOTO[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(PHOTO),
}  # fmt: skip


def exif(orientation: int | None) -> bytes:
    """EXIF that begins with its TIFF header."""
    tags = Image.Exif()
    tags[271] = "Maker"
    if orientation is not None:
        tags[274] = orientation
    return tags.tobytes().removeprefix(b"Exif\0\0")


def xmp(orientation: int, *, attribute: bool = True) -> bytes:
    inside = "" if attribute else f"<tiff:Orientation>{orientation}</tiff:Orientation>"
    beside = f'tiff:Orientation="{orientation}"' if attribute else ""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" {beside}>{inside}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def digits(kind: str, content: bytes) -> bytes:
    lines = [content.hex()[start : start + 72] for start in range(0, 2 * len(content), 72)]
    return f"\n{kind}\n{len(content):8}\n".encode() + "\n".join(lines).encode() + b"\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def raw_profile(name: str, content: bytes, *, packed: bool = False) -> bytes:
    text = digits(name, content)
    start = f"Raw profile type {name}\0".encode()
    return chunk(b"zTXt", start + b"\0" + zlib.compress(text)) if packed else chunk(b"tEXt", start + text)


CHUNKS: dict[str, Callable[[int], bytes]] = {
    "eXIf": lambda turned: chunk(b"eXIf", exif(turned)),
    "exif": lambda turned: raw_profile("exif", b"Exif\0\0" + exif(turned)),
    "exif, packed": lambda turned: raw_profile("exif", b"Exif\0\0" + exif(turned), packed=True),
    "exif, bare": lambda turned: raw_profile("exif", exif(turned)),
    "APP1": lambda turned: raw_profile("APP1", b"Exif\0\0" + exif(turned)),
    "two": lambda turned: raw_profile("exif", b"Exif\0\0" + exif(3)) + chunk(b"eXIf", exif(turned)),
    "beside xmp": lambda turned: chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(3)) + chunk(b"eXIf", exif(turned)),
    "xmp": lambda turned: chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(turned)) + chunk(b"eXIf", exif(None)),
    "xmp, packed": lambda turned: (
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp(turned, attribute=False)))
        + raw_profile("exif", b"Exif\0\0" + exif(None))
    ),
    "xmp in digits": lambda turned: raw_profile("xmp", xmp(turned)) + chunk(b"eXIf", exif(None)),
}


def assert_turned_once(path: Path, orientation: int, worst: float) -> None:
    expected = TURNED[orientation]
    picture = read_image(path)
    assert read_size(path) == picture.size == expected.shape[1::-1]
    assert np.abs(picture.pixels[0].permute(1, 2, 0).numpy() * 255 - expected).mean() < worst
    reader = PictureReader(path)
    assert reader.size == picture.size
    assert reader.read(0, 0, *picture.pixels.shape[2:])[0].equal(picture.pixels)
    write_image(picture, path.with_name("result.png"))
    again = read_image(path.with_name("result.png"))
    assert again.size == picture.size
    kept = Image.Exif()
    kept.load(again.exif or b"")
    assert (kept[271], kept[274]) == ("Maker", 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("place", CHUNKS)
def test_png(tmp_path: Path, place: str, after: bool, orientation: int) -> None:
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, "PNG")
    content = file.getvalue()
    at = content.index(b"IEND" if after else b"IDAT") - 4
    path = tmp_path / "a.png"
    path.write_bytes(content[:at] + CHUNKS[place](orientation) + content[at:])
    assert_turned_once(path, orientation, 1e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_xmp(tmp_path: Path, suffix: str, orientation: int) -> None:
    options = {"lossless": True} if suffix == ".webp" else {"quality": 100, "subsampling": 0}
    path = tmp_path / f"a{suffix}"
    Image.fromarray(PHOTO).save(path, exif=b"Exif\0\0" + exif(None), xmp=xmp(orientation), **options)
    assert_turned_once(path, orientation, 0.5)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("start", [b"", b"Exif\0\0"])
def test_webp_exif_with_and_without_its_name(tmp_path: Path, start: bytes, orientation: int) -> None:
    path = tmp_path / "a.webp"
    Image.fromarray(PHOTO).save(path, lossless=True)
    content = path.read_bytes()
    exif_chunk = start + exif(orientation)
    exif_chunk = b"EXIF" + struct.pack("<I", len(exif_chunk)) + exif_chunk + b"\0" * (len(exif_chunk) % 2)
    size = (100).to_bytes(3, "little") + (66).to_bytes(3, "little")
    extended = b"VP8X" + struct.pack("<I", 10) + b"\x08\0\0\0" + size
    body = b"WEBP" + extended + content[12:] + exif_chunk
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert_turned_once(path, orientation, 1e-3)


@pytest.mark.parametrize("bad", [b"", b"\nexif\n 4\nzz", b"\nexif\n\n0", b"\xff\xfe" * 9])
def test_damaged_text_does_no_harm(tmp_path: Path, bad: bytes) -> None:
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, "PNG")
    content = file.getvalue()
    at = content.index(b"IEND") - 4
    broken = chunk(b"tEXt", b"Raw profile type exif\0" + bad) + chunk(b"zTXt", b"Raw profile type exif\0\0" + bad)
    (tmp_path / "a.png").write_bytes(
        content[:at] + broken + chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bad) + content[at:]
    )
    assert read_image(tmp_path / "a.png").exif is None
