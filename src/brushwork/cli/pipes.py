"""Pictures in by standard input and out by standard output: `brushwork stylize - --style wave.jpg -o -`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from brushwork.errors import BrushworkError, UsageError

__all__ = ["STREAM", "piped", "shown"]

STREAM = "-"  # what stands for standard input and output
INPUT, OUTPUT = "standard-input", "standard-output"  # names of the files in between, as in recipes


@contextmanager
def piped(
    photos: tuple[str, ...], output: str | None, suffix: str, *, as_json: bool
) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """Put files in place of the streams, as libraries want to read and write in any order.

    Args:
        photos: Photos; "-" alone is standard input.
        output: The output; "-" is standard output, which gets the picture when the block ends without an error.
        suffix: The picture's format there.
        as_json: Whether standard output is wanted for JSON.

    Yields:
        Photos and output, as files.

    Raises:
        UsageError: "-" beside other photos or for JSON, or a terminal instead of a picture.
    """
    if STREAM not in photos and output != STREAM:
        yield photos, output
        return
    if STREAM in photos and len(photos) > 1:
        raise UsageError("- is standard input, which is the only photo; name the others in a command of their own")
    if output == STREAM and as_json:
        raise UsageError("--json and -o - both want standard output; name a file with -o")
    if STREAM in photos and output is None:
        raise UsageError("a picture from standard input has no name; say where it goes with -o FILE, or -o -")
    with tempfile.TemporaryDirectory(prefix="brushwork-") as folder:
        if STREAM in photos:
            photos = (str(_received(Path(folder) / INPUT)),)
        written = Path(folder) / f"{OUTPUT}.{suffix.lstrip('.')}"
        try:
            yield photos, str(written) if output == STREAM else output
        except BrushworkError as error:
            for name in (INPUT, OUTPUT):  # users don't know the files in between
                error.args = (str(error).replace(f"{folder}{os.sep}{name}", name.replace("-", " ")),)
            raise
        if output == STREAM:
            _send(written)


def shown(path: Path) -> str:
    """Return what a file is called in front of the user: those in place of a stream have the stream's name."""
    return path.stem.replace("-", " ") if path.stem in (INPUT, OUTPUT) else str(path)


def _received(path: Path) -> Path:
    """Write standard input to a file."""
    if sys.stdin.isatty():
        raise UsageError("expected a picture on standard input, such as: cat boat.jpg | brushwork stylize - …")
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


def _send(path: Path) -> None:
    """Write a file to standard output."""
    if not path.exists():  # the work ended early, and was told
        return
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()
