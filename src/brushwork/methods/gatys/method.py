"""Optimizing pixels to match the photo's features and the painting's feature statistics.

Source: Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks", CVPR; and 2015,
"A Neural Algorithm of Artistic Style", arXiv:1508.06576. What differs: docs/methods/gatys.md.
Other statistics than Gram matrices: brushwork.losses.style, docs/methods/statistics.md.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.errors import Interrupted, UsageError
from brushwork.image import check_pixels, resize
from brushwork.losses.local import CELLS, mixed_windows, style_windows
from brushwork.losses.style import STATISTICS, Target
from brushwork.methods.base import Declaration, check_content, check_painting, normalized
from brushwork.methods.gatys.doodle import Labels
from brushwork.methods.gatys.estimates import memory_profile, run_time
from brushwork.methods.gatys.margin import MARGIN, as_photo_step, cropped, with_margin, without_margin
from brushwork.methods.gatys.objective import ExtraLoss, GatysObjective, stride, with_extra
from brushwork.methods.gatys.recoloring import AFTER, BEFORE, measured_colors, recolored
from brushwork.methods.gatys.scales import first_picture, photo_scales, refining_settings
from brushwork.methods.gatys.style import GatysStyle, mixed_targets
from brushwork.methods.gatys.tiled_objective import TiledObjective
from brushwork.nn import FeatureNetwork, fingerprint, load_network
from brushwork.optim.pixels import Objective
from brushwork.optim.pyramid import SMALLEST, Pyramid, Scale
from brushwork.options.methods import Gatys
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.device import choose_dtype
from brushwork.runtime.memory import kept_memory, release_near
from brushwork.runtime.progress import Progress
from brushwork.styles.regions import Regions
from brushwork.tiling.tiles import MemoryProfile, Tile, Tiling, cut

__all__ = ["GatysMethod"]

STAYS = 400_000  # pixels of an image up to which freed memory is kept for the next image: about 300 MB
SAVED = 0.1  # pixels of a tile that fit into what the images of a smaller level save, per pixel
MULTIPLE = 16  # of tile edges: the stride of the deepest features


class GatysMethod:
    """Neural style transfer by optimization.

    Args:
        settings: The options.
        device: The device to run on.
        network: A feature network to use instead of `settings.network`; the settings must name its layers.

    Raises:
        WeightsError: The network's weights are not on this machine; the message says what to do.
    """

    declaration = Declaration(smallest=SMALLEST, tiling="inside", blends=True, regions=True)

    def __init__(
        self, settings: Gatys, device: torch.device | str = "cpu", *, network: FeatureNetwork | None = None
    ) -> None:
        self.settings, self.device = settings, torch.device(device)
        statistic = STATISTICS[settings.statistic]
        exact = settings.statistic == "gram" and network is None  # in tiles: only our networks' reach is known
        self.declaration = replace(
            self.declaration,
            blends=statistic.blends,
            regions=statistic.regions,
            tiling="inside" if exact else "none",
        )
        self.dtype = choose_dtype(settings.precision, self.device)
        self._content_gain = 1.0
        self._recipe: dict[str, Any] = {"weights": None, "dtype": str(self.dtype).removeprefix("torch.")}
        if network is None:
            loaded = load_network(
                settings.network,
                device=self.device,
                dtype=self.dtype,
                pooling=settings.pooling,
                padding=settings.padding,
            )
            network = loaded.network
            self._content_gain = loaded.weights.record.content_gain
            self._recipe["weights"] = {"name": loaded.weights.record.name, "sha256": loaded.weights.sha256}
        else:
            self._recipe["dtype"] = "as given"
            if isinstance(network, nn.Module):
                network.to(self.device)
                self._recipe["given"] = fingerprint(network)
        self.network = network
        self.refiner: GatysMethod | None = None
        if settings.refine_network:
            self.refiner = GatysMethod(refining_settings(settings), self.device)
            self._recipe["refine_weights"] = self.refiner.recipe()["weights"]
        self.labels: Labels | None = None
        # Unknown layers fail here, before the images are read.
        self.network(torch.zeros(1, 3, SMALLEST, SMALLEST, device=self.device), self._layers)

    @property
    def _layers(self) -> set[str]:
        return {*self.settings.layers("content"), *self.settings.layers("style")}

    def recipe(self) -> dict[str, Any]:
        """Return weights and dtype."""
        return dict(self._recipe)

    def save_style(self, style: GatysStyle) -> dict[str, Tensor]:
        """Return an encoded style as tensors, for a file."""
        return style.tensors()

    def load_style(self, tensors: Mapping[str, Tensor]) -> GatysStyle:
        """Return an encoded style from a file's tensors."""
        return GatysStyle.from_tensors(tensors)

    def rescaled_style(self, style: GatysStyle, factor: float) -> GatysStyle:
        """Return a style, encoded at some `style_scale`, for `factor` times that scale."""
        return style.rescaled(factor)

    def sizes(self, width: int, height: int) -> list[int]:
        """Return the longer sides of the pyramid for an image of this size."""
        scales = photo_scales(self.settings, width, height)
        return [without_margin(scale.size, width, height) for scale in scales if not scale.refining]

    @torch.no_grad()
    def encode_style(self, image: Tensor, *, sizes: Sequence[int], mask: Tensor | None = None) -> GatysStyle:
        """Compute the statistics of a painting at each size.

        Args:
            image: Pixels (1, 3, H, W) in [0, 1].
            sizes: Longer sides of the images it will be used on; the painting is resized to the same longer side, times
                `style_scale`.
            mask: Weight of each pixel, (1, 1, H, W) in [0, 1].

        Raises:
            UsageError: Invalid pixels, or a mask of another size or 0 everywhere.
        """
        check_painting(image, mask)
        targets, windows = {}, {}
        for size in sizes:
            features, small = self._painting_features(image, size, mask)
            targets[size], local = self._encoded(features, small), features[self.settings.local_layer]
            cell = max(local.shape[2:]) / self.settings.style_scale / CELLS
            windows[size] = style_windows(local, cell, small)
        refined = [size for size in sizes if size <= self.settings.refine_size]
        return GatysStyle(
            targets,
            measured_colors(image, mask),
            windows,
            self.refiner.encode_style(image, sizes=[max(refined)], mask=mask) if self.refiner and refined else None,
        )

    def painting_size(self, sizes: Sequence[int]) -> int:
        """See `Method`."""
        return max(1, round(max(sizes) * self.settings.style_scale))

    def _painting_features(
        self, image: Tensor, size: int, mask: Tensor | None
    ) -> tuple[dict[str, Tensor], Tensor | None]:
        """Return the style layers' features of a painting for an image of this size, and the mask at its scale."""
        height, width = image.shape[2:]
        factor = size * self.settings.style_scale / max(width, height)
        at_scale = (
            max(round(width * factor), SMALLEST),
            max(round(height * factor), SMALLEST),
        )  # a thin one is stretched
        small = resize(image, at_scale).to(self.device)
        small_mask = None if mask is None else F.adaptive_avg_pool2d(mask, at_scale[::-1]).to(self.device)
        network = self.network if self.labels is None else self.labels.of_painting
        return network(small, self.settings.layers("style")), small_mask

    def _encoded(self, features: Mapping[str, Tensor], mask: Tensor | None) -> dict[str, Target]:
        """Return the statistics of each layer's features."""
        encode, seed = STATISTICS[self.settings.statistic].encode, self.settings.seed
        # Each layer uses its own seed, the same at every size, so that styles of different sizes can be blended.
        return {k: encode(found, mask, zlib.crc32(f"{seed}/{k}".encode())) for k, found in features.items()}

    def blend(self, values: Sequence[GatysStyle], weights: Sequence[float]) -> GatysStyle:
        """Blend styles; for Gram matrices, by their weighted mean.

        The gradient equals that of the weighted sum of the styles' losses: Σ w ‖G - A‖² = ‖G - Σ w A‖² + const for
        weights that sum to 1. For other statistics, see docs/methods/statistics.md.

        Raises:
            UsageError: No styles, weights that are negative or sum to 0, or a statistic that can't be blended.
        """
        shares = normalized(values, weights)
        return GatysStyle.mixture(values, shares, STATISTICS[self.settings.statistic].blend)

    def demand(self, style: GatysStyle | Regions | None = None) -> MemoryProfile:
        """Return the memory needed, measured on small images; it doesn't depend on the style."""
        return memory_profile(self)

    def estimate_seconds(self, width: int, height: int) -> float:
        """Return the time needed, measured on small images."""
        return run_time(self, width, height)

    def probe(self, side: int) -> tuple[Tensor, Objective]:
        """Return a gray image of this side and its loss, in its own style."""
        image = torch.full((1, 3, side, side), 0.5, device=self.device)
        style = self.encode_style(image.cpu(), sizes=[side])
        return image, self._objective(image, [style], (side, side), side)

    def tiles(self, size: tuple[int, int], side: int, style: GatysStyle | Regions | None = None) -> list[Tile]:
        """Cut an image of this (width, height) into tiles of about this side."""
        return cut(size[1], size[0], side, self._reach(), MULTIPLE)

    def _reach(self) -> int:
        """Return the radius of the deepest layer's receptive field: the sum of the strides of all layers up to it."""
        layers = getattr(self.network, "layers", sorted(self._layers))
        deepest = max(layers.index(layer) for layer in self._layers)
        return sum(stride(layer) for layer in layers[: deepest + 1])

    def for_later_frames(self, steps: int) -> GatysMethod:
        """Return this method for frames that begin with the one before: fewer steps, and colors as they come.

        Matched again in every frame, they would drift.
        """
        other = copy(self)
        other.settings = replace(self.settings, steps=steps, final_colors="optimized")
        other.refiner = None
        return other

    def with_strength(self, strength: float) -> GatysMethod:
        """Return this method at another strength, with the same network."""
        other = copy(self)
        other.settings = replace(self.settings, strength=strength)
        other.refiner = None if self.refiner is None else self.refiner.with_strength(strength)
        return other

    def initial(self, content: Tensor, style: GatysStyle) -> Tensor:
        """Return the photo, recolored if `settings.init` says so: (1, 3, H, W) in [0, 1]."""
        if self.settings.init != "recolored":
            return content
        return recolored(content, Regions.of(style).present(), self.settings.strength, BEFORE)

    def __call__(
        self,
        content: Tensor,
        style: GatysStyle | Regions,
        *,
        init: Tensor | None = None,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
        tiling: Tiling | None = None,
        extra_loss: ExtraLoss | None = None,
    ) -> Tensor:
        """Optimize pixels to match the content's features and the style's statistics.

        Args:
            content: Pixels (1, 3, H, W) in [0, 1].
            style: From `encode_style` or `blend`; or `Regions` of several.
            init: Initial image, pixels (1, 3, h, w) of any size; required only if `settings.init` is "style" or a file.
                "noise", and "recolored" and "content" unless given, are created here.
            progress: Called after each step; an exception it raises stops the work.
            checkpoint: Checkpoint to resume from and to save to.
            tiling: Tiles for computing loss and gradient, with the same result, and a folder for the L-BFGS history;
                None processes the whole image at once, in memory.
            extra_loss: Returns additional weighted loss terms of pixels (1, 3, H, W); the image is then optimized at
                full size only.

        Returns:
            Pixels (1, 3, H, W) in [0, 1].

        Raises:
            UsageError: Invalid pixels, several images, or a style of another network, statistic or other layers.
            Interrupted: On Ctrl-C, or raised by `progress`; `error.best` holds the best pixels so far.
        """
        check_content(content)
        if not self.settings.strength:
            return content.cpu().clone(memory_format=torch.contiguous_format)  # not what was given
        height, width = content.shape[2:]
        if init is not None:
            check_pixels(init)
            init = with_margin(resize(init, (width, height))).to(self.device)
        regions = Regions.of(style).present()
        pyramid = self._pyramid(content, init, regions, checkpoint, tiling, extra_loss)

        def finished(pixels: Tensor) -> Tensor:
            found = cropped(pixels)
            if self.settings.final_colors == "optimized":
                return found
            return recolored(found, regions, self.settings.strength, AFTER, content)

        if progress is not None:
            pyramid.progress = lambda step: progress(as_photo_step(step, width, height, finished))
        try:
            with kept_memory(width * height, STAYS):
                return finished(pyramid.run())
        except (KeyboardInterrupt, Interrupted) as stop:
            best = pyramid.best()
            raise Interrupted(best=None if best is None else finished(best)) from stop

    def _pyramid(
        self,
        content: Tensor,
        start: Tensor | None,
        regions: Regions,
        checkpoint: Checkpoint | None,
        tiling: Tiling | None,
        extra_loss: ExtraLoss | None,
    ) -> Pyramid:
        """Return the scales of the optimization, with the loss of each; see `__call__`."""
        height, width = content.shape[2:]
        photo, styles, shares = with_margin(content).to(self.device), regions.styles, regions.shares(height, width)
        if self.settings.init == "recolored" and start is None:
            start = with_margin(recolored(content, regions, self.settings.strength, BEFORE)).to(self.device)
        if shares is not None and not self.declaration.regions:
            raise UsageError(
                f"statistic {self.settings.statistic!r} doesn't support masks; use gram, or a single style"
            )

        def objective(scale: Scale) -> Objective:
            longer = without_margin(scale.size, width, height)
            if scale.refining:
                assert self.refiner is not None  # as there is such a scale
                refined = [style.refined or style for style in styles]
                tiles = None if tiling is None else replace(tiling, side=tiling.side // 2)  # of about the same memory
                return self.refiner._objective(photo, refined, scale.size, longer, shares, tiles)
            own = self._objective(photo, styles, scale.size, longer, shares, tiling)
            return own if extra_loss is None else with_extra(own, extra_loss, MARGIN)

        scales = photo_scales(self.settings, width, height)
        if extra_loss is not None or any(style.refined is None for style in styles):
            scales = [scale for scale in scales if not scale.refining]
        if extra_loss is not None:
            scales = [replace(scales[-1], steps=self.settings.steps)]
        return Pyramid(
            scales,
            lambda size: first_picture(self.settings, photo, start, size),
            objective,
            kind=self.settings.optimizer,
            rate=self.settings.learning_rate,
            polyak=self.settings.first_step == "polyak",
            carry=self.settings.carry,
            tolerance=self.settings.tolerance,
            checkpoint=checkpoint,
            folder=None if tiling is None else tiling.folder,
        )

    @torch.no_grad()
    def _objective(
        self,
        photo: Tensor,
        styles: Sequence[GatysStyle],
        size: tuple[int, int],
        longer: int,
        shares: Tensor | None = None,
        tiling: Tiling | None = None,
    ) -> GatysObjective | TiledObjective:
        """Return the loss at a size; `longer` is the longer side without the margin."""
        release_near(0 if tiling is None else tiling.memory)  # what the scale before has left
        settings = self.settings
        needed = settings.layers("style") if settings.style_weight else ()
        targets = [style.needed(longer, needed, settings.statistic, self.device) for style in styles if needed]
        windows = [style.nearest_windows(longer) for style in styles] if settings.local_weight else []
        windows = [None if found is None else found.to(self.device) for found in windows]
        small = None if shares is None else F.adaptive_avg_pool2d(with_margin(shares), size[::-1]).to(self.device)
        resized = resize(photo, size)
        if tiling is not None and self._needs_tiles(size, (photo.shape[3], photo.shape[2]), tiling.side):
            tiled = TiledObjective(
                self.network, settings, resized, targets, self.tiles(size, tiling.side),
                content_gain=self._content_gain, shares=small, windows=windows, memory=tiling.memory,
            )  # fmt: skip
            if settings.strength < 1:
                grams, own = tiled.statistics(resized)
                tiled.style = self._toward_photo(targets, grams)
                tiled.windows = [mixed_windows([found, own], self._strengths) for found in windows]
            return tiled
        layers = settings.content_layers if settings.content_weight else ()
        content = self.network(resized, layers) if layers else {}
        if settings.strength < 1 and (targets or windows):
            seen = self.network(resized, settings.layers("style"))
            own = style_windows(seen[settings.local_layer], max(seen[settings.local_layer].shape[2:]) / CELLS)
            windows = [mixed_windows([found, own], self._strengths) for found in windows]
            masks = [None] if small is None else torch.split(small, 1)
            targets = self._toward_photo(targets, [self._encoded(seen, mask) for mask in masks]) if targets else []
        network = self.network if self.labels is None else self.labels.of_picture
        return GatysObjective(network, settings, content, targets, self._content_gain, small, windows)

    def _needs_tiles(self, size: tuple[int, int], largest: tuple[int, int], side: int) -> bool:
        """Return whether a level of this size takes more memory than a tile of the largest level does there."""
        pixels, at_most, tile = size[0] * size[1], largest[0] * largest[1], (side + 2 * self._reach()) ** 2
        return max(size) > side and pixels > tile + SAVED * (at_most - pixels)

    def _toward_photo(
        self, styles: Sequence[Mapping[str, Target]], own: Sequence[Mapping[str, Target]]
    ) -> list[dict[str, Target]]:
        """Return the styles mixed with the photo's own, as `strength` says."""
        return mixed_targets(styles, own, self._strengths, STATISTICS[self.settings.statistic].blend)

    @property
    def _strengths(self) -> tuple[float, float]:  # shares of the painting and of the photo
        return self.settings.strength, 1 - self.settings.strength
