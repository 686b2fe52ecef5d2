#!/usr/bin/env python3
"""Train stages 4 and 5 of `vgg19-slim` anew, at any width, on features that VGG-19 gave once.

    python recipes/refine_vgg19_slim.py --student OLD.safetensors --photos DIR --paintings DIR --out RUN --minutes 60

On a CPU the teacher costs most of a training step (recipes/distil_vgg19_slim.py), and stages 1 to 3 of the student
most of the rest. So both are run once over a set of pictures, fresh ones and snapshots of pictures that are being
optimized through the student, and what they gave is kept: the student's pooled relu3_4 and the teacher's stages 4 and
5, 1.5 MB per picture. Stages 4 and 5 then start from least squares, layer by layer, from the student's own features to
the teacher's values before the rectifier, of the channels that best span all of them, and are trained from memory.
Meanwhile the oldest snapshots are replaced by new ones, of pictures optimized through the student as it is by then:
snapshots made through another network don't show this one's blind spots (docs/decisions/0005).

Resumable: collected pictures and the last checkpoint are taken up again.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as F
from distil_vgg19_slim import Gallery, gram, listing, network, relative, spoiled, width
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from brushwork import Gatys, load_network
from brushwork.device import choose_device
from brushwork.features import VGG
from brushwork.methods.gatys import GatysObjective
from brushwork.optimization import PixelOptimizer
from brushwork.statistics import gram_matrix
from brushwork.weights import get_record

LAYERS = ("relu4_1", "relu4_2", "relu4_3", "relu4_4", "relu5_1")
SERVED = ("relu4_1", "relu4_2", "relu4_3", "relu5_1")  # those with a tap
GRAM_WEIGHTS = {"relu4_1": 5.0, "relu4_2": 1.0, "relu5_1": 5.0}  # more where styles are measured
THIN = "relu4_3"  # kept at every second position each way
SNAPSHOTS = (5, 15, 40)  # evaluations after which a picture that is being optimized is kept
SHARD = 48


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
        yield (gallery.one() if gallery.rng.random() < 0.6 else spoiled(gallery.one(), gallery.one(), gallery.rng))[
            None
        ]


def easels(gallery: Gallery, student: Callable[[], VGG]) -> Iterator[Tensor]:
    """Snapshots of pictures that are being optimized through the student as it is then; (3, 3, H, W)."""
    rng = gallery.rng
    while True:
        settings, network = Gatys(style_weight=10 ** rng.uniform(1, 2.4)), student()
        device = network.convs["relu1_1"].weight.device
        photo, painting = (gallery.one(kind)[None].to(device) for kind in (0, 1))
        with torch.no_grad():
            content = network(photo, settings.layers("content"))
            style = network(painting, settings.layers("style"))
        targets = {name: {"gram": gram_matrix(features)} for name, features in style.items()}
        objective = GatysObjective(network, settings, content, targets, get_record("vgg19-slim").content_gain)
        start = photo if rng.random() < 0.75 else torch.lerp(photo, torch.rand_like(photo), rng.choice([0.3, 1.0]))
        optimizer, kept = PixelOptimizer(start, objective, kind="lbfgs"), []
        for evaluation in range(1, max(SNAPSHOTS) + 1):
            optimizer.step()
            if evaluation in SNAPSHOTS:
                kept.append(optimizer.pixels.detach().clone())
        yield torch.cat(kept)


@torch.no_grad()
def entry(pictures: Tensor, student: VGG, teacher: VGG) -> dict[str, Tensor]:
    """What is kept of pictures: the tail's input and its targets, in float16."""
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


