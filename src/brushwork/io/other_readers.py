"""Pictures that libvips doesn't read: BMP by Pillow, HEIC by pi-heif, unusual TIFF by Pillow or tifffile.

Each reader returns a libvips image with the same fields that libvips's own loaders set: the color profile, EXIF, XMP
and the orientation, where it is still to be applied.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import BmpImagePlugin, TiffImagePlugin

from brushwork.errors import PictureError
from brushwork.io.metadata import clean_exif

__all__ = ["DAMAGED", "open_bmp", "open_heic", "open_tiff", "tiff_is_complete", "tiff_is_raw", "tiff_kind"]

DAMAGED = "can't be read because it is damaged or incomplete; copy or download it again"

Check = Callable[[int, int], None]  # raises an error if width times height is over the limit
Samples = npt.NDArray[Any]

_BITS, _COMPRESSION, _PHOTOMETRIC, _OFFSETS, _ORIENTATION, _CHANNELS, _COUNTS = 258, 259, 262, 273, 274, 277, 279
_WIDTH, _HEIGHT, _ROWS, _PLANAR, _XMP, _PROFILE = 256, 257, 278, 284, 700, 34675
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_SUBFILE_TYPE, _MAKER, _SUB_DIRECTORIES, _DNG_VERSION = 254, 271, 330, 50706
_PALETTE, _LAB = 3, 8  # photometric interpretations
_COMPRESSIONS = {
    1: "uncompressed", 2: "CCITT", 3: "fax", 4: "fax", 5: "LZW", 6: "old JPEG", 7: "JPEG", 8: "deflate",
    32773: "PackBits", 32909: "PixarLog", 32946: "deflate", 34676: "LogLuv", 34677: "LogLuv", 34712: "JPEG 2000",
    34887: "LERC", 34925: "LZMA", 50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_COLORS = {0: "gray", 1: "gray", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr", 8: "Lab", 9: "Lab", 10: "Lab"}


def open_bmp(file: BinaryIO, path: Path, check: Check, *, header_only: bool) -> pyvips.Image:
    """Return a BMP.

    Raises:
        PictureError: It is damaged.
    """
    # The plugin class itself, since Pillow's open() has its own process-wide pixel limit.
    try:
        bmp = BmpImagePlugin.BmpImageFile(file)
        check(*bmp.size)
        if header_only:
            return pyvips.Image.black(*bmp.size)
        pixels = np.asarray(bmp.convert("RGBA" if "A" in bmp.mode else "RGB"))
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # Pillow fails in many ways on damaged files
        raise PictureError(f"{path}: {DAMAGED} ({error})") from error
    return pyvips.Image.new_from_array(pixels, interpretation="srgb")


def open_heic(file: BinaryIO, path: Path, check: Check, *, header_only: bool) -> pyvips.Image:
    """Return the main picture of a HEIC file, upright: the decoder applies the container's rotation and mirroring.

    EXIF repeats the orientation, but in this format it is only a remark (ISO/IEC 23008-12, A.2.1).

    Raises:
        PictureError: It is damaged, is compressed with another codec than HEVC, or pi-heif isn't installed.
    """
    try:
        import pi_heif
    except ImportError as error:  # there are no wheels for some systems
        raise PictureError(
            f"{path}: is a HEIC picture, which needs the package pi-heif: pip install pi-heif, or save it as JPEG"
        ) from error
    try:
        heic = pi_heif.open_heif(file, convert_hdr_to_8bit=False)
        check(*heic.size)
        image = pyvips.Image.black(*heic.size) if header_only else _heic_pixels(heic)
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # the decoder fails in many ways on damaged files
        if "nsupported" in str(error) or "not been built in" in str(error):
            raise PictureError(
                f"{path}: is a HEIF picture of a kind that can't be read here ({error}); save it as JPEG or PNG"
            ) from error
        raise PictureError(f"{path}: {DAMAGED} ({error})") from error
    info = heic.info
    exif = clean_exif(info["exif"]) if info.get("exif") else None  # without the orientation
    return _with_fields(image, "heif", {
        "icc-profile-data": info.get("icc_profile"), "exif-data": exif, "xmp-data": info.get("xmp"),
    })  # fmt: skip


def _heic_pixels(heic: Any) -> pyvips.Image:
    samples = np.array(heic)  # a copy: the decoder frees its memory with its object
    bits = int(heic.info["bit_depth"])
    if samples.dtype == np.uint16:  # the decoder shifts 10 and 12 bits up, which leaves white below the maximum
        samples = _scaled(samples >> (16 - bits), bits)
    image = _image(samples)
    if heic.premultiplied_alpha:
        image = image.unpremultiply(max_alpha=255 if samples.dtype == np.uint8 else 65535).cast(image.format)
    return image


def open_tiff(file: BinaryIO, check: Check) -> pyvips.Image | None:
    """Return a TIFF of a kind that libvips lacks; None if no other reader can read it either, or data is missing."""
    if not tiff_is_complete(file):
        return None  # tifffile would make up the rest, however large the file claims to be
    for read in (_tiff_by_tifffile, _tiff_by_pillow):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # both warn about every unusual tag
                file.seek(0)
                tags = _tags(file)
                file.seek(0)
                image, upright = read(file, tags, check)
        except PictureError:
            raise
        except Exception:  # damaged and unknown files fail in many ways, and there may be another reader
            continue
        return _with_fields(image, "tiff", {
            "icc-profile-data": tags.get(_PROFILE), "xmp-data": tags.get(_XMP),
            "orientation": None if upright else tags.get(_ORIENTATION),
        })  # fmt: skip
    return None


def _tiff_by_pillow(file: BinaryIO, tags: Any, check: Check) -> tuple[pyvips.Image, bool]:
    tiff = TiffImagePlugin.TiffImageFile(file)
    check(*tiff.size)
    tiff.load()  # also turns it upright
    if tiff.mode == "LAB":
        return _lab(np.asarray(tiff)), True
    if tiff.mode.startswith("I;16"):
        return _image(_scaled(np.asarray(tiff), tags.get(_BITS, (16,))[0])), True
    if tiff.mode in ("1", "P", "RGBX"):
        return _image(np.asarray(tiff.convert("L" if tiff.mode == "1" else "RGB"))), True
    if tiff.mode not in ("L", "LA", "RGB", "RGBA", "CMYK") or max(tags.get(_BITS, (1,))) > 8:
        raise ValueError(f"samples of mode {tiff.mode}")  # Pillow misreads some colors of 16 bits
    return _image(np.asarray(tiff), "cmyk" if tiff.mode == "CMYK" else None), True


def _tiff_by_tifffile(file: BinaryIO, tags: Any, check: Check) -> tuple[pyvips.Image, bool]:
    import tifffile

    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # it would print what it finds unusual
    with tifffile.TiffFile(file) as tiff:
        page: Any = tiff.pages[0]
        check(page.imagewidth, page.imagelength)
        samples, photometric = page.asarray(), int(page.photometric)
        samples = np.moveaxis(samples, 0, -1) if page.planarconfig == 2 and samples.ndim == 3 else samples
        if page.dtype.kind == "f" and photometric in (0, 1, 2):
            return _image(samples.astype(np.float32)), False
        if page.dtype.kind != "u" or photometric == _PALETTE:
            raise ValueError(f"samples of type {page.dtype}")
        if photometric == _LAB:
            return _lab(samples), False
        samples = _scaled(samples, page.bitspersample)
        if photometric == 0:  # white is zero
            samples = np.iinfo(samples.dtype).max - samples
        return _image(samples, "cmyk" if photometric == 5 else None), False


def _lab(samples: Samples) -> pyvips.Image:
    """Return Lab from 8 bits: L in 0..255 for 0..100, and a and b as signed numbers (TIFF 6.0, section 23)."""
    lab = np.empty(samples.shape, np.float32)
    lab[..., 0] = samples[..., 0] * np.float32(100 / 255)
    lab[..., 1:] = samples[..., 1:].astype(np.int8)
    return pyvips.Image.new_from_array(lab, interpretation="lab")


def _scaled(samples: Samples, bits: int) -> Samples:
    """Return samples of some bits in the range of 8 or 16."""
    if bits in (8, 16):
        return samples
    kind, most = (np.uint8, 255) if bits < 8 else (np.uint16, 65535)
    scaled: Samples = np.rint(samples * (most / ((1 << bits) - 1))).astype(kind)
    return scaled


def _image(samples: Samples, interpretation: str | None = None) -> pyvips.Image:
    if not samples.size:
        raise ValueError("no samples")
    bands = samples.shape[2] if samples.ndim == 3 else 1
    deep = samples.dtype == np.uint16
    named = ("grey16" if deep else "b-w") if bands < 3 else ("rgb16" if deep else "srgb")
    return pyvips.Image.new_from_array(np.ascontiguousarray(samples), interpretation=interpretation or named)


def _with_fields(image: pyvips.Image, loader: str, fields: dict[str, Any]) -> pyvips.Image:
    """Return the image with the fields that libvips's own loaders set; those that are None are omitted."""
    image = image.copy()
    image.set_type(pyvips.GValue.gstr_type, "vips-loader", loader)
    for name, value in fields.items():
        if isinstance(value, int):
            image.set_type(pyvips.GValue.gint_type, name, value)
        elif value is not None:
            image.set_type(pyvips.GValue.blob_type, name, bytes(value))
    return image


