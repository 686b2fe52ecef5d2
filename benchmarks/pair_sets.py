"""The pairs that everybody is measured on: tables of files, by SHA-256 and public source, and which belong together.

A table has lines "file<TAB>name<TAB>SHA-256<TAB>source" and "pair<TAB>photo<TAB>painting". The pictures themselves are
nowhere here: they are found by name in folders, and must have the hash of the table. A plain table of pairs
(photo<TAB>painting, paths relative to it) makes a set of one's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import skimage

TABLES = Path(__file__).with_name("pair_sets")
PHOTOS = Path(skimage.__file__).parent / "data"
STYLEID = {"cnt": 20, "sty": 40}  # Chung et al. 2024, "Style Injection in Diffusion", section 5: folders and counts
SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class PairSet:
    """Pairs of photo and painting, with the hashes of their files."""

    name: str
    pairs: list[tuple[Path, Path]]
    sha256: dict[str, str]


def read_set(name: str, source: Path | None, folders: Sequence[Path]) -> PairSet:
    """Read "open" or "judged" (files are searched in `folders`), "styleid" (a folder) or a table of pairs.

    Raises:
        SystemExit: A file is missing or another one; the message says where to get it.
    """
    if name == "styleid" and source is not None:
        return _styleid(source)
    if source is not None:
        rows = [line.split("\t")[:2] for line in source.read_text().splitlines() if line.strip() and line[0] != "#"]
        pairs = [(source.parent / photo, source.parent / painting) for photo, painting in rows]
        return PairSet(name, pairs, {path.name: sha256_of(path) for pair in pairs for path in pair})
    rows = [line.split("\t") for line in (TABLES / f"{name}.tsv").read_text().splitlines()]
    files = {row[1]: _found(row[1:], [*folders, PHOTOS]) for row in rows if row[0] == "file"}
    pairs = [(files[row[1]], files[row[2]]) for row in rows if row[0] == "pair"]
    return PairSet(name, pairs, {row[1]: row[2] for row in rows if row[0] == "file"})


def _found(row: list[str], folders: Sequence[Path]) -> Path:
    name, expected, *source = row
    from_where = f"; it is {source[0]}" if source else ""
    paths = [path for folder in folders for path in sorted(folder.rglob(name))]
    for path in paths:
        if sha256_of(path) == expected:
            return path
    if paths:
        raise SystemExit(f"{paths[0]} is another file than the one of the set (SHA-256 {expected[:12]}…){from_where}")
    raise SystemExit(f"{name} is in none of {', '.join(map(str, folders))}; give its folder with --files{from_where}")


def _styleid(folder: Path) -> PairSet:
    inside = {part: [p for p in sorted((folder / part).glob("*")) if p.suffix in SUFFIXES] for part in STYLEID}
    counts = {part: len(paths) for part, paths in inside.items()}
    if counts != STYLEID:
        raise SystemExit(f"{folder}: expected 20 photos in cnt/ and 40 paintings in sty/, got {counts}")
    pairs = [(photo, painting) for photo in inside["cnt"] for painting in inside["sty"]]
    return PairSet("styleid", pairs, {path.name: sha256_of(path) for part in inside.values() for path in part})


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
