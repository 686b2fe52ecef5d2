"""Answers that a client may already have: ETag and If-None-Match."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse

__all__ = ["JPEG", "tagged", "tagged_file"]

JPEG = "image/jpeg"
KEEP = {"cache-control": "private, no-cache"}  # keep it, but ask each time whether it is still the same


def tagged(request: Request, content: bytes, media_type: str = JPEG) -> Response:
    """A picture with its ETag, or 304 if the client has it."""
    tag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    if _has(request, tag):
        return Response(status_code=304, headers={**KEEP, "etag": tag})
    return Response(content, media_type=media_type, headers={**KEEP, "etag": tag})


def tagged_file(request: Request, path: Path, media_type: str, name: str, *, inline: bool) -> Response:
    """A file with an ETag of its time and size, or 304 if the client has it."""
    answer = FileResponse(
        path, media_type=media_type, filename=name, stat_result=path.stat(), headers=KEEP,
        content_disposition_type="inline" if inline else "attachment",
    )  # fmt: skip
    tag = answer.headers["etag"]
    return Response(status_code=304, headers={**KEEP, "etag": tag}) if _has(request, tag) else answer


def _has(request: Request, tag: str) -> bool:
    """Whether If-None-Match names a tag."""
    given = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    return tag in given or given == ["*"]
