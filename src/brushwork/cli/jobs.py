"""Resolves photos, styles and output files, and checks them before the first step."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from brushwork.batch.naming import apart, style_stem
from brushwork.errors import UsageError, is_address
from brushwork.options.stylize import PICTURE_SUFFIXES
from brushwork.styles.references import ResolvedStyle, resolve_text

__all__ = ["Job", "find_photos", "is_folder", "left_out", "plan_jobs", "protect", "protect_from_frames"]


@dataclass(frozen=True)
class Job:
    """One photo, one style, one file to write."""

    photo: Path
    style: ResolvedStyle
    output: Path


def find_photos(arguments: Iterable[str]) -> list[Path]:
    """Return the named files, the images in named folders, and matches of patterns that the shell didn't expand.

    Raises:
        UsageError: A folder without images, or a pattern that matches nothing.
    """
    photos: dict[object, Path] = {}
    for argument in arguments:
        for path in _photos(argument):
            photos.setdefault(_identity(path), path)  # a file named twice is one photo
    return list(photos.values())


def _photos(argument: str) -> list[Path]:
    path = Path(argument)
    if os.path.isdir(argument):  # noqa: PTH112 - Path fails at very long names
        found = sorted(p for p in path.iterdir() if _is_photo(p))
        if not found:
            raise UsageError(f"{argument}: no pictures in this folder ({', '.join(sorted(PICTURE_SUFFIXES))})")
    elif glob.has_magic(argument) and not os.path.lexists(argument) and not is_address(argument):
        matches = (Path(match) for match in glob.glob(argument, recursive=True))  # noqa: PTH207 - takes absolute patterns
        found = sorted(match for match in matches if _is_photo(match))
        if not found:
            raise UsageError(f"{argument}: no pictures match this pattern")
    else:
        found = [path]
    return found


def left_out(arguments: Iterable[str]) -> list[str]:
    """Return a line for each folder with files other than pictures: how many are left out, and why."""
    lines = []
    for argument in arguments:
        if os.path.isdir(argument):  # noqa: PTH112
            others = [
                p for p in Path(argument).iterdir() if p.is_file() and not p.name.startswith(".") and not _is_photo(p)
            ]
            kinds = Counter(path.suffix.lower() or "no suffix" for path in others)
            told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
            files = f"{len(others)} file{'s' if len(others) > 1 else ''}"
            lines += [f"{argument}: {files} left out, by their suffix no pictures ({told})"] if others else []
    return lines


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and path.is_file() and not path.name.startswith(".")


def plan_jobs(photos: list[Path], styles: Iterable[str], output: str | None, suffix: str) -> list[Job]:
    """Return a job for each pair of photo and style, with its output file.

    Args:
        photos: From `find_photos`.
        styles: Style arguments.
        output: A file for a single result, or a folder for any number; None for the current directory.
        suffix: Suffix of results whose name is not given, such as ".png".

    Raises:
        UsageError: An unknown style, or one file for several results.
    """
    resolved = [resolve_text(text) for text in dict.fromkeys(styles)]
    pairs = [(photo, style) for photo in photos for style in resolved]
    folder = Path(output) if output is not None else Path()
    if output is None or is_folder(output):
        photo_names = apart([(photo.stem, photo.name.replace(".", "-")) for photo in photos])
        style_names = apart([(style_stem(style.text), style_stem(style.text, whole=True)) for style in resolved])
        names = [f"{photo}_{style}" for photo in photo_names for style in style_names]
        names = apart([(name, name) for name in names])  # "a_b" in "c" and "a" in "b_c"
        jobs = [Job(*pair, folder / f"{name}{suffix}") for pair, name in zip(pairs, names, strict=True)]
    elif len(pairs) == 1:
        jobs = [Job(*pairs[0], folder)]
    else:
        raise UsageError(f"-o {output}: expected a folder for {len(pairs)} results; write {output}/ to create one")
    return jobs


def is_folder(output: str) -> bool:
    """Return whether -o names a folder, existing or to be created."""
    return output.endswith(("/", os.sep)) or os.path.isdir(output)  # noqa: PTH112


def protect(jobs: list[Job], written: Mapping[str, Path | None], others: Iterable[str] = ()) -> None:
    """Check that no output overwrites an input or another output.

    Args:
        jobs: From `plan_jobs`.
        written: Option → the additional file that it writes, if any: {"preview": …}.
        others: Other input files: an initial image, a network.

    Raises:
        UsageError: An output would overwrite a file; the message names it.
    """
    inputs = _inputs(jobs, others)
    taken = inputs | {_identity(job.output) for job in jobs}
    for job in jobs:
        if _identity(job.output) in inputs:
            raise UsageError(f"{job.output} is one of the inputs; choose another name with -o")
    for option, path in written.items():
        if path is not None and _identity(path) in taken:
            raise UsageError(f"--{option} {path} is one of the inputs or results; choose another name")
        taken |= {_identity(path)} if path is not None else set()


def protect_from_frames(jobs: list[Job]) -> None:
    """Check that no file of --save-every, such as result_00050.png, would overwrite an input or a result.

    Raises:
        UsageError: One would; the message names it.
    """
    named = [path for job in jobs for path in job.style.files]
    paths = [*named, *(job.photo for job in jobs), *(job.output for job in jobs)]
    for job in jobs:
        pattern = re.compile(rf"{re.escape(job.output.stem)}_\d{{5,}}{re.escape(job.output.suffix)}", re.IGNORECASE)
        for path in paths:
            if pattern.fullmatch(path.name) and path.resolve().parent == job.output.resolve().parent:
                raise UsageError(f"--save-every could overwrite {path}; choose another name with -o")


def _inputs(jobs: list[Job], others: Iterable[str]) -> set[object]:
    inputs = {_identity(job.photo) for job in jobs} | {_identity(Path(name)) for name in others}
    return inputs | {_identity(path) for job in jobs for path in job.style.files}


def _identity(path: Path) -> object:
    """Return a value that is equal for two paths to one file: links, or other case on case-insensitive systems."""
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return Path(os.path.realpath(path))
    return facts.st_dev, facts.st_ino
