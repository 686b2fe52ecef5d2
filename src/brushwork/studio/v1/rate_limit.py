"""How many requests a user may send, told with each answer (draft-ietf-httpapi-ratelimit-headers)."""

from __future__ import annotations

import threading
import time
from collections.abc import MutableMapping
from typing import Any

from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from brushwork.studio.problems import MEDIA_TYPE, problem

__all__ = ["RateLimited", "quota_headers"]

WINDOW = 60  # seconds


def quota_headers(
    name: str, most: int, left: int, reset: int | None = None, window: int | None = None
) -> dict[str, str]:
    """The headers RateLimit-Policy and RateLimit.

    Args:
        name: What is limited.
        most: How many are allowed, per window or at a time.
        left: How many are left.
        reset: Seconds until all are allowed again, or None if that isn't known.
        window: Seconds, or None if it is a limit of how many there are at a time.
    """
    policy = f'"{name}";q={most}' + (f";w={window}" if window is not None else "")
    return {
        "ratelimit-policy": policy,
        "ratelimit": f'"{name}";r={max(0, left)}' + (f";t={reset}" if reset is not None else ""),
    }


class RateLimited:
    """ASGI middleware that counts requests per user and minute.

    Args:
        app: The wrapped application.
        most: Requests per user and minute.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most
        self._counts: dict[str, int] = {}  # of the current window
        self._ends = 0.0
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse a request."""
        user = scope.get("state", {}).get("user")
        if user is None:  # whoever logs in is limited elsewhere, and must not be kept out by others
            await self.app(scope, receive, send)
            return
        count, left = self._count(user)
        headers = quota_headers("requests", self.most, self.most - count, left, WINDOW)

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in headers.items():
                    found.append(name, value)
            await send(message)

        if count > self.most:
            words = f"more than {self.most} requests in a minute; try again in {left} seconds"
            content = problem(429, words, scope["path"], retry_after=left)
            refusal = JSONResponse(content, 429, {"retry-after": str(left)}, MEDIA_TYPE)
            await refusal(scope, receive, sending)
            return
        await self.app(scope, receive, sending)

    def _count(self, user: str) -> tuple[int, int]:
        """Count a request: the user's number in this window, and the seconds that are left of it."""
        now = time.monotonic()
        with self._lock:
            if now >= self._ends:
                self._counts, self._ends = {}, now + WINDOW
            self._counts[user] = self._counts.get(user, 0) + 1
            return self._counts[user], max(1, round(self._ends - now))
