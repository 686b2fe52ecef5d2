"""Training photos: a folder of images, which may contain anything else as well."""

from __future__ import annotations

import math
import random
from collections import OrderedDict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import PictureError, UsageError
from brushwork.io import read_image, read_size
from brushwork.options.stylize import PICTURE_SUFFIXES

__all__ = ["NoPhotos", "PhotoFolder", "recolored"]

SMALLEST = 64  # images with a shorter side below this are skipped
KEPT_BYTES = 2 << 30  # cache size for decoded images


class PhotoFolder:
    """Random square crops of the images in a folder.

    Unreadable and very small files are skipped and counted. The same random numbers give the same crops.

    Args:
        folder: Searched recursively.
        side: Side of a crop, in pixels.
        closest: The smallest crop covers 1/closest of the shorter side.

    Raises:
        UsageError: The folder doesn't exist or contains no images.
    """

    def __init__(self, folder: str | Path, side: int, closest: float = 1.5) -> None:
        root = Path(folder)
        self.root: Path | None = root
        if not root.is_dir():
            raise UsageError(f"{folder} is not a folder; pass a folder of pictures")
        self.files = sorted(path for path in root.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
        if not self.files:
            raise UsageError(f"{folder} contains no pictures ({', '.join(sorted(PICTURE_SUFFIXES))})")
        self.side, self.closest = side, closest
        self.passed_over: set[Path] = set()
        self._kept: OrderedDict[Path, Tensor] = OrderedDict()
        self._bytes = 0

    def batch(self, count: int, rng: random.Random) -> Tensor:
        """Return crops, (count, 3, side, side) in [0, 1], each at a random scale and mirrored with probability ½.

        Raises:
            UsageError: None of the images can be used.
        """
        squares: list[Tensor] = []
        while len(squares) < count:
            path, place = rng.choice(self.files), [rng.random() for _ in range(4)]
            picture = self._picture(path)
            if picture is not None:
                squares.append(_square(picture, self.side, self.closest, place))
        return torch.cat(squares)

    def drawn(self, count: int, *, recolor: bool = False) -> Tensor:
        """Return a batch drawn with torch's random number generator.

        Args:
            count: Number of crops.
            recolor: Randomly change the colors of some, to cover more than the colors found in paintings.
        """
        rng = random.Random(int(torch.randint(1 << 60, ())))
        squares = self.batch(count, rng)
        return torch.cat([recolored(x, rng) for x in torch.split(squares, 1)]) if recolor else squares

    def _picture(self, path: Path) -> Tensor | None:
        """Return pixels (3, H, W) in 0..255, no larger than needed; None if the file can't be used."""
        if path in self.passed_over:
            return None
        if path not in self._kept:
            try:
                width, height = read_size(path)
                if min(width, height) < SMALLEST:
                    raise PictureError(f"{path} is too small")
                longer = round(max(width, height) * min(1.0, self.closest * self.side / min(width, height)))
                pixels = read_image(path, size=longer, strict=True).visible()
            except (PictureError, UsageError, MemoryError) as error:
                self.passed_over.add(path)
                if len(self.passed_over) == len(self.files):
                    raise UsageError(
                        f"none of the {len(self.files)} pictures in {self.root} can be used; the last error: {error}"
                    ) from error
                return None
            self._keep(path, (pixels[0] * 255).round().byte())
        self._kept.move_to_end(path)
        return self._kept[path]

    def _keep(self, path: Path, pixels: Tensor) -> None:
        self._kept[path] = pixels
        self._bytes += pixels.numel()
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].numel()


class NoPhotos(PhotoFolder):
    """Gray squares, for training without photos: textures."""

    def __init__(self, side: int) -> None:
        self.root, self.files, self.side, self.passed_over = None, [], side, set()

    def batch(self, count: int, rng: random.Random) -> Tensor:
        """Return squares (count, 3, side, side) of 0.5."""
        return torch.full((count, 3, self.side, self.side), 0.5)


def recolored(picture: Tensor, rng: random.Random) -> Tensor:
    """Return the image, usually unchanged; otherwise with swapped channels, inverted, darkened or lightened."""
    if rng.random() < 0.25:
        picture = picture[:, rng.sample(range(3), 3)]
    if rng.random() < 0.1:
        picture = 1 - picture
    return picture ** math.exp(rng.uniform(-0.5, 0.5)) if rng.random() < 0.25 else picture


def _square(picture: Tensor, side: int, closest: float, place: list[float]) -> Tensor:
    """Return a crop of 1/closest to all of the shorter side, resized to `side`; `place` holds numbers in [0, 1)."""
    height, width = picture.shape[1:]
    taken = max(1, round(min(height, width) * (1 / closest + place[0] * (1 - 1 / closest))))
    top, left = int(place[1] * (height - taken + 1)), int(place[2] * (width - taken + 1))
    square = picture[None, :, top : top + taken, left : left + taken].float() / 255
    square = F.interpolate(square, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
    return square.flip(3) if place[3] < 0.5 else square
