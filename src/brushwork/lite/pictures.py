"""Picture files through Pillow: upright, in sRGB, with alpha and EXIF. What Pillow can't do, the full package can."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from brushwork.errors import PictureError, UsageError, first_line, no_such_file
from brushwork.lite.arrays import BICUBIC, LANCZOS, resized
from brushwork.lite.tensors import Array
from brushwork.runtime.atomic_files import real_path, replacing

__all__ = ["FORMATS", "Picture", "check_target", "encoded", "fit_size", "read_picture", "read_size", "write_picture"]

Bytes = npt.NDArray[np.uint8]
TURNED = 5  # EXIF orientations from here on have width and height exchanged
GAP = 2.0  # how far pictures are shrunk by whole numbers before the kernel is applied, as libvips does
EDGE = 4  # pixels around a picture that is enlarged
NOTHING_VISIBLE = "the picture is fully transparent; remove its alpha channel"


@dataclass(frozen=True)
class Format:
    """A file format, and Pillow's options for writing it."""

    name: str
    options: dict[str, Any]
    alpha: bool = True
    quality: bool = False
    metadata: bool = True
    longest: int = 1_000_000


_JPEG = Format("JPEG", {"quality": 95, "subsampling": 0}, alpha=False, quality=True, longest=65_535)
_TIFF = Format("TIFF", {"compression": "tiff_adobe_deflate"})
FORMATS = {
    ".png": Format("PNG", {"compress_level": 3}),  # a tenth larger than 6, and three times as fast
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": Format("WEBP", {"quality": 95}, quality=True, longest=16_383),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".avif": Format("AVIF", {"quality": 80, "subsampling": "4:4:4"}, quality=True, longest=16_384),
    ".bmp": Format("BMP", {}, alpha=False, metadata=False, longest=65_535),
    ".gif": Format("GIF", {}, metadata=False, longest=65_535),
}


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in memory.

    Args:
        samples: (H, W, 3) bytes as they are in the file, or (3, H, W) numbers in [0, 1].
        alpha: (1, H, W) in [0, 1]; None for an opaque picture.
        exif: EXIF with the orientation reset; None without.
        notes: For the user.
    """

    samples: Bytes | Array
    alpha: Array | None = None
    exif: bytes | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.samples.shape[:2] if self.samples.dtype == np.uint8 else self.samples.shape[1:]
        return width, height

    def part(self, top: int, left: int, bottom: int, right: int) -> Array:
        """Return pixels (3, h, w) as input for the network, without colors hidden by transparency."""
        if self.samples.dtype == np.uint8:
            found = self.samples[top:bottom, left:right].transpose(2, 0, 1).astype(np.float32)
            found /= np.float32(255)
        else:
            found = self.samples[:, top:bottom, left:right].astype(np.float32)
        if self.alpha is None:
            return found
        alpha = self.alpha[:, top:bottom, left:right]
        visible: Array = np.clip(found * alpha + self._visible_mean * (1 - alpha), 0, 1)
        return visible

    def resampled(self, size: tuple[int, int]) -> Array:
        """Return all pixels at a width and height."""
        width, height = self.size
        if self.alpha is None and self.samples.dtype == np.uint8 and size != self.size:
            planes = [Image.fromarray(np.ascontiguousarray(self.samples[:, :, k])) for k in range(3)]
            found = np.stack([np.asarray(_floats(plane).resize(size, BICUBIC)) for plane in planes])
            return np.clip(found / np.float32(255), 0, 1)
        return resized(self.part(0, 0, height, width), size)

    @cached_property
    def _visible_mean(self) -> Array:
        assert self.alpha is not None
        weight = self.alpha.sum(dtype=np.float64)
        if not weight:
            raise UsageError(NOTHING_VISIBLE)
        opaque = Picture(self.samples).part(0, 0, *self.size[::-1])
        mean: Array = ((opaque * self.alpha).sum((1, 2), dtype=np.float64) / weight).astype(np.float32)[:, None, None]
        return mean


def fit_size(size: tuple[int, int], longer: int) -> tuple[int, int]:
    """Return the size with the same proportions whose longer side is `longer`.

    >>> fit_size((4000, 3000), 1024)
    (1024, 768)
    """
    width, height = (max(1, round(side * longer / max(size))) for side in size)
    return width, height


@contextmanager
def _opened(path: Path, max_pixels: int) -> Iterator[Image.Image]:
    """Open a picture file; every failure is a PictureError in one line."""
    try:
        if path.exists() and not path.is_file():
            raise PictureError(f"{path}: is {'a directory' if path.is_dir() else 'not a regular file'}")
        with _no_limit(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata
            with Image.open(path) as image:
                if image.width * image.height > max_pixels:
                    raise PictureError(
                        f"{path}: {image.width} x {image.height} pixels are more than the limit of {max_pixels:,}; "
                        f"if you trust the file, raise the limit with --max-pixels {image.width * image.height}"
                    )
                yield image
    except UnidentifiedImageError as error:
        raise PictureError(f"{path}: is not in a format that can be read here ({_readable()})") from error
    except FileNotFoundError as error:
        raise PictureError(f"{path}: {no_such_file(path)}") from error
    except PermissionError as error:
        raise PictureError(f"{path}: permission denied; check the permissions of the file and its directory") from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        if isinstance(error, UsageError):
            raise
        raise PictureError(f"{path}: is damaged or cut off; copy or download it again ({first_line(error)})") from error


@contextmanager
def _no_limit() -> Iterator[None]:
    """Leave the limit on pixels to us."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _readable() -> str:
    from PIL import features

    return ", ".join(["PNG, JPEG, WebP, TIFF, BMP, GIF", *(["AVIF"] if features.check("avif") else [])])


