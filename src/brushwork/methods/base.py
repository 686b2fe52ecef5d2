"""What a method promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from brushwork.errors import UsageError
from brushwork.image import check_pixels
from brushwork.options.methods import Settings
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.progress import Progress
from brushwork.tiling.tiles import Canvas, MemoryProfile, Moments, StatisticsRequest, Tile, Tiling

__all__ = ["Declaration", "FrameMethod", "Method", "PartwiseMethod", "check_content", "check_painting", "normalized"]


@dataclass(frozen=True)
class Declaration:
    """What callers must know of a method, so that they never ask for its class.

    Args:
        inputs: "content+style", …
        smallest: The shortest side it works at, in pixels; it pads smaller pictures itself.
        tiling: "statistics": in tiles it gives what it gives as a whole, and from file to file; "inside": it works
            in tiles on a picture in memory; "none".
        blends: Whether style values can be mixed.
        init: Whether it takes a first picture.
        regions: Whether it takes `Regions`: several styles, each where its mask says.
    """

    inputs: str
    smallest: int
    tiling: str
    blends: bool
    init: bool
    regions: bool


class Method(Protocol):
    """Maps tensors to tensors; it holds its network and nothing of any picture."""

    device: torch.device

    @property
    def declaration(self) -> Declaration:
        """What callers must know of the method."""
        ...

    @property
    def settings(self) -> Settings:
        """All its options."""
        ...

    def encode_style(self, image: Tensor, *, sizes: Sequence[int], mask: Tensor | None = None) -> Any:
        """What the method needs to know of a style.

        Args:
            image: Pixels (1, 3, H, W) in [0, 1].
            sizes: Longer sides, in pixels, of the pictures it will be used on.
            mask: How much each pixel counts, (1, 1, H, W) in [0, 1].
        """
        ...

    def sizes(self, width: int, height: int) -> list[int]:
        """Longer sides that a picture of this size passes through: what `encode_style` wants to know."""
        ...

    def painting_size(self, sizes: Sequence[int]) -> int:
        """Longer side at which `encode_style` looks at a painting for pictures of these longer sides, in pixels."""
        ...

    def blend(self, values: Sequence[Any], weights: Sequence[float]) -> Any:
        """A style between styles; weights are brought to a sum of 1."""
        ...

    def save_style(self, style: Any) -> dict[str, Tensor]:
        """A style value as named tensors, for a file."""
        ...

    def load_style(self, tensors: Mapping[str, Tensor]) -> Any:
        """A style value from a file's tensors."""
        ...

    def estimate_seconds(self, width: int, height: int) -> float:
        """About how long a picture of this size takes, measured on a small one."""
        ...

    def demand(self, style: Any = None) -> MemoryProfile:
        """What memory a picture takes in this style, measured on small ones; None: in some style."""
        ...

    def tiles(self, size: tuple[int, int], side: int, style: Any = None) -> list[Tile]:
        """How a picture of this (width, height) is cut into tiles of about this side."""
        ...

    def recipe(self) -> dict[str, Any]:
        """What of this method decides the result, beyond its settings: weights, dtype."""
        ...

    def __call__(
        self,
        content: Tensor,
        style: Any,
        *,
        init: Tensor | None = None,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
        tiling: Tiling | None = None,
    ) -> Tensor:
        """Pixels in [0, 1], of the content's shape.

        Args:
            content: Pixels (1, 3, H, W) in [0, 1]; methods of one pass take several of one size, (B, 3, H, W).
            style: From `encode_style`, `blend` or `load_style`; or `brushwork.styles.regions.Regions` of several.
            init: First picture, pixels of any size.
            progress: Called after each step; what it raises ends the work.
            checkpoint: The work goes on from the state it loads, with the same bits in the end, and saves its state
                there every so many steps, between two of them, after `progress`. A method of one step ignores it.
            tiling: The tiles in which it is worked at, to save memory, with the same result; None: the whole at once.

        Raises:
            Interrupted: The user stopped it; `error.best` holds the best pixels so far.
        """
        ...


@runtime_checkable
class PartwiseMethod(Method, Protocol):
    """A method that paints a picture part by part, so that it can go from file to file."""

    def paint(
        self,
        canvas: Canvas,
        style: Any,
        *,
        tiling: Tiling,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Paint what the canvas reads, and have it written there; see `OnePass.paint`."""
        ...


@runtime_checkable
class FrameMethod(Method, Protocol):
    """A method whose normalizations can be told their statistics, so that frames of a film agree."""

    def frame(self, content: Tensor, style: Any, answer: Callable[[int, StatisticsRequest], Moments]) -> Tensor:
        """A picture (1, 3, H, W) with the statistics that `answer` gives; see `OnePass.frame`."""
        ...


def check_content(content: Tensor) -> None:
    """Refuse what is no single picture (1, 3, H, W) that keeps the pixel contract."""
    check_pixels(content)
    if len(content) != 1:
        raise UsageError(f"expected one picture of shape (1, 3, H, W), got {tuple(content.shape)}")


def check_painting(image: Tensor, mask: Tensor | None) -> None:
    """Refuse what doesn't keep the pixel contract, and a mask of another size."""
    check_pixels(image)
    if mask is not None and mask.shape[2:] != image.shape[2:]:
        raise UsageError(f"expected a mask of {tuple(image.shape[2:])} like its picture, got {tuple(mask.shape[2:])}")


def normalized(values: Sequence[Any], weights: Sequence[float]) -> list[float]:
    """The weights of a blend brought to a sum of 1.

    Raises:
        UsageError: No styles, weights that are negative or sum to 0.
    """
    if not values or len(values) != len(weights) or min(weights) < 0 or not sum(weights) > 0:
        raise UsageError(f"expected a weight of at least 0 per style and a sum above 0, got {list(weights)}")
    return [weight / sum(weights) for weight in weights]
