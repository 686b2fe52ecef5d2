"""File locks that restrict a resumable job to one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from brushwork.errors import BrushworkError

__all__ = ["locked"]


@contextmanager
def locked(path: Path | None, output: Path | None = None) -> Iterator[None]:
    """Lock a file or folder against other processes, and other threads of this one, while the block runs.

    The lock is reentrant within a thread and is released when the process ends, however that happens. If the file
    system doesn't support locks, as some network drives don't, the block runs without one.

    Args:
        path: What to lock; the lock is a hidden file beside it. None: no lock.
        output: The path named in the error message; `path` by default.

    Raises:
        BrushworkError: Another process holds the lock.
    """
    if path is None:
        yield
        return
    file = path.with_name(f".{path.name}.lock")
    lock = FileLock(file, timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except Timeout as error:
        raise BrushworkError(
            f"another brushwork process is working on {output or path}; wait for it, or choose another output"
        ) from error
    except (OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        if lock.lock_counter == 1:
            with suppress(OSError):  # Windows can't delete an open file
                file.unlink()  # while the lock is still held
        lock.release()