def read_size(path: Path, max_pixels: int) -> tuple[int, int]:
    """Return width and height of a picture, upright, from its header.

    Raises:
        PictureError: It can't be read; the message names it.
    """
    with _opened(path, max_pixels) as image:
        turned = image.getexif().get(0x0112, 1) >= TURNED
        return (image.height, image.width) if turned else (image.width, image.height)


def read_picture(
    path: Path, *, max_pixels: int, size: Callable[[tuple[int, int]], tuple[int, int]] = lambda size: size
) -> Picture:
    """Return a picture.

    Args:
        path: A file that Pillow reads; of several frames or pages, the first.
        max_pixels: Larger files are refused.
        size: From the file's width and height to those wanted.

    Raises:
        PictureError: It can't be read, is damaged or cut off; the message names it.
    """
    with _opened(path, max_pixels) as image:
        notes = _notes(image, path)
        exif = image.getexif()
        image.load()
        upright = ImageOps.exif_transpose(image)
        exif = upright.getexif()
        color, alpha = _in_srgb(upright, path, notes)
        wanted = size(upright.size)
        if wanted[0] * wanted[1] > max_pixels:
            raise UsageError(f"a size of {max(wanted)} makes more pixels than the limit of {max_pixels:,}")
        samples, opacity = _resampled(color, alpha, wanted)
    return Picture(samples, opacity, exif.tobytes() if exif else None, tuple(notes))


def _notes(image: Image.Image, path: Path) -> list[str]:
    notes = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        kind = "pages" if image.format == "TIFF" else "frames"
        notes.append(f"{path.name}: first of {frames} {kind}")
    if any("16" in str(tile[3]) for tile in getattr(image, "tile", ())) and not image.mode.startswith("I"):
        notes.append(f"{path.name}: has 16 bits per channel, of which 8 are read; the full package reads all")
    return notes


def _in_srgb(image: Image.Image, path: Path, notes: list[str]) -> tuple[Image.Image | Array, Image.Image | None]:
    """Return an RGB picture, or 16-bit gray as numbers, and its alpha."""
    if image.mode.startswith("I;16"):
        gray = np.asarray(image).astype(np.float32) / 65535
        return np.stack([gray] * 3), None
    if image.mode in ("I", "F"):
        raise PictureError(f"{path}: has {image.mode} samples, which have no standard range; save it with 8 bits")
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    elif image.mode in ("1", "P"):
        image = image.convert("RGB")
    profile = image.info.get("icc_profile")
    verdict = _judge(profile, image.mode) if profile else "srgb"
    if verdict == "unusable":
        notes.append(f"{path.name}: its color profile is damaged or for another color model, and was ignored")
    if profile and verdict == "convert":
        return _converted(image, profile), alpha
    return image.convert("RGB"), alpha


