"""What methods of one pass have in common: sizes, strength, blends, regions, progress."""

from __future__ import annotations

import dataclasses
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.checkpoints import Checkpoint
from brushwork.errors import Interrupted
from brushwork.guidance import Regions
from brushwork.image import resize
from brushwork.methods.base import Declaration, check_content, check_painting, normalized
from brushwork.progress import Progress, Step
from brushwork.settings import AdaIN, AdaINLite

__all__ = ["FeedForward"]

ROUNDING = 1e-5  # what shares may miss of a sum of 1

Style = TypeVar("Style")


class FeedForward(ABC, Generic[Style]):
    """A method whose styles are numbers to calculate with, and whose picture takes one pass.

    A subclass names its style's dataclass, all of whose fields are tensors, and says how a style is encoded and how a
    picture is painted. Half the strength is the style halfway between the painting's and the photo's own; what is
    left over, because no network gives back a photo quite as it was, is added to the picture.

    Args:
        settings: With `strength` and `style_scale`.
        device: Where it runs.
    """

    declaration: Declaration
    style_type: type[Style]
    multiple: int  # sides are brought to multiples of this

    def __init__(self, settings: AdaIN | AdaINLite, device: torch.device | str) -> None:
        self.settings, self.device = settings, torch.device(device)

    @abstractmethod
    def _encoded(self, image: Tensor, mask: Tensor | None) -> Style:
        """The style of pixels (1, 3, H, W) on the device, where a mask of the same size says."""

    @abstractmethod
    def _painted(self, photo: Tensor, styles: Sequence[Style], shares: Tensor | None) -> Tensor:
        """Pixels of sides that are multiples of `multiple`, in one style, or several with shares (N, 1, H, W)."""

    def painting_size(self, sizes: Sequence[int]) -> int:
        """See `Method`; as large as the photo."""
        return max(1, round(max(sizes) * self.settings.style_scale))

    def sizes(self, width: int, height: int) -> list[int]:
        """The longer side: one pass needs one size."""
        return [max(width, height)]

    @torch.inference_mode()
    def encode_style(self, image: Tensor, *, sizes: Sequence[int], mask: Tensor | None = None) -> Style:
        """What the network needs to know of a painting.

        Args:
            image: Pixels (1, 3, H, W) in [0, 1].
            sizes: Longer sides of the pictures it will be used on; the largest counts.
            mask: How much each pixel counts, (1, 1, H, W) in [0, 1].

        Raises:
            UsageError: Not pixels; a mask of another size, or one that leaves nothing.
        """
        check_painting(image, mask)
        height, width = image.shape[2:]
        factor = self.painting_size(sizes) / max(width, height)
        width, height = (max(self.declaration.smallest, round(side * factor)) for side in (width, height))
        small_mask = None if mask is None else F.adaptive_avg_pool2d(mask, (height, width)).to(self.device)
        return self._encoded(resize(image, (width, height)).to(self.device), small_mask)

    def blend(self, values: Sequence[Style], weights: Sequence[float]) -> Style:
        """The weighted mean of styles.

        Raises:
            UsageError: No styles, weights that are negative or sum to 0.
        """
        shares = normalized(values, weights)
        parts = [self.save_style(value) for value in values]
        return self.load_style(
            {
                name: torch.stack([w * part[name] for w, part in zip(shares, parts, strict=True)]).sum(0)
                for name in parts[0]
            }
        )

    def save_style(self, style: Style) -> dict[str, Tensor]:
        """A style value as tensors for a file."""
        return {field.name: getattr(style, field.name) for field in dataclasses.fields(self.style_type)}  # type: ignore[arg-type]

    def load_style(self, tensors: Mapping[str, Tensor]) -> Style:
        """A style value from a file's tensors.

        Raises:
            ValueError: Tensors of other names or shapes than this network's.
        """
        expected = {name: tensor.shape for name, tensor in self.save_style(self._neutral).items()}
        if {name: tensor.shape for name, tensor in tensors.items()} != expected:
            raise ValueError(f"expected tensors {expected}")
        return self.style_type(**{name: tensor.float().to(self.device) for name, tensor in tensors.items()})

    @cached_property
    def _neutral(self) -> Style:
        """Some style of this network, for its shapes."""
        return self._encoded(torch.full((1, 3, 2 * self.multiple, 2 * self.multiple), 0.5, device=self.device), None)

    def estimate_seconds(self, width: int, height: int) -> float:
        """Time a small picture and scale by pixels."""
        side = 256
        probe = torch.full((1, 3, side, side), 0.5)
        style = self.encode_style(probe, sizes=[side])
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
            style: From `encode_style` or `blend`; or `Regions` of several.
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

    def _painted_in(self, styles: Sequence[Style], photo: Tensor, shares: Tensor | None) -> Tensor:
        """The photo in styles with shares (N, 1, H, W), as much as `strength` says; where they leave it, the photo."""
        strength, left = self.settings.strength, None
        if shares is not None:
            rest = 1 - shares.sum(0, keepdim=True)
            left = torch.where(rest > ROUNDING, rest, 0)
            shares = torch.cat([shares, left]) if left.any() else shares
            shares = shares / shares.sum(0, keepdim=True) if len(shares) > 1 else None
        if strength == 1 and (left is None or not left.any()):
            return self._painted(photo, styles, shares)
        own = [self._own_style(photo, mask) for mask in ([None] if shares is None else torch.split(shares, 1))]
        mixed = [self.blend(pair, [strength, 1 - strength]) for pair in zip(styles, own, strict=False)]
        painted = self._painted(photo, mixed + own[len(styles) :], shares)
        if strength < 1:
            painted = painted + (1 - strength) * (photo - self._painted(photo, own, shares))
        return painted if left is None else torch.lerp(painted, photo, left)

    def _own_style(self, photo: Tensor, mask: Tensor | None) -> Style:
        """The photo's own style, where a mask of its size says."""
        return self._encoded(photo, mask)
