"""The audit log: who did what, and when, as lines of JSON that are only ever appended."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeAlias

from filelock import FileLock

from brushwork.errors import UsageError
from brushwork.studio.log import logger

__all__ = ["COMMAND", "AuditLog", "moment_of"]

Fact: TypeAlias = str | int | float
COMMAND = "command"  # who acts through `brushwork studio users` and the like
LARGEST, KEPT = 10_000_000, 20  # bytes after which a new file is begun; number of files to keep
_AGO = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class AuditLog:
    """The log, for any number of threads and processes. What is recorded is chosen field by field: no secrets.

    Args:
        folder: Its folder, created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "audit.jsonl"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def add(self, user: str, event: str, **facts: Fact) -> None:
        """Append a line. If it can't be written, the studio's log says so, and the work goes on."""
        stamp = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": stamp, "user": user, "event": event, **facts}).encode() + b"\n"
        try:
            with self._locked():
                file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                try:
                    os.write(file, line)
                    full = os.fstat(file).st_size >= LARGEST
                finally:
                    os.close(file)
                if full:
                    self._begin_another()
        except OSError:
            logger.exception("the audit log can't be written", extra={"user": user, "audit": event})

    def lines(self, since: float = 0.0) -> Iterator[dict[str, Any]]:
        """All lines since a time, in seconds since 1970, the oldest first."""
        with ExitStack() as opened:
            with self._locked():  # a file that is opened stays readable when it is renamed
                files = [opened.enter_context(path.open("rb")) for path in self._files()]
            for file in files:
                for line in file:
                    with suppress(ValueError):  # a line that a full disk has cut off
                        found = json.loads(line)
                        if datetime.fromisoformat(found["time"].replace("Z", "+00:00")).timestamp() >= since:
                            yield found

    def _files(self) -> list[Path]:
        """All files, the oldest first."""
        return [*sorted(self.folder.glob("audit-*.jsonl")), *([self.path] if self.path.exists() else [])]

    def _begin_another(self) -> None:
        self.path.rename(self.folder / f"audit-{time.time_ns()}.jsonl")
        for path in self._files()[: 1 - KEPT]:
            path.unlink()

    def _locked(self) -> FileLock:
        return FileLock(self.folder / "lock", mode=0o600, thread_local=False)


def moment_of(words: str) -> float:
    """A time, in seconds since 1970: "2026-11-30", "2026-11-30T08:00" (UTC), or "90m", "24h", "7d" ago.

    Raises:
        UsageError: It is none of these.

    >>> moment_of("1970-01-02")
    86400.0
    """
    if ago := _AGO.fullmatch(words):
        return time.time() - timedelta(**{_UNITS[ago[2]]: int(ago[1])}).total_seconds()
    try:
        moment = datetime.fromisoformat(words.replace("Z", "+00:00"))
    except ValueError:
        raise UsageError(
            f"since: expected a date such as 2026-11-30 or 2026-11-30T08:00, or 24h or 7d, got {words!r}"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
