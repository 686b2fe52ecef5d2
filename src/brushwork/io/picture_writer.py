"""Write images to a temporary file beside the target, then rename it: a crash leaves the old file or none."""

from __future__ import annotations

import errno
import math
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pyvips
from PIL import Image as PillowImage
from torch import Tensor

from brushwork.errors import PictureError, UsageError
from brushwork.image import Picture, check_pixels, check_size, no_picture
from brushwork.io.deep_zoom import write_deep_zoom
from brushwork.io.metadata import attach_exif, pack_recipe
from brushwork.io.opening import last_words, system_reason
from brushwork.io.saving import place_problem, save, write_error, writing_reason
from brushwork.io.tiff_exif import append_tiff_exif
from brushwork.runtime.atomic_files import real_path, replacing
from brushwork.runtime.provenance import Recipe, as_recipe
from brushwork.runtime.uninterrupted import uninterrupted

__all__ = ["PictureWriter", "check_format", "check_target", "holds_alpha", "write_image", "writing"]


@dataclass(frozen=True)
class _Format:
    """What a file format supports, and the libvips options for writing it."""

    name: str
    options: dict[str, object] = field(default_factory=dict)
    deep: bool = False  # 16 bits per channel
    alpha: bool = True
    quality: bool = False
    metadata: bool = True  # ICC, EXIF and XMP
    longest: int = 100_000_000  # maximum side in pixels; this default is libvips's own limit
    least: float = 0.1  # minimum bytes per pixel expected for a stylized image


_JPEG = _Format("JPEG", {"Q": 95, "subsample_mode": "off"}, alpha=False, quality=True, longest=65_535)
_TIFF = _Format("TIFF", {"compression": "deflate", "predictor": "horizontal"}, deep=True, least=0.5)
_FORMATS = {
    ".png": _Format("PNG", deep=True, least=0.5),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": _Format("WebP", {"Q": 95, "smart_subsample": True}, quality=True, longest=16_383, least=0.05),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".avif": _Format(
        "AVIF",
        {"Q": 80, "compression": "av1", "subsample_mode": "off", "bitdepth": 8},
        quality=True,
        longest=16_384,
        least=0.03,
    ),
    ".bmp": _Format("BMP", alpha=False, metadata=False, longest=65_535, least=3.0),
    ".gif": _Format("GIF", metadata=False, longest=65_535),
    ".dzi": _Format("Deep Zoom", {"Q": 90}, quality=True, metadata=False),
}
LARGE = 100_000_000  # bytes of samples above which write speed and file layout matter
_JPEG_PACKET = 65_500  # a JPEG segment is limited to 64 KiB, and libvips drops a longer packet


def check_target(path: str | os.PathLike[str], depth: int = 8, *, size: tuple[int, int] | None = None) -> None:
    """Check that an image can be written here, before starting the work that makes it.

    Args:
        path: the output file; its suffix determines the format.
        depth: bits per channel, 8 or 16.
        size: (width, height) of the image, if known.

    Raises:
        UsageError: no format has this suffix, or it doesn't support this depth or size.
        PictureError: the directory is missing or not writable, the disk is full, or the target is not a regular file.
    """
    path = Path(path)
    form = check_format(path, depth)
    if size is not None and max(size) > form.longest:
        raise UsageError(
            f"{path}: {form.name} supports at most {form.longest} pixels per side, got {size[0]} x {size[1]}; "
            "use PNG or TIFF"
        )
    least = 1 if size is None else math.ceil(size[0] * size[1] * form.least * depth / 8)
    try:
        problem = place_problem(path, least)
    except OSError as error:
        raise PictureError(f"{path}: {system_reason(error)}") from error
    if problem is not None:
        raise PictureError(f"{path}: {problem}")


def holds_alpha(path: str | os.PathLike[str]) -> bool:
    """Return whether images with this suffix can be transparent."""
    return _FORMATS[Path(path).suffix.lower()].alpha


