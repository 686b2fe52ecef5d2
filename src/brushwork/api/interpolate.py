"""Style interpolation: a photo in blends of two styles as a strip, or of three or four as a grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from brushwork.api.style_encoding import encode_style
from brushwork.api.stylize import MethodSource, method_from
from brushwork.errors import UsageError
from brushwork.image import Picture
from brushwork.io import read_image
from brushwork.options.stylize import MAX_PIXELS
from brushwork.registry import method_name
from brushwork.runtime.deprecation import renamed_keywords
from brushwork.runtime.progress import Progress
from brushwork.styles.sources import PictureSource, StyleSource

__all__ = ["interpolate", "shares"]

GAP = 8  # white space between images, in pixels


def shares(count: int, steps: int) -> list[list[tuple[float, ...]]]:
    """Return blend weights by row: one row for two styles; for three, the third is at the bottom; four at the corners.

    Args:
        count: 2, 3 or 4.
        steps: Images from one style to the next, at least 2.

    Raises:
        UsageError: Another count, or fewer steps.

    >>> shares(2, 3)
    [[(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)]]
    """
    if count not in (2, 3, 4) or steps < 2:
        raise UsageError(f"expected 2 to 4 styles and at least 2 steps, got {count} styles and {steps} steps")
    way = [place / (steps - 1) for place in range(steps)]
    if count == 2:
        return [[(1 - x, x) for x in way]]
    if count == 3:
        return [[((1 - y) * (1 - x), (1 - y) * x, y) for x in way] for y in way]
    return [[((1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x) for x in way] for y in way]


@renamed_keywords(content="photo", settings="method")
def interpolate(
    photo: PictureSource,
    styles: Sequence[StyleSource],
    method: MethodSource = None,
    *,
    steps: int = 5,
    size: int = 256,
    device: str = "auto",
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
) -> Picture:
    """Render a photo in interpolated styles: a strip for two styles, a grid for three or four.

    Args:
        photo: A file or a `Picture`.
        styles: Two to four, each as for `stylize`.
        method: A method that can blend styles; see `stylize`.
        steps: Images from one style to the next.
        size: Longer side of each image, in pixels.
        device: See `stylize`.
        max_pixels: Larger files are rejected before they are decoded.
        progress: Called by the method for each image; an exception it raises stops the work.

    Raises:
        UsageError: An invalid number of styles or steps, or a method that can't blend.
        PictureError: A file can't be read.
    """
    if not isinstance(styles, list | tuple):
        raise UsageError(f"styles: expected a list of two to four styles, got {styles!r}")
    plan = shares(len(styles), steps)
    loaded = method_from(method, device)
    if not loaded.declaration.blends:
        raise UsageError(f"{method_name(loaded.settings)} with these settings can't blend styles")
    picture = photo if isinstance(photo, Picture) else read_image(photo, size=size, max_pixels=max_pixels)
    values = [encode_style(loaded, style, loaded.sizes(*picture.size), max_pixels=max_pixels) for style in styles]
    white = torch.ones(1, 3, picture.size[1], GAP)
    rows = []
    for row in plan:
        painted = [loaded(picture.visible(), loaded.blend(values, weights), progress=progress) for weights in row]
        line = [part for pixels in painted for part in (white, pixels)][1:]
        rows.append(torch.cat(line, 3))
    between = torch.ones(1, 3, GAP, rows[0].shape[3])
    return Picture(torch.cat([part for row in rows for part in (between, row)][1:], 2))
