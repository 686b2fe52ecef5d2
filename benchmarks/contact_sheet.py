#!/usr/bin/env python3
"""Photos × styles on one sheet, to be looked at: frames, dots, checkerboards, haloes, washed colors are bugs.

    python benchmarks/contact_sheet.py SHEET.png [--method adain-lite] [--photos FILE …] [--styles STYLE …]
    python benchmarks/contact_sheet.py SHEET.png --preset good

By default some photographs that come with scikit-image and all built-in styles.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import skimage
import torch
import torch.nn.functional as F

from brushwork import Picture, list_styles, load, preset_options, read_image, stylize, write_image
from brushwork.api.presets import PRESETS
from brushwork.registry import settings_from

PHOTOS = [Path(skimage.__file__).parent / "data" / name for name in ("astronaut.png", "chelsea.png", "coffee.png")]
GAP = 8


def cell(pixels: torch.Tensor, size: int) -> torch.Tensor:
    """A picture in the middle of a white square."""
    height, width = pixels.shape[2:]
    left, top = (size - width) // 2, (size - height) // 2
    margins = (left + GAP, size - width - left, top + GAP, size - height - top)
    return F.pad(pixels, margins, value=1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--method", default="adain-lite")
    parser.add_argument("--preset", choices=list(PRESETS), help="instead of a method")
    parser.add_argument("--photos", nargs="+", type=Path, default=PHOTOS)
    parser.add_argument("--styles", nargs="+", default=list(list_styles()))
    parser.add_argument("--size", type=int, default=384)
    args = parser.parse_args()
    method = load(preset_options(args.preset) if args.preset else settings_from(args.method, {}))
    rows = []
    for photo in args.photos:
        row = [read_image(photo, size=args.size).visible()]
        for style in args.styles:
            row.append(stylize(photo, style, method=method, size=args.size).picture.pixels)
            print(photo.stem, style, flush=True)
        rows.append(torch.cat([cell(pixels, args.size) for pixels in row], dim=3))
    write_image(Picture(torch.cat(rows, dim=2)), args.sheet)


if __name__ == "__main__":
    main()
