"""Pictures, measures and the teacher, for the recipe that makes vgg19-slim from VGG-19."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from brushwork.nn import VGG, load_network
from brushwork.runtime.device import choose_dtype
from brushwork.weights import ARCHITECTURES

CROP = 192
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def stage(layer: str) -> int:
    return int(layer[4]) - 1


def width(architecture: str, layer: str) -> int:
    return ARCHITECTURES[architecture].widths[stage(layer)]


def gram(features: Tensor) -> Tensor:
    flat = features.flatten(2)
    return flat @ flat.mT / flat.shape[2]


def crop(path: Path, rng: random.Random) -> Tensor:
    """A random square of a picture at a random scale, flipped half of the time; (3, CROP, CROP)."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    side = rng.randint(min(CROP, *image.size), min(image.size))  # an enlarged one would be smoother than pictures are
    left, top = (rng.randint(0, length - side) for length in image.size)
    image = image.crop((left, top, left + side, top + side)).resize((CROP, CROP), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    return pixels.flip(2) if rng.random() < 0.5 else pixels


def spoiled(pixels: Tensor, other: Tensor, rng: random.Random) -> Tensor:
    """One of the pictures that optimisation passes through: plain, blended, noisy, flat or out of place."""
    kind = rng.random()
    if kind < 0.5:
        return pixels
    if kind < 0.65:
        return torch.lerp(pixels, other, rng.random())
    if kind < 0.85:
        return (pixels + torch.randn_like(pixels) * 10 ** rng.uniform(-2, -0.5)).clamp(0, 1)
    if kind < 0.95:
        return (0.5 + (pixels - 0.5) * rng.uniform(0.3, 1.6) + torch.randn(3, 1, 1) * 0.1).clamp(0, 1)
    return torch.rand_like(pixels)


class Gallery:
    """Fresh crops of photographs and paintings."""

    def __init__(self, photos: list[Path], paintings: list[Path], rng: random.Random) -> None:
        self.folders, self.rng = (photos, paintings), rng

    def one(self, kind: int | None = None) -> Tensor:
        """A crop of a photograph (0), a painting (1) or either; unreadable files are passed over."""
        while True:
            try:
                return crop(self.rng.choice(self.folders[self.rng.randint(0, 1) if kind is None else kind]), self.rng)
            except OSError:
                continue

    def batch(self, count: int) -> Tensor:
        return torch.stack([spoiled(self.one(), self.one(), self.rng) for _ in range(count)])


def listing(folder: Path, held: int) -> tuple[list[Path], list[Path]]:
    """The pictures of a folder by name, the last ones held back."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if len(files) <= held:
        raise SystemExit(f"{folder} has {len(files)} pictures; expected more than {held}, which are held back")
    return files[:-held], files[-held:]


def relative(a: Tensor, b: Tensor) -> Tensor:
    """Squared error relative to the target, mean over the batch."""
    return ((a - b).square().flatten(1).sum(1) / b.square().flatten(1).sum(1).clamp_min(1e-6)).mean()


def solved(rows: Tensor, values: Tensor, ridge: float) -> Tensor:
    """Least squares: rows @ result ≈ values."""
    square = rows.T @ rows
    return torch.linalg.solve(
        square + ridge * square.diagonal().mean() * torch.eye(len(square)).to(square), rows.T @ values
    )


def network(path: str, device: torch.device) -> VGG:
    """The teacher, in bfloat16 where that is faster."""
    return load_network(path, device=device, dtype=choose_dtype("auto", device)).network
