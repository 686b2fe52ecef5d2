"""Pictures to train on, read once and cropped anew each time."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


class Album:
    """All pictures of a folder in memory, as bytes; those that can't be read, or are tiny, are passed over and counted.

    Args:
        files: See `listing`.
        rng: Decides what is shown.
        shorter: Larger pictures are brought to this shorter side, in pixels.
    """

    def __init__(self, files: Iterable[Path], rng: random.Random, shorter: int = 320) -> None:
        self.rng = rng
        with ThreadPoolExecutor() as pool:
            read = list(pool.map(lambda file: _read(file, shorter), files))
        self.pictures = [picture for picture in read if picture is not None]
        self.skipped = len(read) - len(self.pictures)

    def crop(self, side: int, zoom: tuple[float, float], *, recolor: bool = False) -> Tensor:
        """A square of some picture, (1, 3, side, side) in [0, 1], at a random zoom and as often as not mirrored.

        Args:
            side: In pixels.
            zoom: Smallest and largest; 2 shows half of what 1 does, at twice the size.
            recolor: Change colors now and then: channels swapped, negative, lighter or darker.
        """
        rng, picture = self.rng, self.rng.choice(self.pictures)
        factor = math.exp(rng.uniform(*map(math.log, zoom)))
        taken = min(*picture.shape[1:], max(32, round(side / factor)))
        top, left = rng.randrange(picture.shape[1] - taken + 1), rng.randrange(picture.shape[2] - taken + 1)
        square = picture[None, :, top : top + taken, left : left + taken].float() / 255
        if taken != side:
            square = F.interpolate(square, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
        square = square.flip(3) if rng.random() < 0.5 else square
        return recolored(square, rng) if recolor else square


def _read(file: Path, shorter: int) -> Tensor | None:
    try:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    if min(image.size) < 64:
        return None
    if min(image.size) > shorter:
        factor = shorter / min(image.size)
        image = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def recolored(picture: Tensor, rng: random.Random) -> Tensor:
    """As it is more often than not; else with swapped channels, as a negative, or with another gamma."""
    if rng.random() < 0.25:
        picture = picture[:, rng.sample(range(3), 3)]
    if rng.random() < 0.1:
        picture = 1 - picture
    if rng.random() < 0.25:
        picture = picture ** math.exp(rng.uniform(-0.5, 0.5))
    return picture


def listing(folder: Path, held: int) -> tuple[list[Path], list[Path]]:
    """The pictures of a folder by name, the last ones held back."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if len(files) <= held:
        raise SystemExit(f"{folder} has {len(files)} pictures; expected more than {held}, which are held back")
    return files[:-held], files[-held:]
