"""Laying the blocks of a quilt: where in the swatch they are from, and where they are cut.

Source: Efros and Freeman 2001, "Image Quilting for Texture Synthesis and Transfer" (SIGGRAPH), sections 2 and 3.
Differs: Blocks that don't touch each other are laid at the same time, with the result of raster order. Costs are means,
of pixels and channels, so that alpha means the same for all blocks. The place from which a block just goes on copying
the swatch beside its neighbor costs nothing and would always be the only one within the tolerance, so it doesn't say
what the least cost is, and of its surroundings only the place itself can be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from brushwork.errors import UsageError
from brushwork.methods.quilting.layout import Block, Layout
from brushwork.patches.exact import PatchCosts, SampledCosts
from brushwork.patches.field import usable_places
from brushwork.patches.seams import seam_mask
from brushwork.runtime.device import torch_threads

__all__ = ["BlockLayer", "Quilt", "Swatch", "Target"]

EVERYWHERE = 1 << 18  # places up to which all are compared, for each block; of more, some are drawn
ROUNDING = 1e-6  # error of costs


@dataclass(frozen=True, eq=False)
class Swatch:
    """A texture to take blocks from.

    Args:
        pixels: (3, h, w) in [0, 1].
        usable: (h, w) bool, what may be taken.
    """

    pixels: Tensor
    usable: Tensor

    def places(self, side: int) -> Tensor:
        """Return where whole blocks of this side may be taken, (h', w') bool.

        Raises:
            UsageError: Nowhere.
        """
        height, width = self.pixels.shape[1:]
        if min(height, width) < side:
            raise UsageError(f"block: the texture has {width} x {height} pixels, less than a block of {side}")
        found = usable_places(self.usable, self.pixels, side)
        if not bool(found.any()):
            raise UsageError(
                f"mask: no block of {side} x {side} pixels lies in it; use a smaller block or a larger mask"
            )
        return found


@dataclass(eq=False)
class Quilt:
    """A quilt, in work or done.

    Args:
        swatch: What its blocks are from.
        origins: (H, W) int64, which pixel of the swatch each is, counted by rows; -1 where none is laid yet.
        size: (height, width) of the picture, its upper left part.
    """

    swatch: Swatch
    origins: Tensor
    size: tuple[int, int]

    def pixels(self, background: Tensor | None = None) -> Tensor:
        """Return the picture, (1, 3, H, W), with the background (1, 3, H, W) where nothing is laid yet."""
        origins = self.origins[: self.size[0], : self.size[1]]
        found = self.swatch.pixels.flatten(1)[:, origins.clamp(min=0)][None]
        if bool((origins < 0).any()):
            behind = torch.full_like(found, 0.5) if background is None else background
            found = torch.where(origins < 0, behind, found)
        return found


@dataclass(frozen=True, eq=False)
class Target:
    """What blocks should look like besides agreeing with their neighbors.

    Args:
        of_swatch: (C, h, w), the swatch's correspondence map.
        map: (C, H, W), the target's, of the layout's size.
        alpha: Weight of the texture; that of the correspondence is 1 - alpha.
        before: (3, H, W), the quilt of the iteration before; None in the first.
    """

    of_swatch: Tensor
    map: Tensor
    alpha: float
    before: Tensor | None


class BlockLayer:
    """Lays the blocks of one iteration.

    Args:
        swatch: The texture to take blocks from.
        layout: Where the blocks stand.
        tolerance: A block is drawn from those whose cost is at most 1 + tolerance times the least.
        random: What is drawn with.
        target: What the blocks should look like; None for synthesis.

    Raises:
        UsageError: A block that the swatch doesn't hold.
    """

    def __init__(
        self, swatch: Swatch, layout: Layout, tolerance: float, random: torch.Generator, target: Target | None = None
    ) -> None:
        self._swatch, self._layout, self._tolerance, self._target = swatch, layout, tolerance, target
        self._draws = torch.rand(sum(len(wave) for wave in layout.waves), generator=random)
        self._colors = swatch.pixels.flatten(1)
        side, planes = layout.side, swatch.pixels if target is None else torch.cat((swatch.pixels, target.of_swatch))
        allowed = swatch.places(side)
        self._search: PatchCosts | SampledCosts
        if allowed.numel() <= EVERYWHERE:
            self._search, self._places = PatchCosts(planes, side), torch.ones_like(allowed).nonzero()
            self._refused = None if bool(allowed.all()) else ~allowed.flatten()
        else:
            self._search = SampledCosts(planes, side, allowed.nonzero(), random)
            self._places, self._refused = self._search.places, None
        self._rows, self._columns = self._places.int().unbind(1)
        self._by_kind: dict[tuple[int, int, bool, bool, bool, bool], tuple[Tensor, Tensor]] = {}

    def lay(self, origins: Tensor, wave: list[Block]) -> None:
        """Lay blocks that don't touch each other.

        Args:
            origins: Of the quilt so far, see `Quilt`; changed in place.
            wave: The blocks.
        """
        # The transforms are so small that a second thread costs more than it brings.
        threads = 1 if isinstance(self._search, PatchCosts) else torch.get_num_threads()
        with torch_threads(threads):
            for _, group in groupby(sorted(wave, key=lambda block: (block.kind, block.number)), lambda x: x.kind):
                self._lay_alike(origins, list(group))

    def _lay_alike(self, origins: Tensor, blocks: list[Block]) -> None:
        """Lay blocks of one kind."""
        within = torch.arange(self._layout.side)
        rows = (torch.tensor([block.top for block in blocks])[:, None] + within) % len(origins)
        columns = (torch.tensor([block.left for block in blocks])[:, None] + within) % origins.shape[1]
        window = rows[:, :, None], columns[:, None, :]
        here = origins[window]
        colors = self._colors[:, here.clamp(min=0)].transpose(0, 1)
        costs = self._costs(blocks[0], colors, window)
        distance = self._distance_to_copies(blocks[0], here)
        chosen = self._places[self._chosen(costs, distance, self._draws[[block.number for block in blocks]])]
        across = self._swatch.pixels.shape[2]
        offered = (chosen[:, :1] + within)[:, :, None] * across + (chosen[:, 1:] + within)[:, None, :]
        difference = (self._colors[:, offered].transpose(0, 1) - colors).square().sum(1)
        block = blocks[0]
        part = (slice(None), slice(block.height), slice(block.width))
        taken = self._cut(block, difference[part])
        window = rows[:, : block.height, None], columns[:, None, : block.width]
        origins[window] = torch.where(taken, offered[part], here[part])

    def _costs(self, block: Block, colors: Tensor, window: tuple[Tensor, Tensor]) -> Tensor:
        """Return the costs of all places for blocks of one kind, (B, N)."""
        side, target = self._layout.side, self._target
        known = self._overlap(block)
        texture = 1.0 if target is None else target.alpha
        near = texture * known / (3 * known.sum().clamp(min=1))
        if target is None:
            return self._searched(block, colors, near.expand(3, -1, -1))
        laid = torch.zeros(side, side)
        laid[: block.height, : block.width] = 1 / (block.height * block.width)
        wanted = target.map[:, window[0], window[1]].transpose(0, 1)
        like = (1 - texture) * laid.expand(wanted.shape[1:]) / wanted.shape[1]
        if target.before is None:
            weights = torch.cat((near.expand(3, -1, -1), like))
            return self._searched(block, torch.cat((colors, wanted), 1), weights)
        # Two templates for the same colors: the neighbors' and that of the iteration before. Together they are one,
        # their weighted mean, and a constant.
        before = target.before[:, window[0], window[1]].transpose(0, 1)
        again = texture * laid / 3
        both = near + again
        mean = (near * colors + again * before) / both.clamp(min=1e-12)
        constant = (near * again / both.clamp(min=1e-12) * (colors - before).square()).sum((1, 2, 3))
        weights = torch.cat((both.expand(3, -1, -1), like))
        return self._searched(block, torch.cat((mean, wanted), 1), weights) + constant[:, None]

    def _searched(self, block: Block, templates: Tensor, weights: Tensor) -> Tensor:
        if block.kind not in self._by_kind:
            self._by_kind[block.kind] = weights, self._search.power(weights)
        return self._search.costs(templates, *self._by_kind[block.kind]).flatten(1)

    def _overlap(self, block: Block) -> Tensor:
        """Return where blocks of this kind overlap others, (side, side)."""
        known, overlap = torch.zeros(self._layout.side, self._layout.side), self._layout.overlap
        known[:overlap] += block.above
        known[:, :overlap] += block.before
        known[block.height - overlap : block.height] += block.below
        known[:, block.width - overlap : block.width] += block.after
        known[block.height :], known[:, block.width :] = 0, 0
        return known.clamp(max=1)

    def _distance_to_copies(self, block: Block, here: Tensor) -> Tensor:
        """Return how far each place is from one where a block goes on copying beside its neighbor, (B, N)."""
        across = self._swatch.pixels.shape[2]
        distance = torch.full((len(here), len(self._places)), across, dtype=torch.int32)
        # A pixel in the middle of each overlap, which the neighbor has laid.
        for row, column in [(block.height // 2, 0)] * block.before + [(0, block.width // 2)] * block.above:
            origin = here[:, row, column][:, None]
            down = (self._rows - (origin // across - row).int()).abs()
            right = (self._columns - (origin % across - column).int()).abs()
            distance = torch.minimum(distance, torch.maximum(down, right))
        return distance

    def _chosen(self, costs: Tensor, distance: Tensor, draws: Tensor) -> Tensor:
        """Return the index of a place for each block, (B,), drawn from those within the tolerance."""
        if self._refused is not None:
            costs[:, self._refused] = torch.inf
        others = torch.where(distance > self._layout.overlap, costs, torch.inf)
        least = others.min(1, keepdim=True).values
        least = torch.where(least.isfinite(), least, costs.min(1, keepdim=True).values)  # of a tiny swatch
        limit = ((1 + self._tolerance) * least).clamp(min=ROUNDING)
        candidates = (others <= limit) | ((distance == 0) & (costs <= limit))
        candidates = torch.where(candidates.any(1, keepdim=True), candidates, costs <= limit)
        numbers = candidates.cumsum(1, dtype=torch.int32)
        wanted = (draws * numbers[:, -1]).int() + 1
        return (numbers >= wanted[:, None]).int().argmax(1)

    def _cut(self, block: Block, difference: Tensor) -> Tensor:
        """Return which pixels of the new blocks are taken, (B, height, width) bool."""
        taken, overlap = torch.ones_like(difference, dtype=torch.bool), self._layout.overlap
        if block.before:
            taken[:, :, :overlap] &= seam_mask(difference[:, :, :overlap])
        if block.above:
            taken[:, :overlap] &= seam_mask(difference[:, :overlap].mT).mT
        if block.after:
            taken[:, :, -overlap:] &= ~seam_mask(difference[:, :, -overlap:])
        if block.below:
            taken[:, -overlap:] &= ~seam_mask(difference[:, -overlap:].mT).mT
        return taken
