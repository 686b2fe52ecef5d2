"""The interface of feature networks, and an adapter that turns any CNN into one."""

from __future__ import annotations

import hashlib
import inspect
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from brushwork.errors import UsageError
from brushwork.weights import Preprocessing
from brushwork.weights.records import IMAGENET

__all__ = ["FeatureExtractor", "FeatureNetwork", "check_network", "fingerprint"]


class FeatureNetwork(Protocol):
    """The network interface for methods: pixels (B, 3, H, W) in [0, 1], layers → {name: (B, C, h, w) float32}."""

    def __call__(self, image: Tensor, layers: Collection[str], /) -> dict[str, Tensor]:
        """Return the features of these layers."""
        ...


class _DeepEnough(Exception):  # noqa: N818 - not an error: it ends the forward pass at the deepest requested layer
    pass


class FeatureExtractor(nn.Module):
    """Adapts any CNN to a feature network.

    Args:
        network: A module that takes (B, 3, H, W). While it runs here, it is in evaluation mode and its weights are
            frozen; its previous state is restored afterwards.
        layers: Your name for a layer → its module's path in `network.named_modules()`; or only paths.
        preprocessing: Conversion of pixels in [0, 1] to what the network was trained on; ImageNet's by default.

    Calls are serialized (layers are read by hooks), so threads may share one extractor.

    Raises:
        UsageError: A path that the network does not have.

    >>> import torch
    >>> from torch import nn
    >>> cnn = FeatureExtractor(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), {"relu1": "1"})
    >>> cnn(torch.rand(1, 3, 16, 16), ["relu1"])["relu1"].shape
    torch.Size([1, 8, 14, 14])
    """

    def __init__(
        self, network: nn.Module, layers: Mapping[str, str] | Collection[str], preprocessing: Preprocessing = IMAGENET
    ) -> None:
        super().__init__()
        if not isinstance(network, nn.Module):
            raise UsageError(f"network: expected a PyTorch module, got a {type(network).__name__}")
        self.network = network
        self.paths = dict(layers) if isinstance(layers, Mapping) else {path: path for path in layers}
        self.preprocessing = preprocessing
        self._turn = threading.Lock()
        modules = dict(network.named_modules())
        for name, path in self.paths.items():
            if path not in modules or not path:
                raise UsageError(f"layer {name}: the network has no module {path!r}; see network.named_modules()")

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the features of the requested layers; the forward pass stops at the deepest.

        Args:
            image: Pixels, shape (B, 3, H, W), sRGB in [0, 1].
            layers: Names given at construction.

        Raises:
            UsageError: An unknown name, or a layer that the forward pass never reached.
        """
        unknown = set(layers) - set(self.paths)
        if unknown:
            raise UsageError(f"no layer {', '.join(sorted(unknown))}; this extractor has {', '.join(self.paths)}")
        modules = dict(self.network.named_modules())
        found: dict[str, Tensor] = {}

        def keep(name: str) -> Any:
            def hook(module: nn.Module, inputs: Any, output: Any) -> None:
                if not isinstance(output, Tensor):
                    raise UsageError(
                        f"layer {name} returns a {type(output).__name__}, expected a tensor; choose another layer"
                    )
                # A copy, because an in-place ReLU after this layer would overwrite its output.
                found[name] = output.float() if output.dtype.itemsize < 4 else output.clone()
                if len(found) == len(set(layers)):
                    raise _DeepEnough

            return hook

        with self._turn, _frozen(self.network):
            handles = [modules[self.paths[name]].register_forward_hook(keep(name)) for name in set(layers)]
            try:
                self.network(self.preprocessing(image))
            except _DeepEnough:
                pass
            finally:
                for handle in handles:
                    handle.remove()
        if len(found) < len(set(layers)):
            raise UsageError(f"the network never ran layer {', '.join(sorted(set(layers) - set(found)))}")
        return found


def check_network(network: object) -> None:
    """Refuse an object that can't be called as a `FeatureNetwork`, such as a plain PyTorch module.

    Raises:
        UsageError: The message says how to adapt a module.
    """
    try:
        call = network.forward if isinstance(network, nn.Module) else network
        inspect.signature(call).bind(None, ())  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"network: expected a feature network, got a {type(network).__name__}; name the layers of a module with "
            'FeatureExtractor(module, {"relu1_1": "features.1"})'
        ) from error


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Within the block, set evaluation mode and freeze the weights; restore both afterwards.

    A graph recorded within the block never computes gradients of the weights.
    """
    training = {module: module.training for module in network.modules()}
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    try:
        network.eval()
        for parameter in learning:
            parameter.requires_grad_(False)
        yield
    finally:
        for module, mode in training.items():
            module.training = mode
        for parameter in learning:
            parameter.requires_grad_(True)


def fingerprint(network: nn.Module) -> str:
    """Return the SHA-256 of a module's weights, so that a saved style isn't used with another network."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
