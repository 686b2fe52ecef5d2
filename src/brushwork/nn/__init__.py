"""Feature networks: image → {layer: features}."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from brushwork.errors import WeightsError
from brushwork.nn.extractor import FeatureExtractor, FeatureNetwork, check_network, fingerprint
from brushwork.nn.vgg import VGG
from brushwork.weights import MEASURE_NETWORKS, Weights, read

__all__ = [
    "VGG",
    "FeatureExtractor",
    "FeatureNetwork",
    "LoadedNetwork",
    "check_network",
    "fingerprint",
    "load_network",
]


@dataclass(frozen=True)
class LoadedNetwork:
    """A feature network and the weights loaded into it."""

    network: FeatureNetwork
    weights: Weights


def load_network(
    weights: str,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    pooling: str = "max",
    padding: str = "replicate",
) -> LoadedNetwork:
    """Return a frozen VGG by the name of its weights, on a device, in channels-last memory format.

    Args:
        weights: A record ("vgg19-slim", "vgg19.caffe", …) or a path to a weights file.
        device: Where it runs.
        dtype: float32 or bfloat16; features are returned as float32 in both cases.
        pooling: "max" or "average".
        padding: "replicate", "reflect" or "zeros".

    Raises:
        WeightsError: The weights are missing or damaged; the message says what to do.

    >>> sorted(load_network("vgg19-slim").network(torch.rand(1, 3, 32, 32), ["relu1_1", "relu2_1"]))
    ['relu1_1', 'relu2_1']
    """
    found = read(weights)
    if found.record.architecture in MEASURE_NETWORKS:
        raise WeightsError(f"{weights}: {found.record.name} is only for measuring; choose a VGG, such as vgg19-slim")
    network = VGG.from_tensors(found.tensors, found.record.preprocessing, pooling=pooling, padding=padding)
    # torch's type annotations lack memory_format for modules.
    network.to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return LoadedNetwork(network, found)
