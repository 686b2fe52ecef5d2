"""What methods of one pass have in common: sizes, regions, progress."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.checkpoints import Checkpoint
from brushwork.errors import Interrupted
from brushwork.guidance import Regions
from brushwork.methods.base import Declaration, check_content
from brushwork.progress import Progress, Step
from brushwork.settings import AdaIN, AdaINLite, ConditionalInstanceNorm, Johnson, MicroAST, TextureNets

__all__ = ["FeedForward"]

Style = TypeVar("Style")


class FeedForward(ABC, Generic[Style]):
    """A method whose picture takes one pass.

    Args:
        settings: With `strength`.
        device: Where it runs.
    """

    declaration: Declaration
    multiple: int  # sides are brought to multiples of this

    def __init__(
        self,
        settings: AdaIN | AdaINLite | ConditionalInstanceNorm | Johnson | MicroAST | TextureNets,
        device: torch.device | str,
    ) -> None:
        self.settings, self.device = settings, torch.device(device)

    @abstractmethod
    def encode_style(self, image: Tensor, *, sizes: Sequence[int], mask: Tensor | None = None) -> Style:
        """See `Method`."""

    @abstractmethod
    def load_style(self, tensors: Mapping[str, Tensor]) -> Style:
        """A style value from a file's tensors."""

    @abstractmethod
    def _painted_in(self, styles: Sequence[Style], photo: Tensor, shares: Tensor | None) -> Tensor:
        """The photo in styles, as much as `strength` says.

        Args:
            styles: One, or several.
            photo: Its sides are multiples of `multiple`.
            shares: Of each style, (N, 1, H, W), of sum 1 or less, where the rest is the photo; None for one style,
                everywhere.
        """

    @abstractmethod
    def _probe(self) -> Style:
        """Some style, to measure time with."""

    def painting_size(self, sizes: Sequence[int]) -> int:
        """See `Method`; as large as the photo."""
        return max(1, round(max(sizes) * getattr(self.settings, "style_scale", 1.0)))

    def sizes(self, width: int, height: int) -> list[int]:
        """The longer side: one pass needs one size."""
        return [max(width, height)]

    def estimate_seconds(self, width: int, height: int) -> float:
        """Time a small picture and scale by pixels."""
        side = 256
        probe, style = torch.full((1, 3, side, side), 0.5), self._probe()
        self(probe, style)  # the first one warms up
        started = time.perf_counter()
        self(probe, style)
        return (time.perf_counter() - started) * max(1.0, width * height / side**2)

    @torch.inference_mode()
    def __call__(
        self,
        content: Tensor,
        style: Style | Regions,
        *,
        init: Tensor | None = None,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Tensor:
        """Pixels of the photo in the style.

        Args:
            content: Pixels (1, 3, H, W) in [0, 1].
            style: A style value, or `Regions` of several.
            init: Not taken.
            progress: Called once, when the picture is done.
            checkpoint: There is nothing to keep of one pass.

        Returns:
            Pixels (1, 3, H, W) in [0, 1].

        Raises:
            UsageError: Not pixels, or more than one picture.
            Interrupted: Raised by `progress`; `error.best` is the picture.
        """
        check_content(content)
        started = time.perf_counter()
        height, width = content.shape[2:]
        styles, shares = Regions.of(style).present(height, width)
        photo = self._padded(content.to(self.device))
        painted = self._painted_in(styles, photo, None if shares is None else self._padded(shares.to(photo)))
        result = painted[:, :, :height, :width].clamp(0, 1).float().cpu().contiguous()
        try:
            if progress is not None:
                seconds = time.perf_counter() - started
                progress(Step(1, 1, 0.0, {}, (width, height), seconds, 0.0, lambda: result))
        except (KeyboardInterrupt, Interrupted) as stop:
            raise Interrupted(best=result) from stop
        return result

    def _padded(self, photo: Tensor) -> Tensor:
        """Continued at its right and lower border to sides that the network can halve."""
        sides = [max(self.declaration.smallest, -(-side // self.multiple) * self.multiple) for side in photo.shape[2:]]
        return F.pad(photo, (0, sides[1] - photo.shape[3], 0, sides[0] - photo.shape[2]), mode="replicate")
