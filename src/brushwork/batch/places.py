"""Files on this machine or in a store that fsspec reaches: read through a local copy, written whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brushwork.errors import BrushworkError, PictureError, UsageError, first_line

__all__ = ["fetched", "file_system", "is_remote", "join", "plain", "reaching", "remove", "write_text", "written_whole"]

# Stores without folders; asked to make one, some of them make a bucket, which would hide a wrong name.
FOLDERLESS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "memory")


def is_remote(address: str) -> bool:
    """Return whether an address is in a store or an archive, rather than a path of this machine.

    >>> is_remote("s3://photos/a.jpg"), is_remote("zip://a.jpg::photos.zip"), is_remote("photos/a.jpg")
    (True, True, False)
    """
    return "://" in address and not address.startswith("file://")


def plain(address: str) -> str:
    """Return one address for each file: absolute paths for those of this machine."""
    if is_remote(address):
        return address.rstrip("/")
    return os.path.abspath(os.path.expanduser(address.removeprefix("file://")))  # noqa: PTH100, PTH111 - keeps links


def join(folder: str, name: str) -> str:
    """Return the address of a file in a folder."""
    return f"{folder}/{name}" if folder else name


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Turn every failure of a store into one line that names the address."""
    try:
        yield
    except BrushworkError:
        raise
    except ImportError as error:
        raise UsageError(f"{address}: {first_line(error)}; pip install 'brushwork[cloud]'") from error
    except FileNotFoundError as error:
        raise PictureError(f"{address}: no such file or folder; check the address") from error
    except Exception as error:  # each store has its own
        words = first_line(error)
        raise PictureError(f"{address}: can't be reached ({words}); check the address and the credentials") from error


def file_system(address: str) -> tuple[Any, str]:
    """Return the fsspec file system of an address, and the path in it; call it within `reaching`."""
    import fsspec

    found: tuple[Any, str] = fsspec.core.url_to_fs(address)
    return found


@contextmanager
def fetched(address: str) -> Iterator[Path]:
    """Give a file as one on this machine, of the same name.

    Raises:
        PictureError: It can't be read from its store.
    """
    if not is_remote(address):
        yield Path(address)
        return
    with tempfile.TemporaryDirectory(prefix="brushwork-") as folder:
        with reaching(address):
            system, path = file_system(address)
            copy = Path(folder) / (path.rstrip("/").rpartition("/")[2] or "picture")
            with system.open(path, "rb") as source, copy.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
        yield copy


@contextmanager
def written_whole(address: str) -> Iterator[Path]:
    """Give a path to write a file to atomically; in a store, the file appears there when the block ends.

    Raises:
        PictureError: The store doesn't accept it.
    """
    if not is_remote(address):
        path = Path(address)
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="brushwork-") as folder:
        copy = Path(folder) / address.rpartition("/")[2]
        yield copy
        with reaching(address):
            system, target = file_system(address)
            if address.partition("://")[0] not in FOLDERLESS:
                system.makedirs(target.rpartition("/")[0], exist_ok=True)
            system.put_file(str(copy), target)


def write_text(address: str, text: str) -> None:
    """Write a small file whole.

    Raises:
        BrushworkError: It can't be written.
    """
    from brushwork.runtime.atomic_files import write_whole

    try:
        with written_whole(address) as path:
            write_whole(path, text.encode())
    except OSError as error:
        raise BrushworkError(f"{address} can't be written: {first_line(error)}") from error


def remove(address: str) -> None:
    """Delete a file, if it is there."""
    with reaching(address):
        system, path = file_system(address)
        if system.exists(path):
            system.rm_file(path)
