"""EXIF and XMP in all the places of a PNG where programs put them; libvips reads only what precedes the pixels.

eXIf is the standard's own chunk (PNG 3, section 11.3.4.5). ImageMagick and others write text chunks with the bytes as
hexadecimal digits: "Raw profile type exif". XMP has a text chunk of its own, "XML:com.adobe.xmp".
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["read_png_metadata"]

_LONGEST = 16 << 20  # bytes, compressed or not; a longer chunk is ignored
_XMP_IN_APP1 = b"http://ns.adobe.com/xap/1.0/\0"


def read_png_metadata(file: BinaryIO) -> tuple[bytes | None, bytes | None]:
    """Return EXIF and XMP of a PNG; None if there is none or it is damaged.

    Args:
        file: The PNG, open for reading.
    """
    exif: dict[int, bytes] = {}  # by rank: the standard's own chunk first
    xmp: bytes | None = None
    for kind, content in _chunks(file):
        if kind == b"eXIf":
            exif[0] = content
            continue
        name, text = _text(kind, content)
        if name == b"XML:com.adobe.xmp":
            xmp = xmp or text
        elif name.startswith(b"Raw profile type "):
            profile = _from_digits(text)
            if name in (b"Raw profile type exif", b"Raw profile type APP1") and profile.startswith(b"Exif\0\0"):
                exif[1] = profile
            elif profile[:4] in (b"II*\0", b"MM\0*"):
                exif[2] = profile
            elif profile.startswith(_XMP_IN_APP1) or name == b"Raw profile type xmp":
                xmp = xmp or profile.removeprefix(_XMP_IN_APP1)
    return (exif[min(exif)] if exif else None), (xmp or None)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and the content of each chunk that may hold metadata."""
    size = file.seek(0, os.SEEK_END)
    at = 8
    while at + 12 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind in (b"eXIf", b"tEXt", b"zTXt", b"iTXt") and length <= _LONGEST:
            yield kind, file.read(length)
        at += 12 + length


def _text(kind: bytes, content: bytes) -> tuple[bytes, bytes]:
    """Return the keyword and the text of a text chunk; empty if it is damaged."""
    name, _, rest = content.partition(b"\0")
    packed = kind == b"zTXt"
    if packed:
        rest = rest[1:]  # the method of compression, always zlib
    elif kind == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[2:]
        rest = rest.partition(b"\0")[2].partition(b"\0")[2]  # after the language and the translated keyword
    try:
        return name, zlib.decompressobj().decompress(rest, _LONGEST) if packed else rest
    except zlib.error:
        return b"", b""


def _from_digits(text: bytes) -> bytes:
    """Return the bytes of a raw profile: a name, a length and lines of hexadecimal digits."""
    try:
        return bytes.fromhex(b"".join(text.split()[2:]).decode("ascii"))
    except ValueError:
        return b""
