"""Stylizing an image in tiles, with the same result as processing the whole image at once.

All tiles run to the network's next request for statistics of the whole image; the tiles' sums are combined, and all
continue. Between requests, features are held in a `FeatureCache`. A checkpoint saves the `TileProgress`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor

from brushwork.errors import Interrupted
from brushwork.runtime.checkpoints import Checkpoint, State, damaged
from brushwork.runtime.device import ready_for, to_device
from brushwork.runtime.memory import kept_memory, out_of_memory, release_near
from brushwork.runtime.prefetch import Prefetcher
from brushwork.runtime.progress import Progress
from brushwork.styles.regions import Regions
from brushwork.tiling.feature_cache import FeatureCache, FirstFeatures
from brushwork.tiling.passes import TileProgress, first_moments, over_tiles, put, reporting
from brushwork.tiling.tiles import Box, Canvas, Moments, Stages, Tile, TileInput, Tiling, padded_part

__all__ = ["TiledPainting"]

SMALLEST_TILE = 128  # smaller tiles consist mostly of halo and save hardly any memory


class TiledPainting:
    """The tiled stylization of one image.

    Args:
        canvas: Reads the photo's pixels, and writes the stylized ones.
        regions: Which style applies where.
        tiling: How the image is cut.
        device: The device the network runs on.
        begin: Returns the stages that stylize a tile.
        cuts: Size, side, and whether only the first statistics are needed → tiles; an empty list if the first
            statistics need the full receptive field.
    """

    def __init__(
        self,
        canvas: Canvas,
        regions: Regions,
        tiling: Tiling,
        device: torch.device,
        begin: Callable[[TileInput], Stages],
        cuts: Callable[[tuple[int, int], int, bool], list[Tile]],
    ) -> None:
        self.canvas, self.regions, self.tiling, self.device = canvas, regions, tiling, device
        self.begin, self.cuts = begin, cuts
        self.first_features: FirstFeatures | None = None  # of the whole image, once known

    def run(
        self, stages: int, progress: Progress | None, preview: Callable[[], Tensor], checkpoint: Checkpoint | None
    ) -> None:
        """Process all tiles.

        Args:
            stages: How many times the network requests statistics.
            progress: Called after each tile in each pass.
            preview: Returns pixels to display in the meantime.
            checkpoint: Checkpoint to resume from, saved every `checkpoint.every` tiles.

        Raises:
            BrushworkError: The disk is full, or the checkpoint is damaged.
            Interrupted: Raised by `progress`; there is no partial result.
            MemoryError, RuntimeError: Memory runs out even with small tiles.
        """
        done = TileProgress(self.tiling.side)
        if checkpoint is not None:
            _connect(done, checkpoint)
        while True:
            tiles = self.cuts(self.canvas.size, done.side, False)
            report = reporting(self.canvas, len(tiles) * (1 + stages), progress, preview)
            try:
                with kept_memory(done.side**2):
                    self._paint(tiles, done, report)
                return
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or done.side <= SMALLEST_TILE:
                    raise
            except KeyboardInterrupt as stop:
                raise Interrupted from stop
            done.side //= 2
            done.painted.clear()  # the numbers refer to the larger tiles

    def _paint(self, tiles: Sequence[Tile], done: TileProgress, report: Callable[[], None]) -> None:
        tiling = self.tiling
        cache = FeatureCache(tiling.folder, tiling.room)
        self.first_features = None

        def passed(tile: Tile) -> None:
            if self.first_features is not None:
                self.first_features.done(tile)
            release_near(tiling.memory)  # fragmentation grows from tile to tile
            report()

        first = self.cuts(self.canvas.size, done.side, True) if tiling.recompute_stages and not done.known else []
        if first:
            kept = FirstFeatures((first[-1].core[3], first[-1].core[2])) if tiling.whole else None
            with self._reader(first) as parts:
                begin = partial(self._begin, parts)
                done.known.append(first_moments(first, begin, passed, kept, tiling.workers))
            self.first_features = kept
            done.note()
        with self._reader(tiles) as parts:
            over_tiles(
                tiles, partial(self._begin, parts), partial(put, self.canvas), cache=cache,
                recompute_stages=tiling.recompute_stages, progress=done, passed=passed, workers=tiling.workers,
            )  # fmt: skip

    def _reader(self, tiles: Sequence[Tile]) -> Any:
        """Return a reader of tiles; for a GPU it reads ahead, while on the CPU each worker reads its own."""

        def part(box: Box) -> Tensor:
            return ready_for(padded_part(self.canvas.read, self.canvas.size, box), self.device)

        return nullcontext(part) if self.device.type == "cpu" else Prefetcher(part, [tile.seen for tile in tiles])

    def _begin(self, parts: Callable[[Box], Tensor], tile: Tile) -> Stages:
        """Return the stages of a tile."""

        def read(box: Box) -> Tensor:
            return to_device(parts(box), self.device)

        y, x = tile.seen[:2]
        near = tile.near[0] - y, tile.near[1] - x, tile.near[2] - y, tile.near[3] - x
        first = None if self.first_features is None else partial(self.first_features.seen, tile)
        pixels, pixels_near = partial(read, tile.seen), partial(read, tile.near)
        return self.begin(TileInput(pixels, self._shares(tile), y, x, near, pixels_near, first))

    def _shares(self, tile: Tile) -> Tensor | None:
        """Return the share of each style at each pixel of the tile with its halo."""
        if self.regions.masks is None:
            return None
        width, height = self.canvas.size

        def shares(top: int, left: int, bottom: int, right: int) -> Tensor:
            found = self.regions.shares(height, width, (top, left, bottom, right))
            assert found is not None
            return found

        return padded_part(shares, self.canvas.size, tile.seen).to(self.device)


def _connect(done: TileProgress, checkpoint: Checkpoint) -> None:
    """Restore the progress from a checkpoint, and save it there from now on."""
    state = checkpoint.load()
    if state is not None:
        try:
            done.side, done.painted = int(state.facts["side"]), set(state.facts["painted"])
            stops = range(int(state.facts["stops"]))
            done.known = [Moments(*(state.tensors[f"{k}/{of}"] for of in ("mean", "variance"))) for k in stops]
        except (LookupError, TypeError, ValueError) as error:
            raise damaged(checkpoint.path, error) from error

    def note() -> None:
        if len(done.painted) % checkpoint.every == 0:
            tensors = {f"{k}/{of}": getattr(m, of) for k, m in enumerate(done.known) for of in ("mean", "variance")}
            facts = {"side": done.side, "painted": sorted(done.painted), "stops": len(done.known)}
            checkpoint.save(State({name: x.cpu() for name, x in tensors.items()}, facts))

    done.note = note
