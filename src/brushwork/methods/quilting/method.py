"""Texture transfer as a method: the photo is the target, the painting is the texture.

Source: Efros and Freeman 2001, section 3. What differs: docs/methods/quilting.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.color import luma
from brushwork.errors import Interrupted, UsageError
from brushwork.image import resize
from brushwork.methods.base import Declaration, check_content, check_painting
from brushwork.methods.quilting.block_size import suggested_block
from brushwork.methods.quilting.laying import Quilt, Swatch
from brushwork.methods.quilting.quilter import Guide, Listener, lay_onto
from brushwork.nn import FeatureNetwork
from brushwork.options.methods import Quilting
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.progress import Pace, Progress, Step
from brushwork.tiling.tiles import MemoryProfile, Tile, Tiling

__all__ = ["QuiltingMethod", "block_for", "listener_of", "luminance_guide", "swatch_of", "transfer"]

SMALLEST = 8  # sides of a swatch that `encode_style` returns, at least, in pixels
LEAST_BLOCK = 4
SHRINK = 2 / 3  # of blocks, from one iteration to the next (section 3: "usually reduced by a third each time")
LARGEST_SHARE = 1 / 16  # of the target's longer side, of suggested blocks in the first iteration
BLUR = 0.02  # standard deviation of the blur, as a share of the longer side
USABLE = 0.5  # weight of a mask from which a pixel may be taken
PROBE = 96  # side of the picture whose time is measured
NEEDED = 160.0  # bytes per pixel of the result: pixels, maps and origins, each padded to whole blocks
FIXED = 4e8  # bytes: transforms of a swatch, or the vectors of a sampled one


class QuiltingMethod:
    """Renders a photo in blocks of a texture. It runs on the CPU; a style is a `Swatch`.

    Args:
        settings: The options.
        device: Ignored.
        network: None; the method has none.
    """

    def __init__(self, settings: Quilting, device: torch.device, network: FeatureNetwork | None = None) -> None:
        if network is not None:
            raise UsageError("network: quilting has no feature network; leave it out")
        self.settings, self.device = settings, torch.device("cpu")

    @property
    def declaration(self) -> Declaration:
        """The method's capabilities."""
        return Declaration(smallest=1, tiling="none", blends=False, regions=False)

    def encode_style(self, image: Tensor, *, sizes: Sequence[int], mask: Tensor | None = None) -> Swatch:
        """Return the texture, never enlarged; see `Method`."""
        check_painting(image, mask)
        height, width = image.shape[2:]
        factor = min(1.0, self.painting_size(sizes) / max(width, height))
        size = max(SMALLEST, round(width * factor)), max(SMALLEST, round(height * factor))
        small = None if mask is None else F.adaptive_avg_pool2d(mask, size[::-1])
        return swatch_of(resize(image, size), small)

    def sizes(self, width: int, height: int) -> list[int]:
        """Return the longer side; see `Method`."""
        return [max(width, height)]

    def painting_size(self, sizes: Sequence[int]) -> int:
        """See `Method`."""
        return max(SMALLEST, round(max(sizes) * self.settings.style_scale))

    def blend(self, values: Sequence[Swatch], weights: Sequence[float]) -> Swatch:
        """Raise UsageError: textures can't be blended."""
        raise UsageError("quilting can't blend styles: its blocks are copied from one texture; name a single style")

    def save_style(self, style: Swatch) -> dict[str, Tensor]:
        """Return the texture as named tensors."""
        return {"pixels": style.pixels, "usable": style.usable.half()}

    def load_style(self, tensors: Mapping[str, Tensor]) -> Swatch:
        """Return a texture from a file's tensors."""
        return Swatch(tensors["pixels"].float(), tensors["usable"].bool())

    def estimate_seconds(self, width: int, height: int) -> float:
        """Time a small picture, and scale by the number of pixels."""
        noise = torch.rand(1, 3, PROBE, PROBE, generator=torch.Generator().manual_seed(0))
        style = swatch_of(noise, None)
        self(noise, style)
        started = time.perf_counter()
        self(noise, style)
        return (time.perf_counter() - started) * max(1.0, width * height / PROBE**2)

    def demand(self, style: Swatch | None = None) -> MemoryProfile:
        """Return the memory needed; it hardly depends on the style."""
        return MemoryProfile(NEEDED, fixed=FIXED)

    def tiles(self, size: tuple[int, int], side: int, style: Swatch | None = None) -> list[Tile]:
        """Raise UsageError: blocks are chosen one after another over the whole picture."""
        raise UsageError("quilting has no tiles")

    def recipe(self) -> dict[str, Any]:
        """Return nothing: the settings determine the result."""
        return {}

    def __call__(
        self,
        content: Tensor,
        style: Swatch,
        *,
        init: Tensor | None = None,
        progress: Progress | None = None,
        checkpoint: Checkpoint | None = None,
        tiling: Tiling | None = None,
    ) -> Tensor:
        """Render a photo in blocks of the texture; see `Method`. An interrupted run begins again.

        Raises:
            UsageError: Invalid pixels, or a block that the texture doesn't hold.
            Interrupted: The user stopped it; `error.best` holds the blocks laid so far, on the photo.
        """
        check_content(content)
        guide = luminance_guide(style, content, blurred=self.settings.correspondence == "blurred-luminance")
        return transfer(style, guide, self.settings, background=content, progress=progress)


