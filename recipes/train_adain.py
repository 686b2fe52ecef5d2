#!/usr/bin/env python3
"""Train AdaIN's decoder for the embedded encoder, as Huang and Belongie 2017 (arXiv:1703.06868, section 6.2) do.

    python recipes/train_adain.py --photos DIR --paintings DIR --out RUN --minutes 60

The encoder is the loss network: what is decoded must have, seen through it again, the features that were decoded
(content) and the painting's means and deviations at relu1_1 to relu4_1 (style). What differs: the encoder is
vgg19-slim, errors are relative to their targets (its features have no fixed scale), pixels outside [0, 1] cost
something, and now and then the style is the photo's own, so that strength 0 gives back the photo.
Resumable: run it again with the same --out.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import torch
import torch.nn.functional as F
from album import Album, listing
from run import Run
from torch import Tensor, nn

from brushwork.device import choose_device, choose_dtype
from brushwork.features import FeatureNetwork, load_network
from brushwork.losses.content import relative_errors
from brushwork.methods.adain import AdaINStyle, Decoder, adaptive_instance_norm
from brushwork.statistics import mean_std
from brushwork.weights import ARCHITECTURES
from brushwork.weights.files import write_tensors

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
OWN = 0.1  # share of pictures whose style is their own


def style_error(found: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
    """Errors of means and of deviations, mean over the layers."""
    errors = [
        relative_errors(a, b)
        for layer in STYLE_LAYERS
        for a, b in zip(mean_std(found[layer]), mean_std(targets[layer]), strict=True)
    ]
    return torch.stack(errors).sum(0) / len(STYLE_LAYERS)


def losses(encoder: FeatureNetwork, decoder: nn.Module, photos: Tensor, paintings: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        features, targets = encoder(photos, ["relu4_1"])["relu4_1"], encoder(paintings, STYLE_LAYERS)
        means, stds = mean_std(targets["relu4_1"])
        mixed = torch.cat(
            [
                adaptive_instance_norm(f, AdaINStyle(m, s))
                for f, m, s in zip(features.split(1), means, stds, strict=True)
            ]
        )
    with torch.autocast(
        photos.device.type, torch.bfloat16, enabled=choose_dtype("auto", photos.device) != torch.float32
    ):
        pixels = decoder(mixed.contiguous(memory_format=torch.channels_last)).float()
    found = encoder(pixels.clamp(-0.1, 1.1).contiguous(memory_format=torch.channels_last), STYLE_LAYERS)
    return {
        "content": relative_errors(found["relu4_1"], mixed).mean(),
        "style": style_error(found, targets).mean(),
        "outside": (F.relu(pixels - 1) + F.relu(-pixels)).mean(),
    }


def export(decoder: nn.Module, path: Path) -> None:
    """Write the decoder in float16."""
    tensors = {
        name.removeprefix("convs."): tensor.detach().cpu().half().contiguous()
        for name, tensor in decoder.state_dict().items()
    }
    write_tensors(path, tensors, {"record": "adain-decoder-slim"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--style", type=float, default=4.0, help="weight of the style loss")
    args = parser.parse_args()
    torch.manual_seed(0)
    device = choose_device()
    encoder = load_network("vgg19-slim", device=device, dtype=choose_dtype("auto", device), padding="reflect").network
    decoder = Decoder(ARCHITECTURES["adain-decoder-slim"]).to(device, memory_format=torch.channels_last)
    run = Run(decoder, args.out, args.minutes, args.rate)
    rng = random.Random(run.step)
    photos, paintings = (
        Album(listing(folder, held)[0], rng) for folder, held in ((args.photos, 200), (args.paintings, 100))
    )
    print(f"{len(photos.pictures)} photographs, {len(paintings.pictures)} paintings", flush=True)

    def pair() -> tuple[Tensor, Tensor]:
        photo = photos.crop(args.side, (0.7, 1.5))
        return photo, photo if rng.random() < OWN else paintings.crop(args.side, (0.6, 1.6), recolor=True)

    def step(_: int) -> tuple[Tensor, dict[str, Tensor]]:
        pictures = (torch.cat(part) for part in zip(*(pair() for _ in range(args.batch)), strict=True))
        terms = losses(encoder, decoder, *(x.to(device, memory_format=torch.channels_last) for x in pictures))
        return terms["content"] + args.style * terms["style"] + 20 * terms["outside"], terms

    run.train(step, lambda averaged, _: export(averaged, args.out / "adain-decoder-slim.safetensors"))


if __name__ == "__main__":
    main()
