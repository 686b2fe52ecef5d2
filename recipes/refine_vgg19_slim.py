#!/usr/bin/env python3
"""Train stages 4 and 5 of `vgg19-slim` anew, at any width, on features that VGG-19 gave once.

    python recipes/refine_vgg19_slim.py --student OLD.safetensors --photos DIR --paintings DIR --out RUN --minutes 60

On a CPU the teacher costs most of a training step (recipes/distil_vgg19_slim.py), and stages 1 to 3 of the student
most of the rest. So both are run once per picture, and what they gave is kept: the student's pooled relu3_4 and the
teacher's stages 4 and 5, 1.5 MB per picture. Stages 4 and 5 start from least squares, layer by layer, from the
student's own features to the teacher's values before the rectifier, of the channels that best span all of them, and
are trained from memory. Meanwhile a second thread adds pictures: fresh ones, and snapshots of pictures that are being
optimized through the student as it is by then, the newest of which are kept. Snapshots made through another network
don't show this one's blind spots (docs/decisions/0005).

Two cores are used best by two threads of one core each: OMP_NUM_THREADS=1. Resumable: the last checkpoint is taken up
again, and pictures are collected anew.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TypeAlias

import scipy.linalg
import torch
import torch.nn.functional as F
from distillation import Gallery, gram, listing, network, relative, solved, width
from safetensors.torch import load_file
from torch import Tensor, nn

from brushwork import Gatys
from brushwork.methods.gatys.method import GatysObjective
from brushwork.nn import VGG
from brushwork.nn.statistics import gram_matrix
from brushwork.optim.pixels import PixelOptimizer
from brushwork.runtime.device import choose_device, choose_dtype
from brushwork.runtime.tensor_files import write_tensors
from brushwork.weights import get_record

LAYERS = ("relu4_1", "relu4_2", "relu4_3", "relu4_4", "relu5_1")
SERVED = ("relu4_1", "relu4_2", "relu4_3", "relu5_1")  # those with a tap
# What a picture is optimized by is Gram matrices of relu4_1 and relu5_1 and features of relu4_2.
FEATURE_WEIGHTS = {"relu4_1": 0.2, "relu4_2": 1.0, "relu4_3": 0.2, "relu5_1": 0.2}
GRAM_WEIGHTS = {"relu4_1": 20.0, "relu4_2": 1.0, "relu5_1": 10.0}
THIN = "relu4_3"  # kept at every second position each way
EVALUATIONS, VISITS = 12, 10  # a picture that is being optimized is kept after each visit, and done after the last
KEPT = {"fresh": 6000, "easel": 1000}  # the oldest make room
Entry: TypeAlias = dict[str, Tensor]


class Tail(nn.Module):
    """Stages 4 and 5 of the student, and their heads into the teacher's width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs, self.heads = nn.ModuleDict(), nn.ParameterDict()
        for name in LAYERS:
            own = width("vgg19-slim", name)
            self.convs[name] = nn.Conv2d(channels, own, 3, padding=1, padding_mode="replicate")
            if name in SERVED:
                self.heads[name] = nn.Parameter(torch.zeros(width("vgg19", name), own))
            channels = own

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        found = {}
        for name in LAYERS:
            x = F.relu(self.convs[name](pooled(x) if name == "relu5_1" else x))
            found[name] = x
        return found


def pooled(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2)


# Pictures and what both networks make of them


def fresh(gallery: Gallery) -> Iterator[Tensor]:
    """Crops, some of them blended, noisy, flat or out of place; (1, 3, H, W)."""
    while True:
        yield gallery.batch(1) if gallery.rng.random() < 0.3 else gallery.one()[None]


