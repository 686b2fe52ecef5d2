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
import csv
import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean

import torch
import torch.nn.functional as F
from distillation import Gallery, gram, listing, network, relative, spoiled, stage
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


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Short warm-up, plateau, linear fall over the last quarter."""
    fall = max(1, steps - falls_at(steps))
    return peak * min(1.0, (step + 1) / 30, max(0.02, (steps - step) / fall))


def falls_at(steps: int) -> int:
    return steps - steps // 4


class Run:
    """A training that can be stopped at any step.

    Args:
        args: Options of the command.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.rng = args, random.Random(args.seed)
        torch.manual_seed(args.seed)
        (photos, held_photos), (paintings, held_paintings) = listing(args.photos, 200), listing(args.paintings, 100)
        self.gallery = Gallery(photos, paintings, self.rng)
        self.held_gallery = Gallery(held_photos, held_paintings, random.Random(1))
        self.teacher, self.student = network(args.teacher, torch.device("cpu")), Student(args.widths)
        self.cache = TargetCache(
            args.out / "cache",
            {"held": HELD, "photo": args.keep // 3, "painting": args.keep // 2, "snapshot": args.keep // 3},
        )
        self.student.to(memory_format=torch.channels_last)
        self.step, self.hours, self.log = 0, 0.0, list[dict[str, float]]()
        self.losses, self.arrived = list[float](), list[dict[str, float]]()
        self.started = time.process_time()
        checkpoint = self._checkpoint()
        if checkpoint is None:
            self._begin()
        else:
            self._resume(checkpoint)

    def _begin(self) -> None:
        pictures = torch.stack([self.gallery.one() for _ in range(self.args.first)])
        if self.args.start:
            continue_from(self.args.start, self.teacher, self.student, pictures)
        else:
            prune(self.teacher, self.student, pictures)
        self._optimize_with(self.student)
        for index in range(HELD):
            self.cache.add("held", entry_of(self.held_gallery.one(int(index % 3 > 0)), self.teacher))
        for index in range(self.args.first):
            self._add_crop(index)
        for _ in range(self.args.first // 8):
            self._add_snapshots()

    def _optimize_with(self, student: Student) -> None:
        self.ema = {name: tensor.clone() for name, tensor in student.state_dict().items()}
        # Heads work on the teacher's scale, hundreds of times the student's: each has its own rate.
        self.optimizer = torch.optim.Adam(
            [{"params": [p], "unit": p.detach().abs().mean().item()} for p in student.parameters()]
        )

    def _checkpoint(self) -> dict | None:
        """The state to go on from: the last one, or the one before its rate fell, if more steps are wanted now."""
        path, plateau = self.args.out / "checkpoint.pt", self.args.out / "plateau.pt"
        if not path.exists():
            return None
        state = torch.load(path, weights_only=True)
        if self.args.steps > state["steps"] and state["step"] > falls_at(state["steps"]) and plateau.exists():
            return torch.load(plateau, weights_only=True)
        return state

    def _resume(self, state: dict) -> None:
        self.student.load_state_dict(state["student"])
        self._optimize_with(self.student)
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema, self.step, self.hours = state["ema"], state["step"], state["hours"]
        self.log, self.losses, self.arrived = state["log"], state["losses"], state["arrived"]
        self.cache.restore(state["cache"])
        version, internal, gauss = state["rng"]
        self.rng.setstate((version, tuple(internal), gauss))
        torch.set_rng_state(state["torch_rng"])

    def spent(self) -> float:
        """CPU hours of the whole run."""
        return self.hours + (time.process_time() - self.started) / 3600

    def save(self, name: str = "checkpoint.pt") -> None:
        """Write the state whole or not at all, and delete what the cache no longer needs."""
        state = {
            "student": self.student.state_dict(), "ema": self.ema, "optimizer": self.optimizer.state_dict(),
            "step": self.step, "steps": self.args.steps, "hours": self.spent(), "log": self.log,
            "losses": self.losses, "arrived": self.arrived, "cache": self.cache.state(),
            "rng": self.rng.getstate(), "torch_rng": torch.get_rng_state(),
        }  # fmt: skip
        part = self.args.out / f"{name}.part"
        torch.save(state, part)
        part.replace(self.args.out / name)
        self.cache.sweep()
        export(self.ema, self.args.out / f"{self.args.name}.safetensors")

    def _wait(self) -> None:
        while (self.args.out / "PAUSE").exists():
            time.sleep(0.5)

    def _add_crop(self, index: int) -> None:
        self._wait()
        kind = int(index % 5 < 3)
        self.cache.add(("photo", "painting")[kind], entry_of(fresh(self.gallery, kind), self.teacher))

    def _add_snapshots(self) -> None:
        self._wait()
        for pixels in snapshots(self.gallery, built(self.ema)):
            entry = entry_of(pixels, self.teacher)
            self.cache.add("snapshot", entry)
            with torch.no_grad(), self.averaged():
                found = errors(self.student, stacked([entry]))
            self.arrived = [*self.arrived, {name: error.item() for name, error in found.items()}][-ARRIVED:]

    def averaged(self) -> _Averaged:
        """Within this context the student has the running mean of its weights."""
        return _Averaged(self.student, self.ema)

    def _drawn(self, pool: str, count: int) -> Iterable[str]:
        keys = self.cache.pools[pool]
        return (self.rng.choice(keys) for _ in range(count))

    def train_step(self) -> None:
        """One step of the student, after adding what is due to the cache."""
        self._wait()
        args = self.args
        if self.step % args.crop_every == 0:
            self._add_crop(self.step // args.crop_every)
        if self.step % args.snapshot_every == 0:
            self._add_snapshots()
        keys = [key for pool, count in MIXTURE.items() for key in self._drawn(pool, count)]
        loss = objective(errors(self.student, stacked([self.cache.get(key) for key in keys])))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        rate = learning_rate(self.step, args.steps, args.rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * max(group["unit"], 0.02) / 0.05
        if torch.nn.utils.get_total_norm([p.grad for p in self.student.parameters()]).isfinite():
            self.optimizer.step()
        self.step += 1
        decay = min(args.ema, (1 + self.step) / (10 + self.step))
        for name, tensor in self.student.state_dict().items():
            self.ema[name].lerp_(tensor, 1 - decay)
        self.losses.append(loss.item())

    @torch.no_grad()
    def measure(self) -> None:
        """Add a row to the log: errors on held-back pictures and on snapshots when they arrived."""
        held = [self.cache.get(key) for key in self.cache.pools["held"]]
        with self.averaged():
            parts = [errors(self.student, stacked(held[i : i + 8])) for i in range(0, len(held), 8)]
        row = {"step": self.step, "hours": self.spent(), "loss": mean(self.losses)}
        row |= {f"held {name}": mean(part[name].item() for part in parts) for name in parts[0]}
        row |= {f"snapshot {name}": mean(one[name] for one in self.arrived) for name in self.arrived[0]}
        self.log, self.losses = [*self.log, row], []
        with (self.args.out / "log.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            writer.writeheader()
            writer.writerows({name: f"{value:.5g}" for name, value in line.items()} for line in self.log)
        shown = [f"{row[name]:.4f}" for name in row if "gram" in name or name.endswith("feature relu4_2")]
        print(self.step, f"{60 * row['hours']:.1f} min", f"{row['loss']:.3f}", *shown, flush=True)

    def run(self) -> None:
        """Train to the last step."""
        if not self.log:
            self.losses = [0.0]
            self.measure()
            self.save()
        while self.step < self.args.steps:
            self.train_step()
            if self.step % self.args.save_every == 0 or self.step == self.args.steps:
                self.measure()
                self.save()
            if self.step == falls_at(self.args.steps):
                self.save("plateau.pt")


class _Averaged:
    """Swaps a module's weights for others for as long as a context lasts."""

    def __init__(self, student: Student, weights: dict[str, Tensor]) -> None:
        self.student, self.weights = student, weights

    def __enter__(self) -> None:
        self.own = {name: tensor.clone() for name, tensor in self.student.state_dict().items()}
        self.student.load_state_dict(self.weights)

    def __exit__(self, *_: object) -> None:
        self.student.load_state_dict(self.own)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", default="vgg19.caffe", help="weights record or file")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="vgg19-slim-3", help="of the exported weights")
    parser.add_argument("--start", type=Path, help="a network to go on from; default: VGG-19's channels")
    parser.add_argument("--widths", type=lambda text: tuple(map(int, text.split(","))), default=SLIM.widths)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--ema", type=float, default=0.99, help="decay of the running mean of the weights")
    parser.add_argument("--first", type=int, default=64, help="crops before the first step")
    parser.add_argument("--crop-every", type=int, default=2, help="steps between new crops")
    parser.add_argument("--snapshot-every", type=int, default=8, help="steps between new snapshots")
    parser.add_argument("--keep", type=int, default=2400, help="pictures in the cache, about, of 2 MB each")
    parser.add_argument("--save-every", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    Run(args).run()


if __name__ == "__main__":
    main()
