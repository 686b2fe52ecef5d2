"""What methods of one pass have in common: sizes, regions, progress."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.checkpoints import Checkpoint
from brushwork.errors import Interrupted
from brushwork.guidance import Regions
from brushwork.methods.base import Declaration, check_content
from brushwork.progress import Progress, Step
from brushwork.settings import AdaIN, AdaINLite, ConditionalInstanceNorm, Johnson, MicroAST, TextureNets
from brushwork.tiling import Seen, Steps, Tile, alone, cut, over_tiles

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
    def _steps(self, work: Any, seen: Seen) -> Steps:
        """What paints the photo, or a tile of it, as much as `strength` says.

        Args:
            work: From `_work`.
            seen: Its sides are multiples of `multiple`; shares have a sum of 1 or less, where the rest is the photo.
        """

    @abstractmethod
    def _halo(self, styles: Sequence[Style]) -> int:
        """How many pixels away its network sees."""

    def _work(self, styles: Sequence[Style], whole: Seen) -> Any:
        """What all tiles share: the styles, and what must be known of the whole photo beforehand."""
        return styles

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
        tile: int | None = None,
    ) -> Tensor:
        """Pixels of the photo in the style.

        Args:
            content: Pixels (1, 3, H, W) in [0, 1].
            style: A style value, or `Regions` of several.
            init: Not taken.
            progress: Called once, when the picture is done.
            checkpoint: There is nothing to keep of one pass.
            tile: Side of the tiles that it is painted in, in pixels, with the same result; None: as a whole.

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
        whole = Seen(lambda: photo, None if shares is None else self._padded(shares.to(photo)))
        work = self._work(styles, whole)
        painted = alone(self._steps(work, whole)) if tile is None else self._tiled(work, whole, tile, styles)
        result = painted[:, :, :height, :width].clamp(0, 1).float().cpu().contiguous()
        try:
            if progress is not None:
                seconds = time.perf_counter() - started
                progress(Step(1, 1, 0.0, {}, (width, height), seconds, 0.0, lambda: result))
        except (KeyboardInterrupt, Interrupted) as stop:
            raise Interrupted(best=result) from stop
        return result

    def _tiled(self, work: Any, whole: Seen, side: int, styles: Sequence[Style]) -> Tensor:
        painted = torch.empty_like(whole.photo, device="cpu")

        def begin(tile: Tile) -> Steps:
            shares = None if whole.shares is None else tile.of(whole.shares)
            return self._steps(work, Seen(partial(tile.of, whole.photo), shares, *tile.seen[:2]))

        def done(tile: Tile, pixels: Tensor) -> None:
            top, left, bottom, right = tile.core
            painted[:, :, top:bottom, left:right] = pixels

        height, width = whole.photo.shape[2:]
        over_tiles(cut(height, width, side, self._halo(styles), self.multiple), begin, done)
        return painted

    def _padded(self, photo: Tensor) -> Tensor:
        """Continued at its right and lower border to sides that the network can halve."""
        sides = [max(self.declaration.smallest, -(-side // self.multiple) * self.multiple) for side in photo.shape[2:]]
        return F.pad(photo, (0, sides[1] - photo.shape[3], 0, sides[0] - photo.shape[2]), mode="replicate")
