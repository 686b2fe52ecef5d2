#!/usr/bin/env python3
"""One photo in one style by every statistic, on one sheet to be looked at.

    python benchmarks/statistics_sheet.py PHOTO STYLE SHEET.png [--size 256] [--steps 300] [--statistics NAME …]

The first two cells are the photo and the style. Frames, dots, checkerboards, washed colors and a photo left as it was
are bugs. Terms of the loss and seconds are printed as well.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from contact_sheet import cell
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from brushwork import Gatys, Picture, Step, read_image, stylize, write_image
from brushwork.options.methods import STATISTICS

COLUMNS = 4
LABEL = 22  # height of the line below a picture, in pixels


def labelled(pixels: Tensor, text: str, size: int) -> Tensor:
    """A picture in its cell, with its name below."""
    square = cell(pixels, size)
    strip = Image.new("L", (square.shape[3], LABEL), 255)
    ImageDraw.Draw(strip).text((strip.width / 2, 0), text, fill=0, anchor="ma", font=ImageFont.load_default(16))
    words = torch.frombuffer(bytearray(strip.tobytes()), dtype=torch.uint8).reshape(1, 1, LABEL, strip.width) / 255
    return torch.cat([square, words.expand(1, 3, -1, -1)], dim=2)


def sheet(cells: list[Tensor]) -> Tensor:
    """Cells in rows; the last row is filled up with white."""
    cells = cells + [torch.ones_like(cells[0])] * (-len(cells) % COLUMNS)
    rows = [torch.cat(cells[start : start + COLUMNS], dim=3) for start in range(0, len(cells), COLUMNS)]
    return torch.cat(rows, dim=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--statistics", nargs="+", default=STATISTICS, choices=STATISTICS)
    args = parser.parse_args()
    cells = [labelled(read_image(p, size=args.size).visible(), p.stem, args.size) for p in (args.photo, args.style)]
    for name in args.statistics:
        steps: list[Step] = []
        settings = Gatys(statistic=name, steps=args.steps)
        result = stylize(args.photo, args.style, settings, size=args.size, progress=steps.append)
        cells.append(labelled(result.picture.pixels, name, args.size))
        terms = "  ".join(f"{kind} {float(value):.3f}" for kind, value in steps[-1].terms.items())
        print(f"{name:20s} {terms}  {result.seconds:.1f} s", flush=True)
    write_image(Picture(sheet(cells)), args.sheet)


if __name__ == "__main__":
    main()
