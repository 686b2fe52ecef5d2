"""What the database stores: uploads, jobs, idempotency keys and webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = [
    "ACTIVE",
    "ENDED",
    "RESUMABLE",
    "UNFINISHED",
    "IdempotencyKey",
    "Job",
    "JobFilter",
    "Place",
    "Upload",
    "Webhook",
]

ACTIVE = ("waiting", "running")
RESUMABLE = ("paused", "interrupted")
ENDED = ("done", "stopped", "failed", "canceled")  # "stopped": ended early by its user, with a partial result
UNFINISHED = (*ACTIVE, *RESUMABLE)
# A title names the first photo of a series only.
_OF_A_PHOTO = (
    "EXISTS (SELECT 1 FROM json_each(jobs.request, '$.photos') AS photo JOIN uploads ON uploads.id = photo.value "
    "WHERE instr(lower(uploads.name), ?) > 0)"
)
Place: TypeAlias = tuple[float, str]  # in a list, newest first: `made` and `id` of the last one seen


@dataclass(frozen=True)
class Upload:
    """An uploaded file.

    Args:
        id: 32 hexadecimal digits.
        user: Its owner.
        kind: "picture" or "film", by its content.
        name: Original file name, for display only.
        bytes: Its size.
        facts: width, height; for a film, also frames and seconds.
        made: Upload time, in seconds since 1970.
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
    """A job.

    Args:
        number: Position in the order of submission.
        id: 32 hexadecimal digits.
        user: Its owner.
        kind: "picture", "video", "batch", "grid" or "texture".
        title: For display.
        request: The request, from `to_stored`.
        status: One of ACTIVE, RESUMABLE and ENDED.
        wish: "", "pause", "cancel" or "discard": the action that its user has requested.
        progress: step, steps, seconds, seconds_left.
        message: Remarks, or why it failed.
        result: The file's name in the job's folder, or "".
        bytes: Size of its folder when it ended.
        tries: Number of times a worker has started it.
        made: When it was submitted, in seconds since 1970.
        started: When a worker started it, or None.
        ended: When it ended, or None.
        worker: Who runs it, or ran it last.
        device: The device of that worker.
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
    worker: str = ""
    device: str = ""


@dataclass(frozen=True)
class JobFilter:
    """Which jobs to list.

    Args:
        kind: Of this kind; "": of any.
        status: With one of these; none: with any.
        search: Jobs that have these words in their title, such as a photo's or a style's name, or in the name of one
            of their photos; "": all.
    """

    kind: str = ""
    status: tuple[str, ...] = ()
    search: str = ""

    def condition(self) -> tuple[str, list[str]]:
        """The condition in SQL, and its values."""
        parts, values = ["1"], list[str]()
        if self.kind:
            parts, values = [*parts, "kind = ?"], [*values, self.kind]
        if self.status:
            parts, values = [*parts, f"status IN ({', '.join('?' * len(self.status))})"], [*values, *self.status]
        for word in self.search.lower().replace("-", " ").split():
            parts, values = [*parts, f"(instr(lower(title), ?) > 0 OR {_OF_A_PHOTO})"], [*values, word, word]
        return " AND ".join(parts), values


@dataclass(frozen=True)
class IdempotencyKey:
    """What makes a request that is sent again the same request.

    Args:
        key: Chosen by the client.
        digest: Of the request.
        made_id: ID of what the request made, once it has.
    """

    key: str
    digest: str
    made_id: str = ""


@dataclass(frozen=True)
class Webhook:
    """An address to tell that a job has ended.

    Args:
        job: The job.
        url: The address.
        tries: Number of failed attempts.
    """

    job: Job
    url: str
    tries: int
