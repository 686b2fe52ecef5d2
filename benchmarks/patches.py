#!/usr/bin/env python3
"""Quilting's time and seams beside a plain loop of the paper; PatchMatch's time and error beside exact search.

    python benchmarks/patches.py quilting    # 1000×1000 from 200×200, and wrap edges of tileable textures
    python benchmarks/patches.py patchmatch  # ten pairs of pictures, and one pair of a megapixel

The pictures are those that come with scikit-image. A dated JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from report import write
from skimage import data
from torch import Tensor
from torch.nn import functional as F

from brushwork.methods.quilting.laying import Quilt, Swatch
from brushwork.methods.quilting.layout import overlap_of
from brushwork.methods.quilting.quilter import lay
from brushwork.patches import nearest_patches
from brushwork.patches.kernels import compiled

SWATCHES = ("gravel", "grass", "brick", "immunohistochemistry")
PICTURES = (
    "astronaut", "chelsea", "coffee", "rocket", "brick", "grass", "gravel", "immunohistochemistry", "camera", "coins"
)  # fmt: skip
BLOCK, SIDE, PATCH = 36, 200, 7
SMALL, LARGE = 160, 1000  # sides of the pairs
ROWS = 2  # of a megapixel that are searched exactly; the rest is extrapolated


def picture(name: str) -> Tensor:
    array = getattr(data, name)()
    array = array if array.ndim == 3 else array[..., None].repeat(3, 2)
    return torch.from_numpy(np.ascontiguousarray(array[..., :3])).permute(2, 0, 1).float() / 255


def swatch(name: str) -> Swatch:
    pixels = picture(name)[:, :SIDE, :SIDE].contiguous()
    return Swatch(pixels, torch.ones(pixels.shape[1:], dtype=torch.bool))


def resized(name: str, side: int) -> Tensor:
    return F.interpolate(picture(name)[None], (side, side), mode="bicubic", antialias=True)[0].clamp(0, 1)


def cuts(quilt: Quilt, wraps: bool) -> dict[str, float]:
    """Mean squared difference of neighbors that are none in the swatch: inside, and around the edge."""
    origins, pixels = quilt.origins, quilt.swatch.pixels.flatten(1)
    found: dict[str, list[Tensor]] = {"inner": [], "edge": []}
    for axis, step in ((1, 1), (0, quilt.swatch.pixels.shape[2])):
        after = origins.roll(-1, axis)
        here = after != origins + step
        difference = (pixels[:, origins] - pixels[:, after]).square().mean(0)
        place = torch.arange(origins.shape[axis])
        band = (place < overlap_of(BLOCK)) | (place == len(place) - 1)  # where the first and the last blocks overlap
        at_edge = (band[None] if axis == 1 else band[:, None]).expand_as(here)
        found["inner"].append(difference[here & ~at_edge])
        found["edge"].append(difference[here & at_edge])
    return {name: float(torch.cat(parts).mean()) for name, parts in found.items() if wraps or name == "inner"}


def plain_quilt(texture: npt.NDArray[np.float32], count: int, block: int, overlap: int) -> npt.NDArray[np.float32]:
    """The paper as a plain loop over `count` × `count` blocks: all places compared one row of pixels after another."""
    random, step = np.random.default_rng(0), block - overlap
    side = overlap + count * step
    result = np.zeros((side, side, 3), np.float32)
    places = len(texture) - block + 1
    for i in range(count):
        for j in range(count):
            known = np.zeros((block, block), bool)
            known[:overlap] |= i > 0
            known[:, :overlap] |= j > 0
            old = result[i * step : i * step + block, j * step : j * step + block].copy()
            costs = np.zeros((places, places), np.float32)
            for y, x in zip(*known.nonzero(), strict=True):
                costs += ((texture[y : y + places, x : x + places] - old[y, x]) ** 2).sum(2)
            candidates = np.argwhere(costs <= 1.1 * costs.min())
            r, c = candidates[random.integers(len(candidates))]
            new = texture[r : r + block, c : c + block]
            error = ((new - old) ** 2).sum(2)
            taken = np.ones((block, block), bool)
            if j:
                taken[:, :overlap] &= plain_cut(error[:, :overlap])
            if i:
                taken[:overlap] &= plain_cut(error[:overlap].T).T
            result[i * step : i * step + block, j * step : j * step + block][taken] = new[taken]
    return result


def plain_cut(error: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    total = error.copy()
    for row in range(1, len(total)):
        for column in range(total.shape[1]):
            total[row, column] += total[row - 1, max(0, column - 1) : column + 2].min()
    taken, column = np.zeros(total.shape, bool), int(total[-1].argmin())
    for row in range(len(total) - 1, -1, -1):
        taken[row, column:] = True
        if row:
            first = max(0, column - 1)
            column = first + int(total[row - 1, first : column + 2].argmin())
    return taken


def quilting() -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name in SWATCHES:
        seconds = []
        for _ in range(2):
            started, cpu = time.perf_counter(), time.process_time()
            quilt = lay(swatch(name), (1000, 1000), BLOCK)
            seconds.append((time.perf_counter() - started, time.process_time() - cpu))
        tiled = lay(swatch(name), (600, 600), BLOCK, wraps=True)
        facts[name] = {
            "seconds": min(seconds)[0], "cpu_seconds": min(cpu for _, cpu in seconds),
            "cut": cuts(quilt, False)["inner"], "tileable": cuts(tiled, True),
        }  # fmt: skip
        print(name, facts[name], flush=True)
    started, cpu, count = time.perf_counter(), time.process_time(), 5
    plain_quilt(swatch("gravel").pixels.permute(1, 2, 0).numpy(), count, BLOCK, overlap_of(BLOCK))
    blocks = 34 * 34 / count**2  # of 1000 × 1000
    facts["plain_loop"] = {
        "seconds_extrapolated": (time.perf_counter() - started) * blocks,
        "cpu_seconds_extrapolated": (time.process_time() - cpu) * blocks,
    }
    return facts


def matching() -> dict[str, Any]:
    pairs = {}
    for name, other in zip(PICTURES, (*PICTURES[1:], PICTURES[0]), strict=True):
        query, source = resized(name, SMALL), resized(other, SMALL)
        exact, found = (nearest_patches(query, source, PATCH, search=s).distances for s in ("exact", "patchmatch"))
        pairs[f"{name} from {other}"] = {
            "distance": float(found.sqrt().mean() / exact.sqrt().mean()), "squares": float(found.mean() / exact.mean())
        }  # fmt: skip
        print(name, pairs[f"{name} from {other}"], flush=True)
    query, source = resized("astronaut", LARGE), resized("chelsea", LARGE)
    started = time.process_time(), time.perf_counter()
    found = nearest_patches(query, source, PATCH).distances.sqrt()
    taken = [now - then for now, then in zip((time.process_time(), time.perf_counter()), started, strict=True)]
    middle = LARGE // 2
    started = time.process_time(), time.perf_counter()
    exact = nearest_patches(query[:, middle : middle + PATCH + ROWS - 1], source, PATCH, search="exact").distances
    whole = [
        (now - then) * len(found) / ROWS
        for now, then in zip((time.process_time(), time.perf_counter()), started, strict=True)
    ]
    return {
        "numba": compiled(), "pairs": pairs,
        "mean_distance": float(np.mean([pair["distance"] for pair in pairs.values()])),
        "megapixel": {
            "patchmatch_cpu_seconds": taken[0], "patchmatch_seconds": taken[1],
            "exact_cpu_seconds_extrapolated": whole[0], "exact_seconds_extrapolated": whole[1],
            "faster": whole[1] / taken[1],
            "distance_of_rows": float(found[middle : middle + ROWS].mean() / exact.sqrt().mean()),
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("quilting", "patchmatch"))
    part = parser.parse_args().part
    facts = quilting() if part == "quilting" else matching()
    write(f"patches-{part}", facts)
    print(facts)


if __name__ == "__main__":
    main()
