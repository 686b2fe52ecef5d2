"""Style swatches: noise rendered in a style, and overview sheets with names."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from brushwork.api.style_encoding import encode_style
from brushwork.errors import UsageError
from brushwork.image import Picture
from brushwork.io import read_image
from brushwork.methods import Method, load
from brushwork.options.methods import AdaINLite, Settings
from brushwork.runtime.device import choose_device
from brushwork.runtime.progress import Progress
from brushwork.styles.sources import PictureSource, StyleSource

__all__ = ["sheet", "swatch"]

OCTAVES = (3, 6, 12, 24)  # cells across of the noise's octaves, each with half the previous amplitude
GAP, LABEL = 8, 20  # white space around a swatch, and height of its label, in pixels


def swatch(
    style: StyleSource,
    settings: Settings | None = None,
    *,
    size: int = 256,
    device: str = "auto",
    method: Method | None = None,
) -> Picture:
    """Render a square of soft noise in a style, to show the style without any content.

    Args:
        style: See `stylize`.
        settings: A method's options; `AdaINLite()` by default.
        size: Side of the square in pixels.
        device: See `stylize`.
        method: From `brushwork.methods.load`, instead of settings.

    Raises:
        UsageError: An unknown style, or one that this method doesn't support.
    """
    method = method or load(AdaINLite() if settings is None else settings, choose_device(device))
    return Picture(method(_noise(size), encode_style(method, style, method.sizes(size, size))))


def sheet(
    styles: Sequence[str],
    settings: Settings | None = None,
    *,
    photo: PictureSource | None = None,
    size: int = 160,
    device: str = "auto",
    progress: Progress | None = None,
) -> Picture:
    """Render labeled swatches of styles, or one photo in all of them.

    Args:
        styles: Names of library styles.
        settings: A method's options; `AdaINLite()` by default.
        photo: Image whose central square is rendered instead of noise.
        size: Side of a swatch in pixels.
        device: See `stylize`.
        progress: Called by the method for each swatch; an exception it raises stops the work.

    Raises:
        UsageError: No styles, or one that this method doesn't support.
        PictureError: The photo can't be read.
    """
    if not styles:
        raise UsageError("a sheet needs at least one style; brushwork styles list shows them all")
    method = load(AdaINLite() if settings is None else settings, choose_device(device))
    painted = _noise(size) if photo is None else _square(photo, size)
    cells = [_cell(method, painted, style, progress) for style in styles]
    across = max(1, round(math.sqrt(1.5 * len(cells))))
    cells += [torch.ones_like(cells[0])] * (-len(cells) % across)
    rows = [torch.cat(cells[at : at + across], 3) for at in range(0, len(cells), across)]
    return Picture(torch.cat(rows, 2))


def _cell(method: Method, painted: Tensor, style: str, progress: Progress | None) -> Tensor:
    size = painted.shape[3]
    picture = method(painted, encode_style(method, style, method.sizes(size, size)), progress=progress)
    label = Image.new("RGB", (size, LABEL), "white")
    fonts = (ImageFont.load_default(points) for points in (12, 11, 10, 9, 8, 7, 6))
    font = next((font for font in fonts if font.getlength(style) <= size), ImageFont.load_default(6))
    ImageDraw.Draw(label).text((size / 2, LABEL / 2), style, "black", font, anchor="mm")
    words = torch.from_numpy(np.array(label)).permute(2, 0, 1)[None].float() / 255
    return F.pad(torch.cat([picture, words], 2), (GAP, GAP, GAP, 0), value=1.0)


def _square(photo: PictureSource, size: int) -> Tensor:
    picture = photo if isinstance(photo, Picture) else read_image(photo)
    pixels = picture.visible()
    side = min(pixels.shape[2:])
    top, left = (pixels.shape[2] - side) // 2, (pixels.shape[3] - side) // 2
    square = pixels[:, :, top : top + side, left : left + side]
    return F.interpolate(square, (size, size), mode="bicubic", antialias=True).clamp(0, 1)


def _noise(size: int) -> Tensor:
    """Return fractal noise, mostly gray, (1, 3, size, size); always the same."""
    generator = torch.Generator().manual_seed(1)
    total = torch.zeros(1, 3, size, size)
    for octave, cells in enumerate(OCTAVES):
        grey, color = (torch.randn(1, channels, cells, cells, generator=generator) for channels in (1, 3))
        field = F.interpolate(grey + 0.4 * color, (size, size), mode="bicubic")
        total += field / 2**octave
    return (0.5 + 0.22 * total).clamp(0, 1)
