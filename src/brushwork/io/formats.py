"""Which format a file is in, told by its first bytes; its name says nothing."""

from __future__ import annotations

import pyvips

__all__ = ["HEAD", "KNOWN", "RAW", "foreign_format", "is_heif", "loader_for"]

KNOWN = "PNG, JPEG, WebP, TIFF, HEIC, AVIF, BMP or GIF"
HEAD = 64  # bytes needed to identify the format

_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "pngload",
    b"\xff\xd8\xff": "jpegload",
    b"GIF87a": "gifload",
    b"GIF89a": "gifload",
    b"II*\0": "tiffload",
    b"MM\0*": "tiffload",
    b"II+\0": "tiffload",  # BigTIFF
    b"MM\0+": "tiffload",
    b"BM": "bmp",  # read by Pillow
}
_AV1 = {b"avif", b"avis"}
# HEVC, and the brands of HEIF in general. Source: ISO/IEC 23008-12, annexes B and E.
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
# What people take for a picture, or what a download turns out to be: its name, and what to do.
_PICTURE, _FILM = "save it as PNG or JPEG", "save a frame of it as PNG, or use brushwork video"
RAW = ("a camera's raw file", _PICTURE)
_FOREIGN = {
    b"\xff\x0a": ("a JPEG XL picture", _PICTURE),
    b"\0\0\0\x0cJXL ": ("a JPEG XL picture", _PICTURE),
    b"\0\0\0\x0cjP  ": ("a JPEG 2000 picture", _PICTURE),
    b"\xff\x4f\xff\x51": ("a JPEG 2000 picture", _PICTURE),
    b"8BPS": ("a Photoshop document", _PICTURE),
    b"%PDF": ("a PDF document", _PICTURE),
    b"%!PS": ("a PostScript document", _PICTURE),
    b"<svg": ("an SVG drawing", _PICTURE),
    b"v/1\x01": ("an OpenEXR picture", _PICTURE),
    b"#?RADIANCE": ("a Radiance picture", _PICTURE),
    b"\0\0\x01\0": ("an icon", _PICTURE),
    b"FUJIFILM": RAW,
    b"IIU\0": RAW,
    b"IIRO": RAW,
    b"<!DOCTYPE html": ("a web page", "download the picture itself"),
    b"<!doctype html": ("a web page", "download the picture itself"),
    b"<html": ("a web page", "download the picture itself"),
    b"\x1a\x45\xdf\xa3": ("a film", _FILM),
}


def loader_for(head: bytes) -> str | None:
    """Return the loader of libvips for a file with these first bytes, "bmp" or "heic"; None if there is none."""
    for signature, loader in _SIGNATURES.items():
        if head.startswith(signature):
            return loader
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webpload"
    if is_heif(head):
        return "heifload" if _brands(head) & _AV1 else "heic"
    if _is_jpeg_xl(head) and pyvips.type_find("VipsForeignLoad", "jxlload_source"):  # in few builds of libvips
        return "jxlload"
    return None


def is_heif(head: bytes) -> bool:
    """Return whether a file with these first bytes is a picture in a container of films: HEIC, HEIF or AVIF."""
    brands = _brands(head)
    return bool(brands & _AV1) or head[8:12] in _HEIF


def foreign_format(head: bytes) -> tuple[str, str] | None:
    """Return the name of another format with these first bytes, and what to do with such a file; None if unknown."""
    if head[4:8] == b"ftyp":
        return RAW if head[8:12] == b"crx " else ("a film", _FILM)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((told for signature, told in _FOREIGN.items() if start.startswith(signature)), None)


def _brands(head: bytes) -> set[bytes]:
    """Return the major brand and the compatible ones, as far as they are in the head."""
    return {head[at : at + 4] for at in range(8, len(head) - 3, 4)} if head[4:8] == b"ftyp" else set()


def _is_jpeg_xl(head: bytes) -> bool:
    return head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"))
