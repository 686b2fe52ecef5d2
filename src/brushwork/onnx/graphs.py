"""What is exported: functions of tensors that run a style network, with sizes that may vary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.onnx.operators import shape_as_tensor

from brushwork.color import luma
from brushwork.methods.flat_pictures import CONTRASTY, FLAT, flat_picture
from brushwork.methods.style_network import StyleNetwork, TensorStyleNetwork
from brushwork.tiling.tiles import Moments, StatisticsRequest, TileInput, run_with_statistics

__all__ = ["Graph", "coder_graph", "painter_graph", "pass_graphs", "picture_graph"]

EXAMPLE = 72, 88  # height and width of the picture that is traced; padded to 96, if that is a multiple of the network's
Network: TypeAlias = StyleNetwork[Any]


@dataclass(frozen=True)
class Graph:
    """A function of tensors, to be traced.

    Args:
        name: What its file is called after the name of the whole; "" for a single file.
        run: The function.
        inputs: An example of each input, by name.
        outputs: Names of the outputs.
        varying: Name of an input or output → axis → name of a length that may vary.
    """

    name: str
    run: Callable[..., Any]
    inputs: Mapping[str, Tensor]
    outputs: Sequence[str]
    varying: Mapping[str, Mapping[int, str]]


PIXELS = {2: "height", 3: "width"}


class _Styled:
    """A network with a style: a given one, or one that is an input of the graph."""

    def __init__(self, network: Network, style: Any | None) -> None:
        self.network, self._style = network, style
        self.inputs: dict[str, Tensor] = {}
        if style is None:
            assert isinstance(network, TensorStyleNetwork)
            self.inputs = network.style_tensors(network.neutral_style())

    def style(self, tensors: Sequence[Tensor]) -> Any:
        """Return the style, from the graph's inputs if it is one of them."""
        if self._style is not None:
            return self._style
        return self.network.style_type(**dict(zip(self.inputs, tensors, strict=True)))  # type: ignore[attr-defined]

    def painted(self, photo: Tensor, tensors: Sequence[Tensor]) -> Tensor:
        """Return a photo of any size in the style."""
        size = shape_as_tensor(photo)[2:]
        padded = _padded(photo, size, self.network)
        stages = self.network.generate(TileInput(lambda: padded), [self.style(tensors)])
        painted = run_with_statistics(stages, lambda _, ask: _moments(ask.measured))
        return painted[:, :, : size[0], : size[1]].clamp(0, 1)


def picture_graph(network: Network, style: Any) -> Graph:
    """Return the graph from a photo to its picture in one style, with all that `OnePass` does around the network.

    Pictures with hardly any contrast get their colors as in `flat_picture`; contrast is measured on the photo itself,
    as `OnePass` does up to 1024 pixels.
    """
    styled = _Styled(network, style)
    flat = flat_picture(network, [style], torch.full((1, 3, 16, 16), 0.5, device=network.device), 1.0)
    assert flat is not None

    def paint(photo: Tensor) -> Tensor:
        painted = styled.painted(photo, ())
        contrast = _moments(photo).variance.mean().sqrt()
        share = ((CONTRASTY - contrast) / (CONTRASTY - FLAT)).clamp(0, 1)
        colors = (flat.black + flat.slope * luma(photo)).clamp(0, 1)
        return painted + share * (colors - painted)

    return Graph("", paint, {"photo": _example(*EXAMPLE)}, ["picture"], {"photo": PIXELS, "picture": PIXELS})


def painter_graph(network: Network) -> Graph:
    """Return the graph from a photo and a style's numbers to the picture."""
    styled = _Styled(network, None)
    inputs = {"photo": _example(*EXAMPLE), **styled.inputs}
    varying = {"photo": PIXELS, "picture": PIXELS}
    return Graph("painter", lambda photo, *style: styled.painted(photo, style), inputs, ["picture"], varying)


