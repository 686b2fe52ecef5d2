"""API v1 as an application of its own, mounted at /api/v1, whose errors are problem details."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from brushwork.errors import BrushworkError, PictureError, UsageError
from brushwork.studio.advice import in_request_terms
from brushwork.studio.errors import NotFoundError, StudioError
from brushwork.studio.guard import client_of
from brushwork.studio.log import logger
from brushwork.studio.problems import MEDIA_TYPE, PROBLEMS, Problem, problem, problem_of, slug
from brushwork.studio.schemas import Credentials
from brushwork.studio.service import Service
from brushwork.studio.users import Logins
from brushwork.studio.v1.accounts import accounts_router
from brushwork.studio.v1.jobs import jobs_router, webhooks_router
from brushwork.studio.v1.models import Token
from brushwork.studio.v1.rate_limit import RateLimited
from brushwork.studio.v1.styles import previews_router, styles_router
from brushwork.studio.v1.uploads import uploads_router
from brushwork.studio.v1.webhooks import Webhooks
from brushwork.version import __version__

__all__ = ["api_v1"]

CLIENT = Path(__file__).with_name("client.js")
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status, words in {
        400: "Invalid request", 401: "Login required", 403: "Not allowed", 404: "Not found, or not yours",
        408: "The rest of the request did not come", 409: "Not possible in this state, or superseded",
        413: "Too large", 422: "Invalid content, or an Idempotency-Key of another request",
        429: "Too many requests; see Retry-After", 503: "Busy; see Retry-After",
        504: "Stopped at its deadline; see Retry-After",
    }.items()
}  # fmt: skip


def api_v1(service: Service, webhooks: Webhooks, logins: Logins | None) -> FastAPI:
    """The application.

    Args:
        service: The studio.
        webhooks: Its webhooks.
        logins: Its logins, or None.
    """
    app = FastAPI(title="brushwork studio", version=__version__, docs_url=None, redoc_url=None, responses=REFUSALS)
    app.add_middleware(RateLimited, most=service.limits.requests)
    for router in (
        uploads_router(service), styles_router(service), previews_router(service), jobs_router(service, webhooks),
        webhooks_router(webhooks), accounts_router(service),
    ):  # fmt: skip
        app.include_router(router)
    _about(app)
    if logins is not None:
        _logging_in(app, logins)
    _answer_errors(app)
    _describe(app)
    return app


def _about(app: FastAPI) -> None:
    @app.get("/client.js", include_in_schema=False)
    def client() -> FileResponse:
        """The JavaScript client."""
        return FileResponse(CLIENT, media_type="text/javascript", headers={"cache-control": "no-cache"})

    @app.get("/problems/{name}", summary="Get the description of a kind of problem", tags=["problems"])
    def described(name: str) -> dict[str, str | int]:
        for title, (status, words) in PROBLEMS.items():
            if slug(title) == name:
                return {"title": title, "status": status, "description": words}
        raise NotFoundError(f"there is no problem {name[:40]!r}")


def _logging_in(app: FastAPI, logins: Logins) -> None:
    @app.post("/sessions", status_code=201, summary="Log in and get a token for Authorization: Bearer", tags=["login"])
    async def log_in(ask: Credentials, request: Request) -> Token:
        found = await run_in_threadpool(logins.log_in, ask.name, ask.password, *client_of(request))
        if found is None:
            raise _WrongPasswordError("wrong name or password")
        return Token(token=found)


class _WrongPasswordError(StudioError):
    """There is no such user, or the password is another one."""

    status = 401
    title = "Wrong password"


def _answer_errors(app: FastAPI) -> None:
    """Answer each error with a problem, without internal details."""

    def answered(content: dict[str, Any], headers: Any = None) -> JSONResponse:
        return JSONResponse(content, content["status"], headers, MEDIA_TYPE)

    @app.exception_handler(BrushworkError)
    async def refused(request: Request, error: BrushworkError) -> JSONResponse:
        if not isinstance(error, StudioError | UsageError | PictureError):
            logger.warning("request refused", extra={"error": type(error).__name__})
        return answered(*problem_of(error, request.url.path, in_request_terms(str(error))))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        path, found = request.url.path, error.errors()
        if any(part["type"] == "json_invalid" for part in found):
            return answered(problem(400, "the body is not JSON", path))
        fields = [{"pointer": _pointer(part["loc"]), "detail": part["msg"]} for part in found[:20]]
        where = ".".join(str(part) for part in found[0]["loc"] if part != "body")
        detail = f"{where}: {found[0]['msg']}" if where else found[0]["msg"]
        return answered(problem(422, detail, path, errors=fields))

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        return answered(problem(error.status_code, str(error.detail), request.url.path), error.headers)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        logger.error("request failed", exc_info=error, extra={"path": request.url.path[:200]})
        return answered(problem(500, "internal error; see the log for details", request.url.path))


def _pointer(place: tuple[int | str, ...]) -> str:
    """A place in a request as a JSON pointer in a URI fragment."""
    return "#/" + "/".join(str(part).replace("~", "~0").replace("/", "~1")[:80] for part in place)


def _describe(app: FastAPI) -> None:
    """Describe problems in the OpenAPI document, in place of FastAPI's own errors."""
    own: Callable[[], dict[str, Any]] = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schemas = own()["components"]["schemas"]
            found = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= {**found.pop("$defs"), "Problem": found}
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
        return app.openapi_schema or {}

    app.openapi = described  # type: ignore[method-assign]
