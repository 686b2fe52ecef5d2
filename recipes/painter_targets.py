"""What the loss networks and the style encoder make of a photo or painting, for the painter's training."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from distillation import network
from painter_losses import full, octaves, triangle
from torch import Tensor

from brushwork.methods.adain_lite.architecture import SECOND
from brushwork.methods.adain_lite.method import STROKE_SIZE, STYLE_SIZE
from brushwork.nn.statistics import gram_matrix
from brushwork.runtime.device import choose_dtype
from brushwork.training.data import PhotoFolder

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"
SIDE = 192


class Folder(PhotoFolder):
    """A folder without the pictures at its end, or only these."""

    def __init__(self, folder: Path, held: int, *, only_held: bool, closest: float) -> None:
        super().__init__(folder, SIDE, closest)
        self.files = self.files[-held:] if only_held else self.files[:-held]


class Teachers:
    """What the loss networks and the style encoder's network make of a crop.

    Args:
        exact: The loss network of some steps, and of the held-back pairs.
        quick: That of the others, if there are any.
    """

    def __init__(self, exact: str, quick: str | None) -> None:
        self.dtype = choose_dtype("auto", torch.device("cpu"))
        self.losses = {
            name: network(given, torch.device("cpu")) for name, given in (("exact", exact), ("quick", quick)) if given
        }
        self.encoder = network("vgg19-slim", torch.device("cpu"))

    @torch.no_grad()
    def photo(self, pixels: Tensor) -> dict[str, Tensor]:
        entry = {"pixels": (pixels[0] * 255).round().byte()}
        for name, loss in self.losses.items():
            entry[f"{name} content"] = loss(pixels, [CONTENT_LAYER])[CONTENT_LAYER][0].half()
        return entry

    @torch.no_grad()
    def example(self, photo: Tensor, painting: Tensor, painted: Tensor, coder: torch.nn.Module) -> dict[str, Tensor]:
        """What is known of a photo that the optimizer has painted: its picture's features are the content."""
        found = self.photo(painted) | {"pixels": (photo[0] * 255).round().byte()}
        return found | self.painting(painting, coder)

    @torch.no_grad()
    def painting(self, pixels: Tensor, coder: torch.nn.Module) -> dict[str, Tensor]:
        shown = F.interpolate(pixels, size=(SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
        entry = {"painting": (shown[0] * 255).round().byte(), "named": torch.tensor([-1, 0])}
        entry["octaves"] = octaves(pixels)[0]
        for name, loss in self.losses.items():
            for layer, features in loss(pixels, STYLE_LAYERS).items():
                matrix = gram_matrix(features.float())[0]
                entry[f"{name} norm {layer}"] = matrix.norm()
                entry[f"{name} gram {layer}"] = triangle(matrix / matrix.norm()).half()
        seen = F.interpolate(pixels, scale_factor=STYLE_SIZE / STROKE_SIZE, mode="bicubic", antialias=True).clamp(0, 1)
        seen = seen.contiguous(memory_format=torch.channels_last)
        for k, (mean, covariance) in enumerate(coder.moments(seen, self.encoder(seen, SECOND.layer_names))):
            entry[f"mean {k}"], entry[f"covariance {k}"] = mean[0].float(), triangle(covariance[0].float())
        return entry


def smoothed(pixels: Tensor, rng: random.Random) -> Tensor:
    """Return a painting (1, 3, H, W) without its finest detail: smooth paintings are rare among others."""
    side = round(pixels.shape[2] / rng.uniform(1.5, 6))
    small = F.interpolate(pixels, size=(side, side), mode="bicubic", antialias=True)
    return F.interpolate(small, size=pixels.shape[2:], mode="bicubic").clamp(0, 1)


def moments(batch: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    return [(batch[f"mean {k}"], full(batch[f"covariance {k}"])) for k in range(1 + len(SECOND.layers))]


def stacked(entries: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([entry[name] for entry in entries]) for name in entries[0]}


def floats(pixels: Tensor) -> Tensor:
    return (pixels.float() / 255).contiguous(memory_format=torch.channels_last)
