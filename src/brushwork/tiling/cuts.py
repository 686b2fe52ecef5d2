"""Tiles: how a picture is cut, of tensors or of NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

__all__ = ["NEAR", "Box", "Tile", "cut"]

Box: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right in pixels
NEAR = 16  # pixels
Pixels = TypeVar("Pixels", bound=Any)  # a tensor or an array (N, C, H, W)


@dataclass(frozen=True)
class Tile:
    """A tile: its core, and the core with its halo (`seen`); top, left, bottom, right in pixels."""

    core: Box
    seen: Box

    @property
    def near(self) -> Box:
        """The core and 16 pixels around it, within `seen`."""
        (top, left, bottom, right), (a, b, c, d) = self.core, self.seen
        return max(a, top - NEAR), max(b, left - NEAR), min(c, bottom + NEAR), min(d, right + NEAR)

    def of(self, pixels: Pixels) -> Pixels:
        """Crop a whole image (N, C, H, W) to the tile with its halo."""
        top, left, bottom, right = self.seen
        part: Pixels = pixels[:, :, top:bottom, left:right]
        return part

    def kept(self, features: Pixels, scale: int | None = None, *, near: bool = False) -> Pixels:
        """Crop features (N, C, h, w) of the tile with its halo to its core.

        Args:
            features: Features of the tile with its halo.
            scale: Pixels per position; None infers it from the shape.
            near: Whether the features cover only the near area.
        """
        top, left, bottom, _ = self.near if near else self.seen
        return self._inside(features, scale or (bottom - top) // features.shape[2], top, left)

    def painted(self, pixels: Pixels) -> Pixels:
        """Crop pixels of the tile with its halo, or of its near area, to its core."""
        top, left, bottom, right = self.seen
        return self.kept(pixels, 1, near=pixels.shape[2:] != (bottom - top, right - left))

    def kept_of_whole(self, features: Pixels, scale: int) -> Pixels:
        """Crop features of the whole image to the tile's core."""
        return self._inside(features, scale, 0, 0)

    def _inside(self, features: Pixels, scale: int, y: int, x: int) -> Pixels:
        top, left, bottom, right = (
            (edge - start) // scale for edge, start in zip(self.core, (y, x, y, x), strict=True)
        )
        part: Pixels = features[:, :, top:bottom, left:right]
        return part


def cut(height: int, width: int, side: int, halo: int, multiple: int) -> list[Tile]:
    """Cut an image into tiles, row by row.

    Args:
        height: Height of the image; a multiple of `multiple`.
        width: Width of the image; a multiple of `multiple`.
        side: Approximate side of a tile, in pixels.
        halo: Width of the border that a tile needs around its core.
        multiple: All edges are multiples of this.
    """
    halo = -(-halo // multiple) * multiple

    def spans(length: int) -> list[tuple[int, int]]:
        count = max(1, -(-length // max(side, multiple)))
        edges = [length * k // count // multiple * multiple for k in range(count)] + [length]
        return [(a, b) for a, b in pairwise(edges) if b > a]

    return [
        Tile(
            (top, left, bottom, right),
            (max(0, top - halo), max(0, left - halo), min(height, bottom + halo), min(width, right + halo)),
        )
        for top, bottom in spans(height)
        for left, right in spans(width)
    ]
