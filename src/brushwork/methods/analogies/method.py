"""Image analogies as a method: the photo is B; a style is a pair, A and A', or a painting, whose A is made of it.

Source: Hertzmann et al. 2001, "Image Analogies" (SIGGRAPH). What differs: docs/methods/analogies.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.color import keep_luminance, luma
from brushwork.errors import Interrupted, UsageError
from brushwork.image import resize
from brushwork.methods.analogies.analogy import Analogy, Listener
from brushwork.methods.analogies.hertzmann import by_scan
from brushwork.methods.analogies.patchmatch import by_patchmatch
from brushwork.methods.analogies.planes import remapped, smoothed, steered
from brushwork.methods.base import Declaration, check_content, check_painting
from brushwork.nn import FeatureNetwork
from brushwork.options.methods import Analogies
from brushwork.patches.labels import planes_of
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.progress import Pace, Progress, Step
from brushwork.tiling.tiles import MemoryProfile, Tile, Tiling

__all__ = ["AnalogiesMethod", "Pair", "grown", "pair_of"]

SMALLEST = 8  # sides of pictures that `encode_style` returns, at least, in pixels
USABLE = 0.5  # weight of a mask from which a pixel may be taken
LABEL = 2.0  # of labels' planes: another label costs 8, as much as black for white (3) nearly thrice
PROBE = 64  # side of the picture whose time is measured
NEEDED = {"patchmatch": 700.0, "hertzmann": 3000.0}  # bytes per pixel of the photo
FIXED = 1e9  # bytes: neighborhoods of A and A'


@dataclass(frozen=True, eq=False)
class Pair:
    """A and A'.

    Args:
        before: A, (1, 3, H, W) in [0, 1].
        after: A', of the same size.
        usable: (H, W) bool, pixels of A' that may be taken.
    """

    before: Tensor
    after: Tensor
    usable: Tensor


class AnalogiesMethod:
    """Paints a photo as A' was painted from A. It runs on the CPU; a style is a `Pair`.

    Args:
        settings: The options.
        device: Ignored.
        network: None; the method has none.
    """

    def __init__(self, settings: Analogies, device: torch.device, network: FeatureNetwork | None = None) -> None:
        if network is not None:
            raise UsageError("network: analogies have no feature network; leave it out")
        self.settings, self.device = settings, torch.device("cpu")

    @property
    def declaration(self) -> Declaration:
        """The method's capabilities."""
        return Declaration(smallest=1, tiling="none", blends=False, regions=False)

    def encode_style(self, image: Tensor, *, sizes: Sequence[int], mask: Tensor | None = None) -> Pair:
        """Return a painting as A', never enlarged, and what it may have been painted from as A; see `Method`.

        A is the painting without its strokes, by anisotropic diffusion (the paper's section 4.4 does the same).
        """
        check_painting(image, mask)
        height, width = image.shape[2:]
        factor = min(1.0, self.painting_size(sizes) / max(width, height))
        size = max(SMALLEST, round(width * factor)), max(SMALLEST, round(height * factor))
        small = None if mask is None else F.adaptive_avg_pool2d(mask, size[::-1])
        after = resize(image, size)
        return pair_of(None, after, small)

    def sizes(self, width: int, height: int) -> list[int]:
        """Return the longer side; see `Method`."""
        return [max(width, height)]

    def painting_size(self, sizes: Sequence[int]) -> int:
        """See `Method`."""
        return max(SMALLEST, round(max(sizes) * self.settings.style_scale))

    def blend(self, values: Sequence[Pair], weights: Sequence[float]) -> Pair:
        """Raise UsageError: pairs can't be blended."""
        raise UsageError("analogies can't blend styles: pixels are copied from one picture; name a single style")

    def save_style(self, style: Pair) -> dict[str, Tensor]:
        """Return the pair as named tensors."""
        return {"before": style.before, "after": style.after, "usable": style.usable.float()}

    def load_style(self, tensors: Mapping[str, Tensor]) -> Pair:
        """Return a pair from a file's tensors."""
        return Pair(tensors["before"].float(), tensors["after"].float(), tensors["usable"].bool())

    def estimate_seconds(self, width: int, height: int) -> float:
        """Time a small picture, and scale by the number of pixels."""
        noise = torch.rand(1, 3, PROBE, PROBE, generator=torch.Generator().manual_seed(0))
        style = Pair(noise, noise, torch.ones(PROBE, PROBE, dtype=torch.bool))
        settings = Analogies(search=self.settings.search)
        grown(style, noise, settings)
        started = time.perf_counter()
        grown(style, noise, settings)
        return (time.perf_counter() - started) * max(1.0, width * height / PROBE**2)

    def demand(self, style: Pair | None = None) -> MemoryProfile:
        """Return the memory needed; it hardly depends on the style."""
        return MemoryProfile(NEEDED[self.settings.search], fixed=FIXED)

    def tiles(self, size: tuple[int, int], side: int, style: Pair | None = None) -> list[Tile]:
        """Raise UsageError: each pixel depends on those before it."""
        raise UsageError("analogies have no tiles")

    def recipe(self) -> dict[str, Any]:
        """Return nothing: the settings determine the result."""
        return {}

    def __call__(
        self,
        content: Tensor,
        style: Pair,
        *,
        init: Tensor | None = None,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
        tiling: Tiling | None = None,
    ) -> Tensor:
        """Paint a photo as A' was painted from A; see `Method`. An interrupted run begins again.

        Raises:
            UsageError: Invalid pixels; maps of labels that don't fit.
            Interrupted: The user stopped it; `error.best` holds the picture so far.
        """
        check_content(content)
        return grown(style, content.cpu(), self.settings, progress=progress)


