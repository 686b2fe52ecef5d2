#!/usr/bin/env python3
"""Train `vgg19-slim`, the embedded feature network, from VGG-19.

    python recipes/distil_vgg19_slim.py --teacher vgg19.caffe --photos DIR --paintings DIR --out RUN --steps 6000

The student has VGG-19's layers at a quarter of its width or less. Beside it, a linear head per served layer lifts
its features h into the teacher's width: A h ≈ f, so A (h hᵀ) Aᵀ ≈ f fᵀ, and losses keep the teacher's meaning. At the
end A = Q R with orthonormal Q, which leaves every norm of features and Gram matrices alone; only the small square R
is kept, as the network's "taps".

It starts from the teacher: in each layer the channels that best span all of them (QR with column pivoting), their
weights contracted with the least-squares map from the chosen inputs to all inputs. Then it learns on photographs,
paintings, blends and noise, and on pictures that are being optimised through the student itself, so that it is right
where optimisation leads.

`--gradient` adds a third error on such pictures: that of the style loss' gradient at the pixels. `--start` goes on
from a network that is there, its heads found anew by least squares.

Resumable: run the same command again. `--steps` may be raised or lowered; the rate falls over the last 30 %.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.linalg
import torch
from distillation import Gallery, gram, listing, network, relative, solved, stage, width
from safetensors.torch import load_file
from torch import Tensor, nn

from brushwork.nn import VGG
from brushwork.runtime.tensor_files import write_tensors
from brushwork.weights import ARCHITECTURES, get_record

CAFFE = get_record("vgg19.caffe").preprocessing
BARE = dataclasses.replace(ARCHITECTURES["vgg19-slim"], taps=())  # in training, heads stand where taps will be
SLIM_LAYERS = [f"relu{layer}" for layer in ARCHITECTURES["vgg19-slim"].taps]
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


class Student(nn.Module):
    """The slim network and its heads into the teacher's width."""

    def __init__(self) -> None:
        super().__init__()
        self.net = VGG(BARE, get_record("vgg19-slim").preprocessing)
        for conv in self.net.convs.values():
            nn.init.dirac_(conv.weight)
        self.heads = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(width("vgg19", name), width("vgg19-slim", name))) for name in SLIM_LAYERS}
        )

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return self.net(image, SLIM_LAYERS)


# Pictures


class Easels:
    """Pictures that are being optimised through the student, so that it learns where that leads."""

    def __init__(self, count: int, gallery: Gallery) -> None:
        self.gallery, self.rng = gallery, gallery.rng
        self.pictures = [self.start() for _ in range(count)]

    def start(self) -> dict[str, Tensor | int]:
        content, style = self.gallery.one(0), self.gallery.one(1)
        kind = self.rng.random()
        x = content if kind < 0.7 else torch.rand_like(content) if kind < 0.85 else self.gallery.one()
        return {"x": x.clone(), "content": content, "style": style, "age": 0}

    def batch(self, count: int) -> Tensor:
        return torch.stack([picture["x"] for picture in self.rng.sample(self.pictures, count)])

    def advance(self, student: Student, device: torch.device, evaluations: int = 12, lifetime: int = 10) -> None:
        """Optimise one of the pictures some steps further; the oldest make room for new ones."""
        index = self.rng.randrange(len(self.pictures))
        picture = self.pictures[index]
        if picture["age"] >= lifetime:
            self.pictures[index] = self.start()
            return
        x = picture["x"][None].to(device).clone().requires_grad_(True)
        with torch.no_grad():
            content = student(picture["content"][None].to(device))["relu4_2"]
            style = {k: gram(f) for k, f in student(picture["style"][None].to(device)).items() if k in STYLE_LAYERS}
            lifts = {k: head.detach() for k, head in student.heads.items()}
            style = {k: lifts[k] @ g @ lifts[k].T for k, g in style.items()}
        optimizer = torch.optim.LBFGS([x], max_iter=evaluations, max_eval=evaluations, history_size=10)

        def closure() -> Tensor:
            optimizer.zero_grad()
            found = student(x.clamp(0, 1))
            errors = [relative(lifts[k] @ gram(found[k]) @ lifts[k].T, g) for k, g in style.items()]
            loss = relative(found["relu4_2"], content) + 100 * torch.stack(errors).mean()
            x.grad = torch.autograd.grad(loss, [x])[0].contiguous()
            return loss

        optimizer.step(closure)
        result = x.detach()[0].clamp(0, 1).cpu()
        self.pictures[index] = (
            {**picture, "x": result, "age": picture["age"] + 1} if result.isfinite().all() else self.start()
        )


# Start from the teacher


def samples(features: Tensor, count: int = 300) -> Tensor:
    """Random positions of a feature map: (B, C, H, W) → (B · count, C)."""
    flat = features.float().flatten(2)
    places = torch.randint(flat.shape[2], (count,))
    return flat[:, :, places].permute(0, 2, 1).flatten(0, 1).cpu()


