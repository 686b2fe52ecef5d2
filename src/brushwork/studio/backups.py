"""Backups: one tar of the database and all files, written while the studio runs, and verified when it is restored."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brushwork.errors import BrushworkError, UsageError
from brushwork.runtime.atomic_files import remove_remains, replacing
from brushwork.studio.database import Database
from brushwork.studio.files import StudioFiles
from brushwork.studio.records import ACTIVE
from brushwork.version import __version__

__all__ = ["Summary", "back_up", "restore"]

FORMAT = 1
MANIFEST, DATABASE = "manifest.json", "studio.sqlite"
BLOCK = 1 << 20  # bytes
FRESH = b"with the audit log"  # in the file that marks a restore
SINGLE = ("users.json", "webhooks.key")
# What a backup may hold: no name in a tar leads out of the studio's folder.
_NAME = re.compile(r"(studio\.sqlite|users\.json|webhooks\.key|(uploads|jobs|users|audit)(/(?!\.\.?(/|$))[^/\0]+)+)")


@dataclass(frozen=True)
class Summary:
    """What a backup holds.

    Args:
        files: Number of files.
        bytes: Their total size.
    """

    files: int
    bytes: int


def back_up(files: StudioFiles, target: Path) -> Summary:
    """Write a backup; a file of this name is replaced when the backup is complete.

    The database is copied first, in one moment. Files are never changed once they are recorded, so what the copy
    mentions is there, or was deleted since and is left out of the copy, too. Logins are not part of it.

    Raises:
        OSError: It can't be written.
    """
    remove_remains(target)
    with (
        tempfile.TemporaryDirectory(prefix=".backup-", dir=files.root) as folder,
        replacing(target, private=True) as file,
    ):
        copy = Path(folder) / DATABASE
        _copy_database(files.root / DATABASE, copy)
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            writer = _Writer(tar, files.root)
            database = Database(copy)
            _add_things(writer, files, database)
            database.close()
            for path in _others(files):
                writer.add(path)
            with closing(sqlite3.connect(copy)) as connection:  # one file, without SQLite's auxiliary ones
                connection.execute("PRAGMA journal_mode = DELETE")
            writer.add(copy, DATABASE)
            writer.finish()
    return Summary(len(writer.entries), sum(entry["bytes"] for entry in writer.entries.values()))


def _copy_database(source: Path, target: Path) -> None:
    target.touch(mode=0o600)
    with closing(sqlite3.connect(source)) as theirs, closing(sqlite3.connect(target)) as ours:
        theirs.backup(ours)
        ours.execute("DELETE FROM sessions")
        ours.execute("UPDATE jobs SET status = 'waiting', wish = '', progress = '{}' WHERE status = 'running'")
        ours.commit()


def _add_things(writer: _Writer, files: StudioFiles, database: Database) -> None:
    """Add the files of all uploads and jobs, and forget those that are gone; jobs at work begin anew."""
    for user in database.users():
        for upload in database.uploads(user):
            if not writer.add(files.upload(upload.id)):
                database.remove_upload(upload.id)
    live = files.database()
    for job in (job for user in database.users() for job in database.jobs(user, -1)):
        names = [] if job.status in ACTIVE else [writer.add(path) for path in _files_in(files.job(job.id))]
        now = live.job(job.id)
        if now is None:
            database.remove_job(job.id)
        if now is None or (now.status, now.tries) != (job.status, job.tries):  # its files may be of two moments
            writer.forget(f"jobs/{job.id}/")
        elif job.result and f"jobs/{job.id}/{job.result}" not in names:
            database.remove_job(job.id)


def _others(files: StudioFiles) -> Iterator[Path]:
    yield from (path for path in (files.root / name for name in SINGLE) if path.exists())
    yield from (path for folder in ("users", "audit") for path in _files_in(files.root / folder))


def _files_in(folder: Path) -> list[Path]:
    """All files of a folder but temporary ones."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if path.suffix not in (".tmp", ".lock") and path.name != "lock"]


