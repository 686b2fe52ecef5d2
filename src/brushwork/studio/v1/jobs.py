"""Jobs: submitting, watching, steering and downloading."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from brushwork.studio.api import JPEG, User
from brushwork.studio.records import Job, JobFilter
from brushwork.studio.service import Service
from brushwork.studio.v1.etags import tagged, tagged_file
from brushwork.studio.v1.events import EVENTS, QUEUE_EVENTS, job_events, queue_events
from brushwork.studio.v1.idempotency import Key, key_of, once
from brushwork.studio.v1.models import JobAsk, JobFacts, Kind, Page, SeriesPicture, Status, WebhookFacts, job_facts
from brushwork.studio.v1.paging import Cursor, Most, page_of, place_in
from brushwork.studio.v1.rate_limit import quota_headers
from brushwork.studio.v1.tiles import tile_routes
from brushwork.studio.v1.webhooks import Webhooks

__all__ = ["jobs_router", "webhooks_router"]

Format = Annotated[
    str | None, Query(alias="format", max_length=20, description="png, jpeg or tiff for pictures; null: as it was made")
]
Inline = Annotated[bool, Query(description="to show it in a browser, rather than to save it")]


def jobs_router(service: Service, webhooks: Webhooks) -> APIRouter:
    """The routes of jobs."""
    router = APIRouter(prefix="/jobs", tags=["jobs"])
    _submitting(router, service, webhooks)
    _watching(router, service)
    _series(router, service)
    _steering(router, service)
    tile_routes(router, service, service.result_picture, "a result")
    return router


def _submitting(router: APIRouter, service: Service, webhooks: Webhooks) -> None:
    @router.post("", status_code=202, summary="Submit a job")
    def submit(user: User, ask: Annotated[JobAsk, Body()], response: Response, key: Key = None) -> JobFacts:
        webhook = ask.webhook or ""
        if webhook:
            webhooks.check(webhook)
        kept = key_of(key, "job", ask.model_dump_json())

        def find(identity: str) -> Job:
            return service.job(user, identity)

        job, found = once(
            service.database, user, kept, find, lambda: service.submit(user, ask, key=kept, webhook=webhook)
        )
        most = service.quota.of(user).jobs
        response.headers.update(quota_headers("jobs", most, most - service.database.active_jobs(user)))
        response.headers["location"] = f"/api/v1/jobs/{job.id}"
        if found:
            response.headers["idempotency-replayed"] = "true"
        return job_facts(job)

    @router.get("", summary="List your jobs, newest first")
    def jobs(
        user: User,
        most: Most = 50,
        cursor: Cursor = None,
        kind: Kind | None = None,
        status: Annotated[tuple[Status, ...], Query(max_length=8, description="jobs with one of these")] = (),
        search: Annotated[str, Query(max_length=200, description="words in names of photos and styles")] = "",
    ) -> Page[JobFacts]:
        only = JobFilter(kind or "", status, search)
        found = service.database.jobs_after(user, most + 1, place_in(cursor), only)
        return page_of(found, most, job_facts, lambda job: [job.made, job.id])


def _watching(router: APIRouter, service: Service) -> None:
    @router.get(
        "/events",
        summary="Stream the progress of all your jobs as server-sent events, until none waits or runs",
        response_class=StreamingResponse,
        responses=QUEUE_EVENTS,
    )
    def queue(user: User) -> StreamingResponse:
        return StreamingResponse(queue_events(service, user), media_type="text/event-stream")

    @router.get("/{identity}", summary="Get a job and its progress")
    def job(user: User, identity: str) -> JobFacts:
        return job_facts(service.job(user, identity))

    @router.get(
        "/{identity}/events",
        summary="Stream a job's progress as server-sent events",
        response_class=StreamingResponse,
        responses=EVENTS,
    )
    def events(
        user: User,
        identity: str,
        pictures: Annotated[bool, Query(description="send each intermediate picture, too")] = False,
    ) -> StreamingResponse:
        service.job(user, identity)
        return StreamingResponse(job_events(service, user, identity, pictures), media_type="text/event-stream")

    @router.get(
        "/{identity}/preview", summary="Get the latest intermediate picture", response_class=Response, responses=JPEG
    )
    def live(request: Request, user: User, identity: str) -> Response:
        return tagged(request, service.live_preview(user, identity))

    @router.get(
        "/{identity}/thumbnail",
        summary="Get a small picture of the result, or of the latest intermediate picture",
        response_class=Response,
        responses=JPEG,
    )
    def thumbnail(request: Request, user: User, identity: str) -> Response:
        return tagged(request, service.job_thumbnail(user, identity))

    @router.get("/{identity}/result", summary="Download the result", response_class=FileResponse)
    def result(request: Request, user: User, identity: str, form: Format = None, inline: Inline = False) -> Response:
        path, name, kind = service.result(user, identity, form)
        return tagged_file(request, path, kind, name, inline=inline)


def _series(router: APIRouter, service: Service) -> None:
    @router.get("/{identity}/pictures", summary="List the pictures of a batch that have been painted")
    def series(user: User, identity: str) -> list[SeriesPicture]:
        return [
            SeriesPicture(number=number, photo=photo, name=name)
            for number, photo, name in service.series(user, identity)
        ]

    @router.get(
        "/{identity}/pictures/{number}",
        summary="Get a picture of a batch, at most 768 px",
        response_class=Response,
        responses=JPEG,
    )
    def series_picture(
        request: Request, user: User, identity: str, number: Annotated[int, Path(ge=1, le=10_000)]
    ) -> Response:
        return tagged(request, service.series_picture(user, identity, number))


def _steering(router: APIRouter, service: Service) -> None:
    @router.post("/{identity}/pause", summary="Pause a job")
    def pause(user: User, identity: str) -> JobFacts:
        return job_facts(service.pause(user, identity))

    @router.post("/{identity}/resume", summary="Resume a paused, interrupted or failed job")
    def resume(user: User, identity: str) -> JobFacts:
        return job_facts(service.resume(user, identity))

    @router.post("/{identity}/cancel", summary="Cancel a job; a running picture or batch keeps the result so far")
    def cancel(user: User, identity: str) -> JobFacts:
        return job_facts(service.cancel(user, identity))

    @router.delete("/{identity}", status_code=204, summary="Delete a job and its result")
    def delete(
        user: User,
        identity: str,
        cancel: Annotated[bool, Query(description="also a waiting or running one, keeping nothing")] = False,
    ) -> None:
        service.remove_job(user, identity, cancel=cancel)


def webhooks_router(webhooks: Webhooks) -> APIRouter:
    """The route of webhooks."""
    router = APIRouter(prefix="/webhooks", tags=["jobs"])

    @router.get("", summary="Get the secret that signs your webhooks, and where they may be sent")
    def facts(user: User) -> WebhookFacts:
        return WebhookFacts(secret=webhooks.secret(user), allowed=list(webhooks.allowed))

    return router
