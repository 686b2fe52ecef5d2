"""Which pictures: found one by one in folders, stores, archives and lists, in constant memory."""

from __future__ import annotations

import glob
import os
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from brushwork.batch.places import file_system, is_remote, plain, reaching
from brushwork.errors import PictureError, UsageError
from brushwork.options.stylize import PICTURE_SUFFIXES

__all__ = ["Listed", "list_pictures"]

ARCHIVES = {".zip": "zip", ".tar": "tar", ".tgz": "tar", ".tar.gz": "tar"}  # suffix → fsspec's name


class Listed(NamedTuple):
    """A picture that was found.

    Args:
        address: A path of this machine, or an address that fsspec opens.
        folder: The folder below the one that was named, "" for itself.
        name: The file's name.
    """

    address: str
    folder: str
    name: str


def list_pictures(arguments: Iterable[str], leave_out: str = "") -> Iterator[Listed]:
    """Yield the pictures of files, folders and all folders in them, patterns, archives, and lists (@names.txt).

    Args:
        arguments: Paths or addresses.
        leave_out: A folder that isn't searched, that of the results.

    Raises:
        PictureError: A folder or list can't be read.
        UsageError: A pattern, folder or archive without pictures.
    """
    for argument in arguments:
        found = False
        for picture in _pictures(argument, leave_out):
            found = True
            yield picture
        if not found:
            raise UsageError(f"{argument}: no pictures there ({', '.join(sorted(PICTURE_SUFFIXES))})")


def _pictures(argument: str, leave_out: str) -> Iterator[Listed]:
    if argument.startswith("@"):
        yield from _in_list(argument[1:])
    elif archive := next((kind for suffix, kind in ARCHIVES.items() if argument.lower().endswith(suffix)), None):
        yield from _in_archive(plain(argument), archive)
    elif is_remote(argument):
        yield from _in_store(argument.rstrip("/"), leave_out)
    elif os.path.isdir(path := plain(argument)):  # noqa: PTH112
        yield from _in_folder(path, leave_out)
    elif glob.has_magic(argument) and not os.path.lexists(path):
        for match in glob.iglob(path, recursive=True):  # noqa: PTH207 - takes absolute patterns
            if is_picture(match) and os.path.isfile(match):  # noqa: PTH113
                yield Listed(match, "", os.path.basename(match))  # noqa: PTH119
    elif os.path.lexists(path):
        yield Listed(path, "", os.path.basename(path))  # noqa: PTH119
    else:
        raise PictureError(f"{argument}: no such file or folder; check the name")


def is_picture(name: str) -> bool:
    """Return whether a file is a picture by its suffix, and not hidden."""
    base = name.rpartition("/")[2]
    return not base.startswith(".") and os.path.splitext(base)[1].lower() in PICTURE_SUFFIXES  # noqa: PTH122


def _in_list(file: str) -> Iterator[Listed]:
    """Yield the pictures that a text file names, one per line."""
    with reaching(file):
        system, path = file_system(file)
        with system.open(path, "r", encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    address = plain(line.strip())
                    yield Listed(address, "", address.rpartition("/")[2])


def _in_folder(root: str, leave_out: str) -> Iterator[Listed]:
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting += [entry.path] if entry.path != leave_out else []
                    elif is_picture(entry.name):
                        yield Listed(entry.path, folder[len(root) + 1 :], entry.name)
        except OSError as error:
            raise PictureError(f"{folder}: can't be listed ({error.strerror}); nothing was painted") from error


def _in_store(address: str, leave_out: str) -> Iterator[Listed]:
    with reaching(address):
        system, path = file_system(address)
        if glob.has_magic(path):
            for match in system.glob(path):
                if is_picture(match):
                    yield Listed(system.unstrip_protocol(match), "", match.rpartition("/")[2])
        elif system.isfile(path):
            yield Listed(address, "", path.rpartition("/")[2])
        elif not system.isdir(path):
            raise FileNotFoundError(path)
        else:
            for name in _names(system, path):
                folder, _, base = name[len(path) + 1 :].rpartition("/")
                full = system.unstrip_protocol(name)
                hidden = any(part.startswith(".") for part in folder.split("/"))
                if is_picture(base) and not hidden and not (leave_out and full.startswith(f"{leave_out}/")):
                    yield Listed(full, folder, base)


def _names(system: Any, path: str) -> Iterator[str]:
    """Yield the files below a folder of a store; those of S3 page by page, since a folder may hold millions."""
    if not hasattr(system, "call_s3"):
        for folder, _, files in system.walk(path):
            for name in files:
                yield f"{folder.rstrip('/')}/{name}"
        return
    bucket, key, _ = system.split_path(path)
    more: dict[str, str] = {}
    while True:
        page = system.call_s3("list_objects_v2", Bucket=bucket, Prefix=f"{key}/" if key else "", **more)
        for found in page.get("Contents", ()):
            yield f"{bucket}/{found['Key']}"
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _in_archive(address: str, kind: str) -> Iterator[Listed]:
    """Yield the pictures in a zip or tar file; WebDataset's shards are tar files."""
    with reaching(address):
        system, path = file_system(address)
        with system.open(path, "rb") as file:
            try:
                for name in _members(file, kind):
                    if is_picture(name):
                        folder, _, base = name.removeprefix("./").rpartition("/")
                        yield Listed(f"{kind}://{name}::{address}", folder, base)
            except (tarfile.TarError, zipfile.BadZipFile) as error:
                raise PictureError(f"{address}: isn't a complete {kind} file ({error}); copy it again") from error


def _members(file: Any, kind: str) -> Iterator[str]:
    if kind == "zip":
        with zipfile.ZipFile(file) as archive:
            yield from (info.filename for info in archive.infolist() if not info.is_dir())
        return
    with tarfile.open(fileobj=file, mode="r:*") as shard:
        for member in shard:
            if member.isfile():
                yield member.name
            shard.members = []  # type: ignore[attr-defined]  # it would keep all of them