class _Writer:
    """Adds files to a tar, and last a manifest with their hashes, which tells that it is complete.

    Args:
        tar: Open for writing.
        root: The studio's folder; names are relative to it.
    """

    def __init__(self, tar: tarfile.TarFile, root: Path) -> None:
        self.tar, self.root = tar, root
        self.entries: dict[str, dict[str, Any]] = {}

    def add(self, path: Path, name: str = "") -> str:
        """Add a file; its name in the tar, or "" if it is gone. What is appended meanwhile is left out."""
        name = name or path.relative_to(self.root).as_posix()
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return ""
        with file:
            member, facts = tarfile.TarInfo(name), os.fstat(file.fileno())
            member.size, member.mtime, member.mode = facts.st_size, facts.st_mtime, 0o600
            hashed = _Hashed(file)
            self.tar.addfile(member, hashed)
        self.entries[name] = {"bytes": member.size, "sha256": hashed.digest.hexdigest()}
        return name

    def forget(self, prefix: str) -> None:
        """Leave files out of the manifest, and so out of what is restored."""
        for name in [name for name in self.entries if name.startswith(prefix)]:
            del self.entries[name]

    def finish(self) -> None:
        """Add the manifest."""
        facts = {"format": FORMAT, "version": __version__, "made": time.time(), "files": self.entries}
        content = json.dumps(facts, indent=1).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size, member.mode = len(content), 0o600
        self.tar.addfile(member, io.BytesIO(content))


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: Any) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block: bytes = self.file.read(size)
        self.digest.update(block)
        return block


def restore(files: StudioFiles, source: Path, *, replace: bool = False) -> Summary:
    """Restore a backup into a studio's folder.

    The whole backup is verified before anything is changed. If this is interrupted afterwards, the studio doesn't start
    until it is restored again.

    Args:
        files: The studio's folder, which no studio may be using.
        source: A file by `back_up`.
        replace: Whether to delete what is there.

    Raises:
        UsageError: There is a studio already, it is running, or this is not a backup.
        BrushworkError: The backup is damaged, or there is no space for it.
    """
    held = files.claim()
    try:
        if (files.root / DATABASE).exists() and not replace and not files.restoring.exists():
            raise UsageError(f"there is a studio in {files.root}; use another --folder, or --replace to delete it")
        entries, fresh = _verified(source), _is_fresh(files)
        if not fresh:  # what was done here stays on record
            entries = {name: entry for name, entry in entries.items() if not name.startswith("audit/")}
        size = sum(entry["bytes"] for entry in entries.values())
        _clear(files, size, fresh)
        with tarfile.open(source) as tar:
            for member in tar:
                if member.name in entries:
                    _put(tar, member, files.root / member.name)
        files.restoring.unlink()
    finally:
        held.release()
    return Summary(len(entries), size)


def _verified(source: Path) -> dict[str, dict[str, Any]]:
    """The manifest's entries, each of which is in the tar with its size and hash."""
    found, manifest = dict[str, dict[str, Any]](), None
    try:
        with tarfile.open(source) as tar:
            for member in tar:
                file = tar.extractfile(member)
                if file is None:
                    raise ValueError(f"{member.name[:80]!r} is no file")
                if member.name == MANIFEST:
                    manifest = json.loads(file.read())
                    continue
                hashed = _Hashed(file)
                while hashed.read(BLOCK):
                    pass
                found[member.name] = {"bytes": member.size, "sha256": hashed.digest.hexdigest()}
        if manifest is None or manifest["format"] != FORMAT:
            raise ValueError("it is incomplete, or of another version")
        entries: dict[str, dict[str, Any]] = manifest["files"]
        wrong = [name for name, entry in entries.items() if found.get(name) != entry or not _NAME.fullmatch(name)]
        if wrong or DATABASE not in entries:
            raise ValueError(f"{(wrong or [DATABASE])[0][:80]!r} is wrong or missing")
    except (OSError, EOFError, tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrushworkError(f"{source} is no backup of a studio, or damaged ({error}); nothing was changed") from error
    return entries


def _is_fresh(files: StudioFiles) -> bool:
    """Whether there is no audit log, or only one that an interrupted restore has begun to write."""
    if files.restoring.exists():
        return files.restoring.read_bytes() == FRESH
    return not any(files.audit.glob("*.jsonl"))


def _clear(files: StudioFiles, size: int, fresh: bool) -> None:
    """Delete what is there; from here on the studio is not usable until all is restored."""
    stored = [*files.root.glob("studio.sqlite*"), *(files.root / name for name in SINGLE)]
    folders = [files.uploads, files.jobs, files.swatches, files.root / "users", *([files.audit] if fresh else [])]
    freed = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    if size > shutil.disk_usage(files.root).free + freed:
        raise BrushworkError(f"{files.root} has no space for {size / 1e6:,.0f} MB; nothing was changed")
    with replacing(files.restoring, private=True) as marker:
        marker.write(FRESH if fresh else b"")
    for path in stored:
        path.unlink(missing_ok=True)
    for folder in folders:  # which may be links to other disks
        for path in folder.iterdir() if folder.exists() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = tar.extractfile(member)
    assert file is not None  # it was verified
    with target.open("xb") as output:
        target.chmod(0o600)
        shutil.copyfileobj(file, output, BLOCK)
