"""The studio's server: guard, API, page, logins and metrics in one application."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from anyio import to_thread
from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from brushwork.errors import UsageError
from brushwork.studio.api import answer_errors, router_of
from brushwork.studio.connections import PunctualProtocol
from brushwork.studio.devices import DAYS, DEVICE_COOKIE
from brushwork.studio.errors import BusyError
from brushwork.studio.files import StudioFiles
from brushwork.studio.guard import COOKIE, Guard, client_of, token_in
from brushwork.studio.limits import Limits
from brushwork.studio.log import log_to_stderr, logger
from brushwork.studio.login_page import WRONG_PASSWORD, login_page
from brushwork.studio.metrics import JOBS, WAITING, WORKERS
from brushwork.studio.page_server import serve_page
from brushwork.studio.records import ACTIVE, ENDED, RESUMABLE
from brushwork.studio.schemas import Credentials
from brushwork.studio.service import Service
from brushwork.studio.users import Logins, Users
from brushwork.studio.v1.application import api_v1
from brushwork.studio.v1.webhooks import Webhooks
from brushwork.studio.workers import CHECKERS, CHECKS, PAINTERS
from brushwork.version import __version__

__all__ = ["application", "is_loopback", "run"]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
PORT = 7860
THREADS = 40  # for requests that don't wait for a worker


def is_loopback(host: str) -> bool:
    """Whether an address is reachable only from this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def application(
    files: StudioFiles, limits: Limits, *, login: bool = False, page: bool = True, hosts: tuple[str, ...] = LOOPBACK,
    webhook_allow: tuple[str, ...] = (), devices: tuple[str, ...] = ("auto",),
) -> Any:  # fmt: skip
    """The studio as an ASGI application, whose lifespan starts and stops the workers.

    Args:
        files: The studio's folder.
        limits: Its limits.
        login: Whether users must log in.
        page: Whether to serve the page, or only the API.
        hosts: Accepted host names; empty: any.
        webhook_allow: HOST or HOST:PORT that webhooks may name.
        devices: One for each job worker.

    Raises:
        UsageError: An invalid entry of `webhook_allow`.
    """
    service = Service(files, limits, devices)
    webhooks = Webhooks(files, webhook_allow)
    hours, failures = limits.session_hours, limits.login_failures
    logins = Logins(service.users, service.database, hours, failures, service.audit) if login else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # A request occupies a thread while it waits for a worker; other requests must not be blocked by these.
        threads = limits.previews + PAINTERS + CHECKS + CHECKERS + THREADS
        to_thread.current_default_thread_limiter().total_tokens = threads
        service.start()
        webhooks.start()
        try:
            yield
        finally:
            webhooks.close()
            service.close()

    app = FastAPI(
        title="brushwork studio", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url="/api/openapi.json",
    )  # fmt: skip
    app.state.service = service
    answer_errors(app)
    app.include_router(router_of(service))
    app.mount("/api/v1", api_v1(service, webhooks, logins))
    _watching(app, service)
    if logins is not None:
        _logging_in(app, logins)
    if page:
        serve_page(app)
    return Guard(app, limits, logins, hosts)


