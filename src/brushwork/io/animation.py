"""Write animations from image files; libvips streams them row by row, so memory use does not grow with their number."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyvips

from brushwork.errors import UsageError
from brushwork.io.opening import reading
from brushwork.io.picture_writer import check_target, writing

__all__ = ["check_animation", "png_frames", "write_animation"]

_PNG = b"\x89PNG\r\n\x1a\n"
# GIF: the palette search takes ten times as long at its default effort, with no visible difference.
_OPTIONS: dict[str, dict[str, Any]] = {
    ".webp": {"Q": 85, "smart_subsample": True, "keep": "icc"},
    ".gif": {"effort": 2, "keep": "none"},
}


def png_frames(path: str | os.PathLike[str]) -> int:
    """Return the number of frames of an animated PNG, from its chunk acTL; 1 for every other file.

    Source: PNG, third edition (W3C 2025), section 11.3.4: acTL comes before the first IDAT.
    """
    with Path(path).open("rb") as file:
        if file.read(len(_PNG)) != _PNG:
            return 1
        while True:
            head = file.read(8)
            length, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind == b"acTL":
                return max(1, int.from_bytes(file.read(4), "big"))
            if len(head) < 8 or kind == b"IDAT":
                return 1
            file.seek(length + 4, os.SEEK_CUR)


def check_animation(path: str | os.PathLike[str]) -> None:
    """Check that an animation can be written here, before starting the work that makes it.

    Args:
        path: the output file, .webp or .gif.

    Raises:
        UsageError: unsupported suffix.
        PictureError: the directory is missing or not writable, or the target is not a regular file.
    """
    if Path(path).suffix.lower() not in _OPTIONS:
        raise UsageError(f"{path}: expected an animation ending in {' or '.join(_OPTIONS)}; rename it")
    check_target(path)


def write_animation(
    frames: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    milliseconds: int | Sequence[int] = 100,
    last: int = 2000,
    quality: int | None = None,
    plays: int = 0,
) -> None:
    """Write a looping animation atomically.

    Args:
        frames: image files in order, at least one; all of the same size, with alpha or without.
        path: the output file, .webp or .gif; overwritten if it exists.
        milliseconds: duration of every frame, or a list with the duration of each.
        last: duration of the last frame, if all others have the same duration.
        quality: 1 to 100 for WebP (default 85); ignored for GIF.
        plays: how often it is played; 0 is endlessly.

    Raises:
        UsageError: no frames, frames of different shapes, or an unsupported suffix.
        PictureError: a frame can't be read, or the file can't be written; an existing file is left unchanged.
    """
    check_animation(path)
    if not frames:
        raise UsageError(f"{path}: expected at least one frame, got none")
    path = Path(path)
    options = dict(_OPTIONS[path.suffix.lower()])
    if "Q" in options and quality is not None:
        options["Q"] = quality
    delays = [*milliseconds] if not isinstance(milliseconds, int) else [milliseconds] * (len(frames) - 1) + [last]
    image = _joined([Path(frame) for frame in frames], delays, plays)
    if image.hasalpha() and path.suffix.lower() == ".webp":
        options |= {"kmin": 0, "kmax": 1}  # only key frames: for others, libwebp may forget the header's alpha flag
    with writing(path) as file:
        image.write_to_target(pyvips.Target.new_to_descriptor(file.fileno()), path.suffix.lower(), **options)


def _joined(frames: list[Path], delays: list[int], plays: int) -> pyvips.Image:
    """Return the frames stacked vertically, with the metadata that libvips needs for an animation."""
    images = []
    for frame in frames:
        with reading(frame):
            images.append(pyvips.Image.pngload(str(frame), access="sequential"))
    shapes = {(image.width, image.height) for image in images}
    if len(shapes) > 1:
        raise UsageError(f"expected frames of one size, got {sorted(shapes)} (width, height)")
    if any(image.hasalpha() for image in images):
        images = [image if image.hasalpha() else image.bandjoin(255) for image in images]
    joined = pyvips.Image.arrayjoin(images, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", images[0].height)
    joined.set_type(pyvips.GValue.array_int_type, "delay", delays)
    joined.set_type(pyvips.GValue.gint_type, "loop", plays)
    return joined