@dataclass
class Easel:
    """A picture that is being optimized."""

    photo: Tensor
    painting: Tensor
    pixels: Tensor
    settings: Gatys
    visits: int = 0

    @classmethod
    def start(cls, gallery: Gallery) -> Easel:
        rng, photo, painting = gallery.rng, gallery.one(0)[None], gallery.one(1)[None]
        pixels = photo if rng.random() < 0.75 else torch.lerp(photo, torch.rand_like(photo), rng.choice([0.3, 1.0]))
        return cls(photo, painting, pixels, Gatys(style_weight=10 ** rng.uniform(1, 2.4)))

    def advance(self, network: VGG, evaluations: int) -> Tensor:
        """Optimize some steps further through a network; the pixels."""
        device = network.convs["relu1_1"].weight.device
        with torch.no_grad():
            content = network(self.photo.to(device), self.settings.layers("content"))
            style = network(self.painting.to(device), self.settings.layers("style"))
        targets = {name: {"gram": gram_matrix(features)} for name, features in style.items()}
        objective = GatysObjective(network, self.settings, content, [targets], get_record("vgg19-slim").content_gain)
        optimizer = PixelOptimizer(self.pixels.to(device), objective, kind="lbfgs")
        for _ in range(evaluations):
            optimizer.step()
        self.pixels, self.visits = optimizer.best_pixels.cpu(), self.visits + 1
        return self.pixels


def easels(gallery: Gallery, student: Callable[[], VGG], count: int = 24) -> Iterator[Tensor]:
    """Snapshots of pictures that are being optimized through the student as it is then; (1, 3, H, W)."""
    standing = [Easel.start(gallery) for _ in range(count)]
    while True:
        place = gallery.rng.randrange(count)
        yield standing[place].advance(student(), EVALUATIONS)
        if standing[place].visits == VISITS:
            standing[place] = Easel.start(gallery)


@torch.no_grad()
def entry(pictures: Tensor, student: VGG, teacher: VGG) -> Entry:
    """What is kept of a picture: the tail's input and its targets, in float16."""
    pictures = (pictures.to(student.convs["relu1_1"].weight) * 255).round() / 255
    kept = {name: f.half() for name, f in teacher(pictures, SERVED).items()}
    kept[THIN] = kept[THIN][:, :, ::2, ::2].contiguous()
    kept["input"] = pooled(rectified(student, pictures, "relu3_4")).half()
    return {name: tensor.cpu() for name, tensor in kept.items()}


def rectified(student: VGG, pictures: Tensor, last: str) -> Tensor:
    """A layer of the student before its tap."""
    x = student.preprocessing(pictures)
    for layer in student.layers[: student.layers.index(last) + 1]:
        x = F.relu(student.convs[layer](pooled(x) if layer.endswith("_1") and layer != "relu1_1" else x))
    return x


# Training


@torch.no_grad()
def least_squares(tail: Tail, student: VGG, teacher: VGG, pictures: Tensor) -> None:
    """Set the tail layer by layer (He et al. 2017, arXiv:1707.06168, but from the student's own features)."""
    before: dict[str, list[Tensor]] = {name: [] for name in LAYERS}
    hooks = [
        teacher.convs[name].register_forward_hook(lambda _, __, out, name=name: before[name].append(out.float()))
        for name in LAYERS
    ]
    pictures = pictures.to(student.convs["relu1_1"].weight)
    for part in pictures.split(4):
        teacher(part, LAYERS)
    for hook in hooks:
        hook.remove()
    tail.to(pictures.device)
    x = pooled(rectified(student, pictures, "relu3_4"))
    for name in LAYERS:
        x = pooled(x) if name == "relu5_1" else x
        wanted = torch.cat(before[name]).permute(0, 2, 3, 1).flatten(0, 2).double()
        chosen = torch.randperm(len(wanted))[:24000]
        wanted, conv = wanted[chosen], tail.convs[name]
        columns = F.unfold(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3).mT.flatten(0, 1)[chosen].double()
        best = scipy.linalg.qr(wanted[:8000].relu().cpu().numpy(), mode="r", pivoting=True)[1][
            : len(conv.weight)
        ].copy()
        scale = wanted[:, best].relu().square().mean(0).sqrt().clamp_min(1e-3)
        solution = solved(F.pad(columns, (0, 1), value=1.0), wanted[:, best], 1e-4) / scale
        conv.weight.copy_(solution[:-1].T.reshape(conv.weight.shape))
        conv.bias.copy_(solution[-1])
        x = F.relu(conv(x))
        if name in tail.heads:
            own = x.permute(0, 2, 3, 1).flatten(0, 2)[chosen].double()
            tail.heads[name].copy_(solved(own, wanted.relu(), 1e-5).T)