def prune(teacher: VGG, student: Student, images: Tensor) -> None:
    """Set the student to the teacher's most telling channels (He et al. 2017, arXiv:1707.06168, in one pass)."""
    names = student.net.layers
    with torch.no_grad():
        seen: dict[str, list[Tensor]] = {name: [] for name in names}
        for image in images.split(4):
            for name, features in teacher(image, names).items():
                seen[name].append(samples(features))
        # What the student takes, (RGB - 0.5) / 0.25, to what the teacher takes, BGR; the offset goes to the bias.
        lift = torch.eye(3)[[2, 1, 0]] * 255 * 0.25
        offset = torch.tensor([0.5 * 255 - m * 255 for m in CAFFE.mean[::-1]])
        for name in names:
            features = torch.cat(seen[name]).double()
            order = scipy.linalg.qr(features.numpy(), mode="r", pivoting=True)[1]
            chosen = order[: width("vgg19-slim", name)].copy()
            scale = features[:, chosen].square().mean(0).sqrt().clamp_min(1e-3).float()
            conv, source = student.net.convs[name], teacher.convs[name]
            weight, bias = source.weight.float().cpu(), source.bias.float().cpu()
            conv.weight.copy_(torch.einsum("oiyx,ij->ojyx", weight[chosen], lift) / scale[:, None, None, None])
            conv.bias.copy_((bias[chosen] + torch.einsum("oiyx,i->o", weight[chosen], offset)) / scale)
            lift = torch.linalg.lstsq(features[:, chosen] / scale, features).solution.T.float()
            offset = torch.zeros(len(lift))
            if name in student.heads:
                student.heads[name].copy_(lift)


def set_from(path: Path, teacher: VGG, student: Student, images: Tensor) -> None:
    """Set the student to a network that is there; heads by least squares, from its features to the teacher's."""
    tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
    with torch.no_grad():
        for layer, conv in student.net.convs.items():
            conv.weight.copy_(tensors[f"conv{layer[4:]}.weight"])
            conv.bias.copy_(tensors[f"conv{layer[4:]}.bias"])
        pairs = [(student(part), teacher(part, SLIM_LAYERS)) for part in images.split(4)]
        for name, head in student.heads.items():
            own, wanted = (
                torch.cat([p[k][name].transpose(0, 1).flatten(1) for p in pairs], 1).double() for k in (0, 1)
            )
            head.copy_(solved(own.T, wanted.T, 1e-5).T)


# Training


