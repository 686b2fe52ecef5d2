"""What the studio knows, in one SQLite file: uploads, jobs and logins. Server and workers share it.

Why no task queue of others: docs/decisions/0010-studio.md.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ACTIVE", "ENDED", "RESUMABLE", "Job", "Store", "Upload"]

ACTIVE = ("waiting", "running")
RESUMABLE = ("paused", "interrupted")
ENDED = ("done", "stopped", "failed", "canceled")  # "stopped": ended early by its user, with what there was
PATIENCE = 30.0  # seconds for another process that writes

_TABLES = """
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, bytes INTEGER NOT NULL,
    facts TEXT NOT NULL, made REAL NOT NULL);
CREATE INDEX IF NOT EXISTS uploads_of ON uploads (user, made);
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, user TEXT NOT NULL, kind TEXT NOT NULL,
    title TEXT NOT NULL, request TEXT NOT NULL, status TEXT NOT NULL, wish TEXT NOT NULL DEFAULT '',
    progress TEXT NOT NULL DEFAULT '{}', message TEXT NOT NULL DEFAULT '', result TEXT NOT NULL DEFAULT '',
    bytes INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, made REAL NOT NULL, started REAL, ended REAL);
CREATE INDEX IF NOT EXISTS jobs_of ON jobs (user, number);
CREATE INDEX IF NOT EXISTS jobs_begun ON jobs (user, started);
CREATE INDEX IF NOT EXISTS jobs_in ON jobs (status, number);
CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, user TEXT NOT NULL, ends REAL NOT NULL);
"""
# Jobs that wait, in the order in which they are done: users take turns, each with the oldest of theirs.
_QUEUE = """
SELECT number FROM (
    SELECT number, row_number() OVER (PARTITION BY user ORDER BY number) AS turn,
        (SELECT max(started) FROM jobs AS any WHERE any.user = jobs.user) AS served
    FROM jobs WHERE status = 'waiting')
