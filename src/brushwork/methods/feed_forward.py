"""What methods of one pass have in common: sizes, regions, progress."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import Interrupted
from brushwork.image import check_pixels, fit_size, resize
from brushwork.methods.base import Declaration, check_content
from brushwork.options.methods import AdaIN, AdaINLite, ConditionalInstanceNorm, Johnson, MicroAST, TextureNets
from brushwork.runtime.checkpoints import Checkpoint, State, damaged
from brushwork.runtime.device import ready_for, to_device
from brushwork.runtime.memory import kept_memory, out_of_memory, release_memory, resident_memory
from brushwork.runtime.prefetch import Prefetcher
from brushwork.runtime.progress import Progress, Step
from brushwork.styles.regions import Regions
from brushwork.tiling.metering import held_bytes, live_bytes
from brushwork.tiling.passes import FeatureCache, FirstFeatures, TileProgress, first_moments, over_tiles, put, reporting
from brushwork.tiling.tiles import (
    Box,
    Canvas,
    MemoryProfile,
    Moments,
    Stages,
    StatisticsRequest,
    Tile,
    TileInput,
    Tiling,
    cut,
    padded_part,
    run_whole,
    run_with_statistics,
)

__all__ = ["FeedForward", "thumbnail", "thumbnail_size"]

THUMBNAIL = 1024  # longer side at which a photo is looked at beforehand, in pixels
PROBE_SIZES = 128, 192  # sides of the pictures that tell what memory a larger one takes
FRAGMENTATION_FACTOR = (
    1.2  # memory that lies between tensors of changing sizes; measured for all methods, docs/large_pictures.md
)
FULL = 0.95  # of the memory that may be held: from there on, holes are given back, which takes time
AT_ONCE = 8 * 256**2  # pixels of several pictures; docs/large_pictures.md has what it gives
SMALLEST_TILE = 128  # below it a tile sees much more than it paints, and takes hardly less memory

Style = TypeVar("Style")


class FeedForward(ABC, Generic[Style]):
    """A method whose picture takes one pass.

    Args:
        settings: With `strength`.
        device: Where it runs.
    """

    declaration: Declaration
    multiple: int  # sides are brought to multiples of this
    first_halo: int | None = None  # how many pixels away its network sees before its first stop, if that is far less
    near = False  # whether its network sees 16 pixels away at most after its last stop, and waits with no more

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
    def _steps(self, work: Any, seen: TileInput) -> Stages:
        """What paints the photo, or a tile of it, as much as `strength` says.

        Args:
            work: From `_work`.
            seen: Its sides are multiples of `multiple`; shares have a sum of 1 or less, where the rest is the photo.
        """

    @abstractmethod
    def _halo(self, styles: Sequence[Style]) -> int:
        """How many pixels away its network sees."""

    def _work(self, styles: Sequence[Style], whole: TileInput) -> Any:
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
        taken = []
        for _ in range(3):  # the first one warms up, and either of the others may have been disturbed
            started = time.perf_counter()
            self(probe, style)
            taken.append(time.perf_counter() - started)
        return min(taken[1:]) * max(1.0, width * height / side**2)

    @torch.inference_mode()
    def demand(self, style: Style | Regions | None = None) -> MemoryProfile:
        """What it takes of memory, measured on small pictures; None: for some style."""
        style = self._probe() if style is None else style
        small, large = (self._side(side) for side in PROBE_SIZES)

        def flat(side: int) -> Tensor:
            return torch.full((1, 3, side, side), 0.5)

        self(flat(small), style)  # what is made once, such as other forms of weights, doesn't count
        taken = [live_bytes(lambda side=side: self(flat(side), style)) for side in (small, large)]  # type: ignore[misc]
        pixel = (taken[1] - taken[0]) / (large**2 - small**2)
        held = [max(held_bytes(self._waiting(flat(side), style)), default=0) for side in (small, large)]
        waiting = (held[1] - held[0]) / (large**2 - small**2)
        return MemoryProfile(
            FRAGMENTATION_FACTOR * pixel, waiting, fixed=max(0.0, taken[0] - pixel * small**2), near=self.near
        )

    def _waiting(self, photo: Tensor, style: Style | Regions) -> Stages:
        """A tile's way from stop to stop."""
        regions, photo = Regions.of(style).present(), photo.to(self.device)
        seen = TileInput(lambda: photo, regions.shares(*photo.shape[2:]), near=(0, 0, *photo.shape[2:]))
        return self._steps(self._work(regions.styles, seen), seen)

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
        """Pixels of the photo in the style.

        Args:
            content: Pixels (B, 3, H, W) in [0, 1]; small pictures are quicker several at a time.
            style: A style value, or `Regions` of several.
            init: Not taken.
            progress: Called when a single picture is done; with tiles after each of them, each time it is seen.
            checkpoint: There is nothing to keep of one pass; `paint` keeps it.
            tiling: The tiles that one picture is painted in, with the same result; None: as a whole.

        Returns:
            Pixels (B, 3, H, W) in [0, 1], of each picture what it would be by itself.

        Raises:
            UsageError: Not pixels, or more than one picture in tiles.
            Interrupted: Raised by `progress`; `error.best` is the picture, None before the last tile.
        """
        if tiling is not None:
            check_content(content)
            return self._in_tiles(content, style, tiling, progress)
        check_pixels(content)
        started = time.perf_counter()
        height, width = content.shape[2:]
        # A picture's masks or its own style are its own; large pictures take no less time together.
        alike = not isinstance(style, Regions) and self.settings.strength == 1
        count = max(1, AT_ONCE // (height * width)) if alike else 1
        parts = [self._whole(part, style) for part in torch.split(content, count)]
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
        """A frame of a film: as `__call__` paints it, but told the moments of the whole that it normalizes by.

        Args:
            content: Pixels (1, 3, H, W) in [0, 1].
            style: A style value, or `Regions` of several.
            answer: Number of a stop, from 0, and what is asked there → moments.
        """
        check_content(content)
        return self._whole(content, style, answer)

    def _whole(
        self, content: Tensor, style: Style | Regions, answer: Callable[[int, StatisticsRequest], Moments] | None = None
    ) -> Tensor:
        """Pictures that are not cut."""
        height, width = content.shape[2:]
        regions = Regions.of(style).present()
        photo = self._padded(content.to(self.device))
        shares = regions.shares(height, width)
        whole = TileInput(lambda: photo, None if shares is None else self._padded(shares.to(photo)))
        work = self._work(regions.styles, self._small((width, height), lambda: thumbnail(content), regions))
        with kept_memory(height * width):
            steps = self._steps(work, whole)
            painted = run_whole(steps) if answer is None else run_with_statistics(steps, answer)
        return painted[:, :, :height, :width].clamp(0, 1).float().cpu().contiguous()

    def _in_tiles(self, content: Tensor, style: Style | Regions, tiling: Tiling, progress: Progress | None) -> Tensor:
        result = torch.empty(content.shape)

        def read(top: int, left: int, bottom: int, right: int) -> Tensor:
            return content[:, :, top:bottom, left:right]

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
        """Paint a picture tile by tile, with the same result as in one piece.

        Where memory ends all the same, tiles of half the side go on from what is known.

        Args:
            canvas: Gives the photo's pixels in [0, 1], and takes the painted ones.
            style: A style value, or `Regions` of several.
            tiling: How it is cut.
            progress: Called after each tile, each time it is seen; its preview is the thumbnail, painted.
            checkpoint: Where the work goes on, and where it is kept, each so many tiles. What has been written to the
                canvas must still be there then.

        Raises:
            BrushworkError: The disk is full; memory ends even for small tiles; a checkpoint that is damaged.
            Interrupted: Raised by `progress`, with nothing to show.
        """
        regions = Regions.of(style).present()
        work = self._work(regions.styles, self._small(canvas.size, canvas.thumbnail, regions))
        journal = TileProgress(tiling.side)
        if checkpoint is not None:
            _keep(journal, checkpoint)
        while True:
            tiles = self.tiles(canvas.size, journal.side, regions)
            steps = len(tiles) * (1 + self._stops(work, regions))
            report = reporting(canvas, steps, progress, lambda: self(canvas.thumbnail(), style))
            shelf = FeatureCache(tiling.folder, tiling.room)
            try:
                with kept_memory(journal.side**2):
                    self._over(tiles, work, canvas, regions, shelf, tiling, journal, report)
                return
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or journal.side <= SMALLEST_TILE:
                    raise
            except KeyboardInterrupt as stop:
                raise Interrupted from stop
            journal.side //= 2
            journal.painted.clear()  # there is no telling which of the new tiles that is

    def _over(
        self,
        tiles: Sequence[Tile],
        work: Any,
        canvas: Canvas,
        regions: Regions,
        shelf: FeatureCache,
        tiling: Tiling,
        journal: TileProgress,
        report: Callable[[], None],
    ) -> None:
        width, height = canvas.size

        def passed(tile: Tile) -> None:
            if features is not None:
                features.done(tile)
            if tiling.memory and resident_memory() > FULL * tiling.memory:
                release_memory()  # holes of kept memory, which grow from tile to tile
            report()

        def begin(tile: Tile) -> Stages:
            def read(box: Box) -> Tensor:
                return to_device(parts(box), self.device)

            def shares(top: int, left: int, bottom: int, right: int) -> Tensor:
                found = regions.shares(height, width, (top, left, bottom, right))
                assert found is not None
                return found

            seen = None if regions.masks is None else padded_part(shares, canvas.size, tile.seen).to(self.device)
            y, x = tile.seen[:2]
            near = tile.near[0] - y, tile.near[1] - x, tile.near[2] - y, tile.near[3] - x
            first = None if features is None else partial(features.seen, tile)
            pixels, pixels_near = partial(read, tile.seen), partial(read, tile.near)
            return self._steps(work, TileInput(pixels, seen, y, x, near, pixels_near, first))

        def part(box: Box) -> Tensor:
            return ready_for(padded_part(canvas.read, canvas.size, box), self.device)

        def reading(tiles: Sequence[Tile]) -> Any:
            """A GPU's tiles are read ahead; on a processor, workers read their own."""
            return nullcontext(part) if self.device.type == "cpu" else Prefetcher(part, [tile.seen for tile in tiles])

        features: FirstFeatures | None = None
        if tiling.again and self.first_halo is not None and not journal.known:
            first = self._cut(canvas.size, journal.side, self.first_halo)
            kept = FirstFeatures((self._side(width), self._side(height))) if tiling.whole else None
            with reading(first) as parts:
                journal.known.append(first_moments(first, begin, passed, kept, tiling.workers))
            features = kept
            journal.note()
        with reading(tiles) as parts:
            over_tiles(
                tiles, begin, partial(put, canvas), shelf=shelf, again=tiling.again, journal=journal,
                passed=passed, workers=tiling.workers,
            )  # fmt: skip

    def tiles(self, size: tuple[int, int], side: int, style: Style | Regions | None = None) -> list[Tile]:
        """How a picture of this (width, height) is cut into tiles of about this side."""
        styles = [self._probe()] if style is None else Regions.of(style).styles
        return self._cut(size, side, self._halo(styles))

    def _cut(self, size: tuple[int, int], side: int, halo: int) -> list[Tile]:
        width, height = (self._side(length) for length in size)
        return cut(height, width, side, halo, self.multiple)

    def _stops(self, work: Any, regions: Regions) -> int:
        """How often its network needs to know something of the whole picture."""
        side = self._side(4 * self.multiple)
        shares = regions.shares(side, side)
        steps = self._steps(work, TileInput(lambda: torch.full((1, 3, side, side), 0.5, device=self.device), shares))
        return sum(1 for _ in steps)

    def _small(self, size: tuple[int, int], small: Callable[[], Tensor], regions: Regions) -> TileInput:
        """The photo as it is looked at beforehand, if it is, for its own style: small."""
        width, height = thumbnail_size(size)
        shares = regions.shares(height, width)
        shares = None if shares is None else self._padded(shares.to(self.device))
        return TileInput(lambda: self._padded(small().to(self.device)), shares)

    def _side(self, length: int) -> int:
        """A side that the network can halve."""
        return max(self.declaration.smallest, -(-length // self.multiple) * self.multiple)

    def _padded(self, photo: Tensor) -> Tensor:
        """Continued at its right and lower border to sides that the network can halve."""
        height, width = photo.shape[2:]
        return F.pad(photo, (0, self._side(width) - width, 0, self._side(height) - height), mode="replicate")


def thumbnail_size(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the thumbnail of a picture, whose longer side is 1024 at most."""
    return fit_size(size, min(THUMBNAIL, max(size)))


def thumbnail(pixels: Tensor) -> Tensor:
    """The thumbnail of pixels (1, 3, H, W)."""
    return resize(pixels, thumbnail_size((pixels.shape[3], pixels.shape[2])))


def _keep(journal: TileProgress, checkpoint: Checkpoint) -> None:
    """Fill the journal with what a checkpoint holds, and keep it there from now on."""
    state = checkpoint.load()
    if state is not None:
        try:
            journal.side, journal.painted = int(state.facts["side"]), set(state.facts["painted"])
            stops = range(int(state.facts["stops"]))
            journal.known = [Moments(*(state.tensors[f"{k}/{of}"] for of in ("mean", "variance"))) for k in stops]
        except (LookupError, TypeError, ValueError) as error:
            raise damaged(checkpoint.path, error) from error

    def note() -> None:
        if len(journal.painted) % checkpoint.every == 0:
            tensors = {f"{k}/{of}": getattr(m, of) for k, m in enumerate(journal.known) for of in ("mean", "variance")}
            facts = {"side": journal.side, "painted": sorted(journal.painted), "stops": len(journal.known)}
            checkpoint.save(State({name: x.cpu() for name, x in tensors.items()}, facts))

    journal.note = note
