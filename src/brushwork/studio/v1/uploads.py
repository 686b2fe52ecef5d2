"""Uploads: pictures and films, sent once and referred to by their IDs."""

from __future__ import annotations

import hashlib
import pathlib
import tempfile
from typing import Annotated

from fastapi import APIRouter, File, Path, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from brushwork.studio.api import BLOCK, JPEG, PNG, User
from brushwork.studio.files import called
from brushwork.studio.service import Service
from brushwork.studio.v1.etags import tagged
from brushwork.studio.v1.events import STRIP_EVENTS, strip_events
from brushwork.studio.v1.idempotency import Key, key_of, once
from brushwork.studio.v1.models import Cuts, FaceFacts, Page, UploadFacts, face_facts, upload_facts
from brushwork.studio.v1.paging import Cursor, Most, page_of, place_in
from brushwork.studio.v1.tiles import tile_routes

__all__ = ["uploads_router"]


def uploads_router(service: Service) -> APIRouter:
    """The routes of uploads."""
    router = APIRouter(prefix="/uploads", tags=["uploads"])
    _films(router, service)
    _faces(router, service)
    tile_routes(router, service, service.picture, "an upload")

    @router.post("", status_code=201, summary="Upload a picture or a film")
    async def upload(user: User, file: Annotated[UploadFile, File()], key: Key = None) -> UploadFacts:
        path, digest = await _received(file, service.files.root)
        name = called(file.filename or "file")

        def take() -> UploadFacts:
            database, kept = service.database, key_of(key, "upload", f"{digest} {name}")
            try:
                find, make = (lambda made: service.upload(user, made)), lambda: service.take(user, path, name, kept)
                return upload_facts(once(database, user, kept, find, make)[0])
            finally:
                path.unlink(missing_ok=True)

        return await run_in_threadpool(take)

    @router.get("", summary="List your uploads, newest first")
    def uploads(user: User, most: Most = 50, cursor: Cursor = None) -> Page[UploadFacts]:
        found = service.database.uploads_after(user, most + 1, place_in(cursor))
        return page_of(found, most, upload_facts, lambda upload: [upload.made, upload.id])

    @router.get("/{identity}", summary="Get an upload's properties")
    def facts(user: User, identity: str) -> UploadFacts:
        return upload_facts(service.upload(user, identity))

    @router.get("/{identity}/view", summary="Get a picture of an upload", response_class=Response, responses=JPEG)
    def view(
        request: Request, user: User, identity: str, size: Annotated[int, Query(ge=64, le=1024)] = 320
    ) -> Response:
        return tagged(request, service.thumbnail(user, identity, size))

    @router.get(
        "/{identity}/styles",
        summary="Stream small pictures of an upload in all styles as server-sent events",
        response_class=StreamingResponse,
        responses=STRIP_EVENTS,
    )
    def strip(user: User, identity: str) -> StreamingResponse:
        return StreamingResponse(strip_events(service.strip(user, identity)), media_type="text/event-stream")

    @router.delete("/{identity}", status_code=204, summary="Delete an upload")
    def delete(user: User, identity: str) -> None:
        service.remove_upload(user, identity)

    return router


def _faces(router: APIRouter, service: Service) -> None:
    @router.get("/{identity}/faces", summary="Find the faces in an upload, the surest first")
    def faces(user: User, identity: str) -> list[FaceFacts]:
        return [face_facts(face) for face in service.faces(user, identity)]

    @router.get(
        "/{identity}/face-mask",
        summary="Get the mask by which the faces in an upload are protected",
        response_class=Response,
        responses=PNG,
    )
    def face_mask(request: Request, user: User, identity: str) -> Response:
        return tagged(request, service.face_mask(user, identity), "image/png")


def _films(router: APIRouter, service: Service) -> None:
    @router.get(
        "/{identity}/frames",
        summary="Get frames of a film at equal distances, side by side in one picture",
        response_class=Response,
        responses=JPEG,
    )
    def frames(
        request: Request,
        user: User,
        identity: str,
        count: Annotated[int, Query(ge=1, le=60)] = 16,
        height: Annotated[int, Query(ge=24, le=160, description="in pixels")] = 64,
    ) -> Response:
        return tagged(request, service.film_strip(user, identity, count, height))

    @router.get("/{identity}/frames/{number}", summary="Get a frame of a film", response_class=Response, responses=JPEG)
    def frame(
        request: Request,
        user: User,
        identity: str,
        number: Annotated[int, Path(ge=0, le=10_000_000, description="counted from 0")],
        size: Annotated[int, Query(ge=0, le=30_000, description="longer side in pixels; 0: the film's own")] = 1024,
    ) -> Response:
        return tagged(request, service.film_frame(user, identity, number, size))

    @router.get("/{identity}/cuts", summary="Find the cuts of a film")
    def cuts(user: User, identity: str) -> Cuts:
        return Cuts(seconds=service.cuts(user, identity))


async def _received(file: UploadFile, folder: pathlib.Path) -> tuple[pathlib.Path, str]:
    """A file that was sent, in a folder, and its SHA-256."""
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".sent-", delete=False) as kept:
        path = pathlib.Path(kept.name)
        try:
            while block := await file.read(BLOCK):
                digest.update(block)
                kept.write(block)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return path, digest.hexdigest()
