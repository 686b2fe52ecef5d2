"""Errors of API v1 as problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from brushwork.errors import BrushworkError
from brushwork.studio import errors
from brushwork.studio.errors import BusyError, StudioError

__all__ = ["MEDIA_TYPE", "PROBLEMS", "Problem", "problem", "problem_of", "slug"]

MEDIA_TYPE = "application/problem+json"
TYPES = "/api/v1/problems/"  # the folder of their descriptions


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    pointer: str = Field(description="where in the request, such as #/body/size")
    detail: str


class Problem(BaseModel):
    """Why a request was refused."""

    type: str = Field(description="identifies the kind of problem; a description is at this address")
    title: str = Field(description="the kind of problem in words")
    status: int
    detail: str = Field(description="what is wrong with this request, in one line")
    instance: str = Field(description="the path of the request")
    retry_after: int | None = Field(default=None, description="seconds until a retry is worthwhile")
    errors: list[FieldProblem] | None = Field(default=None, description="each invalid field, if there are any")


def _described() -> dict[str, tuple[int, str]]:
    """Status and description of each kind of problem, by title."""
    own = [getattr(errors, name) for name in errors.__all__]
    found = {kind.title: (kind.status, str(kind.__doc__).splitlines()[0]) for kind in own}
    return found | {
        "Login required": (401, "No login, or one that has expired."),
        "Wrong password": (401, "There is no such user, or the password is another one."),
        "Method not allowed": (405, "This address does not answer to this HTTP method; see the header Allow."),
        "Request timeout": (408, "The rest of the request did not come."),
        "Invalid content": (422, "The request does not have the described form; `errors` lists what is wrong."),
        "Internal error": (500, "The studio failed; its log has the details."),
    }


PROBLEMS = _described()
# Of statuses that stand for one kind of problem.
_TITLES = {status: title for title, (status, _) in reversed(PROBLEMS.items())}
_TITLES |= {400: "Invalid request", 401: "Login required", 409: "Not possible now", 422: "Invalid content"}


def slug(title: str) -> str:
    """The last part of a problem's type.

    >>> slug("Too large")
    'too-large'
    """
    return title.lower().replace(" ", "-")


def problem(status: int, detail: str, path: str, title: str = "", **more: Any) -> dict[str, Any]:
    """A problem as JSON.

    Args:
        status: The HTTP status.
        detail: One line.
        path: The path of the request.
        title: A key of PROBLEMS; "": the usual one of this status.
        more: retry_after, errors.
    """
    title = title or _TITLES.get(status) or HTTPStatus(status).phrase
    kind = f"{TYPES}{slug(title)}" if title in PROBLEMS else "about:blank"
    found = Problem(type=kind, title=title, status=status, detail=detail, instance=path[:200], **more)
    return found.model_dump(exclude_none=True)


def problem_of(error: BrushworkError, path: str, detail: str) -> tuple[dict[str, Any], dict[str, str]]:
    """An error's problem as JSON, and its headers.

    Args:
        error: An error of the studio or of the library.
        path: The path of the request.
        detail: The error's message for users.
    """
    if not isinstance(error, StudioError):
        return problem(400, detail, path), {}
    if isinstance(error, BusyError):
        content = problem(error.status, detail, path, error.title, retry_after=error.seconds)
        return content, {"retry-after": str(error.seconds)}
    return problem(error.status, detail, path, error.title), {}
