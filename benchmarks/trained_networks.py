#!/usr/bin/env python3
r"""Judge networks that were trained for a style: errors on photos, measures no training used, seconds of one picture.

    python benchmarks/trained_networks.py PHOTOS OUT --judge judge.py \
        --entry published johnson candy.jpg candy.pth --entry ours johnson candy.jpg ours.safetensors [--speed 512 1024]

An entry is a label, a method, the painting and the style that --style would take. With --model entries of
conditional-instance-norm use that network. PHOTOS is a folder; results are OUT/LABEL/PHOTO.png. The judge is as in
judged_pairs.py. With --speed the networks are timed in turn on square noise, the fastest of seven counts; what is
published as .pth runs as published, in float32, by benchmarks/peers. A dated JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from judged_pairs import module
from peers.fast_neural_style import FastNeuralStyle
from report import write
from torch import Tensor

from brushwork import Picture, encode_style, load, read_image, write_image
from brushwork.evaluation import patch_distance, ssim
from brushwork.methods import Method
from brushwork.registry import settings_from


def method_of(name: str, model: str | None) -> Method:
    options = {"model": model} if model and name == "conditional-instance-norm" else {}
    return load(settings_from(name, options))


def judged(entry: list[str], args: argparse.Namespace, judge: Any, reader: Callable[..., Tensor]) -> dict[str, Any]:
    label, name, painting, style = entry
    method, folder = method_of(name, args.model), args.out / label
    value = encode_style(method, style, [args.size])
    folder.mkdir(parents=True, exist_ok=True)
    rows, real = {}, read_image(painting, size=args.size).visible()
    for photo in sorted(args.photos.glob("*.jpg")):
        result, shown = folder / f"{photo.stem}.png", read_image(photo, size=args.size).visible()
        picture = method(shown, value)
        write_image(Picture(picture), result)
        errors = judge.score(*(reader(path, args.size) for path in (photo, painting, result)))
        more = [ssim(picture, shown), patch_distance(picture, real)] if args.measures else []
        rows[photo.stem] = [*errors, *more]
    columns = torch.tensor(list(rows.values())).T
    means = dict(zip(("content", "style", "SSIM", "patches"), columns.mean(1).tolist(), strict=False))
    worst = {"worst content": float(columns[0].max()), "worst style": float(columns[1].max())}
    found = {**means, **worst, "photos": rows}
    print(f"{label:30} " + "  ".join(f"{name} {value:.3f}" for name, value in means.items()), flush=True)
    return {"method": name, "painting": Path(painting).name, "style": Path(style).name, **found}


def program(entry: list[str], model: str | None) -> Callable[[Tensor], Tensor]:
    _, name, _, style = entry
    if Path(style).suffix == ".pth":
        published = FastNeuralStyle(Path(style))
        return lambda photo: published(photo * 255)
    method = method_of(name, model)
    value = encode_style(method, style, [512])
    return lambda photo: method(photo, value)


def seconds(run: Callable[[Tensor], Tensor], side: int) -> float:
    photo = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    started = time.perf_counter()
    with torch.inference_mode():
        run(photo)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--entry", nargs=4, action="append", required=True, metavar="X")
    parser.add_argument("--model", help="network of conditional-instance-norm")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument(
        "--measures", action="store_true", help="SSIM to the photo, distance of patches to the painting's"
    )
    parser.add_argument("--speed", type=int, nargs="*", default=[], help="sides of squares to time")
    parser.add_argument("--name", default="trained-networks", help="of the JSON")
    parser.add_argument("--scratch", action="store_true", help="write no JSON")
    args = parser.parse_args()
    judge = module(args.judge)
    results = {entry[0]: judged(entry, args, judge.Judge(), judge.load_image) for entry in args.entry}
    programs = {entry[0]: program(entry, args.model) for entry in args.entry} if args.speed else {}
    times: dict[int, dict[str, float]] = {}
    for side in args.speed:
        for run in programs.values():
            seconds(run, side)  # the first time is slower
        rounds = [{label: seconds(run, side) for label, run in programs.items()} for _ in range(7)]
        times[side] = {label: min(found[label] for found in rounds) for label in programs}
        print(side, {label: f"{value:.3f} s" for label, value in times[side].items()}, flush=True)
    if not args.scratch:
        write(args.name, {"size": args.size, "networks": results, "seconds": times})


if __name__ == "__main__":
    main()