def write_image(
    picture: Picture,
    path: str | os.PathLike[str],
    *,
    depth: int = 8,
    quality: int | None = None,
    strip_metadata: bool = False,
    recipe: Recipe | None = None,
) -> None:
    """Write an image file atomically; the same call always writes the same bytes.

    Args:
        picture: a valid image; its alpha and EXIF are written if the format supports them.
            JPEG and BMP have no alpha: the image is composited on white.
        path: the output file, overwritten if it exists; its suffix determines the format.
        depth: bits per channel: 8, or 16 in PNG and TIFF.
        quality: 1 to 100 for JPEG and WebP (default 95) and AVIF (80); ignored for the other formats.
        strip_metadata: omit EXIF and recipe; the sRGB profile is always written.
        recipe: `Result.recipe`, to embed for `read_recipe` and `rerun`, together with the depth and quality of this
            file; BMP and GIF don't support it. `Result.save` does all this at once.

    Raises:
        UsageError: pixels, suffix, depth, size or quality are not valid.
        PictureError: the file can't be written; an existing file is left unchanged.
    """
    if not isinstance(picture, Picture):
        raise _no_picture(picture)
    path = Path(path)
    check_pixels(picture.pixels)
    check_target(path, depth, size=picture.size)
    form = _format(path)
    samples = _samples(picture.pixels, picture.alpha, form, depth)
    kept = (None, None) if strip_metadata else (picture.exif, _written(recipe, depth, quality))
    _encode(samples, path, form, _options(form, quality, samples.nbytes), *kept)


def _no_picture(value: object) -> UsageError:
    if isinstance(getattr(value, "picture", None), Picture):
        return UsageError(
            f"expected a Picture, got a {type(value).__name__}; write its .picture, or call its save(path), which "
            "keeps the recipe"
        )
    return no_picture("picture", value)


def _written(recipe: Recipe | None, depth: int, quality: int | None) -> str | None:
    """Return the JSON to embed: the recipe, with the depth and quality of this file."""
    if recipe is None:
        return None
    return (as_recipe(recipe) | {"written": {"depth": depth, "quality": quality}}).to_json()


