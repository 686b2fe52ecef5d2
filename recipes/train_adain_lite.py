#!/usr/bin/env python3
"""Train AdaIN-lite on photographs and paintings.

    python recipes/train_adain_lite.py --photos DIR --paintings DIR --out RUN --minutes 120
    python recipes/train_adain_lite.py … --start MODEL.safetensors --network vgg19.caffe --every 1

What is minimized, each picture's error relative to its target: features of the photo at relu4_2; Gram matrices of the
painting at relu1_1 to relu5_1, growing as their root beyond 1, so that one impossible painting doesn't outweigh all
others; means and covariance of colors; large forms of light and dark unlike the photo's; a little roughness; leaving
[0, 1]; what repeats every four pixels. Now and then the painting is the photo itself, and the photo shall come back.
Losses are seen through vgg19-slim, and at every n-th step through another, larger network: what is
trained through a small one alone fits that one.

With --adversarial a critic learns to tell the paintings' patches, as vgg19-slim sees them, from the pictures'.

First some minutes of giving back photos, then styles. Resumable: run it again with the same --out. The learning rate
falls over the run, so a run that starts from the last one's weights begins anew with a smaller --rate.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from album import Album, listing
from run import Run
from torch import Tensor, nn

from brushwork.device import choose_device, choose_dtype
from brushwork.features import FeatureNetwork, load_network
from brushwork.losses.adversarial import PatchCritic, both_losses
from brushwork.losses.content import relative_errors
from brushwork.methods.adain_lite import CODE_LAYERS, STROKE_SIZE, STYLE_SIZE, Coder, LiteNetwork, Moments
from brushwork.perceptual import bounded
from brushwork.statistics import covariance, gram_matrix
from brushwork.weights import load_into, read_model
from brushwork.weights.files import write_tensors

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
# Errors of pictures that this network made, under VGG-19 against vgg19-slim, on held-back pairs: 1.15 for content, 1.5
# to 1.7 at the deeper layers. Content weighs more still: what is trained through the small network leaves the photo.
SLIM_CONTENT, SLIM_LAYERS = 1.6, (1.0, 1.0, 1.5, 1.6, 1.6)
GIVEN_BACK = 0.06  # share of pictures whose style is their own
SHEET = 6  # pairs in a sample sheet


def color_error(found: Tensor, target: Tensor) -> Tensor:
    means = (found.mean((2, 3)) - target.mean((2, 3))).square().sum(1)
    return 4 * means + relative_errors(covariance(found), covariance(target)).clamp(max=4)


def form_error(pictures: Tensor, photos: Tensor) -> Tensor:
    """How unlike the photo's are large forms of light and dark, whatever their contrast: 1 less their correlation.

    Without it a painting's contrasts are put into a dull photo as blobs of light.
    """
    weights = torch.tensor([0.299, 0.587, 0.114], device=photos.device).view(1, 3, 1, 1)
    forms = [F.avg_pool2d((x * weights).sum(1, keepdim=True), 16, 8).flatten(1) for x in (pictures, photos)]
    a, b = ((x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 0.02) for x in forms)
    return (a - b).square().mean(1) / 2


def grid_error(pictures: Tensor) -> Tensor:
    """Energy of what repeats every four pixels, as a network prints that has to enlarge; pictures have none of it.

    Of the picture without its coarse forms, the mean of each of the 16 places in a 4×4 cell, over 24×24 pixels.
    """
    box = torch.tensor([1.0, 2, 2, 2, 1], device=pictures.device) / 8  # nothing of period 2 or 4 passes it
    kernel = torch.outer(box, box).expand(3, 1, 5, 5)
    fine = pictures - F.conv2d(F.pad(pictures, (2, 2, 2, 2), mode="reflect"), kernel, groups=3)
    return F.avg_pool2d(F.pixel_unshuffle(fine, 4), 6, 3).square().flatten(1).mean(1)


@dataclass(frozen=True)
class Judge:
    """A loss network.

    Args:
        name: In the log.
        network: Of VGG-19's layers.
        content: Weight of its content error.
        layers: Weight of each style layer.
    """

    name: str
    network: FeatureNetwork
    content: float = 1.0
    layers: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)

    def style(self, errors: Mapping[str, Tensor]) -> Tensor:
        """The weighted mean of the style layers' errors, (B,)."""
        terms = [w * bounded(errors[layer]) for w, layer in zip(self.layers, STYLE_LAYERS, strict=True)]
        return torch.stack(terms).sum(0) / len(terms)

    def errors(self, pictures: Tensor, photos: Sequence[Crop], paintings: Sequence[Crop]) -> dict[str, Tensor]:
        """Content and style errors (B,) of each layer."""
        content = torch.cat([crop.once(f"{self.name} content", self._content) for crop in photos])
        targets = [crop.once(f"{self.name} style", self._style) for crop in paintings]
        seen = pictures.clamp(-0.1, 1.1).contiguous(memory_format=torch.channels_last)
        found = self.network(seen, [*STYLE_LAYERS, "relu4_2"])
        style = {
            layer: relative_errors(gram_matrix(found[layer]), torch.cat([grams[layer] for grams in targets]))
            for layer in STYLE_LAYERS
        }
        return {"content": relative_errors(found["relu4_2"], content), **style}

    def _content(self, pixels: Tensor) -> Tensor:
        return self.network(pixels, ["relu4_2"])["relu4_2"]

    def _style(self, pixels: Tensor) -> dict[str, Tensor]:
        return {layer: gram_matrix(features) for layer, features in self.network(pixels, STYLE_LAYERS).items()}


