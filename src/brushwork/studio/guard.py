"""Middleware that checks each request's user, origin and size, and adds security headers to each response."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request

from brushwork.studio.devices import DEVICE_COOKIE
from brushwork.studio.errors import StudioError
from brushwork.studio.limits import Limits
from brushwork.studio.log import logger
from brushwork.studio.metrics import REQUEST_SECONDS, REQUESTS
from brushwork.studio.problems import MEDIA_TYPE, problem
from brushwork.studio.users import LOCAL, Logins

__all__ = ["COOKIE", "Guard", "client_of", "cookie_in", "token_in"]

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "brushwork_session"
V1 = "/api/v1/"
OPEN = ("/login", "/api/sessions", f"{V1}sessions", f"{V1}client.js", "/health", "/ready")  # without a login
SENDS_FILES = ("/api/uploads", f"{V1}uploads")
# Routes with metrics of their own. Others are counted together, since clients could request any number of paths.
ROUTES = (
    "/", "/api/uploads", "/api/styles", "/api/methods", "/api/previews", "/api/jobs", "/api/sessions",
    "/api/openapi.json", f"{V1}uploads", f"{V1}styles", f"{V1}methods", f"{V1}previews", f"{V1}jobs", f"{V1}sessions",
    f"{V1}openapi.json", f"{V1}account", f"{V1}admin", "/login", "/logout", "/health", "/ready",
    "/metrics",
)  # fmt: skip
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# No inline script or style; blobs are pictures that the page has fetched itself.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
# Of the API before v1, which answers for one more version (RFC 9745; in seconds since 1970: December 2026).
DEPRECATED = {"deprecation": "@1796083200", "link": '</api/v1/openapi.json>; rel="successor-version"'}
SILENCE = 30.0  # seconds without any byte after which the rest of a request is given up
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}


class Guard:
    """ASGI middleware.

    Args:
        app: The wrapped application.
        limits: Size limits.
        logins: Logins; None: no login, for use on this machine.
        hosts: Accepted host names; empty: any, because there are logins.
    """

    def __init__(
        self,
        app: App,
        limits: Limits,
        logins: Logins | None,
        hosts: tuple[str, ...] = (),
    ) -> None:
        self.app, self.limits, self.logins, self.hosts = app, limits, logins, tuple(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle or refuse a request."""
        if scope["type"] == "websocket":  # neither the page nor the API needs one
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, told = time.perf_counter(), {"status": 500}
        path = scope["path"]

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                given = {name for name, _ in message.get("headers", [])}
                wanted = {**HEADERS, "content-security-policy": PAGE_POLICY if path == "/" else POLICY}
                if path.startswith("/api/") and not path.startswith(V1):
                    wanted = {**wanted, **DEPRECATED}
                more = [(n.encode(), v.encode()) for n, v in wanted.items() if n.encode() not in given]
                if path.startswith(("/api", "/login")) and b"cache-control" not in given:
                    more.append((b"cache-control", b"no-store"))
                message = {**message, "headers": [*message.get("headers", []), *more]}
            await send(message)

        try:
            await self._guarded(scope, receive, sending)
        finally:
            self._told(scope, told["status"], time.perf_counter() - began)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path, method = scope["path"], scope["method"]
        refusal = self._refusal(headers, method, path)
        if refusal is not None:
            await _answer(send, path, *refusal)
            return
        user = LOCAL if self.logins is None else self.logins.user_of(token_in(headers))
        if user is None and path not in OPEN:
            await self._turned_away(send, path, headers)
            return
        scope.setdefault("state", {})["user"] = user
        if method == "POST" and path in SENDS_FILES and self._is_viewer(str(user)):
            await _answer(send, path, 403, "viewers may look at what they have and download it, and send nothing")
            return
        sized = _Sized(receive, send, path, self._most(path))
        try:
            await self.app(scope, sized.receive, sized.send)
        except StudioError as error:
            await _answer(sized.send, path, error.status, str(error))
        except ClientDisconnect:
            if not sized.refused:
                raise

    def _is_viewer(self, user: str) -> bool:
        return self.logins is not None and self.logins.users.account(user).role == "viewer"

    def _most(self, path: str) -> int:
        """Maximum size of a request body for this path, in bytes."""
        return self.limits.upload_mb * 1_000_000 + 100_000 if path in SENDS_FILES else self.limits.body_kb * 1000

    def _refusal(self, headers: dict[str, str], method: str, path: str) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self.hosts and _name_of(host) not in self.hosts:
            return 403, "unknown host name"
        if method not in ("GET", "HEAD", "OPTIONS"):
            origin = headers.get("origin")
            if (origin is not None and urlsplit(origin).netloc != host) or headers.get("sec-fetch-site") in (
                "cross-site",
                "same-site",
            ):
                return 403, "requests from other sites' pages are refused"
        length = headers.get("content-length", "0")
        if not length.isdigit():
            return 400, "content-length is not a number"
        if int(length) > self._most(path):
            return 413, _too_large(int(length), self._most(path))
        return None

    async def _turned_away(self, send: Send, path: str, headers: dict[str, str]) -> None:
        if "text/html" in headers.get("accept", "") and not path.startswith("/api"):
            await send({"type": "http.response.start", "status": 303, "headers": [(b"location", b"/login")]})
            await send({"type": "http.response.body", "body": b""})
            return
        await _answer(send, path, 401, "log in first")

    def _told(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"]
        parts = 4 if path.startswith(V1) else 3 if path.startswith("/api/") else 2
        route = "/".join(path.split("/")[:parts])
        known = route if route in ROUTES else "other"
        method = scope["method"] if scope["method"] in METHODS else "other"
        REQUESTS.labels(method, known, str(status)).inc()
        REQUEST_SECONDS.labels(known).observe(seconds)
        if path.startswith("/api") or status >= 400:
            user = scope.get("state", {}).get("user")
            facts = {"method": scope["method"], "path": path[:200], "status": status, "seconds": round(seconds, 3)}
            logger.info("request", extra={**facts, "user": user})


class _Sized:
    """Limits the size of a request body, also when it has no Content-Length.

    Args:
        receive: Receives from the client.
        send: Sends to the client.
        path: The path of the request.
        most: Maximum size in bytes.
    """

    def __init__(self, receive: Receive, send: Send, path: str, most: int) -> None:
        self._receive, self._send, self._path, self._most = receive, send, path, most
        self._seen, self._ended = 0, False
        self.refused = False

    async def receive(self) -> MutableMapping[str, Any]:
        """The next message; a disconnect once the limit is exceeded, or if the body stops coming."""
        message: MutableMapping[str, Any] = {"type": "http.disconnect"}
        try:
            if not self.refused:  # after the body, a disconnect may take as long as it likes
                message = await asyncio.wait_for(self._receive(), None if self._ended else SILENCE)
        except asyncio.TimeoutError:
            self.refused = True
            await _answer(self._send, self._path, 408, f"nothing came for {SILENCE:.0f} seconds")
        self._ended = self._ended or not message.get("more_body")
        self._seen += len(message.get("body", b""))
        if self._seen <= self._most:
            return message
        if not self.refused:
            self.refused = True
            await _answer(self._send, self._path, 413, _too_large(self._seen, self._most))
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send the application's response, unless the request was refused already."""
        if not self.refused:
            await self._send(message)


def _too_large(size: int, most: int) -> str:
    return f"{size:,} bytes are more than the limit of {most:,} here"


def token_in(headers: dict[str, str]) -> str:
    """The session token from the cookie or from "Authorization: Bearer"; "" if there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return cookie_in(headers, COOKIE)


def cookie_in(headers: Mapping[str, str], name: str) -> str:
    """A cookie's value; "" if there is none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def client_of(request: Request) -> tuple[str, str]:
    """The client's address and device cookie."""
    return request.client.host if request.client else "", cookie_in(request.headers, DEVICE_COOKIE)


def _name_of(host: str) -> str:
    """A host without its port."""
    return (host.rsplit(":", 1)[0] if not host.endswith("]") else host).lower().rstrip(".")


async def _answer(send: Send, path: str, status: int, message: str) -> None:
    content, kind = ({"error": message}, "application/json")
    if path.startswith(V1):
        content, kind = problem(status, message, path), MEDIA_TYPE
    body = json.dumps(content).encode()
    headers = [(b"connection", b"close")] if status == 408 else []
    headers += [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