class PictureWriter:
    """Write an image region by region, in any order; the file appears when the `with` block ends.

    Until then, the samples are stored on the target's disk in an unnamed file, which the system removes in any case.

    Args:
        path: the output file, overwritten if it exists; its suffix determines the format.
        size: (width, height) in pixels.
        alpha: whether the regions have alpha.
        depth, quality, exif, recipe: as for `write_image`.
        spool: a file for the samples that persists after the process ends; if it exists, work resumes from it. It is
            removed when the image is complete.
        beside: the input; if the output can't be written, the image is saved beside the input, see `save`.

    Raises:
        UsageError, PictureError: as `write_image`.
        SavedElsewhereError: at the end of the block, if the image was saved in another place.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: tuple[int, int],
        *,
        alpha: bool = False,
        depth: int = 8,
        quality: int | None = None,
        exif: bytes | None = None,
        recipe: Recipe | None = None,
        spool: Path | None = None,
        beside: Path | None = None,
    ) -> None:
        self.path, self.size, self.depth, self.spool, self.beside = Path(path), size, depth, spool, beside
        check_target(self.path, depth, size=size)
        self._form = _format(self.path)
        bands = 4 if alpha and self._form.alpha else 3
        self._shape = (size[1], size[0], bands)
        self._options = _options(self._form, quality, size[0] * size[1] * bands * depth // 8)
        self._kept = (exif, _written(recipe, depth, quality))

    def __enter__(self) -> PictureWriter:
        size = math.prod(self._shape) * self.depth // 8
        try:
            with self._opened() as file:
                if hasattr(os, "posix_fallocate"):  # detect a full disk now, not halfway through
                    os.posix_fallocate(file.fileno(), 0, size)
                file.truncate(size)
                self._memory = mmap.mmap(file.fileno(), size)
        except OSError as error:
            needed = f"; the pixels need {size / 1e6:.0f} MB of disk space" if error.errno == errno.ENOSPC else ""
            raise PictureError(f"{self.path}: {system_reason(error)}{needed}") from error
        self._samples = np.frombuffer(self._memory, np.uint8 if self.depth == 8 else np.uint16).reshape(self._shape)
        return self

    def _opened(self) -> BinaryIO:
        if self.spool is None:
            return cast(BinaryIO, tempfile.TemporaryFile(dir=real_path(self.path).parent))
        return self.spool.open("r+b" if self.spool.exists() else "x+b")

    def write(self, top: int, left: int, pixels: Tensor, alpha: Tensor | None = None) -> None:
        """Write pixels (1, 3, h, w) in [0, 1], and alpha, at a position."""
        samples = _samples(pixels, alpha, self._form, self.depth)
        height, width = samples.shape[:2]
        self._samples[top : top + height, left : left + width] = samples
        if hasattr(self._memory, "madvise"):
            self._memory.madvise(mmap.MADV_DONTNEED)  # the data is in the page cache; don't count it as our memory

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                save(self.path, self._encode, beside=self.beside)
                if self.spool is not None:
                    self.spool.unlink(missing_ok=True)
        finally:
            del self._samples, self._memory

    def _encode(self, path: Path) -> None:
        _encode(self._samples, path, self._form, self._options, *self._kept)


def _encode(
    samples: npt.NDArray[np.generic],
    path: Path,
    form: _Format,
    options: dict[str, object],
    exif: bytes | None,
    recipe: str | None,
) -> None:
    if form.name == "Deep Zoom":
        try:
            write_deep_zoom(_annotated(samples, form, None, None), real_path(path), int(str(options["Q"])))
        except pyvips.Error as error:
            raise PictureError(f"{path}: can't be written ({last_words(error)})") from error
        return
    with writing(path) as file:
        if form.name == "BMP":
            PillowImage.fromarray(samples).save(file, "BMP")
            return
        exif = exif if form.metadata else None
        image = _annotated(samples, form, exif, recipe)
        image.write_to_target(pyvips.Target.new_to_descriptor(file.fileno()), path.suffix.lower(), **options)
        if form.name == "TIFF" and exif is not None:
            append_tiff_exif(file, exif)


def _format(path: Path) -> _Format:
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise UsageError(f"{path}: can't write files with the suffix {suffix!r}; use one of {known}")
    return _FORMATS[suffix]


def check_format(path: Path, depth: int = 8) -> _Format:
    """Return the format for a file's suffix.

    Raises:
        UsageError: no format has this suffix, or it doesn't support this depth.
    """
    form = _format(path)
    if isinstance(depth, bool) or depth not in (8, 16):
        raise UsageError(f"expected a depth of 8 or 16 bits per channel, got {depth}")
    if depth == 16 and not form.deep:
        raise UsageError(f"{form.name} supports 8 bits per channel, got a depth of 16; use PNG or TIFF")
    return form


def _options(form: _Format, quality: int | None, size: int) -> dict[str, object]:
    if quality is not None and not 1 <= check_size(quality, "quality") <= 100:
        raise UsageError(f"expected a quality from 1 to 100, got {quality}")
    options = dict(form.options)
    if form.metadata:
        options |= {"profile": "srgb", "keep": "icc|exif|xmp"}
    if form.quality and quality is not None:
        options["Q"] = quality
    if form.name == "TIFF" and size > LARGE:
        options |= {"tile": True, "tile_width": 256, "tile_height": 256}  # so that regions can be read separately
        options["bigtiff"] = size > 2_000_000_000  # a classic TIFF is limited to 4 GB
    if form.name in ("TIFF", "PNG") and size > LARGE:
        options["level" if form.name == "TIFF" else "compression"] = 1  # 10% larger, twice as fast
    return options


def _samples(pixels: Tensor, alpha: Tensor | None, form: _Format, depth: int) -> npt.NDArray[np.generic]:
    """Return (H, W, 3 or 4) integers, rounded to nearest."""
    if alpha is not None and not form.alpha:
        pixels, alpha = pixels * alpha + (1 - alpha), None
    dtype = np.uint8 if depth == 8 else np.uint16
    height, width = pixels.shape[2:]
    samples = np.empty((height, width, 3 if alpha is None else 4), dtype)
    planes = [*pixels[0], *(alpha[0] if alpha is not None else ())]
    for channel, plane in enumerate(planes):  # one at a time, for a third of the memory
        values = plane.detach().clamp(0, 1).cpu().numpy() * np.float32(np.iinfo(dtype).max)
        samples[:, :, channel] = np.rint(values)
    return samples


def _annotated(samples: npt.NDArray[np.generic], form: _Format, exif: bytes | None, recipe: str | None) -> pyvips.Image:
    interpretation = "rgb16" if samples.dtype == np.uint16 else "srgb"
    image = pyvips.Image.new_from_array(samples, interpretation=interpretation)
    image = image.copy(xres=72 / 25.4, yres=72 / 25.4)  # 72 dpi, the convention if the resolution is unknown
    if exif is not None:
        image = attach_exif(image, exif)
    packet = pack_recipe(recipe) if recipe is not None else b""
    if packet and form.metadata and not (form.name == "JPEG" and len(packet) > _JPEG_PACKET):
        image.set_type(pyvips.GValue.blob_type, "xmp-data", packet)
    return image


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file to replace a picture or film when the block ends; any failure is a `PictureError`."""
    try:
        with uninterrupted(), replacing(path) as file:
            try:
                yield file
            except pyvips.Error:
                _raise_system_error(file)
                raise
    except OSError as error:
        raise PictureError(f"{path}: {writing_reason(error, path)}") from error
    except pyvips.Error as error:
        raise PictureError(f"{path}: can't be written ({last_words(error)})") from error


def _raise_system_error(file: BinaryIO) -> None:
    """Raise the system's error for a file that libvips can't write; libvips only says "Unknown error -1"."""
    error = write_error(Path(), file.fileno())
    if error is not None:
        raise error
