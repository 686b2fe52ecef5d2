#!/usr/bin/env python3
"""How long brushwork takes to reach the loss of a plain loop over VGG-19, both in one run.

    python benchmarks/time_to_loss.py PHOTO PAINTING [--network NAME] [--size 512] [--evaluations 300] [--scales 1]

The plain loop is how popular programs do it: torch's L-BFGS on all pixels of the full-size picture, brought back to
[0, 1] before each evaluation, float32, contiguous memory, zero padding. Ours is `Gatys` with its defaults, but for
the number of scales and of steps: it goes on until it has the plain loop's loss, or has taken its time.

The loss is the same, but for what lies beyond the border: zeros for one, the photo's mirror image, which is optimized
too, for the other. Deep layers see the border almost everywhere, so each loop is measured by the loss that it descends.
A third one, of the picture alone with reflected borders, is told beside it; it takes no part of anybody's time. A dated
JSON is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from report import write
from torch import Tensor, nn

from brushwork import Gatys, load, load_network, read_image
from brushwork.nn import VGG
from brushwork.runtime.progress import Step


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
    photo: Tensor, painting: Tensor, settings: Gatys, goal: float, patience: float
) -> tuple[Tensor, list[tuple[float, float]]]:
    """The picture; seconds, those of loading and measuring the style included, and its own loss at full size."""
    started, curve, pictures = time.perf_counter(), list[tuple[float, float]](), list[Tensor]()

    def watch(step: Step) -> None:
        if step.size != (photo.shape[3], photo.shape[2]):
            return
        curve.append((time.perf_counter() - started, step.loss))
        if len(curve) % 10 == 0:
            print(f"ours {step.step}: {curve[-1][0]:.0f} s, loss {curve[-1][1]:.4f}", flush=True)
        if curve[-1][1] <= goal or curve[-1][0] >= patience:
            pictures.append(step.preview())
            raise DoneError

    method = load(settings)
    style = method.encode_style(painting, sizes=method.sizes(photo.shape[3], photo.shape[2]))
    with contextlib.suppress(DoneError):
        pictures.append(method(photo, style, progress=watch))
    return pictures[-1], curve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("painting", type=Path)
    parser.add_argument("--network", default="vgg19.caffe")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument("--scales", type=int, default=1)
    args = parser.parse_args()
    photo, painting = (read_image(path, size=args.size).pixels for path in (args.photo, args.painting))
    picture, plain = plain_loop(Plain(photo, painting, args.network, "zeros"), photo, args.evaluations)
    goal = plain[-1][1]
    settings = Gatys(network=args.network, scales=args.scales, steps=args.evaluations * args.scales)
    own, curve = ours(photo, painting, settings, goal, plain[-1][0])
    neutral = Plain(photo, painting, args.network, "reflect")
    with torch.no_grad():
        measured = [neutral(pixels).item() for pixels in (picture, own)]
    report: dict[str, Any] = {
        "pictures": [args.photo.name, args.painting.name, list(photo.shape[2:])],
        "plain": {
            "evaluations": len(plain), "seconds": plain[-1][0], "loss": goal, "picture alone": measured[0],
            "curve": plain[::10],
        },
        "ours": {
            "scales": args.scales, "evaluations at full size": len(curve), "seconds": curve[-1][0],
            "loss": curve[-1][1], "reached": curve[-1][1] <= goal, "picture alone": measured[1], "curve": curve[::10],
        },
        "share of the time": curve[-1][0] / plain[-1][0],
    }  # fmt: skip
    write("time-to-loss", report)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
