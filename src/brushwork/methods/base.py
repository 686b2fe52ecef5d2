"""The interface of methods."""

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
    """Capabilities of a method, so that callers never depend on its class.

    Args:
        smallest: Minimum side in pixels; the method pads smaller images itself.
        tiling: "statistics": supports tiles, with the same result as the whole image, also from file to file; "inside":
            supports tiles for images in memory; "none".
        blends: Whether styles can be blended.
        regions: Whether it accepts `Regions`: different styles in different regions.
    """

    smallest: int
    tiling: str
    blends: bool
    regions: bool


class Method(Protocol):
    """Maps tensors to tensors; contains its network, but no state of any image."""

    device: torch.device

    @property
    def declaration(self) -> Declaration:
        """The method's capabilities."""
        ...

    @property
    def settings(self) -> Settings:
        """The method's options."""
        ...

    def encode_style(self, image: Tensor, *, sizes: Sequence[int], mask: Tensor | None = None) -> Any:
        """Encode the style of a painting.

        Args:
            image: Pixels (1, 3, H, W) in [0, 1].
            sizes: Longer sides, in pixels, of the images it will be used on.
            mask: Weight of each pixel, (1, 1, H, W) in [0, 1].
        """
        ...

    def sizes(self, width: int, height: int) -> list[int]:
        """Return the longer sides at which an image of this size is processed, for `encode_style`."""
        ...

    def painting_size(self, sizes: Sequence[int]) -> int:
        """Return the longer side, in pixels, at which `encode_style` uses a painting for images of these sizes."""
        ...

    def blend(self, values: Sequence[Any], weights: Sequence[float]) -> Any:
        """Blend encoded styles; the weights are normalized to a sum of 1."""
        ...

    def save_style(self, style: Any) -> dict[str, Tensor]:
        """Return an encoded style as named tensors, for a file."""
        ...

    def load_style(self, tensors: Mapping[str, Tensor]) -> Any:
        """Return an encoded style from a file's tensors."""
        ...

    def estimate_seconds(self, width: int, height: int) -> float:
        """Estimate the time for an image of this size, from a measurement on a small one."""
        ...

    def demand(self, style: Any = None) -> MemoryProfile:
        """Return the memory needed in this style, measured on small images; None measures some style."""
        ...

    def tiles(self, size: tuple[int, int], side: int, style: Any = None) -> list[Tile]:
        """Cut an image of this (width, height) into tiles of about this side."""
        ...

    def recipe(self) -> dict[str, Any]:
        """Return the recipe's entries for what determines the result besides the settings: weights, dtype."""
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
        """Stylize a photo; returns pixels in [0, 1] of the same shape.

        Args:
            content: Pixels (1, 3, H, W) in [0, 1]; feed-forward methods accept several of one size, (B, 3, H, W).
            style: From `encode_style`, `blend` or `load_style`; or `brushwork.styles.regions.Regions` of several.
            init: Initial image, pixels of any size.
            progress: Called after each step; an exception it raises stops the work.
            checkpoint: Checkpoint to resume from, with a bit-identical result; saved every `checkpoint.every` steps,
                after `progress`. Single-step methods ignore it.
            tiling: Tiles for processing in less memory, with the same result; None processes the whole image at once.

        Raises:
            Interrupted: The user stopped it; `error.best` holds the best pixels so far.
        """
        ...


@runtime_checkable
class PartwiseMethod(Method, Protocol):
    """A method that can stylize an image tile by tile, and so from file to file."""

    def paint(
        self,
        canvas: Canvas,
        style: Any,
        *,
        tiling: Tiling,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Stylize the canvas; see `OnePass.paint`."""
        ...


@runtime_checkable
class FrameMethod(Method, Protocol):
    """A method whose normalization statistics can be given, so that frames of a video are consistent."""

    def frame(self, content: Tensor, style: Any, answer: Callable[[int, StatisticsRequest], Moments]) -> Tensor:
        """Stylize a frame (1, 3, H, W) with the statistics that `answer` returns; see `OnePass.frame`."""
        ...


def check_content(content: Tensor) -> None:
    """Raise UsageError unless this is a single valid image (1, 3, H, W)."""
    check_pixels(content)
    if len(content) != 1:
        raise UsageError(f"expected one picture of shape (1, 3, H, W), got {tuple(content.shape)}")


def check_painting(image: Tensor, mask: Tensor | None) -> None:
    """Raise UsageError unless this is a valid image, with a mask of the same size if any."""
    check_pixels(image)
    if mask is not None and mask.shape[2:] != image.shape[2:]:
        raise UsageError(f"expected a mask of {tuple(image.shape[2:])} like its picture, got {tuple(mask.shape[2:])}")


def normalized(values: Sequence[Any], weights: Sequence[float]) -> list[float]:
    """Normalize the weights of a blend to a sum of 1.

    Raises:
        UsageError: No styles, or weights that are negative or sum to 0.
    """
    if not values or len(values) != len(weights) or min(weights) < 0 or not sum(weights) > 0:
        raise UsageError(f"expected a weight of at least 0 per style and a sum above 0, got {list(weights)}")
    return [weight / sum(weights) for weight in weights]
