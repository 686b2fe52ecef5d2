"""EXIF in TIFF files, where it is mixed with the layout tags; libvips neither reads nor writes it."""

from __future__ import annotations

import os
import struct
import warnings
from typing import BinaryIO

from PIL import ExifTags
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import ImageFileDirectory_v2

__all__ = ["append_tiff_exif", "read_tiff_exif"]

# The tags of the main directory that describe the photograph, not the file layout. All are text.
_TEXTS = [
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
]
_GROUPS = [ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo]
_ASCII, _LONG = 2, 4
_HEAD = b"II*\0\x08\0\0\0"  # little-endian TIFF header, directly followed by the directory

Texts = dict[int, bytes]
Groups = dict[int, dict[int, object]]


def read_tiff_exif(file: BinaryIO) -> bytes | None:
    """Return the EXIF of a TIFF file in the form used by other formats; None if there is none or it is damaged.

    Args:
        file: the TIFF, open for reading, positioned at its start.
    """
    try:
        source = PillowImage.Exif()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about every unusual tag
            source.load_from_fp(file)
            texts, groups = _photographic(source)
            count = len(texts) + len(groups)
            entries, data = _directory(texts, groups, _HEAD, len(_HEAD) + 2 + 12 * count + 4)
    except Exception:  # damaged tags fail in many ways, and the image is usable without EXIF
        return None
    return _HEAD + struct.pack("<H", count) + b"".join(entries) + bytes(4) + data if count else None


def append_tiff_exif(file: BinaryIO, exif: bytes) -> None:
    """Add EXIF to a TIFF by appending an extended copy of its first directory and pointing the header to it.

    Args:
        file: a single-page TIFF, open for reading and writing. A BigTIFF is left unchanged.
        exif: raw EXIF bytes, as returned by `clean_exif`.
    """
    file.seek(0)
    head = file.read(8)
    order = "<" if head[:2] == b"II" else ">"
    magic, offset = struct.unpack(order + "HL", head[2:])
    if magic != 42:
        return
    file.seek(offset)
    (count,) = struct.unpack(order + "H", file.read(2))
    entries = [file.read(12) for _ in range(count)]
    position = file.seek(0, os.SEEK_END)
    position += file.write(b"\0" * (position % 2))
    try:
        source = PillowImage.Exif()
        source.load(exif)
        added, data = _directory(*_photographic(source), head, position)
    except Exception:  # as in reading; an error here would lose a finished image
        return
    known = {entry[:2] for entry in entries}
    entries += [entry for entry in added if entry[:2] not in known]
    entries.sort(key=lambda entry: int(struct.unpack(order + "H", entry[:2])[0]))
    file.write(data + struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4))
    file.seek(4)
    file.write(struct.pack(order + "L", position + len(data)))


def _photographic(source: PillowImage.Exif) -> tuple[Texts, Groups]:
    texts = {int(tag): str(source[tag]).encode("latin-1", "replace") for tag in _TEXTS if source.get(tag)}
    groups: Groups = {}
    for group in _GROUPS:
        values = dict(source.get_ifd(group))
        values.pop(ExifTags.IFD.Interop, None)  # an offset into the source file
        if values:
            groups[int(group)] = values
    return texts, groups


def _directory(texts: Texts, groups: Groups, head: bytes, position: int) -> tuple[list[bytes], bytes]:
    """Return the sorted directory entries, and the data they point to, which will be written at `position`."""
    order = "<" if head[:2] == b"II" else ">"
    entries, data = [], b""
    for tag, text in sorted(texts.items()):
        text = text.ljust(4, b"\0") + b"\0"  # always too long to be stored inline in the entry
        entries.append(struct.pack(order + "HHLL", tag, _ASCII, len(text), position + len(data)))
        data += text + b"\0" * (len(text) % 2)
    for group, values in sorted(groups.items()):
        directory = ImageFileDirectory_v2(head, group=group)
        for tag, value in values.items():
            if isinstance(value, str):  # Pillow decodes text as Latin-1, but would encode it as ASCII
                directory.tagtype[tag], value = _ASCII, value.encode("latin-1", "replace")
            directory[tag] = value
        entries.append(struct.pack(order + "HHLL", group, _LONG, 1, position + len(data)))
        data += directory.tobytes(position + len(data))
    return entries, data