def _tags(file: BinaryIO) -> Any:
    """Return the tags of the first directory."""
    head = file.read(8)
    tags = TiffImagePlugin.ImageFileDirectory_v2(head + file.read(8) if 43 in head[2:4] else head)  # 43: BigTIFF
    file.seek(tags.next)
    tags.load(file)
    return tags


def tiff_kind(file: BinaryIO) -> str:
    """Return in words what is unusual in a TIFF, such as "12 bits per channel, RGB, LZW"; empty if unknown."""
    try:
        file.seek(0)
        tags = _tags(file)
        compression, photometric = tags.get(_COMPRESSION, 1), tags.get(_PHOTOMETRIC, 1)
        words = [f"{tags.get(_BITS, (1,))[0]} bits per channel", _COLORS.get(photometric, f"color space {photometric}")]
        words.append(_COMPRESSIONS.get(compression, f"compression {compression}"))
        separate = tags.get(_PLANAR) == 2 and tags.get(_CHANNELS, 1) > 1
        return ", ".join([*words, "channels apart"] if separate else words)
    except Exception:  # damaged tags fail in many ways
        return ""


def tiff_is_raw(file: BinaryIO) -> bool:
    """Return whether a TIFF is a camera's raw file (DNG, NEF, ARW, CR2), whose first picture is only a preview."""
    try:
        file.seek(8)
        if file.read(4) == b"CR\2\0":  # CR2
            return True
        file.seek(0)
        tags = _tags(file)
        preview = tags.get(_SUBFILE_TYPE, 0) & 1 and _SUB_DIRECTORIES in tags and _MAKER in tags
        return bool(preview) or _DNG_VERSION in tags
    except Exception:  # damaged tags fail in many ways
        return False


def tiff_is_complete(file: BinaryIO) -> bool:
    """Return whether all the data that a TIFF's first directory names lies within the file."""
    try:
        file.seek(0)
        tags = _tags(file)
        offsets, counts = (tags.get(tile) or tags.get(strip) for tile, strip in
                           ((_TILE_OFFSETS, _OFFSETS), (_TILE_COUNTS, _COUNTS)))  # fmt: skip
        size = file.seek(0, os.SEEK_END)
        width, height = tags[_WIDTH], tags[_HEIGHT]
        across, rows = (
            (tags[_TILE_WIDTH], tags[_TILE_HEIGHT]) if _TILE_OFFSETS in tags else (width, tags.get(_ROWS, height))
        )
        enough = len(offsets) >= -(-width // across) * -(-height // rows)
        return enough and all(start + count <= size for start, count in zip(offsets, counts, strict=True))
    except Exception:  # damaged tags fail in many ways
        return False
