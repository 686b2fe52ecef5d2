"""Server-sent events: a job's progress, with each intermediate picture if it is asked for; an upload's strip."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool

from brushwork.errors import BrushworkError
from brushwork.studio.errors import BusyError, NotFoundError
from brushwork.studio.log import logger
from brushwork.studio.records import ACTIVE, UNFINISHED, Job
from brushwork.studio.service import Service
from brushwork.studio.v1.models import job_facts

__all__ = ["EVENTS", "QUEUE_EVENTS", "STRIP_EVENTS", "job_events", "queue_events", "strip_events"]

QUEUE_EVERY = 0.3  # seconds between checks of a queue
EVERY = 0.15  # seconds between checks of a watched job; pictures come up to four times a second
ALIVE = 15.0  # seconds after which a comment shows that the connection is alive
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "`progress`: a job and `preview`, the address of its latest intermediate picture; `picture`: "
        "its `step` and `jpeg`, the picture in base64; `end`: a job that has ended, or waits to be resumed",
    }
}
QUEUE_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "`job`: an unfinished job, or one that has just ended, whenever it changes, with `preview` and "
        "its `request`; `gone`: the `id` of one that was deleted; `end`: none waits or runs any more",
    }
}
STRIP_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "`thumbnail`: the name of a `style`, and `jpeg`, the picture in it in base64; `end`: all are "
        "there, or with `retry_after`, seconds after which to ask for the others, because the studio is busy",
    }
}


def strip_events(pictures: Iterator[tuple[str, bytes]]) -> Iterator[str]:
    """Events of a strip, as its pictures are painted."""
    try:
        for style, jpeg in pictures:
            yield _event("thumbnail", {"style": style, "jpeg": base64.b64encode(jpeg).decode()})
    except BusyError as busy:
        yield _event("end", {"retry_after": busy.seconds})
    except BrushworkError as error:  # the answer has begun, so that its status can't be changed
        logger.warning("a strip failed", extra={"error": type(error).__name__})
        yield _event("end", {"retry_after": None, "problem": str(error)})
    else:
        yield _event("end", {"retry_after": None})


async def queue_events(service: Service, user: str) -> AsyncIterator[str]:
    """Events of all unfinished jobs of a user, until none waits or runs."""
    told: dict[str, str] = {}
    silent = 0.0
    while True:
        jobs = await run_in_threadpool(_queue, service, user, set(told))
        texts = {job.id: _event("job", _facts(service, job)) for job in jobs}
        gone = [_event("gone", {"id": identity}) for identity in told if identity not in texts]
        news = gone + [text for identity, text in texts.items() if told.get(identity) != text]
        told = {job.id: texts[job.id] for job in jobs if job.status in UNFINISHED}
        silent = 0.0 if news else silent + QUEUE_EVERY
        for text in news:
            yield text
        if not any(job.status in ACTIVE for job in jobs):
            yield _event("end", {})
            return
        if silent > ALIVE:
            silent = 0.0
            yield ": still there\n\n"
        await asyncio.sleep(QUEUE_EVERY)


def _queue(service: Service, user: str, known: set[str]) -> list[Job]:
    """A user's unfinished jobs, and those of the known ones that have ended since."""
    jobs = service.database.unfinished(user)
    ended = (service.database.job(identity, user) for identity in known - {job.id for job in jobs})
    return jobs + [job for job in ended if job is not None]


def _facts(service: Service, job: Job) -> dict[str, Any]:
    """A job's facts, with the address of its intermediate picture."""
    facts = job_facts(job).model_dump()
    drawn = _drawn(service, job.id)
    return facts | {"preview": f"/api/v1/jobs/{job.id}/preview?at={drawn}" if drawn else None}


@dataclass(frozen=True)
class _Look:
    """A job, and when its intermediate picture was written."""

    job: Job
    drawn: int


async def job_events(service: Service, user: str, identity: str, pictures: bool) -> AsyncIterator[str]:
    """Events until a job ends, pauses or is deleted.

    Args:
        service: The studio.
        user: The job's user.
        identity: The job's ID.
        pictures: Whether to send intermediate pictures.
    """
    last, drawn, silent = "", 0, 0.0
    while True:
        try:
            look = await run_in_threadpool(_look, service, user, identity)
            if pictures and look.drawn != drawn:
                picture = await run_in_threadpool(service.live_preview, user, identity)
                step = look.job.progress.get("step")
                yield _event("picture", {"step": step, "jpeg": base64.b64encode(picture).decode()})
                silent = 0.0
        except NotFoundError:
            return
        drawn, facts = look.drawn, job_facts(look.job, request=False).model_dump(exclude={"request"})
        facts["preview"] = f"/api/v1/jobs/{identity}/preview?at={drawn}" if drawn else None
        active = look.job.status in ACTIVE
        text = _event("progress" if active else "end", facts)
        if text != last:
            last, silent = text, 0.0
            yield text
        if not active:
            return
        await asyncio.sleep(EVERY)
        silent += EVERY
        if silent > ALIVE:
            silent = 0.0
            yield ": still there\n\n"


def _look(service: Service, user: str, identity: str) -> _Look:
    job = service.job(user, identity)  # before the picture, which is written first
    return _Look(job, _drawn(service, identity))


def _drawn(service: Service, identity: str) -> int:
    """When a job's intermediate picture was written; 0: there is none."""
    try:
        return (service.files.job(identity) / "preview.jpg").stat().st_mtime_ns
    except OSError:
        return 0


def _event(name: str, facts: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(facts)}\n\n"
