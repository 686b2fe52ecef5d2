"""Room for files and results: what is oldest goes first, and what was left behind is cleaned up."""

from __future__ import annotations

import re
import shutil
import sqlite3
import threading
import time
from pathlib import Path

from brushwork.studio.errors import TooLargeError
from brushwork.studio.limits import Limits
from brushwork.studio.log import logger
from brushwork.studio.storage import Storage, folder_bytes
from brushwork.studio.store import ENDED, Job, Store, Upload
from brushwork.studio.users import LOCAL

__all__ = ["StorageQuota"]

SWEPT_EVERY = 600.0  # seconds
DAY = 86_400.0
MOST = 1_000_000  # jobs of a user


class StorageQuota:
    """What the files of each user take, and making room.

    Args:
        places: Where files lie.
        limits: How much there is, and for how long.
        store: Knows them.
    """

    def __init__(self, places: Storage, limits: Limits, store: Store) -> None:
        self.places, self.limits, self.store = places, limits, store

    def used(self, user: str) -> int:
        """Bytes of a user's files, results and own styles."""
        styles = folder_bytes(self.places.styles_folder(user)) if user != LOCAL else 0  # those are the command's
        return sum(thing.bytes for thing in self._things(user)) + styles

    def needed(self, user: str) -> set[str]:
        """Files that jobs need which aren't done."""
        texts = [str(job.request) for job in self.store.jobs(user, MOST) if job.status not in ENDED]
        return {identity for text in texts for identity in re.findall(r"[0-9a-f]{32}", text)}

    def make(self, user: str, size: int, keep: str = "") -> None:
        """Delete a user's oldest files and results, but not the one to keep, until there is room for so many bytes.

        Raises:
            TooLargeError: There is none, with all deleted that may be.
        """
        used, most = self.used(user), round(self.limits.storage_gb * 1e9) - size
        for thing in self._dispensable(user) if used > most else ():
            if used <= most:
                break
            if thing.id != keep:
                self._delete(thing)
                used -= thing.bytes
        if used > most:
            raise TooLargeError(
                f"your files fill the {self.limits.storage_gb:g} GB that there are; delete some jobs or styles"
            )

    def forget(self, upload: Upload) -> None:
        """Delete a file."""
        self.store.remove_upload(upload.id)
        self.places.upload(upload.id).unlink(missing_ok=True)
        self.places.upload(upload.id).with_suffix(".jpg").unlink(missing_ok=True)

    def forget_user(self, user: str) -> None:
        """Delete all that a user has."""
        for thing in self._things(user):
            self._delete(thing)
        shutil.rmtree(self.places.user(user), ignore_errors=True)
        shutil.rmtree(self.places.swatches_of(user), ignore_errors=True)

    def sweep(self) -> None:
        """Delete what is older than it may be, folders of no job, and what was being sent when a studio ended."""
        known = set[str]()
        for user in self.store.users():
            known |= {job.id for job in self.store.jobs(user, MOST)}
            before = time.time() - DAY * self.limits.keep_days
            for thing in self._dispensable(user) if self.limits.keep_days else ():
                if thing.made < before:
                    self._delete(thing)
        left = [folder for folder in self.places.jobs.iterdir() if folder.name not in known]
        left += [
            *self.places.root.glob(".masks-*"),
            *self.places.root.glob(".sent-*"),
            *self.places.root.glob(".drawn-*"),
        ]
        # What Gradio forgets of what it was sent.
        page = [path for path in (self.places.root / "page").rglob("*") if path.is_file()]
        left += [path for path in page if time.time() - path.stat().st_mtime > DAY]
        for path in filter(_old, left):
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
        return [*self.store.uploads(user), *self.store.jobs(user, MOST)]

    def _ended(self, user: str) -> list[Job]:
        return [job for job in self.store.jobs(user, MOST) if job.status in ENDED]

    def _dispensable(self, user: str) -> list[Upload | Job]:
        """What may be deleted, the oldest first."""
        needed = self.needed(user)
        uploads = [upload for upload in self.store.uploads(user) if upload.id not in needed]
        return sorted([*uploads, *self._ended(user)], key=lambda thing: thing.made)

    def _delete(self, thing: Upload | Job) -> None:
        logger.info("deleted for room or age", extra={"id": thing.id, "bytes": thing.bytes, "user": thing.user})
        if isinstance(thing, Upload):
            self.forget(thing)
        else:
            self.store.remove_job(thing.id)
            self.places.remove(thing)


def _old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > SWEPT_EVERY
