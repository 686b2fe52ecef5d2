"""Which photos, which styles, which files: settled and checked before the first step."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from brushwork.errors import UsageError
from brushwork.styles import locate_style, parse_style

__all__ = ["Job", "find_photos", "plan_jobs"]

SUFFIXES = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".avif", ".bmp", ".gif"}


@dataclass(frozen=True)
class Job:
    """One photo, one style, one file to write."""

    photo: Path
    style: str
    output: Path


def find_photos(arguments: tuple[str, ...]) -> list[Path]:
    """Files as given, the pictures of folders, and what patterns match (for shells that leave them alone).

    Raises:
        UsageError: A folder without pictures, or a pattern that matches nothing.
    """
    photos: list[Path] = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
            if not found:
                raise UsageError(f"{argument}: no pictures in this folder ({', '.join(sorted(SUFFIXES))})")
        elif glob.has_magic(argument) and not path.exists():
            found = sorted(Path(match) for match in glob.glob(argument, recursive=True))  # noqa: PTH207 - takes absolute patterns
            if not found:
                raise UsageError(f"{argument}: nothing matches")
        else:
            found = [path]
        photos += found
    return list(dict.fromkeys(photos))


def plan_jobs(photos: list[Path], styles: tuple[str, ...], output: str | None, suffix: str) -> list[Job]:
    """Each style on each photo, and where each result goes.

    Args:
        photos: From `find_photos`.
        styles: Style arguments.
        output: A file for a single result; a folder for any number; None for files beside the reader.
        suffix: ".png", … of results that are not named.

    Raises:
        UsageError: Two results with one name, a result that would overwrite an input, a file for many results.
    """
    pairs = [(photo, style) for photo in photos for style in styles]
    folder = Path(output) if output is not None else Path()
    if output is not None and len(pairs) == 1 and not _is_folder(output):
        jobs = [Job(*pairs[0], folder)]
    elif output is not None and not _is_folder(output):
        raise UsageError(f"-o {output}: expected a folder for {len(pairs)} results; write {output}/ for a new one")
    else:
        jobs = [Job(photo, style, folder / f"{photo.stem}_{style_stem(style)}{suffix}") for photo, style in pairs]
    _check(jobs)
    return jobs


def style_stem(style: str) -> str:
    """A style argument as a part of a file name: "wave.jpg:0.7+sea" → "wave-0.7+sea"."""
    parts = parse_style(style)
    shares = [f"-{part.weight:g}" if part.weight != 1 else "" for part in parts]
    return "+".join(part.stem + share for part, share in zip(parts, shares, strict=True))


def _is_folder(output: str) -> bool:
    return output.endswith(("/", os.sep)) or Path(output).is_dir()


def _check(jobs: list[Job]) -> None:
    inputs = {job.photo.resolve() for job in jobs}
    inputs |= {locate_style(part).resolve() for job in jobs for part in parse_style(job.style)}
    outputs: dict[Path, Job] = {}
    for job in jobs:
        target = job.output.resolve()
        if target in inputs:
            raise UsageError(f"{job.output} is one of the inputs; choose another name with -o")
        if target in outputs:
            raise UsageError(
                f"{outputs[target].photo} and {job.photo} would both be written to {job.output}; "
                "rename one, or run them apart with -o"
            )
        outputs[target] = job
