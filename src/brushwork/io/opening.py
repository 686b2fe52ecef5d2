"""Open an image file as a libvips image, with a one-line error message for every failure.

libvips reads all formats except BMP, which Pillow reads. The loader is chosen by the magic bytes, so the file never
reaches any other libvips loader (SVG, PDF, ImageMagick, CSV, its own format). libvips gets an open file descriptor, not
a name, so that a name such as "a[page=1].png" isn't parsed for loader options and encoding doesn't matter.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips
from PIL import BmpImagePlugin

from brushwork.errors import PictureError, no_such_file

__all__ = ["KNOWN", "field", "last_words", "open_image", "reading", "system_reason", "vips_reason"]

KNOWN = "PNG, JPEG, WebP, TIFF, AVIF, BMP or GIF"

_HEAD = 64  # bytes needed to identify the format
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

_DAMAGED = "can't be read because it is damaged or incomplete; copy or download it again"


def _text(pointer: Any) -> str:
    raw = pyvips.ffi.string(pointer) if pointer != pyvips.ffi.NULL else b""
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)


# pyvips passes libvips warnings to logging, but fails on one that isn't valid UTF-8, as when it quotes a damaged file;
# the traceback would appear on the user's terminal.
pyvips._to_string = _text


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Convert errors of the operating system, libvips and Pillow to a PictureError that names the file."""
    try:
        yield
    except pyvips.Error as error:
        raise PictureError(f"{path}: {vips_reason(error)}") from error
    except UnicodeDecodeError as error:  # from pyvips, on an error message that quotes damaged text
        raise PictureError(f"{path}: {_DAMAGED}") from error
    except FileNotFoundError as error:
        raise PictureError(f"{path}: {no_such_file(path)}") from error
    except OSError as error:
        raise PictureError(f"{path}: {system_reason(error)}") from error


def open_image(
    path: Path, max_pixels: int | None, *, header_only: bool = False, anywhere: bool = False
) -> pyvips.Image:
    """Return an image with its header parsed and its pixels still in the file, to be read once from top to bottom.

    Args:
        path: a PNG, JPEG, WebP, TIFF, AVIF, BMP or GIF.
        max_pixels: limit of width times height; None for no limit.
        header_only: the pixels won't be read.
        anywhere: the pixels will be read repeatedly and in any order; if the image has to be decoded for that and is
            large, the result is stored in a temporary file.

    Raises:
        PictureError: not a regular file, empty, not an image, or over the limit.
        OSError, pyvips.Error: for `reading` to convert.
    """
    if path.exists() and not path.is_file():
        kind = "a directory" if path.is_dir() else "not a regular file"
        raise PictureError(f"{path}: is {kind}; expected a picture file ({KNOWN})")
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(0)
        if not head:
            raise PictureError(f"{path}: is empty (0 bytes); copy or download it again")
        loader = _loader(head)
        if loader is None:
            raise PictureError(f"{path}: is not in a supported format; expected {KNOWN}")
        if loader == "bmp":
            return _open_bmp(file, path, max_pixels, header_only)
        if anywhere and hasattr(os, "posix_fadvise"):
            # Reading tiles on demand is ten times slower on a hard disk than letting it read ahead.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
        source = pyvips.Source.new_from_descriptor(file.fileno())  # libvips duplicates the descriptor
    load = getattr(pyvips.Image, f"{loader}_source")
    image = load(source, access="random" if anywhere else "sequential", fail_on="error")
    _check_limit(path, image.width, image.height, max_pixels)
    return image


def _loader(head: bytes) -> str | None:
    """Return the loader for a file with these first bytes; None if there is none."""
    for signature, loader in _SIGNATURES.items():
        if head.startswith(signature):
            return loader
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webpload"
    if head[4:8] == b"ftyp" and (b"avif" in head[8:] or b"avis" in head[8:]):  # major or compatible brand
        return "heifload"
    return None


def field(image: pyvips.Image, name: str, default: Any = None) -> Any:
    """Return a metadata field of an image, or the default."""
    return image.get(name) if image.get_typeof(name) else default


def _open_bmp(file: BinaryIO, path: Path, max_pixels: int | None, header_only: bool) -> pyvips.Image:
    # The plugin class itself, since Pillow's open() has its own process-wide pixel limit.
    try:
        bmp = BmpImagePlugin.BmpImageFile(file)
        _check_limit(path, *bmp.size, max_pixels)
        if header_only:
            return pyvips.Image.black(*bmp.size)
        pixels = np.asarray(bmp.convert("RGBA" if "A" in bmp.mode else "RGB"))
    except (SyntaxError, ValueError, OSError, EOFError, struct.error) as error:
        raise PictureError(f"{path}: {_DAMAGED} ({error})") from error
    return pyvips.Image.new_from_array(pixels, interpretation="srgb")


def _check_limit(path: Path, width: int, height: int, max_pixels: int | None) -> None:
    if max_pixels is not None and width * height > max_pixels:
        raise PictureError(
            f"{path}: {width} x {height} pixels are more than the limit of {max_pixels:,}; "
            f"if you trust the file, raise the limit with --max-pixels {width * height}"
        )


def vips_reason(error: pyvips.Error) -> str:
    """Return libvips's multi-line message as one line for the user."""
    last = last_words(error)
    return f"{_DAMAGED} ({last})" if last else _DAMAGED


def last_words(error: pyvips.Error) -> str:
    """Return the line of libvips's message that says what went wrong; empty if there is none."""
    # The last line of the form "where: what": libvips has one error buffer for all threads, so earlier lines may be
    # about another file, and lines without a colon are continuations without meaning of their own.
    lines = [line.strip() for line in error.detail.splitlines()]
    told = [line for line in lines if ": " in line and "load error" not in line and "Unknown error" not in line]
    return told[-1].split(": ", 1)[1] if told else ""


def system_reason(error: OSError) -> str:
    """Return the reason the operating system gave, as one line for the user."""
    if isinstance(error, FileNotFoundError):
        return "no such file; check the name"
    if isinstance(error, PermissionError):
        return "permission denied; check the permissions of the file and its directory"
    return (error.strerror or str(error)).lower()
