#!/usr/bin/env python3
"""Train the second AdaIN-lite through VGG-19, on a CPU, for as long as it takes.

    python recipes/train_painter.py --loss-network vgg19.caffe --photos DIR --paintings DIR --out RUN --steps 20000

What VGG-19 makes of photos and paintings never changes and costs half of a step: it is computed once per crop and kept
in RUN/cache. New crops are added every few steps; the oldest make room. A step then costs what the painted pictures
alone cost. Most steps (--quick-share) see them through vgg19-slim, whose step costs a quarter; the others, through
VGG-19, keep the painter from fitting the slim network's blind spots.

The built-in styles are trained along, from their paintings (--named): what is learned for each is added to what the
encoder says of it. RUN/NAME.styles.safetensors has the sums, at three style scales; recipes/tune_styles.py goes on
from them.

With --examples, some photos are those of paint_examples.py: what the optimizer made of them takes the place of the
photo as content.

For films, --temporal-weight adds the difference between a painted photo and the same photo painted after it moved, and
--learn painter leaves the codes of styles as they are; recipes/mix_painters.py then mixes the two networks.

The run resumes where it stopped: give the same command. While RUN/PAUSE exists, it waits. The learning rate is
constant and falls over the last steps (--fall); a raised --steps goes on from before the fall. RUN/log.csv has the
losses, and errors on pairs that are held back, under the running mean of the weights, which is what is exported.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import torch
import torch.nn.functional as F
from grow_painter import grown
from long_run import LongRun, learning_rate, options
from painter_losses import QuickGram, blob_loss, flat_loss, full, jump_loss, octave_loss, palette_loss
from painter_targets import CONTENT_LAYER, STYLE_LAYERS, Folder, Teachers, floats, moments, smoothed, stacked
from quantize_vgg19 import packed
from target_cache import TargetCache
from torch import Tensor
from tune_styles import Codes, built_in

from brushwork import read_image
from brushwork.evaluation.pictures import palette_distance
from brushwork.losses.content import relative_errors
from brushwork.losses.perceptual import bounded
from brushwork.losses.regularizers import checkerboard_loss, low_frequency_color_loss, total_variation
from brushwork.methods.adain_lite.architecture import SECOND, architecture_of
from brushwork.methods.adain_lite.colors import COLOR_CODE
from brushwork.methods.adain_lite.method import STROKE_SIZE, MovedPhotos
from brushwork.methods.adain_lite.network import LiteNetwork
from brushwork.nn.transformation import activation_outliers
from brushwork.runtime.tensor_files import write_tensors
from brushwork.training.data import recolored
from brushwork.weights import load_into, read_model

SCALES = (1.0, 0.5, 2.0)  # of strokes: of built-in styles
SCALE_SHARES = (0.7, 0.15, 0.15)
FEW_INPUTS = {"coder": 250, "painter": 800}  # layers with more of them learn more slowly
TUNING = 4.0  # times the rate: what is learned for a built-in style, in the few steps that see it
SEEN = (-0.1, 1.1)
HELD = 24
WARMUP = 100  # steps
LOGGED = (
    "exact content", "exact style", "quick content", "quick style", "palette", "octaves", "blobs", "flat", "forms",
    "tv", "grid", "jumps", "outside", "spikes", "own", "temporal",
)  # fmt: skip
BETAS = (0.9, 0.999)


class Painter(torch.nn.Module):
    """The network, and what is added to the codes of the built-in styles at each scale.

    Args:
        network: AdaIN-lite.
        named: How many built-in styles.
    """

    def __init__(self, network: LiteNetwork, named: int) -> None:
        super().__init__()
        self.network = network
        self.tuned = torch.nn.Parameter(torch.zeros(named, len(SCALES), network.sizes.code))

    def codes(self, batch: dict[str, Tensor]) -> Tensor:
        codes: Tensor = self.network.coder(moments(batch))
        named, scale = batch["named"].unbind(1)
        if not len(self.tuned):
            return codes
        found = self.tuned[named, 0] + (scale > 0)[:, None] * self.tuned[named, scale]
        return codes + F.pad((named >= 0)[:, None] * found, (0, COLOR_CODE))

    def forward(self, batch: dict[str, Tensor], photos: Tensor | None = None) -> Tensor:
        """Paint the photos of a batch, or others, in its styles."""
        return self.network.paint(floats(batch["pixels"]) if photos is None else photos, self.codes(batch))


def _pace(name: str, parameter: Tensor) -> float:
    """Return the rate of a layer as a share of the rate: a layer of many inputs learns more slowly."""
    if name == "tuned":
        return TUNING
    return min(1.0, FEW_INPUTS[name.split(".")[1]] / parameter.shape[1:].numel())  # network.coder.…, 1 for a bias


class Run(LongRun):
    """The training.

    Args:
        args: Options of the command.
    """

    trained = "painter"
    module: Painter

    def __init__(self, args: argparse.Namespace) -> None:
        self.photos = Folder(args.photos, 200, only_held=False, closest=2.0)
        self.paintings = Folder(args.paintings, 100, only_held=False, closest=2.2)
        self.teachers = Teachers(args.loss_network, args.quick_network if args.quick_share else None)
        torch.manual_seed(args.seed)  # now: how many random numbers it takes to load a network depends on caches
        self.named = built_in(args.named) if args.named else {}
        limits = dict.fromkeys(("photo", "painting", "example"), args.keep)
        limits |= {"held": HELD, "own": args.keep // 8}
        limits["named"] = max(1, len(self.named) * len(SCALES))
        module = Painter(LiteNetwork(SECOND), len(self.named))
        super().__init__(args, random.Random(args.seed), module, TargetCache(args.out / "cache", limits))
        if args.examples and not self.cache.pools["example"]:
            self._add_examples(args.examples)

    def begin(self) -> None:
        if self.args.start:
            model = read_model(self.args.start, "adain-lite")
            first = LiteNetwork(architecture_of(model))
            load_into(first, model)
            self.module.network = first if first.sizes == SECOND else grown(first, SECOND)
            self.module.train().requires_grad_(True)
        coder = self.module.network.coder
        held_photos = Folder(self.args.photos, 200, only_held=True, closest=1.3)
        held_paintings = Folder(self.args.paintings, 100, only_held=True, closest=1.6)
        rng = random.Random(1)
        for _ in range(HELD):
            photo, painting = held_photos.batch(1, rng), held_paintings.batch(1, rng)
            self.cache.add("held", self.teachers.photo(photo) | self.teachers.painting(painting, coder))
        for row, path in enumerate(self.named.values()):
            for number, scale in enumerate(SCALES):
                painting = read_image(path, size=round(STROKE_SIZE * scale)).pixels
                painting = painting.contiguous(memory_format=torch.channels_last)
                entry = self.teachers.painting(painting, coder)
                self.cache.add("named", entry | {"named": torch.tensor([row, number])})
        if self.args.start:
            self._take_along(self.args.start)
        for index in range(self.args.first):
            self._add(index)
        self._set_units()
        self.optimize(self.module)

    def optimizer_of(self, module: torch.nn.Module) -> torch.optim.Optimizer:
        """Return Adam, whose steps change a layer more the more inputs it has (Yang et al. 2022, arXiv:2203.03466)."""
        frozen = ("tuned", "network.coder") if self.args.learn == "painter" else ()
        parts = [
            {"params": [parameter.requires_grad_(not name.startswith(frozen))], "scale": _pace(name, parameter)}
            for name, parameter in module.named_parameters()
        ]
        return torch.optim.Adam(parts, betas=BETAS)

    @torch.no_grad()
    def export(self) -> None:
        """Write the network, large tensors in 8 bits; and codes of the built-in styles, as a companion of it."""
        prefix = "network."
        tensors = {name.removeprefix(prefix): x for name, x in self.ema.items() if name.startswith(prefix)}
        path = self.args.out / f"{self.args.name}.safetensors"
        write_tensors(path, packed(tensors), {"model": "adain-lite", "architecture": SECOND.name})
        if self.named:
            codes = Codes(self.args.out / f"{self.args.name}.styles", path)
            with self.averaged():
                keys = iter(self.cache.pools["named"])
                for name in self.named:
                    found = {scale: self.module.codes(stacked([self.cache.get(next(keys))]))[0] for scale in SCALES}
                    codes.add(name, found)
            codes.write()

    @torch.no_grad()
    def _take_along(self, start: str) -> None:
        """Go on from the codes of the built-in styles that the first network comes with."""
        path = read_model(start, "adain-lite").path
        codes = Codes(path.with_name(f"{path.stem}.styles"), path)
        keys = self.cache.pools["named"]
        for row, name in enumerate(self.named):
            for number, scale in enumerate(SCALES):
                if scale in codes.of(name):
                    batch = stacked([self.cache.get(keys[row * len(SCALES) + number])])
                    change = codes.of(name)[scale] - self.module.codes(batch)[0]
                    self.module.tuned[row, number] += change[: self.module.network.sizes.code]

    @torch.no_grad()
    def _set_units(self) -> None:
        """Set the scale of those inputs of the encoder that are new, or of all."""
        coder = self.module.network.coder
        shown = [moments(stacked([self.cache.get(key)])) for key in self.cache.pools["painting"]]
        layers = [tuple(torch.cat(parts) for parts in zip(*layer, strict=True)) for layer in zip(*shown, strict=True)]
        squares = [mean.square() + spread.diagonal(dim1=1, dim2=2) for mean, spread in layers[1:]]
        new = coder.unit == 1
        coder.unit[new] = torch.stack([square.mean() for square in squares]).sqrt()[new]
        found = coder.statistics(layers)
        new = coder.std == 1
        coder.mean[new], coder.std[new] = found.mean(0)[new], (found.std(0) + 1e-3)[new]

    def _add_examples(self, folder: Path) -> None:
        for painted in sorted(folder.glob("*.painted.png")):
            name = painted.name.partition(".")[0]
            files = [folder / f"{name}.photo.png", folder / f"{name}.painting.png", painted]
            pixels = [read_image(file).pixels.contiguous(memory_format=torch.channels_last) for file in files]
            self.cache.add("example", self.teachers.example(*pixels, self.module.network.coder))

    def _add(self, index: int) -> None:
        """Add a photo and a painting to the cache; every eighth time, a photo that is its own style as well."""
        self.wait()
        photo, painting = self.photos.batch(1, self.rng), self.paintings.batch(1, self.rng)
        painting = recolored(painting, self.rng) if self.rng.random() < self.args.recolor else painting
        painting = smoothed(painting, self.rng) if self.rng.random() < self.args.smooth else painting
        photo, painting = (x.contiguous(memory_format=torch.channels_last) for x in (photo, painting))
        coder, seen = self.module.network.coder, self.teachers.photo(photo)
        self.cache.add("photo", seen)
        self.cache.add("painting", self.teachers.painting(painting, coder))
        if index % 8 == 0:
            self.cache.add("own", seen | self.teachers.painting(photo, coder))

    def _drawn(self, pool: str) -> str:
        keys = self.cache.pools[pool]
        if pool != "named":
            return self.rng.choice(keys)
        (number,) = self.rng.choices(range(len(SCALES)), SCALE_SHARES)
        return keys[self.rng.randrange(len(self.named)) * len(SCALES) + number]

    def _batch(self) -> tuple[dict[str, Tensor], Tensor]:
        """Entries, and which of them are photos in their own style."""
        entries, own = [], []
        for _ in range(self.args.batch):
            own.append(self.rng.random() < self.args.own_share)
            style = "named" if self.named and self.rng.random() < self.args.named_share else "painting"
            entry = dict[str, Tensor]()
            example = not own[-1] and self.cache.pools["example"] and self.rng.random() < self.args.example_share
            for pool in ("own",) if own[-1] else ("example",) if example else ("photo", style):
                entry |= self.cache.get(self._drawn(pool))
            entries.append(entry)
        return stacked(entries), torch.tensor(own)

    def painted(self, batch: dict[str, Tensor], photos: Tensor | None = None) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.teachers.dtype == torch.bfloat16):
            pictures: Tensor = self.module(batch, photos).float()
            return pictures

    def errors(self, pictures: Tensor, batch: dict[str, Tensor], teacher: str = "exact") -> dict[str, Tensor]:
        """Relative errors (B,) through a loss network: of content, and of each style layer."""
        seen = pictures.clamp(*SEEN).contiguous(memory_format=torch.channels_last)
        found = self.teachers.losses[teacher](seen, (*STYLE_LAYERS, CONTENT_LAYER))
        errors = {"content": relative_errors(found[CONTENT_LAYER].float(), batch[f"{teacher} content"].float())}
        for layer in STYLE_LAYERS:
            matrix = QuickGram.apply(found[layer]).float() / batch[f"{teacher} norm {layer}"][:, None, None]
            errors[layer] = relative_errors(matrix, full(batch[f"{teacher} gram {layer}"].float()))
        return errors

    def terms(self, batch: dict[str, Tensor], own: Tensor, teacher: str) -> dict[str, Tensor]:
        args, steady = self.args, dict[str, Tensor]()
        film = MovedPhotos(floats(batch["pixels"]), covered=False) if args.temporal_weight else None
        with activation_outliers(self.module) as spikes:
            pictures = self.painted(batch, film and film.before)
        if film is not None:
            steady = {"temporal": args.temporal_weight * film.apart(pictures, self.painted(batch, film.after))}
        errors, photos = self.errors(pictures, batch, teacher), floats(batch["pixels"])
        shares = dict.fromkeys(STYLE_LAYERS, 1.0) | {"relu5_1": args.deepest_share}
        style = torch.stack([shares[layer] * bounded(errors[layer]) for layer in STYLE_LAYERS]).mean()
        return steady | {
            "content": args.content_weight * errors["content"].mean(),
            "style": args.style_weight * style,
            "palette": args.palette_weight * palette_loss(pictures, floats(batch["painting"])),
            "octaves": args.octave_weight * octave_loss(pictures, batch["octaves"]),
            "blobs": args.blob_weight * blob_loss(pictures, photos),
            "flat": args.flat_weight * flat_loss(pictures, photos, floats(batch["painting"])),
            "forms": args.form_weight * low_frequency_color_loss(pictures, photos),
            "tv": 0.1 * total_variation(pictures),
            "grid": 1500 * checkerboard_loss(pictures),
            "jumps": args.jump_weight * jump_loss(pictures),
            "outside": 10 * (pictures - pictures.clamp(0, 1)).abs().mean(),
            "spikes": 3 * torch.stack(spikes).mean(),
            "own": 8 * (own[:, None, None, None] * (pictures - photos).abs()).mean(),
        }

    def train_step(self) -> None:
        self.wait()
        args = self.args
        if self.step % args.crop_every == 0:
            self._add(self.step // args.crop_every)
        teacher = "quick" if self.rng.random() < args.quick_share else "exact"
        terms = self.terms(*self._batch(), teacher)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        for group in self.optimizer.param_groups:
            group["lr"] = group["scale"] * learning_rate(self.step, args, WARMUP)
        norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), args.clip)
        if norm.isfinite():
            self.optimizer.step()
        shown = {name: float(term.detach()) for name, term in terms.items()}
        self.follow({f"{teacher} {name}": shown.pop(name) for name in ("content", "style")} | shown)

    def _measured(self, entry: dict[str, Tensor]) -> dict[str, float]:
        batch = stacked([entry])
        picture = self.painted(batch).clamp(0, 1)
        row = {name: float(error) for name, error in self.errors(picture, batch).items()}
        row["style"] = fmean(row[layer] for layer in STYLE_LAYERS)
        return row | {"palette": palette_distance(picture, floats(batch["painting"]))}

    @torch.no_grad()
    def measure(self) -> None:
        """Note the mean loss terms, and errors on held-back pairs under the mean of the weights."""
        held, named = self.cache.pools["held"], self.cache.pools["named"][:: len(SCALES)]
        with self.averaged():
            rows = [self._measured(self.cache.get(key)) for key in held]
            built_in = [
                self._measured(self.cache.get(photo) | self.cache.get(painting))
                for photo, painting in zip(held, named[:: max(1, len(named) // len(held))], strict=False)
            ]
        row = {"step": self.step, "hours": self.spent()}
        for kind, found in (("held", rows), ("named", built_in)):
            row |= {f"{kind} {name}": fmean([one[name] for one in found] or [math.nan]) for name in rows[0]}
        for name in LOGGED:
            row[name] = fmean([one[name] for one in self.losses if name in one] or [math.nan])
        self.note(row)
        print(*(f"{name.removeprefix('held ')} {value:.4g}" for name, value in row.items()), flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    defaults = {"name": "adain-lite-3", "steps": 20000, "rate": 6e-4, "ema": 0.998, "first": 150, "keep": 2500}
    parser = options(__doc__, save_every=100, **defaults)
    parser.add_argument("--loss-network", default="vgg19.caffe", help="weights record or file")
    parser.add_argument("--quick-network", default="vgg19-slim", help="the loss network of most steps")
    parser.add_argument("--quick-share", type=float, default=0.85, help="share of steps through it")
    parser.add_argument("--named", type=Path, help="folder of the built-in styles' paintings")
    parser.add_argument("--named-share", type=float, default=0.5, help="share of pictures in these styles")
    parser.add_argument("--start", default="adain-lite", help="a first network to widen; '' for none")
    parser.add_argument("--learn", choices=("all", "painter"), default="all", help="painter: codes stay as they are")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--clip", type=float, default=10.0)
    parser.add_argument("--content-weight", type=float, default=3.0)
    parser.add_argument("--style-weight", type=float, default=10.0)
    parser.add_argument("--palette-weight", type=float, default=5.0)
    parser.add_argument("--octave-weight", type=float, default=10.0)
    parser.add_argument("--blob-weight", type=float, default=200.0)
    parser.add_argument("--flat-weight", type=float, default=15.0)
    parser.add_argument("--form-weight", type=float, default=4.0)
    parser.add_argument("--jump-weight", type=float, default=60.0)
    parser.add_argument("--temporal-weight", type=float, default=0.0, help="of steadiness under motion, for films")
    parser.add_argument("--deepest-share", type=float, default=0.05, help="weight of relu5_1 among the style layers")
    parser.add_argument("--examples", type=Path, help="folder of paint_examples.py")
    parser.add_argument("--example-share", type=float, default=0.3, help="share of pictures that are examples")
    parser.add_argument("--own-share", type=float, default=0.06)
    parser.add_argument("--recolor", type=float, default=0.5)
    parser.add_argument("--smooth", type=float, default=0.1, help="share of paintings without their finest detail")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    Run(args).run()


if __name__ == "__main__":
    main()
