#!/usr/bin/env python3
"""Image analogies: learned filters beside the true ones, times at 512×512, and what coherence does at equal time.

    python benchmarks/analogies.py blur       # PSNR of a learned blur, in dB
    python benchmarks/analogies.py emboss     # of a learned emboss
    python benchmarks/analogies.py times      # of both searches, for luminance and for labels
    python benchmarks/analogies.py coherence  # the scan's matches with coherent candidates and without

The pictures are those that come with scikit-image. A dated JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from report import write
from scipy.ndimage import gaussian_filter
from skimage import data
from torch import Tensor
from torch.nn import functional as F

from brushwork import Analogies
from brushwork.methods.analogies import forest, hertzmann
from brushwork.methods.analogies.analogy import Analogy
from brushwork.methods.analogies.method import grown, pair_of

PAIRS = (("astronaut", "chelsea"), ("coffee", "astronaut"), ("camera", "coins"))
SEARCHES = ("patchmatch", "hertzmann")


def picture(name: str, side: int) -> Tensor:
    array = getattr(data, name)()
    array = array if array.ndim == 3 else array[..., None].repeat(3, 2)
    pixels = torch.from_numpy(np.ascontiguousarray(array[..., :3])).permute(2, 0, 1)[None].float() / 255
    return F.interpolate(pixels, (side, side), mode="bicubic", antialias=True).clamp(0, 1)


def blurred(pixels: Tensor) -> Tensor:
    return torch.from_numpy(gaussian_filter(pixels.numpy(), (0, 0, 2, 2), mode="nearest"))


def embossed(pixels: Tensor) -> Tensor:
    padded = F.pad(pixels.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    return (0.5 + padded[..., :-2, :-2] - padded[..., 2:, 2:]).clamp(0, 1).expand(-1, 3, -1, -1).contiguous()


def psnr(found: Tensor, wanted: Tensor) -> float:
    return float(-10 * (found - wanted).square().mean().log10())


def learned(name: str, apply: Callable[[Tensor], Tensor], side: int) -> dict[str, Any]:
    """PSNR of what is made with colors of A' and no remapping, so that the true filter is what is sought."""
    facts: dict[str, Any] = {}
    ways = {
        "patchmatch": Analogies(remap="none"), "hertzmann": Analogies(search="hertzmann", kappa=0.5, remap="none"),
        "patchmatch, steerable": Analogies(remap="none", filters="steerable"),
        "hertzmann, steerable": Analogies(search="hertzmann", kappa=0.5, remap="none", filters="steerable"),
    }  # fmt: skip
    for a, b in PAIRS:
        source, target = (picture(which, side).mean(1, keepdim=True).expand(-1, 3, -1, -1) for which in (a, b))
        wanted = apply(target)
        found = {"unchanged": psnr(target, wanted), "flat": psnr(wanted.mean().expand_as(wanted), wanted)}
        for way, settings in ways.items():
            found[way] = psnr(grown(pair_of(source, apply(source), None), target, settings), wanted)
        facts[f"{a} to {b}"] = found
        print(name, a, b, {key: round(value, 1) for key, value in found.items()}, flush=True)
    return facts


def labels_in_bands(side: int, edges: tuple[float, ...]) -> Tensor:
    colors = ((1.0, 1.0, 1.0), (0.0, 0.6, 0.0), (0.0, 0.0, 1.0), (1.0, 0.2, 0.1))
    rows = torch.bucketize(torch.arange(side) / side, torch.tensor(edges))
    return torch.tensor(colors)[rows].T[None, :, :, None].expand(-1, -1, -1, side).contiguous()


def times(side: int) -> dict[str, Any]:
    source, target = picture("astronaut", side), picture("chelsea", side)
    maps = labels_in_bands(side, (0.3, 0.5, 0.8)), labels_in_bands(side, (0.4, 0.7, 0.9))
    facts: dict[str, Any] = {"side": side}
    for search in SEARCHES:
        for name, (before, asked), compare in (
            ("luminance", (blurred(source), target), "luminance"), ("labels", maps, "labels"),
        ):  # fmt: skip
            started, cpu = time.perf_counter(), time.process_time()
            grown(pair_of(before, source, None), asked, Analogies(search=search, compare=compare))
            facts[f"{search}, {name}"] = {
                "seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu
            }  # fmt: skip
            print(search, name, facts[f"{search}, {name}"], flush=True)
    return facts


class _Measured(hertzmann._Level):
    """A level that can leave coherent candidates out, and adds up the distances of what it took."""

    coherent, total, count = True, 0.0, 0

    def _coherent(self, query: Any, chosen: Any, offered: Any, kappa: float) -> Any:
        if self.coherent:
            chosen = super()._coherent(query, chosen, offered, kappa)
        _Measured.total += float(hertzmann._squares(self._known[chosen] - query).sum())
        _Measured.count += len(query)
        return chosen


def coherence(side: int) -> dict[str, Any]:
    """Mean distance of the matches with κ = 0; without coherent candidates the time goes into more trees."""
    hertzmann._Level = _Measured  # type: ignore[misc]
    facts: dict[str, Any] = {}
    for a, b in PAIRS:
        source, target = (picture(which, side).mean(1) for which in (a, b))
        analogy = Analogy(source, blurred(source[None])[0], target, torch.ones(side, side, dtype=torch.bool))
        for coherent, trees in ((True, 4), (False, 4), (False, 8), (False, 12)):
            _Measured.coherent, _Measured.total, _Measured.count, forest.TREES = coherent, 0.0, 0, trees
            cpu = time.process_time()
            hertzmann.by_scan(analogy, kappa=0.0, weight=1.0, levels=5)
            facts[f"{a} to {b}, {'with' if coherent else 'without'} coherence, {trees} trees"] = found = {
                "cpu_seconds": time.process_time() - cpu, "mean_distance": _Measured.total / _Measured.count
            }  # fmt: skip
            print(a, b, coherent, trees, found, flush=True)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("blur", "emboss", "times", "coherence"))
    parser.add_argument("--side", type=int, help="of the pictures, in pixels [512 for times, otherwise 256]")
    chosen = parser.parse_args()
    run = {
        "blur": partial(learned, "blur", blurred), "emboss": partial(learned, "emboss", embossed),
        "times": times, "coherence": coherence,
    }[chosen.part]  # fmt: skip
    side = chosen.side or (512 if chosen.part == "times" else 256)
    write(f"analogies-{chosen.part}", {"side": side, **run(side)})


if __name__ == "__main__":
    main()
