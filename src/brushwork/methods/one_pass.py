"""Feed-forward methods: adds sizes, strength, regions, tiles and progress to a style network."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import Interrupted
from brushwork.image import check_pixels, fit_size, resize
from brushwork.methods.base import Declaration, check_content, check_painting
from brushwork.methods.flat_pictures import flat_picture
from brushwork.methods.mixing import Mixture, generate_mixture, mixture_of
from brushwork.methods.style_network import StyleNetwork
from brushwork.methods.tiled_painting import TiledPainting
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.memory import kept_memory
from brushwork.runtime.progress import Progress, Step
from brushwork.styles.regions import Regions
from brushwork.tiling.metering import held_bytes, live_bytes
from brushwork.tiling.tiles import (
    Canvas,
    MemoryProfile,
    Moments,
    Stages,
    StatisticsRequest,
    Tile,
    TileInput,
    Tiling,
    cut,
    run_whole,
    run_with_statistics,
)

__all__ = ["OnePass", "thumbnail", "thumbnail_size"]

THUMBNAIL = 1024  # longer side of the thumbnail on which a photo's own style is measured, in pixels
PROBE_SIZES = 128, 192  # sides of the test images from which memory use is extrapolated
FRAGMENTATION_FACTOR = 1.2  # memory lost between tensors of varying sizes; measured, docs/large_pictures.md
BATCH_PIXELS = 8 * 256**2  # maximum pixels per batch; measured, docs/large_pictures.md

Style = TypeVar("Style")


class OnePass(Generic[Style]):
    """A feed-forward method.

    Args:
        network: The style network.
    """

    def __init__(self, network: StyleNetwork[Style]) -> None:
        self.network = network
        self.settings, self.device = network.settings, network.device

    @property
    def declaration(self) -> Declaration:
        """The method's capabilities."""
        return self.network.declaration

    @torch.inference_mode()
    def encode_style(self, image: Tensor, *, sizes: Sequence[int], mask: Tensor | None = None) -> Style:
        """Encode the style of a painting.

        Args:
            image: Pixels (1, 3, H, W) in [0, 1].
            sizes: Longer sides of the images it will be used on; only the largest matters.
            mask: Weight of each pixel, (1, 1, H, W) in [0, 1].

        Raises:
            UsageError: Invalid pixels, a mask of another size or 0 everywhere, or a network that can't encode images.
        """
        check_painting(image, mask)
        height, width = image.shape[2:]
        factor = self.painting_size(sizes) / max(width, height)
        width, height = (max(self.declaration.smallest, round(side * factor)) for side in (width, height))
        small_mask = None if mask is None else F.adaptive_avg_pool2d(mask, (height, width)).to(self.device)
        return self.network.encode(resize(image, (width, height)).to(self.device), small_mask)

    def painting_size(self, sizes: Sequence[int]) -> int:
        """See `Method`."""
        return self.network.painting_size(sizes)

    def sizes(self, width: int, height: int) -> list[int]:
        """Return the longer side; one pass needs only one size."""
        return [max(width, height)]

    def blend(self, values: Sequence[Style], weights: Sequence[float]) -> Style:
        """See `StyleNetwork`."""
        return self.network.blend(values, weights)

    def save_style(self, style: Style) -> dict[str, Tensor]:
        """Return an encoded style as named tensors, for a file."""
        return self.network.style_tensors(style)

    def load_style(self, tensors: Mapping[str, Tensor]) -> Style:
        """Return an encoded style from a file's tensors; see `StyleNetwork`."""
        return self.network.style_from(tensors)

    def recipe(self) -> dict[str, Any]:
        """See `StyleNetwork`."""
        return self.network.recipe()

    def estimate_seconds(self, width: int, height: int) -> float:
        """Time a small image, and scale by the number of pixels."""
        side = 256
        probe, style = _probe(side), self.network.neutral_style()
        taken = []
        for _ in range(3):  # the first is a warm-up, and other load may slow either of the others
            started = time.perf_counter()
            self(probe, style)
            taken.append(time.perf_counter() - started)
        return min(taken[1:]) * max(1.0, width * height / side**2)

    @torch.inference_mode()
    def demand(self, style: Style | Regions | None = None) -> MemoryProfile:
        """Return the memory needed, measured on small images; None measures some style."""
        style = self.network.neutral_style() if style is None else style
        small, large = (self._side(side) for side in PROBE_SIZES)

        self(_probe(small), style)  # so that one-time allocations, such as converted weights, don't count
        taken = [live_bytes(lambda side=side: self(_probe(side), style)) for side in (small, large)]  # type: ignore[misc]
        pixel = (taken[1] - taken[0]) / (large**2 - small**2)
        held = [max(held_bytes(self._waiting(_probe(side), style)), default=0) for side in (small, large)]
        waiting = (held[1] - held[0]) / (large**2 - small**2)
        fixed = max(0.0, taken[0] - pixel * small**2)
        return MemoryProfile(FRAGMENTATION_FACTOR * pixel, waiting, fixed=fixed, near=self.network.near_output)

    def _waiting(self, photo: Tensor, style: Style | Regions) -> Stages:
        """Return a tile's stages, to measure the memory held between them."""
        regions, photo = Regions.of(style).present(), photo.to(self.device)
        tile = TileInput(lambda: photo, regions.shares(*photo.shape[2:]), near=(0, 0, *photo.shape[2:]))
        return self._stages(tile, mixture_of(self.network, regions.styles, tile, self._strength))

    def with_strength(self, strength: float) -> OnePass[Style]:
        """Return this method at another strength, with the same network."""
        other = copy.copy(self)
        other.settings = dataclasses.replace(self.settings, strength=strength)
        return other

    @property
    def _strength(self) -> float:
        strength: float = self.settings.strength
        return strength

    def _stages(self, tile: TileInput, mixture: Mixture[Style]) -> Stages:
        if self._strength == 1 and tile.shares is None:
            return self.network.generate(tile, mixture.styles)
        return generate_mixture(self.network, tile, mixture, self._strength)

    @torch.inference_mode()
    def __call__(
        self,
        content: Tensor,
        style: Style | Regions,
        *,
        init: Tensor | None = None,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
        tiling: Tiling | None = None,
    ) -> Tensor:
        """Stylize photos.

        Args:
            content: Pixels (B, 3, H, W) in [0, 1]; small images are faster in batches.
            style: An encoded style, or `Regions` of several.
            init: Ignored.
            progress: Called when a single image is done; with tiles, after each tile in each pass.
            checkpoint: Ignored; only `paint` supports checkpoints.
            tiling: Tiles for a single image, with the same result; None processes the whole image at once.

        Returns:
            Pixels (B, 3, H, W) in [0, 1]; each image is the same as if processed separately.

        Raises:
            UsageError: Invalid pixels, or several images with tiles.
            Interrupted: Raised by `progress`; `error.best` is the result, or None before the last tile.
        """
        if tiling is not None:
            check_content(content)
            return self._in_tiles(content, style, tiling, progress)
        check_pixels(content)
        started = time.perf_counter()
        height, width = content.shape[2:]
        # Masks and a photo's own style differ between images; large images are no faster in batches.
        alike = not isinstance(style, Regions) and self._strength == 1
        count = max(1, BATCH_PIXELS // (height * width)) if alike else 1
        parts = []
        for part in torch.split(content, count):
            stages = self._whole(part, style)
            with kept_memory(height * width):
                parts.append(_cropped(run_whole(stages), content))
        result = parts[0] if len(parts) == 1 else torch.cat(parts)
        try:
            if progress is not None and len(content) == 1:
                seconds = time.perf_counter() - started
                progress(Step(1, 1, 0.0, {}, (width, height), seconds, 0.0, lambda: result))
        except (KeyboardInterrupt, Interrupted) as stop:
            raise Interrupted(best=result) from stop
        return result

    @torch.inference_mode()
    def frame(
        self, content: Tensor, style: Style | Regions, answer: Callable[[int, StatisticsRequest], Moments]
    ) -> Tensor:
        """Stylize a frame with given normalization statistics, such as those of a video's previous frames.

        Args:
            content: Pixels (1, 3, H, W) in [0, 1].
            style: An encoded style, or `Regions` of several.
            answer: Index of a stage, from 0, and its request → moments.
        """
        check_content(content)
        stages = self._whole(content, style)
        with kept_memory(content.shape[2] * content.shape[3]):
            return _cropped(run_with_statistics(stages, answer), content)

    def _whole(self, content: Tensor, style: Style | Regions) -> Stages:
        """Return the stages of whole images."""
        height, width = content.shape[2:]
        regions = Regions.of(style).present()
        photo = self._padded(content.to(self.device))
        shares = regions.shares(height, width)
        tile = TileInput(lambda: photo, None if shares is None else self._padded(shares.to(photo)))
        stages = self._stages(tile, self._mixture(regions, (width, height), lambda: thumbnail(content)))
        flat = flat_picture(self.network, regions.styles, thumbnail(content), self._strength)
        return stages if flat is None else flat.blended(stages, tile)

    def _mixture(self, regions: Regions, size: tuple[int, int], small: Callable[[], Tensor]) -> Mixture[Style]:
        """Return the mixture for a photo of this (width, height), measured on a thumbnail if needed."""
        width, height = thumbnail_size(size)
        shares = regions.shares(height, width)
        shares = None if shares is None else self._padded(shares.to(self.device))
        seen = TileInput(lambda: self._padded(small().to(self.device)), shares)
        return mixture_of(self.network, regions.styles, seen, self._strength)

    def _in_tiles(self, content: Tensor, style: Style | Regions, tiling: Tiling, progress: Progress | None) -> Tensor:
        result = torch.empty(content.shape)

        def read(top: int, left: int, bottom: int, right: int) -> Tensor:
            return content[:, :, top:bottom, left:right].clone()  # a network may request statistics of the pixels

        def write(top: int, left: int, pixels: Tensor) -> None:
            result[:, :, top : top + pixels.shape[2], left : left + pixels.shape[3]] = pixels

        canvas = Canvas((content.shape[3], content.shape[2]), read, write, lambda: thumbnail(content))
        self.paint(canvas, style, tiling=tiling, progress=progress)
        return result

    @torch.inference_mode()
    def paint(
        self,
        canvas: Canvas,
        style: Style | Regions,
        *,
        tiling: Tiling,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Stylize an image in tiles, with the same result as processing the whole image at once.

        If memory runs out, processing continues with tiles of half the side, reusing the known statistics.

        Args:
            canvas: Reads the photo's pixels in [0, 1], and writes the stylized ones.
            style: An encoded style, or `Regions` of several.
            tiling: How the image is cut.
            progress: Called after each tile in each pass; its preview is the stylized thumbnail.
            checkpoint: Checkpoint to resume from, saved every `checkpoint.every` tiles. On resuming, the canvas must
                still hold the pixels already written.

        Raises:
            BrushworkError: The disk is full, memory runs out even with small tiles, or the checkpoint is damaged.
            Interrupted: Raised by `progress`; there is no partial result.
        """
        regions = Regions.of(style).present()
        mixture = self._mixture(regions, canvas.size, canvas.thumbnail)
        flat = flat_picture(self.network, regions.styles, canvas.thumbnail(), self._strength)

        def begin(tile: TileInput) -> Stages:
            stages = self._stages(tile, mixture)
            return stages if flat is None else flat.blended(stages, tile)

        painting = TiledPainting(canvas, regions, tiling, self.device, begin, self._cuts(regions))
        painting.run(self._stage_count(mixture, regions), progress, lambda: self(canvas.thumbnail(), style), checkpoint)

    def _cuts(self, regions: Regions) -> Callable[[tuple[int, int], int, bool], list[Tile]]:
        """Return a function from size, side and whether only the first statistics are needed to the tiles."""

        def tiles(size: tuple[int, int], side: int, first: bool) -> list[Tile]:
            if first:
                return [] if self.network.first_halo is None else self._cut(size, side, self.network.first_halo)
            return self._cut(size, side, self.network.halo(regions.styles))

        return tiles

    def tiles(self, size: tuple[int, int], side: int, style: Style | Regions | None = None) -> list[Tile]:
        """Cut an image of this (width, height) into tiles of about this side."""
        styles = [self.network.neutral_style()] if style is None else Regions.of(style).styles
        return self._cut(size, side, self.network.halo(styles))

    def _cut(self, size: tuple[int, int], side: int, halo: int) -> list[Tile]:
        width, height = (self._side(length) for length in size)
        return cut(height, width, side, halo, self.network.multiple)

    def _stage_count(self, mixture: Mixture[Style], regions: Regions) -> int:
        """Return how many times the network requests statistics of the whole image."""
        side = self._side(4 * self.network.multiple)
        shares = regions.shares(side, side)
        flat = TileInput(lambda: torch.full((1, 3, side, side), 0.5, device=self.device), shares)
        return sum(1 for _ in self._stages(flat, mixture))

    def _side(self, length: int) -> int:
        """Round a side up to a multiple that the network supports."""
        multiple = self.network.multiple
        return max(self.declaration.smallest, -(-length // multiple) * multiple)

    def _padded(self, photo: Tensor) -> Tensor:
        """Pad at the right and bottom to sides that the network supports."""
        height, width = photo.shape[2:]
        return F.pad(photo, (0, self._side(width) - width, 0, self._side(height) - height), mode="replicate")


def _probe(side: int) -> Tensor:
    """Return an image with contrast, to measure time and memory; see `flat_picture`."""
    return torch.linspace(0, 1, side).expand(1, 3, side, side).contiguous()


def _cropped(painted: Tensor, content: Tensor) -> Tensor:
    """Return the image without its padding, on the CPU."""
    height, width = content.shape[2:]
    return painted[:, :, :height, :width].clamp(0, 1).float().cpu().contiguous()


def thumbnail_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return (width, height) of an image's thumbnail, whose longer side is at most 1024."""
    return fit_size(size, min(THUMBNAIL, max(size)))


def thumbnail(pixels: Tensor) -> Tensor:
    """Return the thumbnail of pixels (1, 3, H, W)."""
    return resize(pixels, thumbnail_size((pixels.shape[3], pixels.shape[2])))
