"""Measures with the networks of their papers: LPIPS, FID, KID and ArtFID, where their weights are on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from brushwork.errors import UsageError
from brushwork.evaluation.sets import frechet_of_sets, kernel_distance
from brushwork.nn import load_network
from brushwork.nn.measure_networks import load_alexnet, load_inception
from brushwork.weights import read

__all__ = ["LPIPS", "PUBLISHED", "PublishedMeasures", "art_fid", "lpips"]

EPSILON = 1e-10  # added to the length of a feature vector, as published
VGG_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
ALEX_LAYERS = ("relu1", "relu2", "relu3", "relu4", "relu5")

# Name → the records that it needs.
PUBLISHED = {
    "lpips": ("alexnet", "lpips-alex"),
    "lpips-vgg": ("vgg16.imagenet1k_v1", "lpips-vgg"),
    "fid": ("inception-fid",),
    "art-fid": ("inception-art", "alexnet", "lpips-alex"),
}


class LPIPS:
    """The learned perceptual distance of two pictures, version 0.1 as published.

    Args:
        network: "alex", which is faster and the authors' choice for measuring, or "vgg".

    Raises:
        UsageError: Another network.
        WeightsError: The network, or the weights of its channels, aren't on this machine; the message says where to get
            them.

    Source: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", eq. 1,
        arXiv:1801.03924.
    """

    def __init__(self, network: str = "alex") -> None:
        if network not in ("alex", "vgg"):
            raise UsageError(f"network: expected alex or vgg, got {network!r}")
        linear = read(f"lpips-{network}")
        self._run: Callable[..., dict[str, Tensor]]
        if network == "alex":
            self._run, trunk = load_alexnet()
        else:
            loaded = load_network("vgg16.imagenet1k_v1", padding="zeros")
            self._run, trunk = loaded.network, loaded.weights.sha256
        self.layers = ALEX_LAYERS if network == "alex" else VGG_LAYERS
        self.weights = [linear.tensors[f"lin{k}.model.1.weight"].float() for k in range(len(self.layers))]
        self.sha256 = f"{trunk}, {linear.sha256}"

    @torch.no_grad()
    def look(self, pixels: Tensor) -> list[Tensor]:
        """Return the features of pixels (1, 3, H, W) in [0, 1], each position's of length 1."""
        found = self._run(pixels, self.layers)
        return [x / (x.square().sum(1, keepdim=True).sqrt() + EPSILON) for x in (found[k] for k in self.layers)]

    def between(self, one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
        """Return the distance between two pictures as `look` sees them."""
        layers = [((a - b).square() * w).sum(1).mean() for a, b, w in zip(one, other, self.weights, strict=True)]
        return float(sum(layers))

    def __call__(self, picture: Tensor, other: Tensor) -> float:
        """Return the distance of two pictures (1, 3, H, W) in [0, 1] of the same size; 0 is the same."""
        return self.between(self.look(picture), self.look(other))


def lpips(picture: Tensor, other: Tensor, network: str = "alex") -> float:
    """Return `LPIPS(network)(picture, other)`; make the object yourself to measure several pictures."""
    return LPIPS(network)(picture, other)


def art_fid(perceptual: float, frechet: float) -> float:
    """Return ArtFID: (1 + LPIPS) (1 + FID).

    Args:
        perceptual: Mean LPIPS between painted pictures and photos.
        frechet: FID between painted pictures and paintings, through ArtFID's own network.

    Source: Wright and Ommer 2022, "ArtFID", eq. 3, arXiv:2207.12280.
    """
    return (1 + perceptual) * (1 + frechet)


class PublishedMeasures:
    """The measures of some names, of pictures and of sets.

    Args:
        names: Keys of `PUBLISHED`; "art-fid" includes "lpips".

    Raises:
        UsageError: An unknown name.
        WeightsError: Weights aren't on this machine.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        unknown = [name for name in names if name not in PUBLISHED]
        if unknown:
            raise UsageError(f"no measure {unknown[0]!r} with published weights; there are {', '.join(PUBLISHED)}")
        self.sha256: dict[str, str] = {}
        self._lpips: dict[str, LPIPS] = {}
        self._vectors: dict[str, Callable[[Tensor], Tensor]] = {}
        for name, network in (("lpips", "alex"), ("lpips-vgg", "vgg")):
            if name in names or (name == "lpips" and "art-fid" in names):
                self._lpips[name] = LPIPS(network)
                self.sha256[name] = self._lpips[name].sha256
        for name, record in (("fid", "inception-fid"), ("art-fid", "inception-art")):
            if name in names:
                self._vectors[name], self.sha256[name] = load_inception(record)

    def of_pair(self, picture: Tensor, photo: Tensor) -> dict[str, float]:
        """Return the measures of a picture and its photo, by name."""
        return {name.replace("-", "_"): distance(picture, photo) for name, distance in self._lpips.items()}

    @torch.no_grad()
    def vectors(self, pixels: Tensor) -> dict[str, list[float]]:
        """Return what the measures of sets need to know of a picture."""
        return {name: network(pixels)[0].tolist() for name, network in self._vectors.items()}

    def of_sets(self, made: Sequence[dict[str, Any]], paintings: Sequence[dict[str, Any]], perceptual: float) -> Any:
        """Return FID, KID and ArtFID between painted pictures and paintings.

        Args:
            made: `vectors` of each painted picture.
            paintings: `vectors` of each painting.
            perceptual: Mean LPIPS between pictures and photos; needed for ArtFID.
        """

        def between(distance: Callable[[Any, Any], float], name: str) -> float:
            return distance(*(np.array([one[name] for one in found]) for found in (made, paintings)))

        found: dict[str, float] = {}
        if "fid" in self._vectors:
            found |= {"fid": between(frechet_of_sets, "fid"), "kid": between(kernel_distance, "fid")}
        if "art-fid" in self._vectors:
            found["art_fid"] = art_fid(perceptual, between(frechet_of_sets, "art-fid"))
        return found
