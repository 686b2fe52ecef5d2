"""Write animations from picture files; libvips takes them row by row, so memory doesn't grow with their number."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyvips

from brushwork.errors import UsageError
from brushwork.io.opening import reading
from brushwork.io.picture_writer import check_target, replacing
from brushwork.runtime.signals import uninterrupted

__all__ = ["check_animation", "write_animation"]

# GIF: the search for the palette at its default effort takes ten times as long and shows no difference.
_OPTIONS: dict[str, dict[str, Any]] = {
    ".webp": {"Q": 85, "smart_subsample": True, "keep": "icc"},
    ".gif": {"effort": 2, "keep": "none"},
}


def check_animation(path: str | os.PathLike[str]) -> None:
    """Check that an animation could be written here, before the work that makes it.

    Args:
        path: the file to write, .webp or .gif.

    Raises:
        UsageError: another suffix.
        PictureError: the directory is missing or not writable, or the target is no regular file.
    """
    if Path(path).suffix.lower() not in _OPTIONS:
        raise UsageError(f"{path}: an animation is written as {' or '.join(_OPTIONS)}; choose one of them")
    check_target(path)


def write_animation(
    frames: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    milliseconds: int | Sequence[int] = 100,
    last: int = 2000,
    quality: int | None = None,
) -> None:
    """Write an animation that begins again at its end, whole or not at all.

    Args:
        frames: picture files in order, at least one; all of one size, all with alpha or all without.
        path: the file to write, .webp or .gif; replaced if it exists.
        milliseconds: how long a frame is shown; or each of them.
        last: how long the last one is shown, if all others are shown alike.
        quality: 1 to 100 for WebP (default 85); GIF has none and ignores it.

    Raises:
        UsageError: no frames, frames of different shapes, or another suffix.
        PictureError: a frame can't be read, or the file can't be written; what was there before is still there.
    """
    check_animation(path)
    if not frames:
        raise UsageError(f"{path}: expected at least one frame, got none")
    path = Path(path)
    options = dict(_OPTIONS[path.suffix.lower()])
    if "Q" in options and quality is not None:
        options["Q"] = quality
    delays = [*milliseconds] if not isinstance(milliseconds, int) else [milliseconds] * (len(frames) - 1) + [last]
    image = _joined([Path(frame) for frame in frames], delays)
    with uninterrupted(), replacing(path) as file:
        image.write_to_target(pyvips.Target.new_to_descriptor(file.fileno()), path.suffix.lower(), **options)


def _joined(frames: list[Path], delays: list[int]) -> pyvips.Image:
    """The frames below each other, with what libvips wants to know of an animation."""
    images = []
    for frame in frames:
        with reading(frame):
            images.append(pyvips.Image.pngload(str(frame), access="sequential"))
    shapes = {(image.width, image.height, image.bands) for image in images}
    if len(shapes) > 1:
        raise UsageError(f"expected frames of one size, got {sorted(shapes)} (width, height, channels)")
    joined = pyvips.Image.arrayjoin(images, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", images[0].height)
    joined.set_type(pyvips.GValue.array_int_type, "delay", delays)
    joined.set_type(pyvips.GValue.gint_type, "loop", 0)
    return joined
