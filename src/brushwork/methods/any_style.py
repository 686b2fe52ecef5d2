"""What methods of one pass for any painting have in common: encoding, blends, strength."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.image import resize
from brushwork.methods.base import check_painting, normalized
from brushwork.methods.feed_forward import FeedForward
from brushwork.options.methods import AdaIN, AdaINLite, ConditionalInstanceNorm, MicroAST
from brushwork.tiling.tiles import Stages, TileInput

__all__ = ["AnyStyle"]

ROUNDING = 1e-5  # what shares may miss of a sum of 1
Style = TypeVar("Style")


@dataclass(frozen=True)
class _Work(Generic[Style]):
    """Styles; the photo's own, if they are mixed with it; whether the photo is left somewhere."""

    styles: Sequence[Style]
    own: Sequence[Style] | None
    rest: bool


class AnyStyle(FeedForward[Style]):
    """A method whose styles are numbers to calculate with, made of any painting.

    A subclass names its style's dataclass, all of whose fields are tensors, and says how a style is encoded and how a
    picture is painted. Half the strength is the style halfway between the painting's and the photo's own; what is
    left over, because no network gives back a photo quite as it was, is added to the picture.
    """

    settings: AdaIN | AdaINLite | ConditionalInstanceNorm | MicroAST
    style_type: type[Style]

    @abstractmethod
    def _encoded(self, image: Tensor, mask: Tensor | None) -> Style:
        """The style of pixels (1, 3, H, W) on the device, where a mask of the same size says."""

    @abstractmethod
    def _painting(self, seen: TileInput, styles: Sequence[Style], shares: Tensor | None) -> Stages:
        """What paints what is seen, in styles with shares (N, 1, H, W) of sum 1."""

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

    def _probe(self) -> Style:
        return self._neutral

    def _work(self, styles: Sequence[Style], whole: TileInput) -> Any:
        """The styles, and where they are mixed with the photo's own, that too."""
        strength, left = self.settings.strength, _left(whole.shares)
        rest = left is not None and bool(left.any())
        if strength == 1 and not rest:
            return _Work(styles, None, rest)
        shares = _filled(whole.shares, left, rest)
        own = [self._own_style(whole.photo, mask) for mask in ([None] if shares is None else torch.split(shares, 1))]
        mixed = [self.blend(pair, [strength, 1 - strength]) for pair in zip(styles, own, strict=False)]
        return _Work(mixed + own[len(styles) :], own, rest)

    def _steps(self, work: Any, seen: TileInput) -> Stages:
        """What paints the photo in styles, as much as `strength` says; where their shares leave it, the photo."""
        strength, left = self.settings.strength, _left(seen.shares)
        shares = _filled(seen.shares, left, work.rest)
        painted = yield from self._painting(seen, work.styles, shares)
        if work.own is not None and strength < 1:
            again = yield from self._painting(replace(seen, first=None), work.own, shares)
            painted = painted + (1 - strength) * (seen.photo_like(painted) - again)
        if left is None:
            return painted
        photo = seen.photo_like(painted)
        return torch.lerp(painted, photo, left if left.shape[2:] == photo.shape[2:] else seen.nearby(left))

    def _own_style(self, photo: Tensor, mask: Tensor | None) -> Style:
        """The photo's own style, where a mask of its size says."""
        return self._encoded(photo, mask)


def _left(shares: Tensor | None) -> Tensor | None:
    """What shares leave to the photo at each pixel, (1, 1, H, W)."""
    if shares is None:
        return None
    rest = 1 - shares.sum(0, keepdim=True)
    return torch.where(rest > ROUNDING, rest, 0)


def _filled(shares: Tensor | None, left: Tensor | None, rest: bool) -> Tensor | None:
    """Shares of sum 1, with what is left as one more; None where one style has all."""
    if shares is None or left is None:
        return None
    shares = torch.cat([shares, left]) if rest else shares
    return shares / shares.sum(0, keepdim=True) if len(shares) > 1 else None
