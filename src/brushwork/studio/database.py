"""The studio's SQLite database of uploads, jobs and logins, shared by the server and its workers.

Why not a task queue library: docs/decisions/0010-studio.md.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brushwork.studio.records import (
    ENDED,
    RESUMABLE,
    UNFINISHED,
    IdempotencyKey,
    Job,
    JobFilter,
    Place,
    Upload,
    Webhook,
)
from brushwork.studio.sqlite_file import SqliteFile
from brushwork.studio.tables import COLUMNS, QUEUE, TABLES

__all__ = ["Database"]


class Database(SqliteFile):
    """The database, for any number of threads and processes.

    Args:
        path: Created if missing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, TABLES)
        with self._transaction():
            there = {row["name"] for row in self._all("PRAGMA table_info(jobs)")}
            for name in COLUMNS.keys() - there:  # of a studio of an earlier version
                self._change(f"ALTER TABLE jobs ADD COLUMN {name} {COLUMNS[name]}")

    def _page(
        self, table: str, user: str, most: int, after: Place | None, where: str = "1", *values: str
    ) -> list[sqlite3.Row]:
        """A user's rows to which a condition applies, newest first, after a place in this order."""
        place = after or (float("inf"), "")
        query = (
            f"SELECT * FROM {table} WHERE user = ? AND (made, id) < (?, ?) AND {where} "
            "ORDER BY made DESC, id DESC LIMIT ?"
        )
        return self._all(query, user, *place, *values, most)

    # Idempotency keys

    def key(self, user: str, key: str) -> IdempotencyKey | None:
        """A key that a user has sent before, or None."""
        found = self._all("SELECT key, digest, made_id FROM keys WHERE user = ? AND key = ?", user, key)
        return IdempotencyKey(*found[0]) if found else None

    def _keep_key(self, user: str, key: IdempotencyKey | None, made_id: str) -> None:
        if key is not None:
            self._change("INSERT INTO keys VALUES (?, ?, ?, ?, ?)", user, key.key, key.digest, made_id, time.time())

    def forget_keys(self, before: float) -> None:
        """Delete keys that were sent before a time, in seconds since 1970."""
        self._change("DELETE FROM keys WHERE made < ?", before)

    # Uploads

    def add_upload(
        self, identity: str, user: str, kind: str, name: str, size: int, facts: Mapping[str, Any],
        *, key: IdempotencyKey | None = None,
    ) -> Upload:  # fmt: skip
        """Record a file that is already in place.

        Raises:
            sqlite3.IntegrityError: Another request with this key was faster.
        """
        upload = Upload(identity, user, kind, name, size, facts, time.time())
        row = (*vars(upload).values(),)
        with self._transaction():
            self._change("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)", *row[:5], json.dumps(facts), upload.made)
            self._keep_key(user, key, identity)
        return upload

    def upload(self, identity: str, user: str) -> Upload | None:
        """A user's upload, or None."""
        found = self._all("SELECT * FROM uploads WHERE id = ? AND user = ?", identity, user)
        return _upload(found[0]) if found else None

    def uploads(self, user: str) -> list[Upload]:
        """All uploads of a user, oldest first."""
        return [_upload(row) for row in self._all("SELECT * FROM uploads WHERE user = ? ORDER BY made", user)]

    def uploads_after(self, user: str, most: int, after: Place | None = None) -> list[Upload]:
        """A page of a user's uploads, newest first."""
        return [_upload(row) for row in self._page("uploads", user, most, after)]

    def remove_upload(self, identity: str) -> None:
        """Delete the record of an upload."""
        self._change("DELETE FROM uploads WHERE id = ?", identity)

    # Jobs

    def add_job(
        self, user: str, kind: str, title: str, request: Mapping[str, Any], of_user: int, of_all: int,
        *, key: IdempotencyKey | None = None, webhook: str = "",
    ) -> Job | None:  # fmt: skip
        """Append a job to the queue; None if the user or all users have too many waiting and running jobs.

        Raises:
            sqlite3.IntegrityError: Another request with this key was faster.
        """
        identity = secrets.token_hex(16)
        with self._transaction():
            added = self._change(
                "INSERT INTO jobs (id, user, kind, title, request, status, made) "
                "SELECT ?, ?, ?, ?, ?, 'waiting', ? WHERE "
                "(SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running') AND user = ?) < ? AND "
                "(SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running')) < ?",
                identity, user, kind, title, json.dumps(request), time.time(), user, of_user, of_all,
            )  # fmt: skip
            if added:
                self._keep_key(user, key, identity)
            if added and webhook:
                self._change("INSERT INTO webhooks (job, url) VALUES (?, ?)", identity, webhook)
        return self.job(identity, user) if added else None

    def job(self, identity: str, user: str | None = None) -> Job | None:
        """A job, of this user if given; None if there is none."""
        found = self._all("SELECT * FROM jobs WHERE id = ? AND ? IN (user, '')", identity, user or "")
        return _job(found[0]) if found else None

    def jobs(self, user: str, most: int = 200) -> list[Job]:
        """A user's jobs, newest first."""
        query = "SELECT * FROM jobs WHERE user = ? ORDER BY number DESC LIMIT ?"
        return [_job(row) for row in self._all(query, user, most)]

    def jobs_after(self, user: str, most: int, after: Place | None = None, only: JobFilter | None = None) -> list[Job]:
        """A page of a user's jobs, newest first."""
        where, values = (only or JobFilter()).condition()
        return [_job(row) for row in self._page("jobs", user, most, after, where, *values)]

    def unfinished(self, user: str) -> list[Job]:
        """A user's jobs that wait, run, or can be resumed, oldest first."""
        marks = ", ".join("?" * len(UNFINISHED))
        query = f"SELECT * FROM jobs WHERE user = ? AND status IN ({marks}) ORDER BY number"
        return [_job(row) for row in self._all(query, user, *UNFINISHED)]

    def active_jobs(self, user: str) -> int:
        """Number of a user's waiting and running jobs."""
        query = "SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running') AND user = ?"
        return int(self._all(query, user)[0][0])

    def counts(self) -> dict[str, int]:
        """Number of jobs of all users by status."""
        return {row[0]: row[1] for row in self._all("SELECT status, count(*) FROM jobs GROUP BY status")}

    def bytes_of(self, user: str, record: int) -> int:
        """Total size of a user's uploads and jobs as far as it is recorded, and `record` bytes for each."""
        query = "SELECT coalesce(sum(bytes + ?), 0) FROM {} WHERE user = ?"
        return sum(int(self._all(query.format(table), record, user)[0][0]) for table in ("uploads", "jobs"))

    def running(self, user: str) -> list[str]:
        """IDs of a user's running jobs."""
        return [row[0] for row in self._all("SELECT id FROM jobs WHERE status = 'running' AND user = ?", user)]

    def queue(self) -> list[Job]:
        """Running and waiting jobs of all users, in the order in which they run."""
        jobs = [_job(row) for row in self._all("SELECT * FROM jobs WHERE status IN ('waiting', 'running')")]
        places = {row[0]: place for place, row in enumerate(self._all(QUEUE.format(True)))}
        return sorted(jobs, key=lambda job: (places.get(job.number, -1), job.started or 0))

    def users(self) -> list[str]:
        """All users with jobs or uploads."""
        return [row[0] for row in self._all("SELECT user FROM jobs UNION SELECT user FROM uploads")]

    def ahead_of(self, job: Job) -> int:
        """Number of jobs that run before a waiting one."""
        waiting = [row[0] for row in self._all(QUEUE.format(True))]
        return self.counts().get("running", 0) + (waiting.index(job.number) if job.number in waiting else 0)

    def claim(self, worker: str = "", device: str = "", devices: tuple[str, ...] = ()) -> Job | None:
        """Take the next job and mark it as running; users take turns.

        Args:
            worker: Who takes it.
            device: The worker's device.
            devices: Those of all workers. A job that was begun on another one of them is left to it, because it goes on
                from its checkpoint only on the same device.
        """
        others = [name for name in devices if name != device]
        mine = f"(tries = 0 OR device NOT IN ({', '.join('?' * len(others))}))"
        found = self._all(
            "UPDATE jobs SET status = 'running', started = ?, tries = tries + 1, message = '', worker = ?, device = ? "
            f"WHERE number = ({QUEUE.format(mine)} LIMIT 1) RETURNING *",
            time.time(), worker, device, *others,
        )  # fmt: skip
        return _job(found[0]) if found else None

    def wish_of(self, identity: str) -> str:
        """The action requested for a running job; "cancel" if the job was deleted."""
        found = self._all("SELECT wish FROM jobs WHERE id = ?", identity)
        return str(found[0][0]) if found else "cancel"

    def tell(self, identity: str, progress: Mapping[str, Any]) -> None:
        """Record a job's progress."""
        self._change("UPDATE jobs SET progress = ? WHERE id = ?", json.dumps(progress), identity)

    def end(
        self, identity: str, status: str, message: str = "", result: str = "", size: int = 0, worker: str = ""
    ) -> None:
        """Record the end of a job that a worker runs, or that it waits again; not of one that is to be discarded."""
        ended = None if status == "waiting" else time.time()
        self._change(
            "UPDATE jobs SET status = ?, wish = '', message = ?, result = ?, bytes = ?, ended = ? "
            "WHERE id = ? AND status = 'running' AND wish != 'discard' AND worker = ?",
            status, message, result, size, ended, identity, worker,
        )  # fmt: skip

    def interrupt_running(self, message: str, *, worker: str | None = None, after: str = "interrupted") -> list[str]:
        """Change the status of running jobs because their worker is gone, or that of this worker; returns their IDs."""
        ended = None if after == "waiting" else time.time()
        rows = self._all(
            "UPDATE jobs SET status = CASE wish WHEN 'cancel' THEN 'canceled' WHEN 'pause' THEN 'paused' ELSE ? END, "
            "wish = '', message = CASE wish WHEN '' THEN ? ELSE '' END, ended = CASE wish WHEN '' THEN ? ELSE ? END "
            "WHERE status = 'running' AND wish != 'discard' AND ? IN ('', worker) RETURNING id",
            after, message, ended, time.time(), worker or "",
        )  # fmt: skip
        return [row[0] for row in rows]

    def discarded(self, worker: str | None = None) -> list[Job]:
        """Running jobs that are to be discarded, of all workers or of this one."""
        query = "SELECT * FROM jobs WHERE status = 'running' AND wish = 'discard' AND ? IN ('', worker)"
        return [_job(row) for row in self._all(query, worker or "")]

    def wished(self, worker: str) -> str:
        """ID of the job that a worker runs and that has a requested action, or ""."""
        found = self._all("SELECT id FROM jobs WHERE status = 'running' AND wish != '' AND worker = ?", worker)
        return str(found[0][0]) if found else ""

    def want(self, identity: str, wish: str) -> bool:
        """Request an action on a running job; returns whether it is running."""
        return bool(self._change("UPDATE jobs SET wish = ? WHERE id = ? AND status = 'running'", wish, identity))

    def move(self, identity: str, before: tuple[str, ...], after: str) -> bool:
        """Change a job's status from one of `before` to `after`; returns whether it changed."""
        marks = ", ".join("?" * len(before))
        ended = time.time() if after in (*RESUMABLE, *ENDED) else None
        query = f"UPDATE jobs SET status = ?, wish = '', ended = ? WHERE id = ? AND status IN ({marks})"
        return bool(self._change(query, after, ended, identity, *before))

    def queue_again(self, job: Job, of_user: int, of_all: int) -> bool:
        """Put a job back in the queue, unless the user or all users have too many waiting and running jobs."""
        return bool(
            self._change(
                "UPDATE jobs SET status = 'waiting', wish = '', ended = NULL WHERE id = ? AND status = ? AND "
                "(SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running') AND user = ?) < ? AND "
                "(SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running')) < ?",
                job.id, job.status, job.user, of_user, of_all,
            )
        )  # fmt: skip

    def resize(self, identity: str, size: int) -> None:
        """Update the recorded size of a job's folder."""
        self._change("UPDATE jobs SET bytes = ? WHERE id = ?", size, identity)

    def remove_job(self, identity: str) -> None:
        """Delete the record of a job."""
        self._change("DELETE FROM jobs WHERE id = ?", identity)
        self._change("DELETE FROM webhooks WHERE job = ?", identity)

    # Webhooks

    def due_webhooks(self, most: int = 20) -> list[Webhook]:
        """Webhooks of jobs that have ended since they were last told, those due longest first."""
        rows = self._all(
            "SELECT jobs.id, webhooks.url, webhooks.tries FROM webhooks JOIN jobs ON jobs.id = webhooks.job "
            "WHERE jobs.status IN (?, ?, ?, ?) AND jobs.ended > webhooks.told AND webhooks.due <= ? "
            "ORDER BY webhooks.due LIMIT ?",
            *ENDED, time.time(), most,
        )  # fmt: skip
        return [Webhook(job, url, tries) for identity, url, tries in rows if (job := self.job(identity)) is not None]

    def webhook_told(self, job: Job) -> None:
        """Record that a webhook knows that its job has ended, or that it is given up."""
        self._change("UPDATE webhooks SET told = ?, tries = 0, due = 0 WHERE job = ?", job.ended, job.id)

    def webhook_failed(self, job: Job, due: float) -> None:
        """Record a failed attempt, and when the next one is due, in seconds since 1970."""
        self._change("UPDATE webhooks SET tries = tries + 1, due = ? WHERE job = ?", due, job.id)

    # Logins

    def add_session(self, token: str, user: str, ends: float) -> None:
        """Store a login by the hash of its token."""
        self._change("DELETE FROM sessions WHERE ends < ?", time.time())
        self._change("INSERT INTO sessions VALUES (?, ?, ?)", token, user, ends)

    def session(self, token: str) -> str | None:
        """The user of a login, or None if it has expired."""
        found = self._all("SELECT user FROM sessions WHERE token = ? AND ends > ?", token, time.time())
        return found[0][0] if found else None

    def remove_session(self, token: str) -> None:
        """End a login."""
        self._change("DELETE FROM sessions WHERE token = ?", token)

    def remove_sessions_of(self, user: str) -> None:
        """End all logins of a user."""
        self._change("DELETE FROM sessions WHERE user = ?", user)


def _upload(row: sqlite3.Row) -> Upload:
    return Upload(**{**dict(row), "facts": json.loads(row["facts"])})


def _job(row: sqlite3.Row) -> Job:
    return Job(**{**dict(row), "request": json.loads(row["request"]), "progress": json.loads(row["progress"])})
