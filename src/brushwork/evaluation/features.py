"""Measures of a network's features: content, style, places, structure, and the distance between single pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.evaluation.sets import frechet_distance
from brushwork.losses.content import relative_error
from brushwork.nn import load_network
from brushwork.nn.statistics import gram_matrix

__all__ = ["FeatureMeasures", "Seen"]

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")  # Gatys et al. 2016, section 3
CONTENT_LAYER, PLACES_LAYER, STRUCTURE_LAYER, SINGLE_LAYER, POOLED_LAYER = (
    "relu4_2", "relu3_1", "relu3_1", "relu2_1", "relu4_1"
)  # fmt: skip
WORST = 4  # places: the mean over the worst of so many parts of the windows
WINDOWS = 8  # windows along the longer side, each overlapping the next by half
STRUCTURE = 24  # longer side of the grid of positions that are compared with each other


@dataclass(frozen=True)
class Seen:
    """What the measures need to know of a picture.

    Args:
        content: Features at relu4_2, (1, C, h, w).
        grams: Layer → Gram matrix, (1, C, C).
        windows: Moments of windows at relu3_1, (N, 2 C).
        structure: Log-probabilities (P, P): which positions look like which, see `FeatureMeasures.structure`.
        single: Mean (C,) and covariance (C, C) of the features at relu2_1, float64.
        pooled: Mean features at relu4_1, (C,), for sets of pictures.
    """

    content: Tensor
    grams: Mapping[str, Tensor]
    windows: Tensor
    structure: Tensor
    single: tuple[Any, Any]
    pooled: Tensor


@dataclass
class FeatureMeasures:
    """Measures through a network, which is loaded when it is first needed.

    Args:
        network: "vgg19-slim", "vgg19.int8" (both embedded), … or a weights file. Values through different networks
            can't be compared with each other.
        padding: Of the network; zeros as in the papers' code.
        device: Where it runs.
    """

    network: str = "vgg19-slim"
    padding: str = "zeros"
    device: torch.device | str = "cpu"
    _loaded: Any = None

    @property
    def sha256(self) -> str:
        """Return the hash of the network's weights."""
        self._load()
        sha256: str = self._loaded.weights.sha256
        return sha256

    def _load(self) -> None:
        if self._loaded is None:
            self._loaded = load_network(self.network, padding=self.padding, device=self.device)

    @torch.no_grad()
    def look(self, pixels: Tensor) -> Seen:
        """Run the network on pixels (1, 3, H, W) in [0, 1], at least 32 pixels high and wide."""
        self._load()
        layers = {*STYLE_LAYERS, CONTENT_LAYER}
        found = {k: x.float().cpu() for k, x in self._loaded.network(pixels.to(self.device), layers).items()}
        return Seen(
            found[CONTENT_LAYER],
            {layer: gram_matrix(found[layer]) for layer in STYLE_LAYERS},
            _windows(found[PLACES_LAYER]),
            _structure(found[STRUCTURE_LAYER]),
            _moments(found[SINGLE_LAYER][0].flatten(1)),
            found[POOLED_LAYER].mean((0, 2, 3)),
        )

    @staticmethod
    def content(picture: Seen, photo: Seen) -> float:
        """Return ‖F(x) - F(c)‖² / ‖F(c)‖² at relu4_2; 0 is the photo itself.

        Source: Gatys et al. 2016, eq. 1.
        Differs: relative to the photo's features.
        """
        return float(relative_error(picture.content, photo.content))

    @staticmethod
    def style(picture: Seen, painting: Seen) -> dict[str, float]:
        """Return ‖G(x) - G(s)‖² / ‖G(s)‖² at each layer; 0 is a match.

        Source: Gatys et al. 2016, eq. 4.
        Differs: relative to the painting's Gram matrix.
        """
        return {k: float(relative_error(picture.grams[k], painting.grams[k])) for k in STYLE_LAYERS}

    @staticmethod
    def places(picture: Seen, painting: Seen) -> float:
        """Return how far the worst quarter of windows is from looking like any part of the painting; 0 is a match.

        Mean and deviation of relu3_1 in windows of an eighth of the longer side; ‖a - b‖² / (‖a‖ ‖b‖) to the nearest
        window of the painting. Gram matrices are averages: a sky left as it was in the photo escapes them.
        """
        a, b = picture.windows, painting.windows
        norms = (a.norm(dim=1)[:, None] * b.norm(dim=1)[None]).clamp_min(1e-12)
        nearest = (torch.cdist(a, b).square() / norms).min(1).values.sort().values
        return float(nearest[-((len(nearest) + WORST - 1) // WORST) :].mean())

    @staticmethod
    def structure(picture: Seen, photo: Seen) -> float:
        """Return the content feature structural distance (CFSD); 0 if the same positions look alike as in the photo.

        The Kullback-Leibler divergence between the rows of both pictures' self-similarity, which doesn't see colors.

        Source: Chung, Hyun and Heo 2024, "Style Injection in Diffusion" (CVPR), section 4.1.
        Differs: cosines, and a grid of at most 24 positions along the longer side, so that any size is affordable.
        """
        rows = photo.structure.exp() * (photo.structure - picture.structure)
        return float(rows.sum(1).mean())

    @staticmethod
    def single_frechet(picture: Seen, painting: Seen) -> float:
        """Return the Fréchet distance between the features of two pictures, as SIFID, but through this network.

        Source: Shaham, Dekel and Michaeli 2019, "SinGAN" (ICCV), section 3.
        Differs: relu2_1 of this network instead of Inception's; relative to the painting's variance.
        """
        scale = max(float(np.trace(painting.single[1])), 1e-12)
        return frechet_distance(*picture.single, *painting.single) / scale

    def of_pair(self, picture: Seen, photo: Seen, painting: Seen) -> dict[str, float]:
        """Return all measures of a picture."""
        layers = self.style(picture, painting)
        return {
            "content": self.content(picture, photo),
            "style": fmean(layers.values()),
            "places": self.places(picture, painting),
            "structure": self.structure(picture, photo),
            "single_frechet": self.single_frechet(picture, painting),
            **{f"style_{layer}": error for layer, error in layers.items()},
        }


def _windows(features: Tensor) -> Tensor:
    """Return mean and deviation in half-overlapping windows, (N, 2 C)."""
    side = min(max(2, round(max(features.shape[2:]) / WINDOWS)), *features.shape[2:])
    inside = F.unfold(features, side, stride=max(1, side // 2))[0].view(features.shape[1], side * side, -1)
    return torch.cat([inside.mean(1), inside.std(1)]).T


def _structure(features: Tensor) -> Tensor:
    """Return the log-softmax of cosines between all positions of a grid, (P, P)."""
    longer = max(features.shape[2:])
    height, width = (max(1, round(side * min(1, STRUCTURE / longer))) for side in features.shape[2:])
    flat = F.normalize(F.adaptive_avg_pool2d(features, (height, width))[0].flatten(1), dim=0)
    return F.log_softmax(flat.T @ flat, dim=1)


def _moments(vectors: Tensor) -> tuple[Any, Any]:
    """Return mean and covariance of vectors (C, M)."""
    array = vectors.double().numpy()
    return array.mean(1), np.cov(array)
