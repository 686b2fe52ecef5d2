"""Results in tar files, as WebDataset reads them: painted into a folder first, and packed a thousand at a time."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

from brushwork.batch.manifest import FOLDER, Manifest
from brushwork.batch.places import fetched, file_system, is_remote, join, reaching, written_whole
from brushwork.errors import UsageError
from brushwork.runtime.atomic_files import replacing

__all__ = ["STAGED", "Shards", "shard_pattern"]

STAGED = f"{FOLDER}/staged"  # results that are in no shard yet


def shard_pattern(output: str) -> tuple[str, str | None]:
    """Return the folder of the results, and the pattern of shards' names; None if the results are separate files.

    Raises:
        UsageError: A tar file without a number in its name.

    >>> shard_pattern("s3://bucket/painted-%06d.tar"), shard_pattern("painted")
    (('s3://bucket', 'painted-%06d.tar'), ('painted', None))
    """
    folder, _, name = output.rpartition("/")
    if not name.endswith(".tar"):
        return output, None
    if len(re.findall(r"%0\d+d", name)) != 1 or name.count("%") != 1:
        raise UsageError(f"-o {output}: expected a place for the number of a shard; write {name[:-4]}-%05d.tar")
    return folder or ".", name


class Shards:
    """Packs results into shards; a shard is written whole, then its results are recorded as packed, then removed.

    Wherever the process is killed in between, the next run writes the same shard again.

    Args:
        manifest: Knows what is done and not packed yet.
        pattern: From `shard_pattern`.
        size: Results in a shard.
    """

    def __init__(self, manifest: Manifest, pattern: str, size: int) -> None:
        self._manifest, self._pattern, self._size = manifest, pattern, size
        self._waiting = manifest.waiting()

    def add(self, count: int) -> None:
        """Pack a shard when enough results are done; `count` more are."""
        self._waiting += count
        while self._waiting >= self._size:
            self._pack()

    def finish(self) -> None:
        """Pack what is left."""
        while self._waiting:
            self._pack()

    def _pack(self) -> None:
        entries, folder = self._manifest.unpacked(self._size), self._manifest.output
        shard = self._pattern % self._manifest.shards()
        names = []
        with (
            written_whole(join(folder, shard)) as path,
            replacing(path) as file,
            tarfile.open(fileobj=file, mode="w") as archive,
        ):
            for entry in entries:
                # WebDataset takes a name up to its first dot for the key of a sample.
                stem, _, suffix = entry.output.rpartition(".")
                names.append(f"{stem.replace('.', '-')}.{suffix}")
                with fetched(join(folder, f"{STAGED}/{entry.output}")) as picture:
                    _add(archive, picture, names[-1])
        packed = [
            entry._replace(state="packed", output=f"{shard}/{name}") for entry, name in zip(entries, names, strict=True)
        ]
        self._manifest.record(packed)
        self._manifest.save()
        for entry in entries:
            _remove(join(folder, f"{STAGED}/{entry.output}"))
        self._waiting -= len(entries)


def _add(archive: tarfile.TarFile, picture: Path, name: str) -> None:
    """Add a file without its time and owner, so that the same pictures make the same shard."""
    member = tarfile.TarInfo(name)
    member.size = picture.stat().st_size
    with picture.open("rb") as content:
        archive.addfile(member, content)


def _remove(address: str) -> None:
    if not is_remote(address):
        Path(address).unlink(missing_ok=True)
        return
    with reaching(address):
        system, path = file_system(address)
        system.rm_file(path)