def errors(teacher: VGG, student: Student, images: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Relative errors of features and of Gram matrices, per layer."""
    with torch.no_grad():
        targets = teacher(images, SLIM_LAYERS)
    found = student(images)
    features, grams = {}, {}
    for name, target in targets.items():
        head, own = student.heads[name], thinned(found[name], name)
        target = thinned(target, name)
        features[name] = relative(nn.functional.conv2d(own, head[:, :, None, None]), target)
        grams[name] = relative(head @ gram(own) @ head.T, gram(target))
    return features, grams


def gradient_error(teacher: VGG, student: Student, picture: dict[str, Tensor | int], device: torch.device) -> Tensor:
    """How far the student would push a picture another way than the teacher: error of dL/dx, L the style loss."""
    pixels, painting = (picture[name][None].to(device) for name in ("x", "style"))
    lifts = {name: student.heads[name] for name in STYLE_LAYERS}

    def gradient(features: Callable[[Tensor], dict[str, Tensor]], lifted: bool) -> Tensor:
        def grams(image: Tensor) -> dict[str, Tensor]:
            seen = features(image)
            found = {name: gram(seen[name]) for name in STYLE_LAYERS}
            return {name: lifts[name] @ g @ lifts[name].T for name, g in found.items()} if lifted else found

        with torch.no_grad():
            targets = grams(painting)
        x = pixels.clone().requires_grad_(True)
        found = grams(x)
        loss = torch.stack([relative(found[name], target) for name, target in targets.items()]).mean()
        return torch.autograd.grad(loss, x, create_graph=lifted)[0]

    return relative(gradient(student, True), gradient(lambda image: teacher(image, STYLE_LAYERS), False))


def thinned(features: Tensor, layer: str) -> Tensor:
    """Every third position of stage 1, every second of stage 2: there are plenty, and they cost the most."""
    step = (3, 2, 1, 1, 1)[stage(layer)]
    return features[:, :, ::step, ::step]


def objective(features: dict[str, Tensor], grams: dict[str, Tensor]) -> Tensor:
    """Features of all layers; Gram matrices weigh more where styles are measured."""
    return sum(features.values()) + sum((5 if name in STYLE_LAYERS else 1) * error for name, error in grams.items())


def rate(step: int, steps: int, peak: float) -> float:
    """Short warm-up, plateau, linear fall over the last 30 %."""
    return peak * min(1.0, (step + 1) / 50, max(0.01, (steps - step) / (0.3 * steps)))


def export(student: Student, path: Path) -> None:
    """The network in float16, its heads folded to square taps."""
    tensors = {}
    for name, conv in student.net.convs.items():
        tensors[f"conv{name[4:]}.weight"], tensors[f"conv{name[4:]}.bias"] = conv.weight, conv.bias
    for name, head in student.heads.items():
        tensors[f"tap{name[4:]}.weight"] = torch.linalg.qr(head.detach().cpu())[1][:, :, None, None]
    tensors = {name: tensor.detach().cpu().half().contiguous() for name, tensor in tensors.items()}
    write_tensors(path, tensors, {"architecture": "vgg19-slim"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", default="vgg19.caffe", help="weights record or file")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a network to go on from; default: VGG-19's channels")
    parser.add_argument("--gradient", type=float, default=0.0, help="weight of the gradient's error")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--fresh", type=int, default=2, help="fresh pictures in a batch")
    parser.add_argument("--easels", type=int, default=2, help="half-optimised pictures in a batch")
    parser.add_argument("--pool", type=int, default=24, help="pictures being optimised at any time")
    parser.add_argument("--save-every", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    train(args)


def train(args: argparse.Namespace) -> None:
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    photos, held_photos = listing(args.photos, 200)
    paintings, held_paintings = listing(args.paintings, 100)
    gallery = Gallery(photos, paintings, rng)
    held = Gallery(held_photos, held_paintings, random.Random(1)).batch(16).to(device)
    args.out.mkdir(parents=True, exist_ok=True)

    teacher, student = network(args.teacher, device), Student()
    checkpoint = args.out / "checkpoint.pt"
    # Our own checkpoint, with the state of Python's random numbers, which is no tensor.
    state = torch.load(checkpoint, weights_only=False) if checkpoint.exists() else None
    if state is None and args.start:
        set_from(args.start, teacher, student, torch.stack([gallery.one() for _ in range(12)]).to(device))
    elif state is None:
        prune(teacher, student, torch.stack([gallery.one() for _ in range(96)]).to(device))
    student.to(device, memory_format=torch.channels_last)
    # Heads work on the teacher's scale, hundreds of times the student's: Adam gives each its own group and rate.
    optimizer = torch.optim.Adam(
        [{"params": [p], "unit": p.detach().abs().mean().item()} for p in student.parameters()]
    )
    easels, step, log = Easels(args.pool, gallery), 0, []
    if state is not None:
        student.load_state_dict(state["student"])
        optimizer.load_state_dict(state["optimizer"])
        easels.pictures, step, log = state["easels"], state["step"], state["log"]
        rng.setstate(state["rng"])
        torch.set_rng_state(state["torch_rng"])

    started, recent = time.time(), []
    while step < args.steps:
        for group in optimizer.param_groups:
            group["lr"] = rate(step, args.steps, args.rate) * max(group["unit"], 0.02) / 0.05
        images = torch.cat([gallery.batch(args.fresh), easels.batch(args.easels)]).to(device)
        features, grams = errors(teacher, student, images.contiguous(memory_format=torch.channels_last))
        loss = objective(features, grams)
        if args.gradient:
            loss = loss + args.gradient * gradient_error(teacher, student, rng.choice(easels.pictures), device)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(student.parameters(), 1e9)
        if not norm.isfinite():
            continue
        optimizer.step()
        if step % 4 == 0:
            easels.advance(student, device)
        step += 1
        recent.append(loss.item())
        if step % args.save_every == 0 or step == args.steps:
            log.append(measure(teacher, student, held, step, float(np.mean(recent))))
            print(f"{time.time() - started:.0f} s", {k: round(v, 4) for k, v in log[-1].items()}, flush=True)
            recent = []
            save(args.out, student, optimizer, easels, step, log, rng)


def measure(teacher: VGG, student: Student, held: Tensor, step: int, loss: float) -> dict[str, float]:
    """Errors on pictures that are never trained on."""
    with torch.no_grad():
        parts = [errors(teacher, student, images) for images in held.split(4)]
    row: dict[str, float] = {"step": step, "loss": loss}
    for kind, index in (("features", 0), ("gram", 1)):
        for name in SLIM_LAYERS:
            row[f"{kind} {name}"] = float(np.mean([part[index][name].item() for part in parts]))
    return row


def save(out: Path, student: Student, optimizer, easels: Easels, step: int, log: list, rng: random.Random) -> None:
    """Checkpoint, exported network and log, each whole or not at all."""
    state = {
        "student": student.state_dict(), "optimizer": optimizer.state_dict(), "easels": easels.pictures,
        "step": step, "log": log, "rng": rng.getstate(), "torch_rng": torch.get_rng_state(),
    }  # fmt: skip
    torch.save(state, out / "checkpoint.part")
    (out / "checkpoint.part").replace(out / "checkpoint.pt")
    export(student, out / "vgg19-slim.safetensors")
    with (out / "vgg19-slim.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(log[0]))
        writer.writeheader()
        writer.writerows({k: f"{v:.6g}" for k, v in row.items()} for row in log)


if __name__ == "__main__":
    main()