def _watching(app: FastAPI, service: Service) -> None:
    def alive() -> dict[str, int]:
        checks, previews = service.checks.ready, service.previews.ready
        return {"jobs": service.job_workers.alive, "checks": checks, "previews": previews}

    @app.get("/health", include_in_schema=False)
    def health() -> dict[str, str]:
        """Report that the server is up."""
        return {"status": "ok", "version": __version__}

    @app.get("/ready", include_in_schema=False)
    def ready() -> Response:
        """Report whether the workers are running and ready."""
        workers = {name: bool(count) for name, count in alive().items()}
        return JSONResponse({"ready": all(workers.values()), "workers": workers}, 200 if all(workers.values()) else 503)

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        """Metrics for Prometheus."""
        counts = service.database.counts()
        for status in (*ACTIVE, *RESUMABLE, *ENDED):
            JOBS.labels(status).set(counts.get(status, 0))
        for workers in (service.checks, service.previews):
            WAITING.labels(workers.name).set(workers.waiting)
        for name, count in alive().items():
            WORKERS.labels(name).set(count)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _logging_in(app: FastAPI, logins: Logins) -> None:
    @app.get("/login", include_in_schema=False)
    def form() -> HTMLResponse:
        return HTMLResponse(login_page())

    @app.post("/login", include_in_schema=False)
    async def log_in(
        request: Request, name: Annotated[str, Form()] = "", password: Annotated[str, Form()] = ""
    ) -> Response:
        try:
            token = await run_in_threadpool(logins.log_in, name, password[:1024], *client_of(request))
        except BusyError as busy:
            return HTMLResponse(login_page(str(busy)), busy.status, {"retry-after": str(busy.seconds)})
        if token is None:
            return HTMLResponse(login_page(WRONG_PASSWORD), 401)
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        hours = round(3600 * logins.hours)
        answer.set_cookie(COOKIE, token, max_age=hours, httponly=True, samesite="lax", secure=secure)
        answer.set_cookie(
            DEVICE_COOKIE, logins.device(name), max_age=86_400 * DAYS, httponly=True, samesite="strict", secure=secure
        )
        return answer

    @app.post("/api/sessions", status_code=201, summary="Log in and get a token for Authorization: Bearer")
    async def token(ask: Credentials, request: Request) -> dict[str, str]:
        found = await run_in_threadpool(logins.log_in, ask.name, ask.password, *client_of(request))
        if found is None:
            raise HTTPException(401, WRONG_PASSWORD)
        return {"token": found}

    @app.post("/logout", include_in_schema=False)
    def log_out(request: Request) -> Response:
        logins.log_out(token_in(dict(request.headers)))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer


def run(
    files: StudioFiles,
    limits: Limits,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    names: tuple[str, ...] = (),
    page: bool = True,
    browser: bool = False,
    webhook_allow: tuple[str, ...] = (),
    devices: tuple[str, ...] = ("auto",),
) -> None:
    """Serve until Ctrl-C.

    Args:
        files: The studio's folder.
        limits: Its limits.
        host: Address to listen on; any but a loopback address requires users.
        port: 0 picks a free port.
        names: Additional host names, for an HTTPS reverse proxy.
        page: Whether to serve the page, or only the API.
        browser: Whether to open the page in the browser.
        webhook_allow: HOST or HOST:PORT that webhooks may name.
        devices: One for each job worker.

    Raises:
        UsageError: A public address without users; a port or a folder that is in use, or is only restored in part.
    """
    if files.restoring.exists():
        raise UsageError(f"{files.root} is only restored in part; run brushwork studio restore again")
    os.umask(0o077)  # whatever the server and its workers write is its owner's alone
    login = bool(Users(files.root / "users.json").names())
    if not is_loopback(host) and not login:
        raise UsageError(
            f"--host {host} is reachable from other machines, so users must log in; "
            "add a user first: brushwork studio users add NAME"
        )
    log_to_stderr()
    server_socket = _bound(host, port)
    held = files.claim()
    port = server_socket.getsockname()[1]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    hosts = (*LOOPBACK, host, *names) if is_loopback(host) else ()
    gc.disable()  # garbage collection took a fifth of the startup time
    app = application(files, limits, login=login, page=page, hosts=hosts, webhook_allow=webhook_allow, devices=devices)
    gc.freeze()
    gc.enable()
    server_socket.listen()  # early connections wait until the server is up
    logger.info("the studio is there", extra={"url": url, "folder": str(files.root), "login": login})
    if browser:
        threading.Timer(0.5, webbrowser.open, [url]).start()
    config = uvicorn.Config(
        app, http=PunctualProtocol, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=3
    )
    try:
        uvicorn.Server(config).run(sockets=[server_socket])
    finally:
        held.release()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; use --port 0 for a free port"
        ) from error
    return bound