ORDER BY turn, served NULLS FIRST, number"""


@dataclass(frozen=True)
class Upload:
    """A file that somebody sent.

    Args:
        id: Its name here, 32 hexadecimal digits.
        user: Whose it is.
        kind: "picture" or "film", by its content.
        name: What its owner called it, for people only.
        bytes: Its size.
        facts: width, height, and of a film frames and seconds.
        made: When, in seconds since 1970.
    """

    id: str
    user: str
    kind: str
    name: str
    bytes: int
    facts: Mapping[str, Any]
    made: float


@dataclass(frozen=True)
class Job:
    """A piece of work.

    Args:
        number: In the order in which jobs were submitted.
        id: 32 hexadecimal digits.
        user: Whose it is.
        kind: "picture", "video", "batch" or "grid".
        title: For people.
        request: What was asked for.
        status: One of ACTIVE, RESUMABLE and ENDED.
        wish: "", "pause" or "cancel": what its user wants of it now.
        progress: step, steps, seconds, seconds_left.
        message: Remarks, or why it failed.
        result: The file's name in the job's folder, or "".
        bytes: Of its folder, when it ended.
        tries: How often a worker began it.
        made: When it was submitted, in seconds since 1970.
        started: When a worker began it, or None.
        ended: When it ended, or None.
    """

    number: int
    id: str
    user: str
    kind: str
    title: str
    request: Mapping[str, Any]
    status: str
    wish: str
    progress: Mapping[str, Any]
    message: str
    result: str
    bytes: int
    tries: int
    made: float
    started: float | None
    ended: float | None


class Store:
    """The file, for any number of threads and processes.

    Args:
        path: Made if it isn't there.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._local = path, threading.local()
        self.path.touch(mode=0o600)  # what SQLite makes beside it takes its mode
        self._run_script()

    def _run_script(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(_TABLES)

    @property
    def _connection(self) -> sqlite3.Connection:
        """This thread's."""
        if not hasattr(self._local, "connection"):
            connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = NORMAL")
            self._local.connection = connection
        found: sqlite3.Connection = self._local.connection
        return found

    def _all(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return self._connection.execute(query, values).fetchall()

    def _change(self, query: str, *values: Any) -> int:
        """How many rows it changed."""
        return self._connection.execute(query, values).rowcount

    # Uploads

    def add_upload(self, identity: str, user: str, kind: str, name: str, size: int, facts: Mapping[str, Any]) -> Upload:
        """Remember a file that is in its place already."""
        made = time.time()
        self._change(
            "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)",
            identity,
            user,
            kind,
            name,
            size,
            json.dumps(facts),
            made,
        )
        return Upload(identity, user, kind, name, size, facts, made)

    def upload(self, identity: str, user: str) -> Upload | None:
        """A user's file."""
        found = self._all("SELECT * FROM uploads WHERE id = ? AND user = ?", identity, user)
        return _upload(found[0]) if found else None

    def uploads(self, user: str) -> list[Upload]:
        """All of a user's, the oldest first."""
        return [_upload(row) for row in self._all("SELECT * FROM uploads WHERE user = ? ORDER BY made", user)]

    def remove_upload(self, identity: str) -> None:
        """Forget a file."""
        self._change("DELETE FROM uploads WHERE id = ?", identity)

    # Jobs

    def add_job(
        self, user: str, kind: str, title: str, request: Mapping[str, Any], of_user: int, of_all: int
    ) -> Job | None:
        """A job at the end of the queue; None where the user, or all, have so many already that wait or run."""
        identity = secrets.token_hex(16)
        added = self._change(
            "INSERT INTO jobs (id, user, kind, title, request, status, made) SELECT ?, ?, ?, ?, ?, 'waiting', ? WHERE "
            "(SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running') AND user = ?) < ? AND "
            "(SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running')) < ?",
            identity, user, kind, title, json.dumps(request), time.time(), user, of_user, of_all,
        )  # fmt: skip
        return self.job(identity, user) if added else None

    def job(self, identity: str, user: str | None = None) -> Job | None:
        """A job; of this user, unless None."""
        found = self._all("SELECT * FROM jobs WHERE id = ? AND ? IN (user, '')", identity, user or "")
        return _job(found[0]) if found else None

    def jobs(self, user: str, most: int = 200) -> list[Job]:
        """A user's, the newest first."""
        query = "SELECT * FROM jobs WHERE user = ? ORDER BY number DESC LIMIT ?"
        return [_job(row) for row in self._all(query, user, most)]

    def counts(self) -> dict[str, int]:
        """Status → how many jobs of all users."""
        return {row[0]: row[1] for row in self._all("SELECT status, count(*) FROM jobs GROUP BY status")}

    def users(self) -> list[str]:
        """All who have anything here."""
        return [row[0] for row in self._all("SELECT user FROM jobs UNION SELECT user FROM uploads")]

    def ahead_of(self, job: Job) -> int:
        """How many jobs come before one that waits."""
        waiting = [row[0] for row in self._all(_QUEUE)]
        return self.counts().get("running", 0) + (waiting.index(job.number) if job.number in waiting else 0)

    def claim(self) -> Job | None:
        """The next job, for the worker that asks; it runs from now on. Users take turns."""
        found = self._all(
            "UPDATE jobs SET status = 'running', started = ?, tries = tries + 1, message = '' "
            f"WHERE number = ({_QUEUE} LIMIT 1) RETURNING *",
            time.time(),
        )
        return _job(found[0]) if found else None

    def wish_of(self, identity: str) -> str:
        """What a running job's user wants of it; "cancel" too where it is no longer there."""
        found = self._all("SELECT wish FROM jobs WHERE id = ?", identity)
        return str(found[0][0]) if found else "cancel"

    def tell(self, identity: str, progress: Mapping[str, Any]) -> None:
        """How far a job is."""
        self._change("UPDATE jobs SET progress = ? WHERE id = ?", json.dumps(progress), identity)

    def end(self, identity: str, status: str, message: str = "", result: str = "", size: int = 0) -> None:
        """A running job does not run any longer."""
        self._change(
            "UPDATE jobs SET status = ?, wish = '', message = ?, result = ?, bytes = ?, ended = ? "
            "WHERE id = ? AND status = 'running'",
            status, message, result, size, time.time(), identity,
        )  # fmt: skip

    def interrupt_running(self, message: str) -> list[str]:
        """All running jobs are interrupted, because their worker is gone; which they were."""
        rows = self._all(
            "UPDATE jobs SET status = CASE wish WHEN 'cancel' THEN 'canceled' WHEN 'pause' THEN 'paused' "
            "ELSE 'interrupted' END, wish = '', message = CASE wish WHEN '' THEN ? ELSE '' END, ended = ? "
            "WHERE status = 'running' RETURNING id",
            message, time.time(),
        )  # fmt: skip
        return [row[0] for row in rows]

    def wished(self) -> str:
        """The running job of which something is wanted, or ""."""
        found = self._all("SELECT id FROM jobs WHERE status = 'running' AND wish != ''")
        return str(found[0][0]) if found else ""

    def want(self, identity: str, wish: str) -> bool:
        """Tell a running job's worker; whether it runs."""
        return bool(self._change("UPDATE jobs SET wish = ? WHERE id = ? AND status = 'running'", wish, identity))

    def move(self, identity: str, before: tuple[str, ...], after: str) -> bool:
        """Put a job that is in one of these states into another one; whether it was."""
        marks = ", ".join("?" * len(before))
        ended = time.time() if after in (*RESUMABLE, *ENDED) else None
        query = f"UPDATE jobs SET status = ?, wish = '', ended = ? WHERE id = ? AND status IN ({marks})"
        return bool(self._change(query, after, ended, identity, *before))

    def queue_again(self, job: Job, of_user: int, of_all: int) -> bool:
        """Have a job wait that waited or ran before; not where the user, or all, have so many already that do."""
        return bool(
            self._change(
                "UPDATE jobs SET status = 'waiting', wish = '', ended = NULL WHERE id = ? AND status = ? AND "
                "(SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running') AND user = ?) < ? AND "
                "(SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running')) < ?",
                job.id, job.status, job.user, of_user, of_all,
            )
        )  # fmt: skip

    def resize(self, identity: str, size: int) -> None:
        """A job's folder takes other bytes than when it ended."""
        self._change("UPDATE jobs SET bytes = ? WHERE id = ?", size, identity)

    def remove_job(self, identity: str) -> None:
        """Forget a job."""
        self._change("DELETE FROM jobs WHERE id = ?", identity)

    # Logins

    def add_session(self, token: str, user: str, ends: float) -> None:
        """Remember a login by the hash of its token."""
        self._change("DELETE FROM sessions WHERE ends < ?", time.time())
        self._change("INSERT INTO sessions VALUES (?, ?, ?)", token, user, ends)

    def session(self, token: str) -> str | None:
        """Whose login it is, if it hasn't ended."""
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
