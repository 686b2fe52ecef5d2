#!/usr/bin/env python3
"""Paint crops of photographs in crops of paintings by the preset good: examples for train_painter.py.

    python recipes/paint_examples.py --photos DIR --paintings DIR --out EXAMPLES --count 345

EXAMPLES gets N.photo.png, N.painting.png and N.painted.png. Give the same command to resume. The pictures that
train_painter.py holds back are left out here, too.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from painter_targets import SIDE, Folder

from brushwork import Picture, stylize, write_image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=345)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    photos = Folder(args.photos, 200, only_held=False, closest=2.0)
    paintings = Folder(args.paintings, 100, only_held=False, closest=2.2)
    for number in range(args.count):
        painted = args.out / f"{number:05}.painted.png"
        if painted.exists():
            continue
        rng = random.Random(number)
        pair = {"photo": Picture(photos.batch(1, rng)), "painting": Picture(paintings.batch(1, rng))}
        for name, picture in pair.items():
            write_image(picture, args.out / f"{number:05}.{name}.png")
        result = stylize(pair["photo"], pair["painting"], preset="good", size=SIDE)
        write_image(result.picture, painted)


if __name__ == "__main__":
    main()
