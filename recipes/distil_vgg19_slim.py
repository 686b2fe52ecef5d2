#!/usr/bin/env python3
"""Train the slim feature network from VGG-19, on a CPU, for as long as it takes.

    python recipes/distil_vgg19_slim.py --teacher vgg19.caffe --photos DIR --paintings DIR --out RUN --steps 6000

What the teacher makes of a picture never changes, and costs more than a step of the student: it is computed once per
picture and kept in RUN/cache, features at some positions and Gram matrices of the style layers, 2 MB per picture.
Every few steps a picture is added, a crop or a snapshot of a picture that was just optimized through the student
itself, which is where its blind spots show; the oldest make room. A batch is drawn from what is there.

The run resumes where it stopped: give the same command. While RUN/PAUSE exists, it waits. The learning rate is
constant and falls over the last quarter; a raised --steps goes on from before the fall. RUN/log.csv has the losses,
and errors on pictures that are held back, under the running mean of the weights, which is what is exported.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean

import torch
import torch.nn.functional as F
from distillation import Gallery, gram, listing, network, relative, spoiled, stage
from long_run import LongRun, learning_rate, options
from slim_student import SERVED, SLIM, TEACHER_WIDTHS, Student, built, continue_from, export, prune
from target_cache import TargetCache
from torch import Tensor

from brushwork import Gatys
from brushwork.methods.gatys.method import GatysObjective
from brushwork.nn import VGG
from brushwork.nn.statistics import gram_matrix
from brushwork.optim.pixels import PixelOptimizer
from brushwork.weights import get_record

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
FEATURE_WEIGHTS = dict.fromkeys(SERVED, 0.25) | {"relu4_2": 1.0, "relu5_1": 0.5}
GRAM_WEIGHT = 5.0
STRIDES = (16, 8, 4, 2, 1)  # of the positions at which features are compared, by stage; at relu4_2, all of them
HELD = 24
WARMUP = 30  # steps
ARRIVED = 24  # snapshots over which their errors, before they are trained on, are averaged
MIXTURE = {"painting": 3, "snapshot": 3, "photo": 2}  # of a batch of eight


def stride(layer: str) -> int:
    return 1 if layer == "relu4_2" else STRIDES[stage(layer)]


# What is kept of a picture


@torch.no_grad()
def entry_of(pixels: Tensor, teacher: VGG) -> dict[str, Tensor]:
    """A picture (3, H, W) and what the teacher makes of it, in float16; Gram matrices as upper triangles of norm 1."""
    pixels = (pixels * 255).round().to(torch.uint8)
    entry = {"pixels": pixels}
    for layer, features in teacher(pixels[None].float() / 255, SERVED).items():
        step = stride(layer)
        entry[f"feature {layer}"] = features[0, :, ::step, ::step].half()
        if layer in STYLE_LAYERS:
            matrix = gram(features)[0]
            entry[f"norm {layer}"] = matrix.norm()
            row, column = torch.triu_indices(*matrix.shape)
            entry[f"gram {layer}"] = (matrix / matrix.norm())[row, column].half()
    return entry


def full(triangles: Tensor, width: int) -> Tensor:
    """Symmetric matrices (B, width, width) from their upper triangles."""
    matrices = triangles.new_zeros(len(triangles), width, width)
    row, column = torch.triu_indices(width, width)
    matrices[:, row, column] = triangles
    matrices[:, column, row] = triangles
    return matrices


def stacked(entries: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([entry[name] for entry in entries]) for name in entries[0]}


def errors(student: Student, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Relative errors, "feature LAYER" and "gram LAYER", means over a batch of entries."""
    pixels = (batch["pixels"].float() / 255).contiguous(memory_format=torch.channels_last)
    result = {}
    for layer, own in student(pixels).items():
        head, step = student.heads[layer], stride(layer)
        lifted = F.conv2d(own[:, :, ::step, ::step], head[:, :, None, None])
        result[f"feature {layer}"] = relative(lifted, batch[f"feature {layer}"].float())
        if layer in STYLE_LAYERS:
            # The cheaper way round: few positions are lifted themselves.
            matrix = gram(lifted) if step == 1 else head @ gram(own) @ head.T
            target = full(batch[f"gram {layer}"].float(), TEACHER_WIDTHS[stage(layer)])
            result[f"gram {layer}"] = relative(matrix / batch[f"norm {layer}"][:, None, None], target)
    return result


def objective(found: dict[str, Tensor]) -> Tensor:
    return sum(
        error * (GRAM_WEIGHT if name.startswith("gram") else FEATURE_WEIGHTS[name.removeprefix("feature ")])
        for name, error in found.items()
    )


# Pictures


def fresh(gallery: Gallery, kind: int) -> Tensor:
    """A crop of a photograph (0) or a painting (1), some of them blended, noisy, flat or out of place; (3, H, W)."""
    pixels = gallery.one(kind)
    return spoiled(pixels, gallery.one(), gallery.rng) if gallery.rng.random() < 0.3 else pixels