def coder_graph(network: Network) -> Graph:
    """Return the graph from a painting, at the size that `painting_size` says, to its numbers."""
    names = list(_Styled(network, None).inputs)
    size = {2: "painting height", 3: "painting width"}

    def encode(painting: Tensor) -> tuple[Tensor, ...]:
        return tuple(network.style_tensors(network.encode(painting)).values())

    encode(_example(*EXAMPLE))  # loads what isn't loaded yet, which can't be traced
    return Graph("coder", encode, {"painting": _example(*EXAMPLE)}, names, {"painting": size})


def pass_graphs(network: Network, style: Any | None) -> list[Graph]:
    """Return a graph for each measurement of the whole picture, and one that paints with what was measured.

    A graph measures a tile: mean and variance of the features within its core, to be joined over all tiles. The next
    one takes what was measured. Sides of tiles, and edges of cores, are multiples of the network's.

    Args:
        network: The network.
        style: The style; None for one that is an input.
    """
    styled, side = _Styled(network, style), -(-max(EXAMPLE) // network.multiple) * network.multiple
    tile = _example(side, side)
    measured: dict[str, Tensor] = {}
    core = torch.tensor([0, 0, side, side])

    def measure(tile: Tensor, core: Tensor, *given: Tensor) -> tuple[Tensor, Tensor]:
        features = _next_request(styled, tile, given).measured
        top, left, bottom, right = (core // (tile.shape[2] // features.shape[2])).unbind()
        moments = _moments(features[:, :, top:bottom, left:right])
        return moments.mean, moments.variance

    def apply(tile: Tensor, *given: Tensor) -> Tensor:
        painted = run_with_statistics(
            network.generate(TileInput(lambda: tile), [styled.style(given[: len(styled.inputs)])]),
            lambda k, _: _of(given, styled, k),
        )
        return painted.clamp(0, 1)

    graphs: list[Graph] = []
    varying = {"tile": PIXELS}
    while (found := _moments_of_next(styled, tile, measured)) is not None:
        inputs = {"tile": tile, "core": core, **styled.inputs, **measured}
        number = len(graphs) + 1
        graphs.append(Graph(f"measure-{number}", measure, inputs, ["mean", "variance"], varying))
        measured |= {f"mean-{number}": found.mean, f"variance-{number}": found.variance}
    if not graphs:
        return []
    inputs = {"tile": tile, **styled.inputs, **measured}
    return [*graphs, Graph("apply", apply, inputs, ["picture"], {"tile": PIXELS, "picture": PIXELS})]


def _moments_of_next(styled: _Styled, tile: Tensor, measured: Mapping[str, Tensor]) -> Moments | None:
    """Return what comes after the measured moments; None if that is the picture."""
    try:
        request = _next_request(styled, tile, (*styled.inputs.values(), *measured.values()))
    except StopIteration:
        return None
    return _moments(request.measured)


def _next_request(styled: _Styled, tile: Tensor, given: Sequence[Tensor]) -> StatisticsRequest:
    """Run a network with moments up to the first request that they don't answer.

    Raises:
        StopIteration: They answer all.
    """
    stages = styled.network.generate(TileInput(lambda: tile), [styled.style(given[: len(styled.inputs)])])
    request = next(stages)
    for k in range((len(given) - len(styled.inputs)) // 2):
        request = stages.send(_of(given, styled, k))
    return request


def _of(given: Sequence[Tensor], styled: _Styled, k: int) -> Moments:
    """Return the moments of request k from a graph's inputs: style, mean, variance, mean, variance, …."""
    return Moments(*given[len(styled.inputs) :][2 * k : 2 * k + 2])


def _moments(features: Tensor) -> Moments:
    """Return means and variances, row by row first: a single sum of a million numbers loses digits."""
    mean = features.mean(3, keepdim=True).mean(2, keepdim=True)
    return Moments(mean[:, :, 0, 0], (features - mean).square().mean(3).mean(2))


def _padded(photo: Tensor, size: Tensor, network: Network) -> Tensor:
    """Pad at the right and bottom to sides that the network supports, as `OnePass` does."""
    missing = torch.maximum(-size % network.multiple, network.declaration.smallest - size)
    return F.pad(photo, (0, missing[1], 0, missing[0]), mode="replicate")  # type: ignore[arg-type]


def _example(height: int, width: int) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
