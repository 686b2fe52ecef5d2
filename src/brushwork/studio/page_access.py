"""Access control for the page: an allowlist of routes, and only the user's own uploads.

Gradio reads and copies any file whose path is in a request. So each request is checked before Gradio sees it: a path
must be exactly one that Gradio returned to this user for an upload.
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from brushwork.studio.errors import NotAllowedError, StudioError

__all__ = ["COMPONENT_ROUTE", "FILE_ROUTE", "UPLOAD_ROUTE", "PageFiles", "checked_body", "is_reachable", "needs_check"]

UPLOAD_ROUTE, FILE_ROUTE = "/gradio_api/upload", "/gradio_api/file="
COMPONENT_ROUTE = "/gradio_api/component_server"
FOLDERS = ("/api/", "/assets/", "/next", "/shown/", "/static/", FILE_ROUTE, "/gradio_api/heartbeat/")
ROUTES = frozenset(
    (
        "/", "/config", "/favicon.ico", "/health", "/login", "/logout", "/manifest.json", "/metrics", "/ready",
        "/robots.txt", "/theme.css", UPLOAD_ROUTE, COMPONENT_ROUTE, "/gradio_api/cancel", "/gradio_api/info",
        "/gradio_api/queue/data", "/gradio_api/queue/join", "/gradio_api/reset", "/gradio_api/startup-events",
        "/gradio_api/upload_progress", "/gradio_api/theme.css",
    )
)  # fmt: skip
KEPT = 10_000  # files per user to remember
DEEPEST = 50  # nesting levels of a request's JSON; the page needs five


def is_reachable(path: str) -> bool:
    """Whether a path is a route of the studio, or one of Gradio's that the page uses.

    All others are closed: they bypass the queue, fetch from other servers or run ffmpeg.

    >>> is_reachable("/gradio_api/queue/join"), is_reachable("/gradio_api/process_recording")
    (True, False)
    """
    return path in ROUTES or path.startswith(FOLDERS)


def needs_check(method: str, path: str, content_type: str) -> bool:
    """Whether Gradio looks for files in the request's body."""
    if method in ("GET", "HEAD", "OPTIONS") or not path.startswith("/gradio_api/") or path == UPLOAD_ROUTE:
        return False
    # A drawing is sent as a form. Gradio makes the same comparison; forms contain files and refer to none.
    return not (path == COMPONENT_ROUTE and content_type.startswith("multipart/form-data"))


class PageFiles:
    """The owners of files uploaded to the page."""

    def __init__(self) -> None:
        self._of: defaultdict[str, dict[str, None]] = defaultdict(dict)  # user → paths, oldest first
        self._lock = threading.Lock()

    def add(self, user: str, path: str) -> None:
        """Record a file that a user has uploaded; users who upload the same file share it.

        What is no longer remembered is deleted, so that no file escapes `size`.
        """
        with self._lock:
            paths = self._of[user]
            paths.pop(path, None)
            paths[path] = None
            while len(paths) > KEPT:
                oldest = next(iter(paths))
                del paths[oldest]
                if not any(oldest in others for others in self._of.values()):
                    Path(oldest).unlink(missing_ok=True)

    def owns(self, user: str, path: Any) -> bool:
        """Whether a user has uploaded the file at exactly this path."""
        return isinstance(path, str) and path in self._of.get(user, ())

    def size(self, user: str) -> int:
        """Total size of a user's uploads that still exist, in bytes; the others are forgotten."""
        total = 0
        with self._lock:
            paths = self._of.get(user, {})
            for path in list(paths):
                try:
                    total += os.stat(path).st_size  # noqa: PTH116 - quick
                except OSError:
                    del paths[path]
        return total


def checked_body(body: bytes, owns: Callable[[Any], bool], own_address: Callable[[Any], bool]) -> bytes:
    """Check a JSON body and serialize it again, so that Gradio reads exactly what was checked.

    Args:
        body: The request body.
        owns: Whether the user has uploaded the file at a path.
        own_address: Whether a URL is one of this studio's for the user's browser.

    Raises:
        StudioError: It is not a JSON object.
        NotAllowedError: It refers to a file that the user has not uploaded. The message is the same for every file,
            and the disk is not accessed.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise StudioError("expected a JSON object") from None
    if not isinstance(content, dict):
        raise StudioError("expected a JSON object")
    # Event data (such as a selected picture) contains URLs and is never opened.
    event = content.pop("event_data", None)
    for file in _files_in(content):
        url = file.pop("url", None)  # Gradio recreates it from the path
        if not owns(file.get("path")) and (file.get("path"), url) != (None, None):
            raise _refused()
    for file in _files_in(event):
        for key in ("path", "url"):
            if file.get(key) is not None and not (owns(file[key]) or own_address(file[key])):
                raise _refused()
    if event is not None:
        content["event_data"] = event
    return json.dumps(content).encode()


def _refused() -> NotAllowedError:
    return NotAllowedError("a request may only refer to files that you have uploaded")


def _files_in(value: Any) -> Iterator[dict[str, Any]]:
    """All objects within a value that refer to a file, whether or not Gradio would recognize them."""
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST:
            raise StudioError(f"expected at most {DEEPEST} levels of JSON")
        if isinstance(item, dict):
            if "path" in item or "url" in item:
                yield item
            waiting.extend((inner, depth + 1) for inner in item.values())
        elif isinstance(item, list):
            waiting.extend((inner, depth + 1) for inner in item)
