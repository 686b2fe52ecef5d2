"""The HTTP API before v1, as it was: the page uses it, and programs may for one more version (`v1` is the new one)."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, FastAPI, File, Query, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from brushwork.errors import BrushworkError, PictureError, UsageError
from brushwork.options.base import option_of
from brushwork.registry import OPTIONS
from brushwork.studio.errors import BusyError, NotFoundError, StudioError
from brushwork.studio.log import logger
from brushwork.studio.records import Job, Upload
from brushwork.studio.schemas import JobAsk, NewStyle, Preview, Video, methods
from brushwork.studio.service import Service

__all__ = ["BLOCK", "JPEG", "PNG", "User", "answer_errors", "router_of"]

EVENTS_EVERY = 0.3  # seconds between checks of a watched job
BLOCK = 1 << 20  # bytes copied at a time
PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}, "description": "A PNG image"}}
JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "A JPEG image"}}


class Error(BaseModel):
    """Why a request was refused."""

    error: str


class UploadFacts(BaseModel):
    """An uploaded file."""

    id: str
    kind: str = Field(description='"picture" or "film"')
    name: str
    bytes: int
    facts: dict[str, Any] = Field(description="width, height; for a film, also frames and seconds")


class JobFacts(BaseModel):
    """A job and its progress."""

    id: str
    kind: str
    title: str
    status: str = Field(description="waiting, running, paused, interrupted, done, stopped, failed or canceled")
    progress: dict[str, Any] = Field(description="share, step, steps, seconds, seconds_left")
    message: str
    request: dict[str, Any]
    made: float
    started: float | None
    ended: float | None
    result: bool = Field(description="whether there is a result to download")


class StyleFacts(BaseModel):
    """A style of the library."""

    name: str
    title: str
    artist: str
    own: bool
    methods: list[str]


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": words}
    for status, words in {
        400: "Invalid request", 401: "Login required", 403: "Not allowed", 404: "Not found, or not yours",
        409: "Not possible in this state, or superseded by a newer request", 413: "Too large", 422: "Invalid schema",
        429: "Too many requests; see Retry-After", 503: "Busy; see Retry-After",
        504: "Stopped at its deadline; see Retry-After",
    }.items()
}  # fmt: skip


def user_of(request: Request) -> str:
    """The user, as determined by the guard."""
    return str(request.state.user)


User = Annotated[str, Depends(user_of)]


def router_of(service: Service) -> APIRouter:
    """All routes of the API."""
    router = APIRouter(prefix="/api", responses=REFUSALS, deprecated=True)
    _files(router, service)
    _styles(router, service)
    _previews(router, service)
    _jobs(router, service)
    return router


def _files(router: APIRouter, service: Service) -> None:
    @router.post("/uploads", status_code=201, summary="Upload a picture or a video")
    async def send(user: User, file: Annotated[UploadFile, File()]) -> UploadFacts:
        name = file.filename or "file"
        with tempfile.NamedTemporaryFile(dir=service.files.root, prefix=".sent-", delete=False) as kept:
            path = Path(kept.name)
            try:
                while block := await file.read(BLOCK):
                    kept.write(block)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return _upload_facts(await run_in_threadpool(service.take, user, path, name))

    @router.get("/uploads", summary="List your uploads")
    def sent(user: User) -> list[UploadFacts]:
        return [_upload_facts(upload) for upload in service.database.uploads(user)]

    @router.get(
        "/uploads/{identity}/thumbnail", summary="Get a thumbnail of an upload", response_class=Response, responses=JPEG
    )
    def thumbnail(user: User, identity: str) -> Response:
        return Response(service.thumbnail(user, identity), media_type="image/jpeg")

    @router.get(
        "/uploads/{identity}/view.jpg", summary="Get an upload at screen size", response_class=Response, responses=JPEG
    )
    def view(user: User, identity: str, size: Annotated[int, Query(ge=64, le=1024)] = 768) -> Response:
        return Response(service.thumbnail(user, identity, size), media_type="image/jpeg")

    @router.delete("/uploads/{identity}", status_code=204, summary="Delete an upload")
    def delete(user: User, identity: str) -> None:
        service.remove_upload(user, identity)


def _styles(router: APIRouter, service: Service) -> None:
    @router.get("/styles", summary="List the style library")
    def styles(user: User) -> list[StyleFacts]:
        return [_style_facts(style) for style in service.styles(user).values()]

    @router.post("/styles", status_code=201, summary="Add a painting to your library")
    def add(user: User, ask: NewStyle) -> StyleFacts:
        return _style_facts(service.add_style(user, ask))

    @router.get(
        "/styles/{name}/swatch", summary="Get a small picture of a style", response_class=Response, responses=JPEG
    )
    def swatch(user: User, name: str) -> Response:
        headers = {"cache-control": "private, max-age=3600"}
        return Response(service.swatch(user, name), media_type="image/jpeg", headers=headers)

    @router.delete("/styles/{name}", status_code=204, summary="Remove one of your styles from the library")
    def remove(user: User, name: str) -> None:
        service.remove_style(user, name)

    @router.get("/methods", summary="List methods and their options")
    def options() -> dict[str, list[dict[str, Any]]]:
        return {
            name: [
                {"name": field, "help": option.help, "default": getattr(OPTIONS[name](), field), "low": option.low,
                 "high": option.high, "choices": list(option.choices)}
                for field, option in option_of(OPTIONS[name]).items()
            ]
            for name in methods()
        }  # fmt: skip


def _previews(router: APIRouter, service: Service) -> None:
    @router.post(
        "/previews", summary="Preview a photo in a style at screen size", response_class=Response, responses=JPEG
    )
    def preview(user: User, ask: Preview) -> Response:
        return Response(service.preview(user, ask), media_type="image/jpeg")

    @router.post(
        "/previews/video", summary="Preview three frames of a video in a style", response_class=Response, responses=JPEG
    )
    def film_preview(user: User, ask: Video) -> Response:
        return Response(service.preview(user, ask), media_type="image/jpeg")


def _jobs(router: APIRouter, service: Service) -> None:
    @router.post("/jobs", status_code=202, summary="Submit a job")
    def submit(user: User, ask: Annotated[JobAsk, Body()]) -> JobFacts:
        return _job_facts(service.submit(user, ask))

    @router.get("/jobs", summary="List your jobs, newest first")
    def jobs(user: User) -> list[JobFacts]:
        return [_job_facts(job) for job in service.jobs(user)]

    @router.get("/jobs/{identity}", summary="Get a job and its progress")
    def job(user: User, identity: str) -> JobFacts:
        return _job_facts(service.job(user, identity))

    @router.get("/jobs/{identity}/events", summary="Stream a job's progress as server-sent events")
    def events(user: User, identity: str) -> StreamingResponse:
        service.job(user, identity)
        return StreamingResponse(_events(service, user, identity), media_type="text/event-stream")

    @router.get(
        "/jobs/{identity}/preview",
        summary="Get the latest intermediate result",
        response_class=Response,
        responses=JPEG,
    )
    def live(user: User, identity: str) -> Response:
        return Response(service.live_preview(user, identity), media_type="image/jpeg")

    @router.get("/jobs/{identity}/result", summary="Download the result", response_class=FileResponse)
    def result(
        user: User,
        identity: str,
        form: Annotated[str | None, Query(alias="format", max_length=20)] = None,
        inline: bool = False,
    ) -> FileResponse:
        path, name, kind = service.result(user, identity, form)
        return FileResponse(
            path, media_type=kind, filename=name, content_disposition_type="inline" if inline else "attachment"
        )

    @router.post("/jobs/{identity}/pause", summary="Pause a job")
    def pause(user: User, identity: str) -> JobFacts:
        return _job_facts(service.pause(user, identity))

    @router.post("/jobs/{identity}/resume", summary="Resume a paused, interrupted or failed job")
    def resume(user: User, identity: str) -> JobFacts:
        return _job_facts(service.resume(user, identity))

    @router.post("/jobs/{identity}/cancel", summary="Cancel a job; a running picture or batch keeps the result so far")
    def cancel(user: User, identity: str) -> JobFacts:
        return _job_facts(service.cancel(user, identity))

    @router.delete("/jobs/{identity}", status_code=204, summary="Delete a job and its result")
    def delete(user: User, identity: str) -> None:
        service.remove_job(user, identity)


async def _events(service: Service, user: str, identity: str) -> AsyncIterator[str]:
    last = ""
    while True:
        try:
            job = await run_in_threadpool(service.job, user, identity)
        except NotFoundError:
            return
        facts = _job_facts(job).model_dump(exclude={"request"})
        text = json.dumps(facts)
        if text != last:
            last = text
            yield f"event: progress\ndata: {text}\n\n"
        if job.status not in ("waiting", "running"):
            return
        await asyncio.sleep(EVENTS_EVERY)


def _upload_facts(upload: Upload) -> UploadFacts:
    return UploadFacts(id=upload.id, kind=upload.kind, name=upload.name, bytes=upload.bytes, facts=dict(upload.facts))


def _job_facts(job: Job) -> JobFacts:
    names = set(JobFacts.model_fields) - {"result"}
    return JobFacts(**{name: getattr(job, name) for name in names}, result=bool(job.result))


def _style_facts(style: Any) -> StyleFacts:
    title, artist = style.about.get("title", ""), style.about.get("artist", "")
    return StyleFacts(name=style.name, title=title, artist=artist, own=style.own, methods=list(style.methods))


def answer_errors(app: FastAPI) -> None:
    """Answer each error with its status and one line, without internal details."""

    @app.exception_handler(BrushworkError)
    async def refused(request: Request, error: BrushworkError) -> JSONResponse:
        status = error.status if isinstance(error, StudioError) else 400
        if not isinstance(error, StudioError | UsageError | PictureError):
            logger.warning("request refused", extra={"error": type(error).__name__})
        headers = {"retry-after": str(error.seconds)} if isinstance(error, BusyError) else {}
        return JSONResponse({"error": str(error)}, status, headers)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        return JSONResponse({"error": f"{where}: {first['msg']}" if where else first["msg"]}, 422)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        logger.error("request failed", exc_info=error, extra={"path": request.url.path[:200]})
        return JSONResponse({"error": "internal error; see the log for details"}, 500)
