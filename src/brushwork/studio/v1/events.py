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
from brushwork.studio.database import ACTIVE, Job
from brushwork.studio.errors import BusyError, NotFoundError
from brushwork.studio.log import logger
from brushwork.studio.service import Service
from brushwork.studio.v1.models import job_facts

__all__ = ["EVENTS", "STRIP_EVENTS", "job_events", "strip_events"]

EVERY = 0.15  # seconds between checks of a watched job; pictures come up to four times a second
ALIVE = 15.0  # seconds after which a comment shows that the connection is alive
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "`progress`: a job and `preview`, the address of its latest intermediate picture; `picture`: "
        "its `step` and `jpeg`, the picture in base64; `end`: a job that has ended, or waits to be resumed",
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
    try:
        return _Look(job, (service.files.job(identity) / "preview.jpg").stat().st_mtime_ns)
    except OSError:
        return _Look(job, 0)


def _event(name: str, facts: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(facts)}\n\n"
