"""The studio's log: one JSON object per line on stderr. It never contains secrets."""

from __future__ import annotations

import json
import logging
import sys
import time

__all__ = ["log_to_stderr", "logger"]

logger = logging.getLogger("brushwork.studio")
_USUAL = {*vars(logging.makeLogRecord({})), "message", "taskName"}


class _Lines(logging.Formatter):
    """Formats a record as JSON, including its `extra` fields."""

    def format(self, record: logging.LogRecord) -> str:
        more = {name: value for name, value in vars(record).items() if name not in _USUAL}
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        facts = {
            "time": f"{stamp}.{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.exc_info:
            more["traceback"] = self.formatException(record.exc_info)
        return json.dumps({**facts, **more}, default=str)


def log_to_stderr(level: str = "INFO") -> None:
    """Log the studio's records to stderr; call once per process."""
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Lines())
        logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
