"""Whether a video file ends earlier than its container says; FFmpeg reads what is there and says nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

__all__ = ["is_cut_off"]

_TS_PACKETS = {188: 0, 192: 4, 204: 0}  # sizes of packets of transport streams, and where their sync byte is
_TS_SYNC = b"\x47"
_FLASH_TAGS = (8, 9, 18)  # sound, picture, data
_TAIL = 1 << 17  # bytes in which the last pack of a program stream is looked for


def is_cut_off(path: Path, formats: str) -> bool:
    """Return whether a file's end is missing; False also where its container can't tell.

    Args:
        path: The file.
        formats: FFmpeg's names of its container, separated by commas.
    """
    check = next((_CHECKS[name] for name in formats.split(",") if name in _CHECKS), None)
    if check is None:
        return False
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return check(file, size)


def _transport_stream(file: BinaryIO, size: int) -> bool:
    head = file.read(2 * max(_TS_PACKETS))
    for length, lead in _TS_PACKETS.items():
        if head[lead::length][:2] == _TS_SYNC * 2:
            return size % length > 0
    return False


def _matroska(file: BinaryIO, size: int) -> bool:
    """See RFC 8794, sections 4 to 6: a header and a segment, each with its length, which a live recording lacks."""
    for part in ("header", "segment"):
        _vint(file)
        length, unknown = _vint(file)
        if part == "segment":
            return length != unknown and file.tell() + length > size
        file.seek(length, os.SEEK_CUR)
    return False


def _vint(file: BinaryIO) -> tuple[int, int]:
    """Return an integer of variable length, and the one that stands for unknown; zeros at the end of the file."""
    first = file.read(1)
    if not first or not first[0]:
        return 0, 0
    more = 8 - first[0].bit_length()
    mask = (1 << 7 * (more + 1)) - 1
    return int.from_bytes(first + file.read(more), "big") & mask, mask


def _boxes(file: BinaryIO, size: int) -> bool:
    """See ISO/IEC 14496-12, section 4.2: boxes one after another, each with its length."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length = int.from_bytes(file.read(8)[:4], "big")
        if length == 1:  # 64 bits follow
            length = int.from_bytes(file.read(8), "big")
        if length < 8:  # up to the end of the file, or damaged
            return False
        at += length
    return at > size


def _riff(file: BinaryIO, size: int) -> bool:
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[4:], "little")
        if head[:4] != b"RIFF" or length in (0, 0xFFFFFFFF):  # something behind, or not known when it was written
            return False
        at += 8 + length
    return at > size


def _flash(file: BinaryIO, size: int) -> bool:
    """Return whether the length of the last tag, which follows it, doesn't lead back to it."""
    file.seek(max(0, size - 4))
    length = int.from_bytes(file.read(4), "big")
    file.seek(max(0, size - 4 - length))
    tag = file.read(4)
    return length < 11 or tag[0] & 31 not in _FLASH_TAGS or int.from_bytes(tag[1:], "big") != length - 11


def _program_stream(file: BinaryIO, size: int) -> bool:
    """See ISO/IEC 13818-1, section 2.5: packs, in which each packet has its length."""
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    at = tail.rfind(b"\0\0\1\xba")
    while 0 <= at <= len(tail) - 6 and tail[at : at + 3] == b"\0\0\1":
        code = tail[at + 3]
        if code == 0xBA:
            at += 14 + (tail[at + 13] & 7) if at + 13 < len(tail) and tail[at + 4] >> 6 == 1 else 12  # MPEG-2 or MPEG-1
        elif code > 0xBA:
            at += 6 + int.from_bytes(tail[at + 4 : at + 6], "big")
        else:
            return False
    return at > len(tail)


_CHECKS: dict[str, Callable[[BinaryIO, int], bool]] = {
    "mpegts": _transport_stream, "mpeg": _program_stream, "matroska": _matroska, "mov": _boxes, "avi": _riff,
    "flv": _flash,
}  # fmt: skip
