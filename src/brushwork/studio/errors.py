"""What the studio refuses, and the status that says so.

StudioError              400 a request that makes no sense
├── NotAllowedError      403 another site's page, another name of this machine, a file that is not one's own
├── NotThereError        404 no such thing, or not yours
├── NotNowError          409 a job that is in another state
├── SupersededError      409 a request that a newer one of the same user replaced
├── TooLargeError        413 over a limit of size
└── BusyError            429 over a limit of number; says when to come again
    ├── UnavailableError 503 no worker was free in time
    └── DeadlineError    504 stopped, since it took too long
"""

from __future__ import annotations

from brushwork.errors import BrushworkError

__all__ = [
    "BusyError",
    "ConflictError",
    "DeadlineError",
    "NotAllowedError",
    "NotFoundError",
    "StudioError",
    "SupersededError",
    "TooLargeError",
    "UnavailableError",
]


class StudioError(BrushworkError):
    """A request that can't be granted; the message is one line for the user."""

    status = 400


class NotAllowedError(StudioError):
    """Not for this user, or not from there."""

    status = 403


class NotFoundError(StudioError):
    """No such thing among this user's."""

    status = 404


class ConflictError(StudioError):
    """Not in the state in which the thing is."""

    status = 409


class SupersededError(StudioError):
    """Replaced by a newer request of the same user, which will be answered instead."""

    status = 409


class TooLargeError(StudioError):
    """Over a limit of size."""

    status = 413


class BusyError(StudioError):
    """Over a limit of number.

    Args:
        message: One line.
        seconds: When to come again.
    """

    status = 429

    def __init__(self, message: str, seconds: int = 2) -> None:
        super().__init__(message)
        self.seconds = seconds


class UnavailableError(BusyError):
    """No worker was free in time, or the studio is shutting down."""

    status = 503


class DeadlineError(BusyError):
    """The request took longer than its deadline, and was stopped."""

    status = 504