class Crop:
    """A square of a picture, (1, 3, S, S), and what networks found in it, which costs as much as to paint it."""

    def __init__(self, pixels: Tensor) -> None:
        self.pixels = pixels.contiguous(memory_format=torch.channels_last)
        self.found: dict[str, Any] = {}

    def once(self, name: str, find: Callable[[Tensor], Any]) -> Any:
        """What is found by this name; looked for the first time only."""
        if name not in self.found:
            with torch.no_grad():
                self.found[name] = find(self.pixels)
        return self.found[name]


class Pool:
    """Crops that are shown about as often as a batch has pictures, each time with another painting.

    Args:
        make: Gives the pixels of a new one.
        size: How many are kept.
    """

    def __init__(self, make: Callable[[], Tensor], rng: random.Random, size: int = 256) -> None:
        self.make, self.rng, self.size = make, rng, size
        self.crops: list[Crop] = []

    def batch(self, count: int) -> list[Crop]:
        """One new crop, which takes the place of any, and others of those that are kept."""
        new = Crop(self.make())
        if len(self.crops) < self.size:
            self.crops.append(new)
        else:
            self.crops[self.rng.randrange(self.size)] = new
        return [new, *(self.rng.choice(self.crops) for _ in range(count - 1))]


def moments(encoder: FeatureNetwork, painting: Tensor) -> list[Moments]:
    """What the coder is told of a painting, which it sees smaller than it is painted."""
    seen = F.interpolate(painting, scale_factor=STYLE_SIZE / STROKE_SIZE, mode="bicubic", antialias=True)
    seen = seen.clamp(0, 1).contiguous(memory_format=torch.channels_last)
    return Coder.moments(seen, encoder(seen, CODE_LAYERS))


def painted(lite: LiteNetwork, encoder: FeatureNetwork, photos: Sequence[Crop], paintings: Sequence[Crop]) -> Tensor:
    """Every photo in the style of its painting."""
    told = [crop.once("moments", partial(moments, encoder)) for crop in paintings]
    together = [tuple(torch.cat(parts) for parts in zip(*layer, strict=True)) for layer in zip(*told, strict=True)]
    with torch.autocast(photos[0].pixels.device.type, torch.bfloat16):
        parts = [
            lite.painter(photo.pixels.bfloat16(), [lite.painter.shaped(code, torch.bfloat16)])
            for photo, code in zip(photos, lite.coder(together), strict=True)
        ]
    return torch.cat(parts).float()