def swatch_of(pixels: Tensor, mask: Tensor | None) -> Swatch:
    """Return a texture.

    Args:
        pixels: (1, 3, H, W) in [0, 1].
        mask: Weight of each pixel, (1, 1, H, W); those below one half are not taken. None: all are.

    Raises:
        UsageError: The mask leaves nothing.
    """
    usable = torch.ones(pixels.shape[2:], dtype=torch.bool) if mask is None else mask[0, 0] >= USABLE
    if not bool(usable.any()):
        raise UsageError("mask: nothing of the texture may be taken")
    return Swatch((pixels[0] * usable).contiguous(), usable)


def block_for(swatch: Swatch, block: int) -> int:
    """Return the side of blocks: the one asked for, or for 0 the one suggested, or less if none as large is usable.

    Raises:
        UsageError: The block asked for isn't in the texture.
    """
    if block:
        swatch.places(block)  # raises
        return block
    side = suggested_block(swatch.pixels[None])
    while side > 2:
        try:
            swatch.places(side)
            return side
        except UsageError:
            side = max(2, round(side * SHRINK))
    return side


def luminance_guide(swatch: Swatch, content: Tensor, *, blurred: bool) -> Guide:
    """Return correspondence maps of luminance, the target's with the distribution of the swatch's.

    Args:
        swatch: The texture.
        content: The target, (1, 3, H, W) in [0, 1].
        blurred: Whether both are blurred.
    """
    of_swatch, of_target = luma(swatch.pixels[None])[0], luma(content.cpu())[0]
    known = of_swatch[0][swatch.usable].sort().values
    values = of_target[0].contiguous().flatten()
    own = values.sort().values
    rank = (torch.searchsorted(own, values) + torch.searchsorted(own, values, right=True)) / (2 * len(own))
    of_target = known[(rank * len(known)).long().clamp(max=len(known) - 1)].view_as(of_target)
    if blurred:
        of_swatch, of_target = _blurred(of_swatch), _blurred(of_target)
    return Guide(of_swatch, of_target)


def _blurred(planes: Tensor) -> Tensor:
    """Return planes (C, H, W) blurred by a Gaussian."""
    sigma = max(0.5, BLUR * max(planes.shape[1:]))
    reach = max(1, round(3 * sigma))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma).square())
    kernel = (kernel / kernel.sum())[None, None]
    padded = F.pad(planes[:, None], (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel[..., None]), kernel[..., None, :])[:, 0]


def transfer(
    swatch: Swatch, guide: Guide, settings: Quilting, *, background: Tensor, progress: Progress | None = None
) -> Tensor:
    """Render a target in a texture; returns pixels (1, 3, H, W).

    Args:
        swatch: The texture.
        guide: Correspondence maps.
        settings: Blocks, iterations, weights and seed.
        background: The target's pixels, for previews.
        progress: See `Method`.

    Raises:
        UsageError: A block that the texture doesn't hold.
        Interrupted: See `Method`.
    """
    side = block_for(swatch, settings.block)
    if not settings.block:  # what the texture suggests may be larger than what is to be seen in the picture
        side = min(side, max(LEAST_BLOCK, round(max(background.shape[2:]) * LARGEST_SHARE)))
    sides = [max(min(side, LEAST_BLOCK), round(side * SHRINK**i)) for i in range(settings.iterations)]
    kept: list[Quilt] = []
    listener = listener_of(progress, kept, background)
    try:
        return lay_onto(
            swatch, guide, sides, settings.alphas(),
            tolerance=settings.block_tolerance, seed=settings.seed, listener=listener,
        ).pixels()  # fmt: skip
    except (KeyboardInterrupt, Interrupted) as stop:
        raise Interrupted(best=kept[-1].pixels(background) if kept else None) from stop


def listener_of(progress: Progress | None, kept: list[Quilt], background: Tensor | None) -> Listener:
    """Return a listener that keeps the latest quilt and reports steps.

    Args:
        progress: Called after each wave of blocks.
        kept: Receives the quilt.
        background: See `Quilt.pixels`.
    """
    started, pace = time.perf_counter(), Pace()

    def preview(quilt: Quilt) -> Callable[[], Tensor]:
        return lambda: quilt.pixels(background)

    def listen(quilt: Quilt, done: int, steps: int) -> None:
        kept[:] = [quilt]
        if progress is None:
            return
        left = pace.seconds_left(done, steps - done)
        seconds = time.perf_counter() - started
        progress(Step(done, steps, 0.0, {}, (quilt.size[1], quilt.size[0]), seconds, left, preview(quilt)))

    return listen
