"""Open an image file as a libvips image, with a one-line error message for every failure.

The loader is chosen by the magic bytes, so the file never reaches any other libvips loader (SVG, PDF, ImageMagick, CSV,
its own format). libvips gets an open file descriptor, not a name, so that a name such as "a[page=1].png" isn't parsed
for loader options and encoding doesn't matter. What libvips doesn't read, another reader may (`other_readers.py`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pyvips

from brushwork.errors import PictureError, no_such_file
from brushwork.io.formats import HEAD, KNOWN, RAW, foreign_format, loader_for
from brushwork.io.metadata import xmp_orientation
from brushwork.io.other_readers import DAMAGED, open_bmp, open_heic, open_tiff, tiff_is_complete, tiff_is_raw, tiff_kind
from brushwork.io.png_metadata import read_png_metadata

__all__ = ["field", "last_words", "open_image", "reading", "system_reason", "use_image", "vips_reason"]

Value = TypeVar("Value")

# In TIFF the orientation is a tag, and in HEIF a property of the container, which XMP only repeats.
_METADATA_ELSEWHERE = ("pngload", "jpegload", "webpload")
# What libjpeg warns of when pixels are lost. Other warnings are of files that are merely unusual: many cameras leave
# some bytes before the end (marker 0xd9).
_LOST_IN_JPEG = re.compile(
    r"bad Huffman code|bad arithmetic code|premature end of data|extraneous bytes before marker 0x(?!d9)|instead of RST"
)
# What libvips and libtiff say of a sound file of a kind that they lack.
_LACKING = re.compile(
    r"not supported|unsupported|not configured|not implemented|not a whole number|bad labq|out of range"
)


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
        raise PictureError(f"{path}: {DAMAGED}") from error
    except FileNotFoundError as error:
        raise PictureError(f"{path}: {no_such_file(path)}") from error
    except OSError as error:
        raise PictureError(f"{path}: {system_reason(error)}") from error


def use_image(
    path: Path,
    max_pixels: int | None,
    use: Callable[[pyvips.Image], Value],
    *,
    header_only: bool = False,
    anywhere: bool = False,
    strict: bool = False,
) -> tuple[Value, tuple[str, ...]]:
    """Open an image and use it: as libvips reads it, else as another reader does, else what can be decoded of it.

    Args:
        path: see `open_image`.
        max_pixels: see `open_image`.
        use: called with the opened image; called again if libvips fails in it.
        header_only: see `open_image`.
        anywhere: see `open_image`.
        strict: refuse a file that is damaged in the middle.

    Returns:
        What `use` returned, and notes for the user.

    Raises:
        PictureError, OSError, pyvips.Error: see `open_image`.
    """
    opened = partial(open_image, path, max_pixels, header_only=header_only, anywhere=anywhere)
    try:
        return use(opened()), ()
    except pyvips.Error as error:
        image, notes = _otherwise(path, error, opened, partial(_check_limit, path, max_pixels=max_pixels), strict)
    return use(image), notes


def _otherwise(
    path: Path,
    error: pyvips.Error,
    opened: Callable[..., pyvips.Image],
    check: Callable[[int, int], None],
    strict: bool,
) -> tuple[pyvips.Image, tuple[str, ...]]:
    """Return the image as another reader reads it, or what can be decoded of it, and notes; else raise the error."""
    with path.open("rb") as file:
        loader = loader_for(file.read(HEAD))
        if loader == "tiffload" and _LACKING.search(error.detail.lower()):
            image = open_tiff(file, check)
            if image is not None:
                return image, ()
            raise PictureError(
                f"{path}: is a TIFF of a kind that can't be read here ({tiff_kind(file)}); save it as PNG, or as "
                "TIFF with 8 or 16 bits per channel and LZW or no compression"
            ) from error
        if loader == "jpegload" and not _LOST_IN_JPEG.search(last_words(error)):
            return opened(fail_on="error"), ()  # what libjpeg warned of loses nothing
        if strict or not _is_complete(file, loader):
            raise error
    return opened(fail_on="error" if loader == "jpegload" else "none"), (
        f"{path.name}: is damaged, and only a part of it could be decoded; copy it again, or refuse such files "
        "with --strict",
    )


def _is_complete(file: BinaryIO, loader: str | None) -> bool:
    """Return whether nothing is missing at the end of a file whose rest can be decoded where it is damaged."""
    if loader == "pngload":
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        return b"IEND" in file.read()
    # libjpeg itself fails where a JPEG ends too early.
    return loader == "jpegload" or (loader == "tiffload" and tiff_is_complete(file))


def open_image(
    path: Path,
    max_pixels: int | None,
    *,
    header_only: bool = False,
    anywhere: bool = False,
    fail_on: str | None = None,
) -> pyvips.Image:
    """Return an image with its header parsed and its pixels still in the file, to be read once from top to bottom.

    Args:
        path: a picture in one of the formats of `KNOWN`.
        max_pixels: limit of width times height; None for no limit.
        header_only: the pixels won't be read.
        anywhere: the pixels will be read repeatedly and in any order; if the image has to be decoded for that and is
            large, the result is stored in a temporary file.
        fail_on: what damage is an error for libvips; "none" decodes what it can. None: also what libjpeg only
            warns of.

    Raises:
        PictureError: not a regular file, empty, not an image, or over the limit.
        OSError, pyvips.Error: for `reading` to convert.
    """
    if path.exists() and not path.is_file():
        kind = "a directory" if path.is_dir() else "not a regular file"
        raise PictureError(f"{path}: is {kind}; expected a picture file ({KNOWN})")
    check = partial(_check_limit, path, max_pixels=max_pixels)
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(0)
        if not head:
            raise PictureError(f"{path}: is empty (0 bytes); copy or download it again")
        loader = loader_for(head)
        if loader is None:
            raise PictureError(f"{path}: {_refused(head)}")
        if loader == "bmp":
            return open_bmp(file, path, check, header_only=header_only)
        if loader == "heic":
            return open_heic(file, path, check, header_only=header_only)
        if loader == "tiffload" and tiff_is_raw(file):
            raise PictureError(f"{path}: {_told(*RAW)}")
        if anywhere and hasattr(os, "posix_fadvise"):
            # Reading tiles on demand is ten times slower on a hard disk than letting it read ahead.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
        source = pyvips.Source.new_from_descriptor(file.fileno())  # libvips duplicates the descriptor
    load = getattr(pyvips.Image, f"{loader}_source")
    fail_on = fail_on or ("warning" if loader == "jpegload" else "error")
    image = load(source, access="random" if anywhere else "sequential", fail_on=fail_on)
    check(image.width, image.height)
    return _with_all_metadata(image, path) if loader in _METADATA_ELSEWHERE else image


def _with_all_metadata(image: pyvips.Image, path: Path) -> pyvips.Image:
    """Return the image with the EXIF, XMP and orientation that libvips doesn't look for."""
    found: dict[str, bytes | None] = {}
    if field(image, "vips-loader", "").startswith("png") and not (
        field(image, "exif-data") and field(image, "xmp-data")
    ):
        with path.open("rb") as file:
            found["exif-data"], found["xmp-data"] = read_png_metadata(file)
    for name, value in found.items():
        if value is not None and not field(image, name):
            image = image.copy()
            image.set_type(pyvips.GValue.blob_type, name, value)
            image = image.copy()  # which also parses EXIF
    xmp = field(image, "xmp-data")
    turned = xmp_orientation(bytes(xmp)) if xmp and not field(image, "exif-ifd0-Orientation") else None
    if turned is not None:
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", turned)
    return image


def _refused(head: bytes) -> str:
    """Return why a file with these first bytes isn't read, and what to do."""
    found = foreign_format(head)
    if found is None:
        return f"is not in a supported format; expected {KNOWN}"
    return _told(*found)


def _told(name: str, advice: str) -> str:
    return f"is {name}, which is not in a supported format; {advice}"


def field(image: pyvips.Image, name: str, default: Any = None) -> Any:
    """Return a metadata field of an image, or the default."""
    return image.get(name) if image.get_typeof(name) else default


def _check_limit(path: Path, width: int, height: int, *, max_pixels: int | None) -> None:
    if max_pixels is not None and width * height > max_pixels:
        raise PictureError(
            f"{path}: {width} x {height} pixels are more than the limit of {max_pixels:,}; "
            f"if you trust the file, raise the limit with --max-pixels {width * height}"
        )


def vips_reason(error: pyvips.Error) -> str:
    """Return libvips's multi-line message as one line for the user."""
    last = last_words(error)
    return f"{DAMAGED} ({last})" if last else DAMAGED


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
