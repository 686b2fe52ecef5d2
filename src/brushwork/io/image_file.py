"""Read image files: upright, in sRGB, at full precision, with alpha and EXIF; also re-exports the writer."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips
import torch
from torch import Tensor

from brushwork.errors import PictureError, UsageError
from brushwork.image import NOTHING_VISIBLE, Picture, fit_size
from brushwork.io.animation import png_frames
from brushwork.io.deep_zoom import write_deep_zoom
from brushwork.io.metadata import clean_exif, unpack_recipe
from brushwork.io.opening import field, reading, use_image
from brushwork.io.picture_writer import PictureWriter, check_target, write_image
from brushwork.io.profiles import MAXIMUM, to_srgb
from brushwork.io.tiff_exif import read_tiff_exif
from brushwork.options.stylize import MAX_PIXELS
from brushwork.runtime.provenance import Recipe

__all__ = [
    "PictureReader",
    "PictureWriter",
    "check_target",
    "read_image",
    "read_recipe",
    "read_size",
    "write_image",
    "write_tiles",
]

TILE_QUALITY = 92  # of JPEG; from 90 on, libvips keeps colors at full resolution


def read_size(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Return (width, height) of an image after applying its EXIF orientation, reading only the header.

    Args:
        path: a PNG, JPEG, WebP, TIFF, HEIC, AVIF, BMP or GIF.
        max_pixels: limit of width times height.

    Raises:
        PictureError: the file can't be read, is not an image, or exceeds the limit.
    """
    path = Path(path)
    with reading(path):
        size, _ = use_image(path, max_pixels, _upright_size, header_only=True)
    return size


def _upright_size(image: pyvips.Image) -> tuple[int, int]:
    return (image.height, image.width) if _orientation(image) >= 5 else (image.width, image.height)


def read_image(
    path: str | os.PathLike[str], *, size: int | None = None, max_pixels: int = MAX_PIXELS, strict: bool = False
) -> Picture:
    """Read an image from a file.

    Args:
        path: a PNG, JPEG, WebP, TIFF, HEIC, AVIF, BMP or GIF; only the first frame or page is read.
        size: length of the longer side to resample to, in pixels (Lanczos; may upscale); None keeps the file's size.
        max_pixels: limit of width times height, before and after resampling.
        strict: refuse a file that is damaged in the middle; by default, a note says that a part is missing.

    Returns:
        Pixels (1, 3, H, W) upright in sRGB, straight alpha, EXIF, depth and notes.

    Raises:
        PictureError: the file can't be read, is damaged or truncated, is not an image, or exceeds the limit.
        UsageError: the size is below 1, or exceeds the limit.
    """
    path = Path(path)

    def decoded(opened: pyvips.Image) -> Picture:
        target = _target_size(opened, size, max_pixels)
        notes = _page_note(opened, path)
        image, more = to_srgb(opened, path)
        maximum = MAXIMUM[image.format]
        samples = _decode(image, target, maximum)
        pixels, alpha = _tensors(samples, maximum)
        depth = 8 if opened.format == "uchar" else 16
        return Picture(pixels, alpha, _exif(opened, path), depth, (*notes, *more))

    with reading(path):
        picture, notes = use_image(path, max_pixels, decoded, strict=strict)
    return replace(picture, notes=(*notes, *picture.notes)) if notes else picture