def errors(tail: Tail, entries: Entry, dtype: torch.dtype) -> dict[str, Tensor]:
    """Relative errors of features and Gram matrices; products are done in `dtype`."""
    weight = tail.convs["relu4_1"].weight
    entries = {key: tensor.to(weight) for key, tensor in entries.items()}
    result = {}
    with torch.autocast(weight.device.type, torch.bfloat16, enabled=dtype is torch.bfloat16):
        found = tail(entries["input"].contiguous(memory_format=torch.channels_last))
        for name in SERVED:
            own, target = found[name], entries[name]
            own = own[:, :, ::2, ::2] if name == THIN else own
            lifted = tail.heads[name] @ own.flatten(2)
            result[f"features {name}"] = relative(lifted.float(), target.flatten(2))
            if name in GRAM_WEIGHTS:
                result[f"gram {name}"] = relative(gram(lifted).float(), gram(target).float())
    return result


def objective(found: dict[str, Tensor]) -> Tensor:
    weights = {"features": FEATURE_WEIGHTS, "gram": GRAM_WEIGHTS}
    return sum(
        weights[kind][layer] * error for (kind, layer), error in zip(map(str.split, found), found.values(), strict=True)
    )


def picked(entries: Sequence[Entry], count: int) -> list[Entry]:
    return [entries[place] for place in torch.randint(len(entries), (count,)).tolist()]


def stacked(entries: Sequence[Entry]) -> Entry:
    return {key: torch.cat([entry[key] for entry in entries]) for key in entries[0]}


@torch.no_grad()
def measured(tail: Tail, entries: Sequence[Entry], dtype: torch.dtype) -> dict[str, float]:
    parts = [errors(tail, stacked(entries[i : i + 8]), dtype) for i in range(0, len(entries), 8)]
    return {key: mean(part[key].item() for part in parts) for key in parts[0]}


def front(student: Path) -> dict[str, Tensor]:
    """Stages 1 to 3 of a network, whatever the width of the others."""
    kept = ("conv1", "conv2", "conv3", "tap1", "tap2", "tap3")
    return {name: tensor.float() for name, tensor in load_file(student).items() if name.startswith(kept)}


def whole(tail: Tail, student: Path) -> dict[str, Tensor]:
    """The weights of the network: stages 1 to 3 as they were, and the tail, its heads folded to square taps."""
    tensors = front(student)
    for name, conv in tail.convs.items():
        tensors[f"conv{name[4:]}.weight"], tensors[f"conv{name[4:]}.bias"] = conv.weight, conv.bias
    for name, head in tail.heads.items():
        tensors[f"tap{name[4:]}.weight"] = torch.linalg.qr(head.detach())[1][:, :, None, None]
    return {name: tensor.detach().cpu().float().contiguous() for name, tensor in tensors.items()}


def export(tensors: dict[str, Tensor], path: Path) -> None:
    """Write the network in float16."""
    halves = {name: tensor.half() for name, tensor in tensors.items()}
    write_tensors(path, halves, {"architecture": "vgg19-slim"})


def built(tensors: dict[str, Tensor]) -> VGG:
    """The network of these weights, frozen."""
    return VGG.from_tensors(tensors, get_record("vgg19-slim").preprocessing).to(memory_format=torch.channels_last)