def collect(folder: Path, name: str, count: int, pictures: Iterator[Tensor], student: VGG, teacher: VGG) -> None:
    """Write entries until there are `count` shards of SHARD pictures."""
    for index in range(count):
        path = folder / f"{name}-{index:03d}.safetensors"
        if path.exists():
            continue
        parts, found = [], 0
        while found < SHARD:
            parts.append(entry(next(pictures), student, teacher))
            found += len(parts[-1]["input"])
        whole = {key: torch.cat([part[key] for part in parts])[:SHARD].contiguous() for key in parts[0]}
        save_file(whole, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
        print(path.name, flush=True)


def collected(folder: Path, name: str) -> dict[str, Tensor]:
    """All shards of a name as one; nothing where there are none."""
    shards = [load_file(path) for path in sorted(folder.glob(f"{name}-*.safetensors"))]
    return {key: torch.cat([shard[key] for shard in shards]) for key in shards[0]} if shards else {}


# Training


def solved(rows: Tensor, values: Tensor, ridge: float) -> Tensor:
    """Least squares: rows @ result ≈ values."""
    square = rows.T @ rows
    return torch.linalg.solve(
        square + ridge * square.diagonal().mean() * torch.eye(len(square)).to(square), rows.T @ values
    )


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


def errors(tail: Tail, entries: dict[str, Tensor]) -> dict[str, Tensor]:
    """Relative errors of features and Gram matrices."""
    entries = {key: tensor.to(tail.convs["relu4_1"].weight) for key, tensor in entries.items()}
    found, result = tail(entries["input"].contiguous(memory_format=torch.channels_last)), {}
    for name in SERVED:
        own, target, head = found[name], entries[name], tail.heads[name]
        own = own[:, :, ::2, ::2] if name == THIN else own
        result[f"features {name}"] = relative(F.conv2d(own, head[:, :, None, None]), target)
        if name in GRAM_WEIGHTS:
            result[f"gram {name}"] = relative(head @ gram(own) @ head.T, gram(target))
    return result


def objective(found: dict[str, Tensor]) -> Tensor:
    return sum(GRAM_WEIGHTS[key[5:]] * error if key.startswith("gram") else error for key, error in found.items())


def picked(entries: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    chosen = torch.randint(len(entries["input"]), (count,))
    return {key: tensor[chosen] for key, tensor in entries.items()}


@torch.no_grad()
def measured(tail: Tail, entries: dict[str, Tensor]) -> dict[str, float]:
    parts = [errors(tail, {k: v[i : i + 8] for k, v in entries.items()}) for i in range(0, len(entries["input"]), 8)]
    return {key: float(np.mean([part[key].item() for part in parts])) for key in parts[0]}


def whole(tail: Tail, student: Path) -> dict[str, Tensor]:
    """The weights of the network: stages 1 to 3 as they were, and the tail, its heads folded to square taps."""
    tensors = {k: v for k, v in load_file(student).items() if k.removeprefix("conv").removeprefix("tap")[0] in "123"}
    for name, conv in tail.convs.items():
        tensors[f"conv{name[4:]}.weight"], tensors[f"conv{name[4:]}.bias"] = conv.weight, conv.bias
    for name, head in tail.heads.items():
        tensors[f"tap{name[4:]}.weight"] = torch.linalg.qr(head.detach())[1][:, :, None, None]
    return {name: tensor.detach().cpu().float().contiguous() for name, tensor in tensors.items()}


def export(tensors: dict[str, Tensor], path: Path) -> None:
    """Write the network in float16."""
    halves = {name: tensor.half() for name, tensor in tensors.items()}
    save_file(halves, path.with_suffix(".part"), metadata={"architecture": "vgg19-slim"})
    path.with_suffix(".part").replace(path)


def built(tensors: dict[str, Tensor]) -> VGG:
    """The network of these weights, frozen."""
    return VGG.from_tensors(tensors, get_record("vgg19-slim").preprocessing).to(memory_format=torch.channels_last)


def renewed(entries: dict[str, Tensor], fresh: dict[str, Tensor], place: int) -> int:
    """Put new entries where the oldest ones are; the place of the next."""
    count = len(entries["input"])
    for key, tensor in fresh.items():
        entries[key][[(place + i) % count for i in range(len(tensor))]] = tensor.cpu()
    return (place + len(fresh["input"])) % count


def train(
    tail: Tail,
    sets: dict[str, dict[str, Tensor]],
    held: dict[str, dict[str, Tensor]],
    snapshots: Iterator[dict[str, Tensor]],
    args: argparse.Namespace,
) -> None:
    """Adam, each parameter at its own scale; the rate falls over the last 60 %."""
    place = 0
    optimizer = torch.optim.Adam([{"params": [p], "unit": p.detach().abs().mean().item()} for p in tail.parameters()])
    started, step, log = time.time(), 0, []
    while (done := (time.time() - started) / (60 * args.minutes)) < 1:
        rate = args.rate * min(1.0, (step + 1) / 50, max(0.01, (1 - done) / 0.6))
        for group in optimizer.param_groups:
            group["lr"] = rate * max(group["unit"], 0.02) / 0.05
        parts = [picked(entries, args.batch // len(sets)) for entries in sets.values()]
        loss = objective(errors(tail, {key: torch.cat([part[key] for part in parts]) for key in parts[0]}))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
        if step % args.renew_every == 0:
            place = renewed(sets["easel"], next(snapshots), place)
        if step % args.save_every == 0:
            row = {f"{name} {k}": v for name, entries in held.items() for k, v in measured(tail, entries).items()}
            log.append({"step": step, "loss": loss.item(), **row})
            print({k: round(v, 4) for k, v in log[-1].items()}, flush=True)
            torch.save(tail.state_dict(), args.out / "tail.pt")
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
    parser.add_argument("--fresh", type=int, default=60, help="shards of 48 fresh pictures")
    parser.add_argument("--easels", type=int, default=10, help="shards of 48 snapshots of optimized pictures")
    parser.add_argument("--held", type=int, default=1, help="shards of each, of held-back pictures")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--renew-every", type=int, default=8, help="steps from three new snapshots to the next")
    parser.add_argument("--save-every", type=int, default=200)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    device = choose_device()
    teacher, student = network(args.teacher, device), load_network(str(args.student), device=device).network
    (photos, held_photos), (paintings, held_paintings) = listing(args.photos, 200), listing(args.paintings, 100)
    galleries = {
        "": Gallery(photos, paintings, random.Random(0)),
        "held-": Gallery(held_photos, held_paintings, random.Random(1)),
    }
    for prefix, gallery in galleries.items():
        counts = (args.held, args.held) if prefix else (args.fresh, args.easels)
        for name, count, pictures in zip(
            ("fresh", "easel"), counts, (fresh(gallery), easels(gallery, lambda: student)), strict=True
        ):
            collect(args.out, prefix + name, count, pictures, student, teacher)
    sets, held = (
        {name: entries for name in ("fresh", "easel") if (entries := collected(args.out, p + name))} for p in galleries
    )
    tail = Tail(width("vgg19-slim", "relu3_4"))
    if (args.out / "tail.pt").exists():
        tail.load_state_dict(torch.load(args.out / "tail.pt"))
    else:
        least_squares(tail, student, teacher, torch.cat([next(fresh(galleries[""])) for _ in range(64)]))
    tail.to(device, memory_format=torch.channels_last)
    pictures = easels(galleries[""], lambda: built(whole(tail, args.student)).to(device))
    snapshots = (entry(three, student, teacher) for three in pictures)
    train(tail, sets, held, snapshots, args)


if __name__ == "__main__":
    main()
