#!/usr/bin/env python3
"""Exported networks against torch: how far apart their pixels are, how large the files, and seconds per picture.

    python benchmarks/export.py [--sides 256 512 1024] [--largest 2047] [--pairs PAIRS.tsv --judge judge.py]

Both run in float32 on one thread, in turn. The photographs are scikit-image's, at odd sizes for parity. With --pairs,
all pictures are judged too (see judged_pairs.py), painted by AdaIN-lite in float32, with half weights and in int8.
Writes a dated JSON to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from judged_pairs import module, pairs_of
from report import write
from skimage import data
from torch import Tensor

from brushwork import Picture, encode_style, export, load, read_image
from brushwork.image import resize
from brushwork.options.methods import AdaIN, AdaINLite, ConditionalInstanceNorm, Johnson, TextureNets
from brushwork.tiling.tiles import Moments, StatisticsRequest

SAMPLES = Path(__file__).parents[1] / "tests" / "compatibility" / "0.1" / "styles"
NETWORKS: dict[str, tuple[Any, str]] = {
    "adain-lite": (AdaINLite(precision="float32"), "great-wave"),
    "adain-lite-film": (AdaINLite(model="adain-lite-film", precision="float32"), "great-wave"),
    "adain": (AdaIN(precision="float32"), "great-wave"),
    "conditional-instance-norm": (ConditionalInstanceNorm(precision="float32"), "feminine-wave"),
    "johnson": (Johnson(precision="float32"), "bell-tower"),
    "texture-nets": (TextureNets(precision="float32"), str(SAMPLES / "texture-nets.safetensors")),
}
ODD = [(8, 8), (8, 61), (67, 83), (255, 383), (511, 1023)]


def photo(height: int, width: int) -> Tensor:
    return resize(Picture.from_numpy(data.astronaut()).pixels, (width, height))


def runner(path: Path) -> Callable[[Tensor], np.ndarray]:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"photo": pixels.numpy()})[0]  # type: ignore[no-any-return]


def seconds(works: dict[str, Callable[[], object]], runs: int = 2) -> dict[str, float]:
    best = dict.fromkeys(works, float("inf"))
    for _ in range(runs):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - started)
    return {name: round(taken, 4) for name, taken in best.items()}


def differences(method: Any, value: Any, by_onnx: Callable[[Tensor], np.ndarray], pixels: Tensor) -> dict[str, float]:
    """Largest differences, of 255: from torch, and of both from torch with sums in float64, as in tiles."""

    def exact(_: int, ask: StatisticsRequest) -> Moments:
        features = ask.features.double()
        mean = features.mean((2, 3))
        return Moments(mean.float(), (features - mean[..., None, None]).square().mean((2, 3)).float())

    found, whole, summed = by_onnx(pixels), method(pixels, value).numpy(), method.frame(pixels, value, exact).numpy()
    pairs = {"onnx, torch": (found, whole), "onnx, exact": (found, summed), "torch, exact": (whole, summed)}
    return {name: round(255 * float(np.abs(a - b).max()), 5) for name, (a, b) in pairs.items()}


def compared(settings: Any, style: str, folder: Path, sides: list[int], sizes: list[tuple[int, int]]) -> dict[str, Any]:
    """Parity, file sizes and times of one network."""
    method = load(settings)
    value = encode_style(method, style, [1024])
    path, _ = export(style, folder / "style.onnx", settings)
    by_onnx = runner(path)
    parity = {f"{width}x{height}": differences(method, value, by_onnx, photo(height, width)) for height, width in sizes}
    times = {}
    for side in sides:
        pixels = photo(side, side)
        times[str(side)] = seconds(
            {"torch": lambda pixels=pixels: method(pixels, value), "onnxruntime": lambda pixels=pixels: by_onnx(pixels)}  # type: ignore[misc]
        )
    return {"bytes": path.stat().st_size, "largest difference, of 255": parity, "seconds": times}


def smaller_weights(folder: Path) -> dict[str, Any]:
    """AdaIN-lite with smaller weights: bytes, and the mean difference from float32."""
    plain, pixels = runner(export("great-wave", folder / "plain.onnx")[0]), photo(511, 511)
    found = {}
    for weights in ("float16", "int8"):
        path, _ = export("great-wave", folder / f"{weights}.onnx", weights=weights)
        run = runner(path)
        found[weights] = {
            "bytes": path.stat().st_size,
            "mean difference, of 255": float(np.abs(run(pixels) - plain(pixels)).mean()) * 255,
            "seconds at 511": seconds({"plain": lambda: plain(pixels), weights: lambda run=run: run(pixels)}),  # type: ignore[misc]
        }
    return found


def judged(table: Path, judge_path: Path, folder: Path, size: int = 384) -> dict[str, dict[str, float]]:
    """Mean errors under the judge of all pairs."""
    judge_module = module(judge_path)
    judge, rows = judge_module.Judge(), {weights: [] for weights in ("float32", "float16", "int8")}  # type: ignore[var-annotated]
    for content, style in pairs_of(table, 1):
        pixels = read_image(content, size=size).pixels
        shown = [judge_module.load_image(path, size) for path in (content, style)]
        for weights, scores in rows.items():
            path, _ = export(style, folder / f"{weights}.onnx", AdaINLite(), weights=weights)
            scores.append(judge.score(*shown, (torch.from_numpy(runner(path)(pixels)) * 255).round()))
    return {
        weights: dict(zip(("content", "style"), np.mean(scores, 0).tolist(), strict=True))
        for weights, scores in rows.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--largest", type=int, default=2047, help="side of the largest picture that is compared")
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--judge", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for network, (settings, style) in NETWORKS.items():
            sizes = [*ODD, (args.largest, args.largest)] if network == "adain-lite" and args.largest else ODD
            found[network] = compared(settings, style, folder, args.sides, sizes)
            print(network, found[network], flush=True)
        smaller = smaller_weights(folder)
        errors = judged(args.pairs, args.judge, folder) if args.pairs and args.judge else {}
    print(smaller, errors)
    facts = {"onnxruntime": onnxruntime.__version__, "networks": found, "smaller weights": smaller, "judged": errors}
    write("export", facts)


if __name__ == "__main__":
    main()
