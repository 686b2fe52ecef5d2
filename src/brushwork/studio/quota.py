"""Storage quotas: deletes the oldest files first, and cleans up leftovers."""

from __future__ import annotations

import math
import re
import shutil
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from brushwork.studio.database import Database
from brushwork.studio.errors import TooLargeError
from brushwork.studio.files import StudioFiles, folder_bytes
from brushwork.studio.limits import Limits
from brushwork.studio.log import logger
from brushwork.studio.records import ENDED, Job, Upload
from brushwork.studio.strips import Strips
from brushwork.studio.tiles import Tiles
from brushwork.studio.timelines import Timelines
from brushwork.studio.users import LOCAL, Users

__all__ = ["RECORD", "StorageQuota"]

SWEPT_EVERY = 600.0  # seconds
DAY = 86_400.0
MOST = 1_000_000  # jobs of a user to list
RECORD = 16_384  # bytes that each upload and each job counts more than its files: its thumbnail and its record
KEYS_KEPT = DAY  # seconds for which an Idempotency-Key is remembered


class StorageQuota:
    """Measures and limits the storage of each user.

    Args:
        files: The studio's folder.
        limits: Limits on storage and age.
        database: The database of files and jobs.
        users: The users, who may have limits of their own.
    """

    def __init__(self, files: StudioFiles, limits: Limits, database: Database, users: Users) -> None:
        self.files, self.limits, self.database, self.users = files, limits, database, users
        self._began = time.time()
        self._reserving: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def of(self, user: str) -> Limits:
        """A user's limits."""
        return self.users.account(user).limits(self.limits)

    def used(self, user: str) -> int:
        """Bytes of a user's files, results and own styles."""
        running = sum(folder_bytes(self.files.job(identity)) for identity in self.database.running(user))
        styles = self.files.styles_folder(user), self.files.swatches_of(user)  # without logins, those of the command
        own = sum(map(folder_bytes, styles)) if user != LOCAL else 0
        return self.database.bytes_of(user, RECORD) + running + own

    @contextmanager
    def reserved(self, user: str, size: int, keep: str = "") -> Iterator[None]:
        """Make room, see `make_room`; until the block has stored it, no other file of the user is given this room."""
        with self._reserving[user]:
            self.make_room(user, size, keep)
            yield

    def needed(self, user: str) -> set[str]:
        """IDs of files and results that unfinished jobs need."""
        texts = [str(job.request) for job in self.database.jobs(user, MOST) if job.status not in ENDED]
        return {identity for text in texts for identity in re.findall(r"[0-9a-f]{32}", text)}

    def make_room(self, user: str, size: int, keep: str = "") -> None:
        """Delete a user's oldest files and results, except `keep`, until `size` bytes fit within the quota.

        Raises:
            TooLargeError: Deleting everything that may be deleted was not enough.
        """
        gigabytes = self.of(user).storage_gb
        used, most = self.used(user), round(gigabytes * 1e9) - size
        for thing in self._dispensable(user) if used > most else ():
            if used <= most:
                break
            if thing.id != keep:
                self._delete(thing)
                used -= _room(thing)
        if used > most:
            raise TooLargeError(f"your files fill the {gigabytes:g} GB limit; delete some jobs or styles")

    def forget(self, upload: Upload) -> None:
        """Delete an upload."""
        self.database.remove_upload(upload.id)
        self.files.upload(upload.id).unlink(missing_ok=True)
        self.files.upload(upload.id).with_suffix(".jpg").unlink(missing_ok=True)
        Strips(self.files.strips).forget(upload.id)
        Timelines(self.files.strips).forget(upload.id)
        Tiles(self.files.tiles).forget(upload.id)

    def forget_user(self, user: str) -> None:
        """Delete all data of a user."""
        for thing in self._things(user):
            self._delete(thing)
        shutil.rmtree(self.files.user(user), ignore_errors=True)
        shutil.rmtree(self.files.swatches_of(user), ignore_errors=True)

    def sweep(self) -> None:
        """Delete what is expired or over a quota, files without a record, and partial uploads of an earlier run."""
        known = set[str]()
        self.database.forget_keys(time.time() - KEYS_KEPT)
        for user in self.database.users():
            with suppress(TooLargeError):  # results of jobs, whose size wasn't known before
                self.make_room(user, 0)
            known |= {thing.id for thing in self._things(user)}
            before = time.time() - DAY * self.limits.keep_days
            for thing in self._dispensable(user) if self.limits.keep_days else ():
                if thing.made < before:
                    self._delete(thing)
        stored = (*self.files.jobs.iterdir(), *self.files.uploads.iterdir())
        left = [path for path in stored if path.stem not in known]
        left += [
            *self.files.root.glob(".backup-*"),
            *self.files.tiles.glob(".*"),
            *self.files.root.glob("page"),  # what earlier versions had there
        ]
        left = [path for path in left if _modified(path) < time.time() - SWEPT_EVERY]
        left += [path for path in self.files.root.glob(".sent-*") if _modified(path) < self._began]
        for path in left:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def keep_swept(self, closing: threading.Event) -> None:
        """Sweep every ten minutes."""
        while not closing.is_set():
            try:
                self.sweep()
            except (OSError, sqlite3.Error):
                logger.exception("sweeping failed")
            closing.wait(SWEPT_EVERY)

    def _things(self, user: str) -> list[Upload | Job]:
        return [*self.database.uploads(user), *self.database.jobs(user, MOST)]

    def _dispensable(self, user: str) -> list[Upload | Job]:
        """Uploads and jobs that may be deleted, oldest first."""
        needed = self.needed(user)
        ended = [job for job in self.database.jobs(user, MOST) if job.status in ENDED]
        things: list[Upload | Job] = [*self.database.uploads(user), *ended]
        return sorted((thing for thing in things if thing.id not in needed), key=lambda thing: thing.made)

    def _delete(self, thing: Upload | Job) -> None:
        logger.info("deleted: quota or age", extra={"id": thing.id, "bytes": thing.bytes, "user": thing.user})
        if isinstance(thing, Upload):
            self.forget(thing)
        else:
            self.database.remove_job(thing.id)
            self.files.remove(thing)


def _room(thing: Upload | Job) -> int:
    return thing.bytes + RECORD


def _modified(path: Path) -> float:
    """Return when a file was changed; one that has just been moved to its place is not left over."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf
