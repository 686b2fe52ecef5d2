"""The sizes of AdaIN-lite's networks, by the name in their files."""

from __future__ import annotations

from dataclasses import dataclass

from brushwork.errors import WeightsError
from brushwork.methods.adain_lite.colors import COLOR_CODE
from brushwork.weights import Model

__all__ = ["FIRST", "SECOND", "Architecture", "architecture_of"]

LAYERS = (("relu1_1", 16), ("relu2_1", 32), ("relu3_1", 64), ("relu4_1", 192))


@dataclass(frozen=True)
class Architecture:
    """The sizes of a network.

    Args:
        name: In the metadata of its files.
        code: Numbers of a style code, without its colors.
        layers: Layers of vgg19-slim whose statistics the encoder sees, with their channels.
        width: Units of the encoder's layers.
        rank: Rank-1 kernels of each convolution.
        half: Channels at half the picture's size, and so on.
        colors: Whether the result gets the painting's mean and covariance of the colors, exactly.
    """

    name: str = "1"
    code: int = 128
    layers: tuple[tuple[str, int], ...] = LAYERS
    width: int = 112
    rank: int = 16
    half: int = 16
    quarter: int = 64
    eighth: int = 112
    sixteenth: int = 128
    colors: bool = False

    @property
    def layer_names(self) -> list[str]:
        """The layers of vgg19-slim that the encoder sees."""
        return [layer for layer, _ in self.layers]

    @property
    def code_length(self) -> int:
        """Numbers of a style code, with its colors."""
        return self.code + COLOR_CODE * self.colors


FIRST = Architecture()  # adain-lite
SECOND = Architecture(  # adain-lite-2 and adain-lite-3
    name="2",
    code=384,
    layers=(*LAYERS, ("relu5_1", 384)),
    width=512,
    rank=32,
    half=24,
    eighth=160,
    sixteenth=192,
    colors=True,
)
ARCHITECTURES = {sizes.name: sizes for sizes in (FIRST, SECOND)}


def architecture_of(model: Model) -> Architecture:
    """Return the sizes of a network that was read; files of version 0.1 don't name them.

    Raises:
        WeightsError: A later version of brushwork made it.
    """
    name = model.about.get("architecture", FIRST.name)
    if name not in ARCHITECTURES:
        raise WeightsError(f"{model.name}: is an AdaIN-lite of architecture {name}; update brushwork to use it")
    return ARCHITECTURES[name]