@dataclass(frozen=True)
class Adversary:
    """A critic that doesn't know which painting is meant, only what paintings are made of.

    Args:
        encoder: Whose features it sees.
        critic: It.
        weight: Of deceiving it.
    """

    encoder: FeatureNetwork
    critic: PatchCritic
    weight: float

    def losses(self, pictures: Tensor, paintings: Sequence[Crop]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """What network and critic minimize, each its own."""
        same = torch.zeros(len(pictures), dtype=torch.long, device=pictures.device)
        real = torch.cat([crop.once("critic", self._seen) for crop in paintings])
        found = self._seen(pictures.clamp(-0.1, 1.1))
        deceived, told = both_losses(self.critic, found, same, [self.critic(real, same)], "hinge")
        return self.weight * deceived + told, {"adversarial": deceived, "critic": told}

    def _seen(self, pixels: Tensor) -> Tensor:
        return self.encoder(pixels.contiguous(memory_format=torch.channels_last), ["relu3_1"])["relu3_1"]


def loss_of(
    lite: LiteNetwork,
    encoder: FeatureNetwork,
    judge: Judge,
    pairs: Sequence[tuple[Crop, Crop]],
    style_weight: float,
    adversary: Adversary | None = None,
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """What is minimized, and its parts; a photo whose painting is itself shall come back as it was."""
    photos, paintings = zip(*pairs, strict=True)
    pictures = painted(lite, encoder, photos, paintings)
    own = torch.tensor([photo is painting for photo, painting in pairs], device=pictures.device)
    shown = torch.cat([crop.pixels for crop in photos])
    back = (pictures - shown).abs().flatten(1).mean(1)
    outside = (F.relu(pictures - 1) + F.relu(-pictures)).flatten(1).mean(1)
    terms = {"back": back[own].mean()} if own.any() else {}
    if own.all():
        return (8 * back + 20 * outside).mean(), terms
    errors = judge.errors(pictures, photos, paintings)
    colors = color_error(pictures, torch.cat([crop.pixels for crop in paintings]))
    rough = sum((pictures.diff(dim=axis).square().flatten(1).mean(1) for axis in (2, 3)), torch.zeros_like(back))
    grid = grid_error(pictures)
    whole = judge.content * errors["content"] + style_weight * judge.style(errors) + 0.6 * colors
    forms = form_error(pictures, shown)
    whole = whole + forms + 0.2 * rough + 1500 * grid
    terms |= {f"{judge.name} {name}": error[~own].clamp(max=3).mean() for name, error in errors.items()}
    terms |= {"colors": colors[~own].mean(), "outside": outside.mean(), "grid": grid.mean(), "forms": forms.mean()}
    loss = (torch.where(own, 8 * back, whole) + 20 * outside).mean()
    if adversary is None:
        return loss, terms
    more, told = adversary.losses(pictures, paintings)
    return loss + more, {**terms, **told}


@torch.no_grad()
def set_units(lite: LiteNetwork, encoder: FeatureNetwork, paintings: Album, side: int, count: int = 200) -> None:
    """What is typical of paintings' statistics, so that the coder sees numbers of one scale."""
    coder, device = lite.coder, next(lite.parameters()).device
    crops = [paintings.crop(side, (0.6, 1.6), recolor=True).to(device) for _ in range(count)]
    features = [encoder(crop, CODE_LAYERS) for crop in crops]
    means = [torch.stack([f[layer].square().mean() for f in features]).mean() for layer in CODE_LAYERS]
    coder.unit.copy_(torch.stack(means).sqrt())
    found = torch.cat([coder.statistics(moments(encoder, crop)) for crop in crops])
    coder.mean.copy_(found.mean(0))
    coder.std.copy_(found.std(0) + 1e-3)


def export(lite: nn.Module, path: Path) -> None:
    """Write the model in float16."""
    tensors = {name: tensor.detach().cpu().half().contiguous() for name, tensor in lite.state_dict().items()}
    write_tensors(path, tensors, {"model": "adain-lite"})


def sheet(lite: LiteNetwork, encoder: FeatureNetwork, photos: Tensor, paintings: Tensor, path: Path) -> None:
    """Rows of photo, painting, picture."""
    from PIL import Image

    with torch.no_grad():
        crops = [[Crop(pixels) for pixels in part.split(1)] for part in (photos, paintings)]
        rows = torch.stack([photos, paintings, painted(lite, encoder, *crops)])
    grid = rows.clamp(0, 1).permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    Image.fromarray((grid * 255).round().byte().cpu().numpy()).save(path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", help="a model to go on from")
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--side", type=int, default=192, help="of crops, in pixels")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--style-weight", type=float, default=10.0)
    parser.add_argument("--warm", type=int, default=300, help="steps of giving back photos, without --start")
    parser.add_argument("--network", default="", help="a second loss network: a weights record or file")
    parser.add_argument("--every", type=int, default=4, help="steps from one that it sees to the next; 1: all")
    parser.add_argument("--adversarial", type=float, default=0.0, help="weight of a critic")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.manual_seed(0)
    device = choose_device()
    dtype = choose_dtype("auto", device)
    encoder = load_network("vgg19-slim", device=device, dtype=dtype).network
    small = Judge("slim", encoder, SLIM_CONTENT, SLIM_LAYERS)
    large = Judge("large", load_network(args.network, device=device, dtype=dtype).network) if args.network else None
    lite = LiteNetwork()
    (photos, held_photos), (paintings, held_paintings) = (
        [Album(part, random.Random(0)) for part in listing(folder, held)]
        for folder, held in ((args.photos, 200), (args.paintings, 100))
    )
    print(f"{len(photos.pictures)} photographs, {len(paintings.pictures)} paintings", flush=True)
    print(f"{photos.skipped + paintings.skipped} files passed over", flush=True)
    if args.start:
        load_into(lite, read_model(args.start, "adain-lite"))
        lite.train().requires_grad_(True)
    lite.to(device)
    if not args.start:
        set_units(lite, encoder, paintings, args.side)
    critic = PatchCritic(encoder(torch.zeros(1, 3, 32, 32, device=device), ["relu3_1"])["relu3_1"].shape[1]).to(device)
    adversary = Adversary(encoder, critic, args.adversarial) if args.adversarial else None
    run = Run(lite, args.out, args.minutes, args.rate, critic=critic if adversary else None)
    rng = photos.rng = paintings.rng = random.Random(run.step)
    samples = [
        torch.cat([album.crop(256, (1, 1)) for _ in range(SHEET)]).to(device) for album in (held_photos, held_paintings)
    ]

    photo_pool, painting_pool = (
        Pool(lambda: photos.crop(args.side, (0.7, 1.5)).to(device), rng),
        Pool(lambda: paintings.crop(args.side, (0.6, 1.6), recolor=True).to(device), rng),
    )

    def step(number: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        warm = number < args.warm and not args.start
        drawn = zip(photo_pool.batch(args.batch), painting_pool.batch(args.batch), strict=True)
        given_back = 0.8 if warm else GIVEN_BACK
        pairs = [(photo, photo if rng.random() < given_back else painting) for photo, painting in drawn]
        judge = large if large and number % args.every == 0 else small
        return loss_of(lite, encoder, judge, pairs, args.style_weight, adversary)

    def keep(averaged: nn.Module, number: int) -> None:
        assert isinstance(averaged, LiteNetwork)
        export(averaged, args.out / "adain-lite.safetensors")
        sheet(averaged, encoder, *samples, args.out / "samples.png")

    run.train(step, keep)


if __name__ == "__main__":
    main()