def train(tail: Tail, sources: dict[str, Iterator[Entry]], held: Sequence[Entry], args: argparse.Namespace) -> None:
    """Adam, each parameter at its own scale; the rate falls over the last 60 %."""
    sets = {
        name: deque((next(source) for _ in range(args.first)), maxlen=KEPT[name]) for name, source in sources.items()
    }
    print(f"{args.first} pictures of each kind", flush=True)
    optimizer = torch.optim.Adam([{"params": [p], "unit": p.detach().abs().mean().item()} for p in tail.parameters()])
    dtype = choose_dtype("auto", next(tail.parameters()).device)
    started, step, log = time.time(), 0, []
    arrived: deque[dict[str, float]] = deque(maxlen=48)  # errors on snapshots that were never trained on
    order = itertools.cycle(("easel", *["fresh"] * 6))
    with ThreadPoolExecutor(1) as second:
        kind = next(order)
        coming = second.submit(next, sources[kind])
        while (done := (time.time() - started) / (60 * args.minutes)) < 1:
            if coming.done():
                sets[kind].append(coming.result())
                if kind == "easel":
                    arrived.append(measured(tail, [coming.result()], dtype))
                kind = next(order)
                coming = second.submit(next, sources[kind])
            rate = args.rate * min(1.0, (step + 1) / 50, max(0.01, (1 - done) / 0.6))
            for group in optimizer.param_groups:
                group["lr"] = rate * max(group["unit"], 0.02) / 0.05
            batch = [entry for entries in sets.values() for entry in picked(entries, args.batch // len(sets))]
            loss = objective(errors(tail, stacked(batch), dtype))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
            if step % args.save_every == 0:
                row = {"step": step, "minutes": (time.time() - started) / 60, "loss": loss.item()}
                row |= {f"held {key}": value for key, value in measured(tail, held, dtype).items()}
                row |= {f"easel {key}": mean(error[key] for error in arrived) for key in arrived[0]}
                log.append(row)
                save(tail, log, args)


def save(tail: Tail, log: list[dict[str, float]], args: argparse.Namespace) -> None:
    print({k: round(v, 4) for k, v in log[-1].items()}, flush=True)
    torch.save(tail.state_dict(), args.out / "tail.part")
    (args.out / "tail.part").replace(args.out / "tail.pt")
    export(whole(tail, args.student), args.out / "vgg19-slim.safetensors")
    with (args.out / "vgg19-slim.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(log[0]))
        writer.writeheader()
        writer.writerows({k: f"{v:.6g}" for k, v in entry.items()} for entry in log)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", type=Path, required=True, help="weights whose stages 1 to 3 are kept")
    parser.add_argument("--teacher", default="vgg19.caffe", help="weights record or file")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first", type=int, default=192, help="pictures of each kind before training starts")
    parser.add_argument("--held", type=int, default=48, help="held-back pictures that are measured on")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--save-every", type=int, default=400)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    device = choose_device()
    teacher, student = network(args.teacher, device), built(front(args.student)).to(device)
    (photos, held_photos), (paintings, held_paintings) = listing(args.photos, 200), listing(args.paintings, 100)
    gallery = Gallery(photos, paintings, random.Random(0))
    held = Gallery(held_photos, held_paintings, random.Random(1))
    tail = Tail(width("vgg19-slim", "relu3_4"))
    if (args.out / "tail.pt").exists():
        tail.load_state_dict(torch.load(args.out / "tail.pt"))
    else:
        least_squares(tail, student, teacher, torch.cat([next(fresh(gallery)) for _ in range(64)]))
    tail.to(device, memory_format=torch.channels_last)
    pictures = {
        "fresh": fresh(gallery),
        "easel": easels(gallery, lambda: built(whole(tail, args.student)).to(device)),
    }
    sources = {name: (entry(one, student, teacher) for one in source) for name, source in pictures.items()}
    train(tail, sources, [entry(next(fresh(held)), student, teacher) for _ in range(args.held)], args)


if __name__ == "__main__":
    main()
