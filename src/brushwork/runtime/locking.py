"""One process at a time for a job that can be resumed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from brushwork.errors import BrushworkError

__all__ = ["locked"]


@contextmanager
def locked(path: Path | None, output: Path | None = None) -> Iterator[None]:
    """Keep other processes, and other threads of this one, away from a file or folder while the block runs.

    The thread that holds the lock may take it again. The lock ends with the process, however that ends. Where the
    system gives no lock, on some network disks, the block runs without one.

    Args:
        path: What is worked on; the lock is a hidden file beside it. None: nothing, so there is no lock.
        output: What the message names; `path` by default.

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
            f"another brushwork process is working on {output or path}; wait for its end, or choose another output"
        ) from error
    except (OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        if lock.lock_counter == 1:
            with suppress(OSError):  # Windows keeps a file that is open
                file.unlink()  # while the lock is still held
        lock.release()
