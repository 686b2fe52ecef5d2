"""Save results: check the target before the work starts, and fall back to another place if saving fails."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from brushwork.errors import BrushworkError, Interrupted, SavedElsewhereError, UsageError
from brushwork.runtime.atomic_files import real_path

__all__ = ["place_problem", "room_problem", "save", "write_error", "writing_reason"]

PROBE = 1 << 20  # bytes written to find out why a disk accepts no more data

_REASONS = {
    errno.ENOSPC: "the disk is full",
    getattr(errno, "EDQUOT", -1): "the disk quota is exceeded",
    errno.EFBIG: "the file is larger than this system allows",
    errno.EROFS: "the disk is read-only",
}


def save(path: Path, write: Callable[[Path], object], *, beside: Path | None = None) -> None:
    """Save a result to a file; if that fails, beside the input or in the temporary folder.

    Args:
        path: The requested file.
        write: Writes the result atomically to the file it is given.
        beside: The input, a file or folder; None if there is none.

    Raises:
        SavedElsewhereError: The file can't be written, and the result is in another one; the message names both.
        BrushworkError: It can't be written anywhere.
    """
    try:
        write(path)
    except (UsageError, Interrupted):
        raise
    except (BrushworkError, OSError) as error:
        reason = f"{path}: {writing_reason(error, path)}" if isinstance(error, OSError) else str(error)
        place = _save_elsewhere(path, write, beside)
        if place is None:
            raise BrushworkError(f"{reason}; it couldn't be saved in another folder either") from error
        raise SavedElsewhereError(f"{reason}; saved as {place} instead", place) from error


def _save_elsewhere(path: Path, write: Callable[[Path], object], beside: Path | None) -> Path | None:
    """Return the fallback file that was written; None if all failed."""
    if beside is not None:
        folder = beside.resolve().parent
        free = _free_name(folder / path.name)
        if folder != real_path(path).parent and folder.is_dir() and _written(free, write):
            return free
    try:
        folder = Path(tempfile.mkdtemp(prefix="brushwork-"))  # private to this user: names in /tmp can be guessed
    except OSError:
        return None
    if _written(folder / path.name, write):
        return folder / path.name
    shutil.rmtree(folder, ignore_errors=True)
    return None


def _written(path: Path, write: Callable[[Path], object]) -> bool:
    try:
        write(path)
    except (BrushworkError, OSError) as error:
        if isinstance(error, Interrupted):
            raise
        return False
    return True


def _free_name(path: Path) -> Path:
    """Return the path itself, or the first of NAME-1, NAME-2, … that does not exist."""
    names = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in itertools.count(1))
    return next(name for name in itertools.chain([path], names) if not os.path.lexists(name))


def place_problem(path: Path, needed: int = 1) -> str | None:
    """Return why a file can't be written at a path; None if it can.

    Args:
        path: The file, which need not exist.
        needed: Minimum size in bytes.
    """
    if path.is_dir():
        return f"is a directory; add a file name, such as {path / f'result{path.suffix}'}"
    if path.exists() and not path.is_file():
        return "is not a regular file; choose another name"
    return folder_problem(real_path(path).parent, needed)


def folder_problem(folder: Path, needed: int = 1) -> str | None:
    """Return why no file can be created in a folder; None if one can."""
    if not folder.is_dir():
        return f"directory {folder} doesn't exist; create it first"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"can't write in the directory {folder}; check its permissions"
    return room_problem(folder, needed)


def room_problem(folder: Path, needed: int) -> str | None:
    """Return why a folder has no room for that many bytes; None if it has, or if the system doesn't report it."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return None
    if free >= needed:
        return None
    if not free:
        return "the disk is full; free some space first"
    return f"the disk has {_amount(free)} left, but at least {_amount(needed)} are needed; free some space first"


def _amount(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.2f} MB"


def writing_reason(error: Exception, path: Path) -> str:
    """Return why a file couldn't be written, in words for the user."""
    if not isinstance(error, OSError) and isinstance(error.__context__, OSError):
        error = error.__context__  # torch wraps the system's error in its own
    if isinstance(error, FileNotFoundError):
        return f"its directory {real_path(path).parent} no longer exists"
    if isinstance(error, PermissionError):
        return f"can't write in the directory {real_path(path).parent}; check its permissions"
    if isinstance(error, OSError):
        return _REASONS.get(error.errno or 0) or (error.strerror or str(error)).lower()
    return str(error)


def write_error(folder: Path, file: int | None = None) -> OSError | None:
    """Return the system's error on writing more, for libraries that don't pass it on; None if writing succeeds.

    Args:
        folder: Where to try, using an unnamed file.
        file: An open file that will be deleted, to append to instead.
    """
    try:
        if file is not None:
            _fill(file)
        else:
            with tempfile.TemporaryFile(dir=folder) as probe:
                _fill(probe.fileno())
    except OSError as error:
        return error
    return None


def _fill(file: int) -> None:
    os.lseek(file, 0, os.SEEK_END)
    left = PROBE
    while left:
        left -= os.write(file, bytes(left))
    os.fsync(file)
