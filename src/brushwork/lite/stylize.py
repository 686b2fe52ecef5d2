"""`stylize` without torch: from a photo's file to the picture."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from brushwork.errors import UsageError
from brushwork.lite.color import ColorControl, luminance
from brushwork.lite.needs import needs_torch
from brushwork.lite.network import HALO
from brushwork.lite.painting import THUMBNAIL, Painter
from brushwork.lite.passes import Photo
from brushwork.lite.pictures import Picture, encoded, fit_size, read_picture, write_picture
from brushwork.lite.styles import blended, read_masks, style_codes
from brushwork.lite.tensors import Array
from brushwork.options.methods import AdaINLite
from brushwork.options.stylize import DEFAULT_SIZE, OutputOptions, StylizeOptions
from brushwork.styles.references import ResolvedStyle

__all__ = ["Painted", "as_bytes", "check_preset", "check_settings", "paint", "result_size", "save", "tile_side"]

SIDES = (4096, 3072, 2048, 1536, 1024, 768, 512, 256)  # candidate tile sides, in pixels
PIXEL = 180  # bytes of memory per pixel of a tile with its halo; measured, docs/light.md
MARGIN = 0.8  # fraction of the free memory to use, unless a limit is given
UNKNOWN = 2_000_000_000  # bytes, where the system doesn't say what is free
PHOTO_MEASURED = 4_000_000  # pixels above which a photo's colors are measured on its thumbnail
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Painted:
    """A painted picture.

    Args:
        samples: (H, W, 3), or (H, W, 4) with the photo's alpha.
        exif: The photo's.
        notes: For the user.
        seconds: Time that painting took, without reading files and encoding the style.
    """

    samples: npt.NDArray[np.uint8]
    exif: bytes | None
    notes: tuple[str, ...]
    seconds: float


def check_preset(method: str | None, preset: str | None) -> None:
    """Refuse methods and presets other than AdaIN-lite and drafts.

    Raises:
        UsageError: It needs torch.
    """
    if method not in (None, "adain-lite"):
        raise needs_torch(f"--method {method}")
    if preset not in (None, "draft"):
        raise needs_torch(f"--preset {preset}")


def check_settings(settings: AdaINLite, options: StylizeOptions, out: OutputOptions) -> None:
    """Refuse what only torch can do.

    Raises:
        UsageError: In one line, what needs torch.
    """
    lacking = {
        "--precision bfloat16": settings.precision == "bfloat16",
        "--protect-faces": bool(options.protect_faces),
        "--depth 16": out.depth == 16,
    }
    for flag, lacks in lacking.items():
        if lacks:
            raise needs_torch(flag)
    if options.device not in ("auto", "cpu"):
        raise UsageError(f"--device {options.device} is torch's; choose what computes with --provider")


def result_size(size: tuple[int, int], wanted: int | None) -> tuple[int, int]:
    """Return width and height of the result; see `brushwork.api.recipe.result_size`.

    >>> result_size((4000, 3000), None), result_size((640, 480), None), result_size((4000, 3000), 0)
    ((1024, 768), (640, 480), (4000, 3000))
    """
    if wanted is None and max(size) > DEFAULT_SIZE:
        wanted = DEFAULT_SIZE
    return fit_size(size, wanted) if wanted else size


def paint(
    photo: Path,
    style: ResolvedStyle,
    painter: Painter,
    settings: AdaINLite,
    options: StylizeOptions,
    progress: Progress = lambda done, count: None,
) -> Painted:
    """Return a photo painted in a style.

    Raises:
        PictureError: A file can't be read; the message names it.
        UsageError: An invalid value, or something that needs torch.
    """
    picture = read_picture(photo, max_pixels=options.max_pixels, size=lambda size: result_size(size, options.size))
    colors = ColorControl(options.keep_color, options.keep_color_when)
    recolor = None
    if colors.when == "before":
        measured, weights = _measured(picture)

        def recolor(painting: Array, mask: Array | None) -> Array:
            return colors.style(painting, mask, measured, weights)

    codes, notes = style_codes(painter, style, settings, options, recolor)
    masks, more = read_masks(options)
    started = time.perf_counter()
    side = tile_side(picture.size, painter.model.architecture.memory, options.max_memory)
    result = _Result(picture, colors)
    painter.paint(
        _Gray(picture) if colors.grays else picture, blended(style, codes, masks, options.masks), result.write,
        strength=settings.strength, side=side, room=_limit(options.max_memory) // 4, progress=progress,
    )  # fmt: skip
    notes = [*picture.notes, *notes, *more]
    return Painted(result.samples(), picture.exif, tuple(notes), time.perf_counter() - started)


def save(painted: Painted, path: Path, out: OutputOptions) -> None:
    """Write a painted picture to a file.

    Raises:
        PictureError: It can't be written.
    """
    write_picture(path, painted.samples, exif=None if out.strip_metadata else painted.exif, quality=out.quality)


def as_bytes(painted: Painted, suffix: str, out: OutputOptions) -> bytes:
    """Return a painted picture as the bytes of a file of this suffix."""
    exif = None if out.strip_metadata else painted.exif
    return encoded(painted.samples, suffix, exif=exif, quality=out.quality)


def _measured(picture: Picture) -> tuple[Array, Array | None]:
    """Return the photo's pixels, or a thumbnail's if there are very many, and their weights."""
    width, height = picture.size
    if width * height <= PHOTO_MEASURED:
        return picture.part(0, 0, height, width), picture.alpha
    size = fit_size(picture.size, THUMBNAIL)
    from brushwork.lite.arrays import resized

    return picture.resampled(size), None if picture.alpha is None else resized(picture.alpha, size)


class _Gray:
    """A photo by its luminance only."""

    def __init__(self, photo: Photo) -> None:
        self._photo = photo

    @property
    def size(self) -> tuple[int, int]:
        return self._photo.size

    def part(self, top: int, left: int, bottom: int, right: int) -> Array:
        return luminance(self._photo.part(top, left, bottom, right))

    def resampled(self, size: tuple[int, int]) -> Array:
        return luminance(self._photo.resampled(size))


class _Result:
    """The picture, as it is painted tile by tile: in bytes, unless colors are matched when all of it is there."""

    def __init__(self, photo: Picture, colors: ColorControl) -> None:
        self.photo, self.colors = photo, colors
        width, height = photo.size
        channels = 3 if photo.alpha is None else 4
        self._bytes = np.empty((height, width, channels), np.uint8)
        self._whole = np.empty((3, height, width), np.float32) if colors.whole else None

    def write(self, top: int, left: int, pixels: Array) -> None:
        """Receive painted pixels (3, h, w)."""
        bottom, right = top + pixels.shape[1], left + pixels.shape[2]
        if self._whole is not None:
            self._whole[:, top:bottom, left:right] = pixels
            return
        if self.colors.way == "luminance":
            pixels = self.colors.result(pixels, self.photo.part(top, left, bottom, right), None)
        self._bytes[top:bottom, left:right, :3] = _rounded(pixels)

    def samples(self) -> npt.NDArray[np.uint8]:
        """Return (H, W, 3 or 4)."""
        if self._whole is not None:
            width, height = self.photo.size
            photo = self.photo.part(0, 0, height, width)
            self._bytes[:, :, :3] = _rounded(self.colors.result(self._whole, photo, self.photo.alpha))
        if self.photo.alpha is not None:
            self._bytes[:, :, 3:] = _rounded(self.photo.alpha)
        return self._bytes


def _rounded(pixels: Array) -> npt.NDArray[np.uint8]:
    samples: npt.NDArray[np.uint8] = np.rint(pixels.transpose(1, 2, 0) * np.float32(255)).astype(np.uint8)
    return samples


def tile_side(size: tuple[int, int], program: int, max_memory: int | None) -> int:
    """Return the side of tiles that fit into memory: the largest, or the picture's if it fits as a whole.

    Args:
        size: Width and height of the picture.
        program: Bytes of the program with its network.
        max_memory: Bytes that it may use; None for what is free.

    Raises:
        UsageError: Not even the smallest fit.
    """
    width, height = size
    left = _limit(max_memory) - program - 16 * width * height
    for side in SIDES:
        area = min(side + 2 * HALO, width) * min(side + 2 * HALO, height)
        if PIXEL * area <= left:
            return side
    raise UsageError(
        f"{width}×{height} px need more than {_limit(max_memory) / 1e9:.1f} GB of memory; use a smaller --size, or "
        "allow more with --max-memory"
    )


def _limit(max_memory: int | None) -> int:
    if max_memory is not None:
        return max_memory
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return UNKNOWN
    return int(MARGIN * max(free, UNKNOWN / 4))
