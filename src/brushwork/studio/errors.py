"""Errors of the studio and their HTTP statuses.

StudioError              400 invalid request
├── NotAllowedError      403 cross-site request, unknown host name, another user's file
├── NotFoundError        404 does not exist, or belongs to another user
├── ConflictError        409 not possible in the job's current state
├── SupersededError      409 replaced by a newer request of the same user
├── TooLargeError        413 over a size limit
├── KeyReusedError       422 an Idempotency-Key of another request
└── BusyError            429 too many requests; reports when to retry
    ├── UnavailableError 503 no worker was free in time
    └── DeadlineError    504 stopped at its deadline
"""

from __future__ import annotations

from brushwork.errors import BrushworkError

__all__ = [
    "BusyError",
    "ConflictError",
    "DeadlineError",
    "KeyReusedError",
    "NotAllowedError",
    "NotFoundError",
    "StudioError",
    "SupersededError",
    "TooLargeError",
    "UnavailableError",
]


class StudioError(BrushworkError):
    """A refused request; the message is one line for the user."""

    status = 400
    title = "Invalid request"


class NotAllowedError(StudioError):
    """Not allowed for this user, or from this origin."""

    status = 403
    title = "Not allowed"


class NotFoundError(StudioError):
    """Does not exist, or belongs to another user."""

    status = 404
    title = "Not found"


class ConflictError(StudioError):
    """Not possible in the current state."""

    status = 409
    title = "Not possible now"


class SupersededError(StudioError):
    """Replaced by a newer request of the same user, which is answered instead."""

    status = 409
    title = "Superseded"


class TooLargeError(StudioError):
    """Over a size limit."""

    status = 413
    title = "Too large"


class KeyReusedError(StudioError):
    """An Idempotency-Key came again with another request."""

    status = 422
    title = "Idempotency-Key reused"


class BusyError(StudioError):
    """Too many requests.

    Args:
        message: One line for the user.
        seconds: When to retry.
    """

    status = 429
    title = "Too many requests"

    def __init__(self, message: str, seconds: int = 2) -> None:
        super().__init__(message)
        self.seconds = seconds


class UnavailableError(BusyError):
    """No worker was free in time, or the studio is shutting down."""

    status = 503
    title = "Busy"


class DeadlineError(BusyError):
    """The request exceeded its deadline and was stopped."""

    status = 504
    title = "Deadline exceeded"
