"""A SQLite file for any number of threads and processes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["SqliteFile"]

PATIENCE = 30.0  # seconds to wait for another process that writes


class SqliteFile:
    """Connections to a SQLite file, one per thread.

    Args:
        path: Created if missing.
        tables: The script that creates the tables that are missing.
    """

    def __init__(self, path: Path, tables: str) -> None:
        self.path, self._local = path, threading.local()
        self.path.touch(mode=0o600)  # SQLite's auxiliary files inherit its mode
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(tables)

    @property
    def _connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        if not hasattr(self._local, "connection"):
            connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = NORMAL")
            self._local.connection = connection
        found: sqlite3.Connection = self._local.connection
        return found

    def close(self) -> None:
        """Close this thread's connection; it is opened again when it is needed."""
        self._connection.close()
        del self._local.connection

    def _all(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return self._connection.execute(query, values).fetchall()

    def _change(self, query: str, *values: Any) -> int:
        """Run a query and return the number of changed rows."""
        return self._connection.execute(query, values).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Make several changes, or none."""
        self._change("BEGIN IMMEDIATE")
        try:
            yield
            self._change("COMMIT")
        except BaseException:
            self._change("ROLLBACK")
            raise