@lru_cache(maxsize=16)  # most pictures have one of few profiles
def _judge(profile: bytes, mode: str) -> str:
    """Return "convert", "srgb" or "unusable"; one that changes no color by more than a step is treated as sRGB."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (OSError, ImageCms.PyCMSError, ValueError):
        return "unusable"
    if mode not in ("L", "RGB"):
        return "convert"
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(1, -1, 3)
    colors = cube if mode == "RGB" else levels[None, :, None].repeat(3, 2)
    moved = ImageCms.applyTransform(Image.fromarray(colors).convert(mode), transform)
    assert moved is not None
    return "srgb" if np.abs(np.asarray(moved, np.int16) - colors).max() <= 1 else "convert"


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    from PIL import ImageCms

    converted = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )  # fmt: skip
    assert converted is not None
    return converted


def _floats(plane: Image.Image) -> Image.Image:
    return plane.convert("F")


def _resampled(
    color: Image.Image | Array, alpha: Image.Image | None, size: tuple[int, int]
) -> tuple[Bytes | Array, Array | None]:
    """Return samples and alpha at a size; hidden colors don't bleed into visible ones."""
    opacity = None if alpha is None else np.asarray(alpha, np.float32) / np.float32(255)
    if isinstance(color, Image.Image):
        if color.size == size:
            return np.asarray(color), None if opacity is None else opacity[None]
        planes = [np.asarray(plane, np.float32) / np.float32(255) for plane in color.split()]
    else:
        planes = list(color)
        if planes[0].shape == size[::-1]:
            return color, None if opacity is None else opacity[None]
    if opacity is None:
        return np.clip(np.stack([_shrunk(plane, size) for plane in planes]), 0, 1), None
    small = _shrunk(opacity, size)
    premultiplied = np.stack([_shrunk(plane * opacity, size) for plane in planes])
    straight = np.where(small > 0, premultiplied / np.where(small > 0, small, 1), 0)
    return np.clip(straight, 0, 1), np.clip(small, 0, 1)[None]


def _shrunk(plane: Array, size: tuple[int, int]) -> Array:
    """Return a plane (H, W) at a width and height, as libvips resizes it: enlarged, half a pixel off the center."""
    image = Image.fromarray(plane)
    if size[0] < image.width or size[1] < image.height:
        return np.asarray(image.resize(size, LANCZOS, reducing_gap=GAP))
    left, top = EDGE - image.width / size[0] / 2, EDGE - image.height / size[1] / 2
    wider = Image.fromarray(np.pad(plane, EDGE, mode="edge"))
    return np.asarray(wider.resize(size, BICUBIC, (left, top, left + image.width, top + image.height)))


def check_target(path: Path, size: tuple[int, int] | None = None) -> None:
    """Check that a picture can be written at a path, before the work that makes it.

    Raises:
        UsageError: No format has this suffix, or it can't hold this size.
        PictureError: There is no place for a file.
    """
    form = _format(path)
    if size is not None and max(size) > form.longest:
        raise UsageError(f"{path}: {form.name} supports at most {form.longest} pixels per side; use PNG or TIFF")
    folder = real_path(path).parent
    if path.is_dir():
        raise PictureError(f"{path}: is a directory; add a file name, such as {path / f'result{path.suffix}'}")
    if not folder.is_dir():
        raise PictureError(f"{path}: directory {folder} doesn't exist; create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PictureError(f"{path}: can't write in the directory {folder}; check its permissions")


def _format(path: Path) -> Format:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(f"{path}: can't write files with the suffix {suffix!r}; use one of {', '.join(FORMATS)}")
    return FORMATS[suffix]


def encoded(
    samples: Bytes, suffix: str, *, exif: bytes | None = None, quality: int | None = None, file: BinaryIO | None = None
) -> bytes:
    """Return a picture as the bytes of a file, or write it to one.

    Args:
        samples: (H, W, 3 or 4).
        suffix: A key of `FORMATS`.
        exif: EXIF.
        quality: 1 to 100.
        file: Where it is written; None returns it.
    """
    form = FORMATS[suffix]
    image = Image.fromarray(samples)
    if image.mode == "RGBA" and not form.alpha:
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    options = dict(form.options) | ({"quality": quality} if quality is not None and form.quality else {})
    if form.metadata:
        options["icc_profile"] = _srgb()
        if exif is not None:
            options["exif"] = exif
    target = file or io.BytesIO()
    image.save(target, form.name, **options)
    return target.getvalue() if isinstance(target, io.BytesIO) else b""


@lru_cache(maxsize=1)
def _srgb() -> bytes:
    from PIL import ImageCms

    profile: bytes = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile


def write_picture(path: Path, samples: Bytes, *, exif: bytes | None = None, quality: int | None = None) -> None:
    """Write a picture file as a whole or not at all.

    Raises:
        PictureError: It can't be written; an existing file is left unchanged.
    """
    _format(path)
    try:
        with replacing(path) as file:
            encoded(samples, path.suffix.lower(), exif=exif, quality=quality, file=file)
    except (OSError, KeyError, ValueError) as error:  # KeyError: Pillow was built without this format
        raise PictureError(f"{path}: can't be written: {first_line(error)}") from error
