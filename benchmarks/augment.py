#!/usr/bin/env python3
"""Pictures per second of StyleAugment at 224², beside the heaviest transforms of albumentations.

    python benchmarks/augment.py [--side 224] [--pictures 64] [--rounds 3]

Two workers of a DataLoader with a thread each, and one process with two threads. Each figure is the best of the rounds.
Busy machines slow all of them, so the transforms are also timed by CPU time, in one thread: twice that is what two idle
cores do. Writes a dated JSON to benchmarks/results/. Needs albumentations.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import albumentations
import cv2
import torch
from report import write
from skimage import data
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from brushwork import Picture, StyleAugment
from brushwork.image import resize

BATCH = 16
CANDIDATES = (
    "GlassBlur",
    "ZoomBlur",
    "ElasticTransform",
    "Superpixels",
    "Spatter",
    "AdvancedBlur",
    "RandomFog",
    "ISONoise",
)


class Pictures(Dataset[Tensor]):
    """Photographs in memory, each changed when it is taken."""

    def __init__(self, count: int, side: int, change: Callable[[Tensor], Tensor] | None = None) -> None:
        names = ("astronaut", "chelsea", "coffee", "rocket")
        photos = [resize(Picture.from_numpy(getattr(data, name)()).pixels, (side, side))[0] for name in names]
        self.pictures = [(photos[k % len(photos)] * 255).byte() for k in range(count)]
        self.change = change

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Tensor:
        picture = self.pictures[index]
        return picture if self.change is None else self.change(picture)


def in_workers(pictures: Pictures, rounds: int, together: Callable[[Tensor], Tensor] | None = None) -> float:
    """Return pictures per second through two workers, whose start isn't counted."""

    def joined(some: list[Tensor]) -> Tensor:
        batch = torch.stack(some)
        return batch if together is None else together(batch)

    loader = DataLoader(pictures, BATCH, num_workers=2, persistent_workers=True, collate_fn=joined)
    return fastest(lambda: loader, len(pictures), rounds)


def fastest(batches: Callable[[], Iterable[Tensor]], count: int, rounds: int) -> float:
    """Return pictures per second, after a round that warms up."""
    seconds = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        for _ in batches():
            pass
        seconds.append(time.perf_counter() - started)
    return count / min(seconds[1:])


def per_cpu_second(pictures: Iterable[Any], change: Callable[[Any], Any], count: int, rounds: int) -> float:
    """Return pictures per second of CPU time, in one thread."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    seconds = []
    for _ in range(rounds + 1):
        started = time.process_time()
        for picture in pictures:
            change(picture)
        seconds.append(time.process_time() - started)
    return count / min(seconds[1:])


def _by_name(transform: Callable[..., dict[str, Any]], image: Any) -> Any:
    return transform(image=image)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    count, side, rounds = options.pictures, options.side, options.rounds

    plain = Pictures(count, side)
    batches = list(DataLoader(plain, BATCH))
    augment, mixed = StyleAugment(p=1.0), StyleAugment(p=1.0, mix=0.5)
    found: dict[str, dict[str, float]] = {}

    def told(title: str, name: str, rate: float) -> None:
        found.setdefault(title, {})[name] = rate
        print(f"{title:32} {name:32} {rate:8.1f}", flush=True)

    title = "per CPU second, one thread"
    told(title, "StyleAugment, batches", per_cpu_second(batches, augment, count, rounds))
    told(title, "StyleAugment, batches, mix", per_cpu_second(batches, mixed, count, rounds))
    told(title, "StyleAugment, single pictures", per_cpu_second(plain.pictures, augment, count, rounds))
    arrays = [picture.movedim(0, 2).contiguous().numpy() for picture in plain.pictures[: BATCH // 4]]
    transforms = {name: getattr(albumentations, name)(p=1.0) for name in CANDIDATES}
    for name, transform in transforms.items():
        change = partial(_by_name, transform)
        told(title, name, per_cpu_second(arrays, change, len(arrays), 1))
    heaviest = min(CANDIDATES, key=found[title].__getitem__)

    def heavy(picture: Tensor) -> Tensor:
        return torch.from_numpy(transforms[heaviest](image=picture.movedim(0, 2).contiguous().numpy())["image"])

    title = "per second, two workers"
    told(title, "StyleAugment, batches", in_workers(plain, rounds, augment))
    told(title, "StyleAugment, single pictures", in_workers(Pictures(count, side, augment), rounds))
    told(title, heaviest, in_workers(Pictures(count, side, heavy), rounds))
    torch.set_num_threads(2)
    told("per second, two threads", "StyleAugment, batches", fastest(lambda: map(augment, batches), count, rounds))
    dtype = str(augment._painter.network.dtype).removeprefix("torch.")
    write("augment", {"side": side, "count": count, "dtype": dtype, "pictures": found})


if __name__ == "__main__":
    main()