class PictureReader:
    """Read regions of an image on demand and in any order, with the same pixels as `read_image`.

    Args:
        path: a PNG, JPEG, WebP, TIFF, HEIC, AVIF, BMP or GIF; only the first frame or page is read.
        size: length of the longer side to resample to, in pixels; None keeps the file's size.
        max_pixels: limit of width times height, before and after resampling.
        strict: as for `read_image`.

    Raises:
        PictureError, UsageError: as `read_image`; damage further into the file is found when that region is read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        size: int | None = None,
        max_pixels: int = MAX_PIXELS,
        strict: bool = False,
    ) -> None:
        self.path = Path(path)

        def prepared(opened: pyvips.Image) -> tuple[pyvips.Image, pyvips.Image, float, list[str]]:
            target = _target_size(opened, size, max_pixels)
            image, notes = to_srgb(opened, self.path)
            maximum = MAXIMUM[image.format]
            image = image if target is None else _resample(image, target, maximum)
            opened.crop(0, 0, 1, 1).avg()  # fails now, rather than later, if libvips can't decode it
            return opened, image.autorot() if _orientation(image) > 1 else image, maximum, notes

        with reading(self.path):
            (opened, self._image, self._maximum, more), notes = use_image(
                self.path, max_pixels, prepared, anywhere=True, strict=strict
            )
            self.exif = _exif(opened, self.path)
        self.notes = (*notes, *_page_note(opened, self.path), *more)
        self.depth = 8 if opened.format == "uchar" else 16
        self.size: tuple[int, int] = (self._image.width, self._image.height)
        self.alpha = self._image.bands == 4

    def thumbnail(self, longer: int) -> Picture:
        """Return the image resampled to a longer side in pixels; unchanged if it is no larger."""
        target = fit_size(self.size, min(longer, max(self.size)))
        with reading(self.path):
            image = self._image if target == self.size else _resample(self._image, target, self._maximum)
            pixels, alpha = _tensors(image.numpy(), self._maximum)
        return Picture(pixels, alpha, depth=self.depth)

    def visible(self, top: int, left: int, bottom: int, right: int) -> tuple[Tensor, Tensor | None]:
        """Same as `read`, but without the color hidden under transparency; see `Picture.visible`.

        Raises:
            UsageError: every pixel of the image is fully transparent.
        """
        pixels, alpha = self.read(top, left, bottom, right)
        if alpha is not None:
            visible: Tensor = pixels * alpha + self._visible_mean * (1 - alpha)
            pixels = visible.clamp(0, 1)
        return pixels, alpha

    @cached_property
    def _visible_mean(self) -> Tensor:
        """Return the mean color (1, 3, 1, 1) of the visible pixels of the whole image."""
        with reading(self.path):
            alpha = self._image[3] / self._maximum
            means = [(self._image[band] / self._maximum * alpha).avg() for band in range(3)]
            weight = alpha.avg()
        if not weight:
            raise UsageError(f"{self.path}: {NOTHING_VISIBLE}")
        mean: Tensor = torch.tensor(means).reshape(1, 3, 1, 1) / weight
        return mean

    def read(self, top: int, left: int, bottom: int, right: int) -> tuple[Tensor, Tensor | None]:
        """Return pixels (1, 3, bottom - top, right - left) and straight alpha (1, 1, …), None if opaque.

        Raises:
            PictureError: the file is damaged in this region.
        """
        with reading(self.path):
            samples = self._image.crop(left, top, right - left, bottom - top).numpy()
        return _tensors(samples, self._maximum)


def write_tiles(path: str | os.PathLike[str], target: Path, side: int, *, max_pixels: int = MAX_PIXELS) -> None:
    """Write an image as Deep Zoom, in JPEG tiles that don't overlap, over white; only a few of its rows are in memory.

    Args:
        path: a PNG, JPEG, WebP, TIFF, HEIC, AVIF, BMP or GIF; only the first frame or page is read.
        target: output path ending in .dzi.
        side: side of a tile in pixels.
        max_pixels: limit of width times height.

    Raises:
        PictureError: as `read_image`, or the tiles can't be written.
    """
    path = Path(path)

    def written(opened: pyvips.Image) -> None:
        image, _ = to_srgb(opened, path)
        maximum = MAXIMUM[image.format]
        image = image.flatten(background=maximum) if image.bands == 4 else image
        image = image if image.format == "uchar" else (image * (255 / maximum)).rint().cast("uchar")
        write_deep_zoom(image.autorot().copy(interpretation="srgb"), target, TILE_QUALITY, side=side, overlap=0)

    with reading(path):
        turned, _ = use_image(path, max_pixels, _orientation, header_only=True)
        use_image(path, max_pixels, written, anywhere=turned > 1)  # to turn it, its rows are needed in another order


def read_recipe(path: str | os.PathLike[str]) -> Recipe | None:
    """Return the recipe that `write_image` or `Result.save` stored in an image.

    Args:
        path: an image in any format that `read_image` reads.

    Returns:
        The recipe, for `rerun`; None if the image contains none.

    Raises:
        PictureError: the file can't be read or is not an image, or its recipe is damaged.
    """
    path = Path(path)
    with reading(path):
        packet, _ = use_image(path, None, lambda image: field(image, "xmp-data"), header_only=True)
    text = unpack_recipe(packet) if isinstance(packet, bytes) else None
    try:
        return None if text is None else Recipe.from_json(text)
    except UsageError as error:
        raise PictureError(
            f"{path}: its recipe is damaged, or was written by another version of brushwork ({error})"
        ) from error


def _orientation(image: pyvips.Image) -> int:
    orientation = field(image, "orientation", 1)
    return orientation if isinstance(orientation, int) else 1


def _page_note(image: pyvips.Image, path: Path) -> list[str]:
    loader = field(image, "vips-loader", "")
    count = png_frames(path) if loader.startswith("png") else field(image, "n-pages", 1)
    kind = "frames" if loader.startswith(("gif", "webp", "png")) else "pages"
    return [f"{path.name}: first of {count} {kind}"] if isinstance(count, int) and count > 1 else []


def _exif(image: pyvips.Image, path: Path) -> bytes | None:
    exif = field(image, "exif-data")
    if field(image, "vips-loader", "").startswith("tiff"):
        with path.open("rb") as file:
            exif = read_tiff_exif(file)
    return clean_exif(exif, (image.xres, image.yres)) if exif else None


def _target_size(image: pyvips.Image, size: int | None, max_pixels: int) -> tuple[int, int] | None:
    """Return (width, height) to resample to, before applying the orientation; None if no resampling is needed."""
    if size is None:
        return None
    width, height = fit_size((image.width, image.height), size)
    if width * height > max_pixels:
        raise UsageError(
            f"a size of {size} makes {width} x {height} pixels, more than the limit of {max_pixels:,}; "
            f"choose a smaller --size, or raise the limit with --max-pixels {width * height}"
        )
    return None if (width, height) == (image.width, image.height) else (width, height)


def _decode(image: pyvips.Image, target: tuple[int, int] | None, maximum: float) -> npt.NDArray[np.generic]:
    """Return (H, W, 3 or 4) samples, upright."""
    if target is not None:
        image = _resample(image, target, maximum)
    if _orientation(image) > 1:
        image = image.copy_memory().autorot()  # rotation needs all rows, but the file can only be read once
    samples: npt.NDArray[np.generic] = image.numpy()
    return samples


def _resample(image: pyvips.Image, target: tuple[int, int], maximum: float) -> pyvips.Image:
    """Resample to float samples in the range of the input, including overshoot."""
    image = image.cast("float")
    straight = image.bands == 3
    if not straight:
        image = image.premultiply(max_alpha=maximum)  # else color hidden under alpha 0 bleeds into adjacent pixels
    image = image.resize(target[0] / image.width, vscale=target[1] / image.height, kernel="lanczos3")
    return image if straight else image.unpremultiply(max_alpha=maximum)


def _tensors(samples: npt.NDArray[np.generic], maximum: float) -> tuple[Tensor, Tensor | None]:
    if samples.dtype == np.uint8:  # torch uses all cores
        planes = torch.from_numpy(samples).permute(2, 0, 1).to(torch.float32, memory_format=torch.contiguous_format)
        planes.div_(maximum)
    else:
        scaled = np.empty((samples.shape[2], *samples.shape[:2]), np.float32)
        np.divide(samples.transpose(2, 0, 1), np.float32(maximum), out=scaled, casting="unsafe")
        planes = torch.from_numpy(np.clip(scaled, 0, 1, out=scaled) if samples.dtype == np.float32 else scaled)
    pixels = planes[None]
    # Two separate tensors, so that dropping one frees its memory.
    return (pixels, None) if len(planes) == 3 else (pixels[:, :3].clone(), pixels[:, 3:].clone())
