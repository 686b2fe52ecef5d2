"""Read videos stored as images: animated GIF, WebP and PNG, and folders of numbered files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from brushwork.errors import PictureError, UsageError
from brushwork.io.films import Colors, Frame, frame_of
from brushwork.io.image_file import read_image, read_size
from brushwork.io.opening import reading
from brushwork.options.stylize import PICTURE_SUFFIXES

__all__ = ["FOLDER_RATE", "AnimationFile", "FrameFolder", "is_pattern", "is_sequence", "numbered"]

FOLDER_RATE = Fraction(25)  # frames per second assumed for a folder, which has no frame rate
_PATTERN = re.compile(r"([^%]*)%(?:0(\d+))?d([^%]*)", re.DOTALL)  # a name may contain line breaks
FRAMES = PICTURE_SUFFIXES - {".gif"}  # a GIF beside numbered pictures is usually an animation of them


class AnimationFile:
    """An animated GIF, WebP or PNG; see `Film`."""

    container = False
    time_base = Fraction(1, 1000)

    def __init__(self, path: Path, max_pixels: int) -> None:
        from PIL import Image

        self.path, self.damage, self.notes = path, list[str](), list[str]()
        self.colors, self.offsets = Colors(), [Fraction(0)]
        with self._reading(), Image.open(path) as image:
            self.size, self.count = image.size, getattr(image, "n_frames", 1)
            if self.size[0] * self.size[1] > max_pixels:
                raise PictureError(
                    f"{path}: its frames exceed the limit of {max_pixels:,} pixels; raise it with --max-pixels"
                )
            image.load()
            if self.count < 2:
                raise PictureError(f"{path}: is a still picture, not a video; use brushwork stylize")
            self.plays = _plays(image)
            kinds = [(alpha is not None, shown) for _, alpha, shown in self._pictures(image)]
            self.alpha = any(transparent for transparent, _ in kinds)
            self.rate = Fraction(1000 * len(kinds), sum(shown for _, shown in kinds))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with reading(self.path):
                yield
        except (PictureError, MemoryError):
            raise
        except Exception as error:  # Pillow fails in many ways on damaged files
            raise PictureError(f"{self.path}: can't be read because it is damaged ({error})") from error

    def frames(self, start: int = 0, size: tuple[int, int] | None = None) -> Iterator[Frame]:
        """See `Film`."""
        from PIL import Image

        time, number = 0, 0
        with self._reading(), Image.open(self.path) as image:
            for pixels, alpha, lasts in self._pictures(image):
                if number >= start:
                    yield frame_of(pixels, alpha, time, lasts, size or self.size)
                time += lasts
                number += 1
        if number < self.count:
            self.damage.append(f"{self.path.name} is damaged: {number} of {self.count} frames could be read")

    def _pictures(self, image: Any) -> Iterator[tuple[Tensor, Tensor | None, int]]:
        """Yield pixels, alpha where something is transparent, and milliseconds of all frames that can be read."""
        for number in range(self.count):
            try:
                image.seek(number)
                image.load()
            except Exception:  # see `_reading`; `frames` counts what could be read
                return
            rgba = torch.from_numpy(np.asarray(image.convert("RGBA")).astype(np.float32)).permute(2, 0, 1)[None] / 255
            opaque = bool((rgba[:, 3:] == 1).all())
            yield rgba[:, :3].contiguous(), None if opaque else rgba[:, 3:], _shown(image)


def _shown(image: Any) -> int:
    """Return for how many milliseconds a frame is shown; browsers, too, treat 0 as 100."""
    return round(image.info.get("duration") or 0) or 100


def _plays(image: Any) -> int:
    """Return how often an animation is played; 0 is endlessly. A GIF says how often it is repeated."""
    loop = image.info.get("loop")
    if image.format != "GIF":
        return int(loop or 0)
    return 1 if loop is None else int(loop) + 1 if loop else 0


class FrameFolder:
    """A folder of images, ordered by the numbers in their names; see `Film`."""

    container, plays = False, 0
    rate, time_base = FOLDER_RATE, 1 / FOLDER_RATE

    def __init__(self, path: Path, max_pixels: int) -> None:
        self.path, self.damage, self.notes = path, list[str](), list[str]()
        self.colors, self.offsets, self._max_pixels = Colors(), [Fraction(0)], max_pixels
        self.files = numbered(path)
        self.count = len(self.files)
        if not self.files:
            raise PictureError(f"{path}: contains no pictures with numbered names such as 00001.png")
        self.size = read_size(self.files[0], max_pixels=max_pixels)
        alpha = read_image(self.files[0], max_pixels=max_pixels).alpha
        self.alpha = alpha is not None and not bool((alpha == 1).all())

    def frames(self, start: int = 0, size: tuple[int, int] | None = None) -> Iterator[Frame]:
        """See `Film`."""
        for number, file in enumerate(self.files[start:], start):
            picture = read_image(file, max_pixels=self._max_pixels)
            self.damage += [note for note in picture.notes if note.startswith(f"{file.name}: is damaged")]
            if picture.size != self.size:
                raise PictureError(
                    f"{file}: is {picture.size}, but the first frame is {self.size}; make all frames the same size"
                )
            yield frame_of(picture.pixels, picture.alpha, number, 1, size or self.size)


def is_pattern(path: Path) -> bool:
    """Return whether a path is a pattern for numbered images, such as "%05d.png"; a plain % is part of a name.

    >>> is_pattern(Path("frames_%04d.png")), is_pattern(Path("50% off.png")), is_pattern(Path("100%d.mp4"))
    (True, False, False)
    """
    return path.suffix.lower() in FRAMES and _PATTERN.fullmatch(path.name) is not None


def is_sequence(path: Path) -> bool:
    """Return whether a path means numbered images: a folder, or a pattern that isn't the name of an existing file."""
    return path.is_dir() or ("%" in path.name and not path.exists())


def numbered(path: Path) -> list[Path]:
    """Return the images of a folder, or those matching a pattern such as "%05d.png", sorted by their last number."""
    folder, wanted = (path, None) if path.is_dir() else (path.parent, _expression(path.name))
    with reading(folder):
        names = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in FRAMES)
    found = []
    for name in names:
        match = re.search(r"(\d+)(?=\D*$)", Path(name).stem) if wanted is None else wanted.fullmatch(name)
        if match and not name.startswith("."):
            found.append((int(match[1]), folder / name))
    return [file for _, file in sorted(found)]


def _expression(pattern: str) -> re.Pattern[str]:
    """Return the regular expression for a pattern such as "%05d.png"."""
    match = _PATTERN.fullmatch(pattern)
    if match is None:
        raise UsageError(f"{pattern}: expected a pattern with one number, such as %05d.png")
    digits = rf"\d{{{match[2]},}}" if match[2] else r"\d+"
    return re.compile(f"{re.escape(match[1])}({digits}){re.escape(match[3])}")