def snapshots(gallery: Gallery, student: VGG) -> list[Tensor]:
    """A picture on its way from a photo to a style, optimized through the student: early and later, (3, H, W) each."""
    rng, photo, painting = gallery.rng, gallery.one(0)[None], gallery.one(1)[None]
    settings = Gatys(style_weight=10 ** rng.uniform(1.3, 2))
    with torch.no_grad():
        content = student(photo, settings.layers("content"))
        style = {name: {"gram": gram_matrix(f)} for name, f in student(painting, settings.layers("style")).items()}
    objective = GatysObjective(student, settings, content, [style], get_record("vgg19-slim").content_gain)
    optimizer = PixelOptimizer(photo, objective, kind="lbfgs")
    kept = []
    visits = (rng.randint(4, 12), rng.choice((25, 25, 60)))
    for evaluation in range(1, visits[-1] + 1):
        optimizer.step()
        if evaluation in visits:
            kept.append(optimizer.pixels[0].clone())
    return kept


# Training


class Run(LongRun):
    """The training.

    Args:
        args: Options of the command.
    """

    trained, extra = "student", ("arrived",)
    module: Student

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        rng, self.arrived = random.Random(args.seed), list[dict[str, float]]()
        (photos, held_photos), (paintings, held_paintings) = listing(args.photos, 200), listing(args.paintings, 100)
        self.gallery = Gallery(photos, paintings, rng)
        self.held_gallery = Gallery(held_photos, held_paintings, random.Random(1))
        self.teacher, student = network(args.teacher, torch.device("cpu")), Student(args.widths)
        student.to(memory_format=torch.channels_last)
        limits = {"held": HELD, "photo": args.keep // 3, "painting": args.keep // 2, "snapshot": args.keep // 3}
        super().__init__(args, rng, student, TargetCache(args.out / "cache", limits))

    def begin(self) -> None:
        pictures = torch.stack([self.gallery.one() for _ in range(self.args.first)])
        if self.args.start:
            continue_from(self.args.start, self.teacher, self.module, pictures)
        else:
            prune(self.teacher, self.module, pictures)
        self.optimize(self.module)
        for index in range(HELD):
            self.cache.add("held", entry_of(self.held_gallery.one(int(index % 3 > 0)), self.teacher))
        for index in range(self.args.first):
            self._add_crop(index)
        for _ in range(self.args.first // 8):
            self._add_snapshots()
        self.losses = [0.0]

    def optimizer_of(self, module: torch.nn.Module) -> torch.optim.Optimizer:
        # Heads work on the teacher's scale, hundreds of times the student's: each has its own rate.
        return torch.optim.Adam([{"params": [p], "unit": p.detach().abs().mean().item()} for p in module.parameters()])

    def export(self) -> None:
        export(self.ema, self.args.out / f"{self.args.name}.safetensors")

    def _add_crop(self, index: int) -> None:
        self.wait()
        kind = int(index % 5 < 3)
        self.cache.add(("photo", "painting")[kind], entry_of(fresh(self.gallery, kind), self.teacher))

    def _add_snapshots(self) -> None:
        self.wait()
        for pixels in snapshots(self.gallery, built(self.ema)):
            entry = entry_of(pixels, self.teacher)
            self.cache.add("snapshot", entry)
            with torch.no_grad(), self.averaged():
                found = errors(self.module, stacked([entry]))
            self.arrived = [*self.arrived, {name: error.item() for name, error in found.items()}][-ARRIVED:]

    def _drawn(self, pool: str, count: int) -> Iterable[str]:
        keys = self.cache.pools[pool]
        return (self.rng.choice(keys) for _ in range(count))

    def train_step(self) -> None:
        """One step of the student, after adding what is due to the cache."""
        self.wait()
        args = self.args
        if self.step % args.crop_every == 0:
            self._add_crop(self.step // args.crop_every)
        if self.step % args.snapshot_every == 0:
            self._add_snapshots()
        keys = [key for pool, count in MIXTURE.items() for key in self._drawn(pool, count)]
        loss = objective(errors(self.module, stacked([self.cache.get(key) for key in keys])))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        rate = learning_rate(self.step, args, WARMUP)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * max(group["unit"], 0.02) / 0.05
        if torch.nn.utils.get_total_norm([p.grad for p in self.module.parameters()]).isfinite():
            self.optimizer.step()
        self.follow(loss.item())

    @torch.no_grad()
    def measure(self) -> None:
        """Add a row to the log: errors on held-back pictures and on snapshots when they arrived."""
        held = [self.cache.get(key) for key in self.cache.pools["held"]]
        with self.averaged():
            parts = [errors(self.module, stacked(held[i : i + 8])) for i in range(0, len(held), 8)]
        row = {"step": self.step, "hours": self.spent(), "loss": mean(self.losses)}
        row |= {f"held {name}": mean(part[name].item() for part in parts) for name in parts[0]}
        row |= {f"snapshot {name}": mean(one[name] for one in self.arrived) for name in self.arrived[0]}
        self.note(row)
        shown = [f"{row[name]:.4f}" for name in row if "gram" in name or name.endswith("feature relu4_2")]
        print(self.step, f"{60 * row['hours']:.1f} min", f"{row['loss']:.3f}", *shown, flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    parser = options(__doc__, name="vgg19-slim-3", steps=6000, rate=4e-4, ema=0.99, first=64, keep=2400, save_every=50)
    parser.add_argument("--teacher", default="vgg19.caffe", help="weights record or file")
    parser.add_argument("--start", type=Path, help="a network to go on from; default: VGG-19's channels")
    parser.add_argument("--widths", type=lambda text: tuple(map(int, text.split(","))), default=SLIM.widths)
    parser.add_argument("--snapshot-every", type=int, default=8, help="steps between new snapshots")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    Run(args).run()


if __name__ == "__main__":
    main()
