"""Files that are replaced as a whole or not at all."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

__all__ = ["real_path", "remove_remains", "replacing", "write_whole"]

LONGEST = 200  # bytes of a file name to which something can be appended without exceeding the limit of 255


def real_path(path: Path) -> Path:
    """Return the target of a symbolic link, so that the file is replaced and not the link; other paths in full."""
    return Path(os.path.realpath(path))


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file beside a file, to replace it when the block ends; on an error the file stays as it was.

    The new content is on the disk before the name points to it, so a power failure leaves the old file or the new one.
    Where Ctrl-C should wait for the end of the block, see `brushwork.runtime.uninterrupted.uninterrupted`.

    Args:
        path: The file to write; a symbolic link stays one, and the file it points to is replaced.
        private: Make the file readable by its owner only; otherwise it keeps its permissions.

    Raises:
        OSError: It can't be written.
    """
    target = real_path(path)
    temporary = target.with_name(f".{_label(target)}.{secrets.token_hex(8)}.tmp")
    mode = 0o600 if private else 0o666
    try:
        with cast(BinaryIO, open(temporary, "x+b", opener=partial(os.open, mode=mode))) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists() and not private:
            shutil.copymode(target, temporary)
        temporary.replace(target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file at once: whoever reads it meanwhile sees the old content or the new.

    Raises:
        OSError: It can't be written.
    """
    with replacing(path) as file:
        file.write(content)


def remove_remains(path: Path) -> None:
    """Delete the temporary files that killed processes left beside a file.

    Raises:
        OSError: One can't be deleted.
    """
    target = real_path(path)
    for remains in target.parent.glob(f".{glob.escape(_label(target))}.*.tmp"):
        remains.unlink(missing_ok=True)


def _label(path: Path) -> str:
    """Return the file's name, or a checksum of it if it is too long to be extended."""
    name = os.fsencode(path.name)
    return path.name if len(name) <= LONGEST else f"{zlib.crc32(name):08x}"
