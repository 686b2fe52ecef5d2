#!/usr/bin/env python3
"""How long brushwork takes to reach the loss of a plain loop over VGG-19, both in one run.

    python benchmarks/time_to_loss.py PHOTO PAINTING [--network vgg19.caffe] [--size 512] [--evaluations 300]

The plain loop is how popular programs do it: torch's L-BFGS on all pixels of the full-size picture, brought back to
[0, 1] before each evaluation, float32, contiguous memory, zero padding. Ours is `Gatys` with its defaults. The loss is
the same, but for what lies beyond the border: zeros for one, the photo's mirror image for the other. So both pictures
are measured by a third: the loss of the picture alone, with reflected borders, which neither of them descends. The
goal is what the plain loop's picture has in the end; measuring takes no part of anybody's time. A dated JSON is
written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from judged_pairs import RESULTS, hardware
from torch import Tensor, nn

from brushwork import Gatys, load, load_network, read_image
from brushwork.features import VGG
from brushwork.progress import Step


class DoneError(Exception):
    """The loss is reached."""


class Plain:
    """The loss of `Gatys` at the photo's size, written as popular programs write it."""

    def __init__(self, photo: Tensor, painting: Tensor, network: str, padding: str) -> None:
        vgg, self.settings = load_network(network).network, Gatys()
        assert isinstance(vgg, VGG)
        self.preprocessing, self.modules = vgg.preprocessing, []
        for layer in vgg.layers[: vgg.layers.index("relu5_1") + 1]:
            convolution = vgg.convs[layer].to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
            convolution.padding_mode = padding
            pool = [nn.MaxPool2d(2)] if layer.endswith("_1") and layer != "relu1_1" else []
            self.modules.append((layer, nn.Sequential(*pool, convolution, nn.ReLU())))
        with torch.no_grad():
            factor = max(photo.shape[2:]) / max(painting.shape[2:])
            size = [round(side * factor) for side in painting.shape[2:]]
            self.photo = self._features(photo)
            found = self._features(F.interpolate(painting, size, mode="bicubic", antialias=True).clamp(0, 1))
            self.grams = {layer: self._gram(found[layer]) for layer in self.settings.layers("style")}

    def _features(self, pixels: Tensor) -> dict[str, Tensor]:
        x, found = self.preprocessing(pixels), {}
        for layer, module in self.modules:
            x = found[layer] = module(x)
        return found

    def _gram(self, features: Tensor) -> Tensor:
        flat = features.flatten(2)
        return flat @ flat.transpose(1, 2) / flat.shape[2]

    def __call__(self, pixels: Tensor) -> Tensor:
        """The loss."""
        found = self._features(pixels)
        content = sum(self._error(found[k], self.photo[k]) for k in self.settings.layers("content"))
        style = sum(self._error(self._gram(found[k]), gram) for k, gram in self.grams.items()) / len(self.grams)
        return self.settings.content_weight * content + self.settings.style_weight * style

    def _error(self, value: Tensor, target: Tensor) -> Tensor:
        return (value - target).square().sum() / target.square().sum()


def plain_loop(objective: Plain, photo: Tensor, evaluations: int) -> tuple[Tensor, list[tuple[float, float]]]:
    """The picture; seconds and its own loss after each evaluation."""
    pixels = photo.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        [pixels], max_iter=evaluations, max_eval=evaluations, tolerance_grad=0, tolerance_change=0
    )
    curve: list[tuple[float, float]] = []
    started = time.perf_counter()

    def closure() -> Tensor:
        optimizer.zero_grad()
        with torch.no_grad():
            pixels.clamp_(0, 1)
        loss = objective(pixels)
        loss.backward()
        curve.append((time.perf_counter() - started, loss.item()))
        if len(curve) % 25 == 0:
            print(f"plain {len(curve)}: {curve[-1][0]:.0f} s, loss {curve[-1][1]:.4f}", flush=True)
        return loss

    optimizer.step(closure)  # type: ignore[arg-type]
    return pixels.detach().clamp(0, 1), curve


def ours(
    photo: Tensor, painting: Tensor, network: str, measured: Callable[[Tensor], float], goal: float
) -> list[tuple[float, float]]:
    """Seconds, those of loading and measuring the style included, and the plain loss, until the goal is reached."""
    started, away, curve = time.perf_counter(), 0.0, list[tuple[float, float]]()

    def watch(step: Step) -> None:
        nonlocal away
        full = step.size == (photo.shape[3], photo.shape[2])
        if not full or step.step % 4:
            return
        paused = time.perf_counter()
        curve.append((paused - started - away, measured(step.preview())))
        print(f"ours {step.step}: {curve[-1][0]:.0f} s, loss {curve[-1][1]:.4f}", flush=True)
        if curve[-1][1] <= goal:
            raise DoneError
        away += time.perf_counter() - paused

    method = load(Gatys(network=network))
    style = method.encode_style(painting, sizes=method.sizes(photo.shape[3], photo.shape[2]))
    with contextlib.suppress(DoneError):
        method(photo, style, progress=watch)
    return curve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("painting", type=Path)
    parser.add_argument("--network", default="vgg19.caffe")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--evaluations", type=int, default=300)
    args = parser.parse_args()
    photo, painting = (read_image(path, size=args.size).pixels for path in (args.photo, args.painting))
    objective = Plain(photo, painting, args.network, "zeros")
    neutral = Plain(photo, painting, args.network, "reflect")

    @torch.no_grad()
    def measured(pixels: Tensor) -> float:
        return neutral(pixels).item()

    picture, plain = plain_loop(objective, photo, args.evaluations)
    goal = measured(picture)
    reached = ours(photo, painting, args.network, measured, goal)
    last = reached[-1]
    report: dict[str, Any] = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "hardware": hardware(),
        "pictures": [args.photo.name, args.painting.name, list(photo.shape[2:])],
        "plain": {
            "evaluations": len(plain), "seconds": plain[-1][0], "own loss": plain[-1][1], "loss": goal,
            "curve of its own loss": plain[::10],
        },
        "ours": {"seconds": last[0], "loss": last[1], "reached": last[1] <= goal, "curve": reached},
        "share of the time": last[0] / plain[-1][0],
    }  # fmt: skip
    (RESULTS / f"{report['date'][:10]}-time-to-loss.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({k: v for k, v in report.items() if k not in ("plain", "ours")}, indent=1))


if __name__ == "__main__":
    main()