def pair_of(before: Tensor | None, after: Tensor, mask: Tensor | None) -> Pair:
    """Return a pair.

    Args:
        before: A, (1, 3, H, W) in [0, 1]; None: A' without its strokes.
        after: A', of the same size.
        mask: Weight of each pixel of A', (1, 1, H, W); those below one half are not taken. None: all are.

    Raises:
        UsageError: The mask leaves nothing.
    """
    usable = torch.ones(after.shape[2:], dtype=torch.bool) if mask is None else mask[0, 0] >= USABLE
    if not bool(usable.any()):
        raise UsageError("mask: nothing of A' may be taken")
    after = after * usable
    return Pair(smoothed(after) if before is None else before * usable, after, usable)


def grown(
    pair: Pair, content: Tensor | tuple[int, int], settings: Analogies, *, progress: Progress | None = None
) -> Tensor:
    """Return B', pixels (1, 3, H, W).

    Args:
        pair: A and A'.
        content: B, (1, 3, H, W) in [0, 1]; or the (height, width) of a texture, which A has no part in.
        settings: The options.
        progress: See `Method`.

    Raises:
        UsageError, Interrupted: See `AnalogiesMethod`.
    """
    analogy = _planes(pair, content, settings)
    if not analogy.holds_patches(smallest=1):
        raise UsageError("mask: no patch of 5×5 pixels of A' may be taken")

    def pixels(planes: Tensor) -> Tensor:
        made = planes[None].expand(-1, 3, -1, -1).clamp(0, 1)
        if not isinstance(content, Tensor):
            return resize(made, content[::-1]).contiguous()
        made = resize(made, (content.shape[3], content.shape[2]))
        return keep_luminance(made, content) if len(planes) == 1 else made

    kept: list[Tensor] = []
    listener = _listener(progress, kept, pixels)
    try:
        if settings.search == "hertzmann":
            made = by_scan(
                analogy, kappa=settings.kappa, weight=settings.source_weight, levels=settings.levels,
                seed=settings.seed, listener=listener,
            )  # fmt: skip
        else:
            made = by_patchmatch(
                analogy, weight=settings.source_weight, levels=settings.levels, seed=settings.seed, listener=listener
            )
    except (KeyboardInterrupt, Interrupted) as stop:
        raise Interrupted(best=pixels(kept[-1]) if kept else None) from stop
    return pixels(made)


def _planes(pair: Pair, content: Tensor | tuple[int, int], settings: Analogies) -> Analogy:
    """Return what is compared, and what is copied: luma with the photo's colors, or else the colors of A'."""
    before, after = pair.before[0], pair.after[0]
    if not isinstance(content, Tensor):
        return Analogy(before[:0], after, before.new_zeros(0, *content), pair.usable)
    photo = content[0]
    copies_luma = settings.copied_colors == "photo"
    example = luma(pair.after)[0] if copies_luma else after
    if settings.compare == "labels":
        source, target = planes_of(before, photo)
        return Analogy(LABEL * source, example, LABEL * target, pair.usable)
    source, target = luma(pair.before)[0], luma(content)[0]
    if settings.remap == "luminance":
        source, changed = remapped(source, example, target, pair.usable)
        example = changed if copies_luma else example
    if settings.compare == "color":
        source, target = before, photo
    if settings.filters == "steerable":
        source = torch.cat((source, steered(luma(pair.before)[0])))
        target = torch.cat((target, steered(luma(content)[0])))
    return Analogy(source, example, target, pair.usable)


def _listener(progress: Progress | None, kept: list[Tensor], pixels: Callable[[Tensor], Tensor]) -> Listener:
    """Return a listener that keeps the latest planes and reports steps."""
    started, pace = time.perf_counter(), Pace()

    def listen(planes: Tensor, done: int, steps: int) -> None:
        kept[:] = [planes]
        if progress is None:
            return
        left = pace.seconds_left(done, steps - done)
        seconds, size = time.perf_counter() - started, (planes.shape[2], planes.shape[1])
        progress(Step(done, steps, 0.0, {}, size, seconds, left, lambda: pixels(planes)))

    return listen
