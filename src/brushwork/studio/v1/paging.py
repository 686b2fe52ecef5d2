"""Lists in parts: a cursor names the last item of the part before, so that nothing is listed twice or left out."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query

from brushwork.errors import UsageError
from brushwork.studio.records import Place
from brushwork.studio.v1.models import Page

__all__ = ["Cursor", "Most", "name_in", "page_of", "place_in"]

Thing = TypeVar("Thing")
Facts = TypeVar("Facts")
Most = Annotated[int, Query(alias="limit", ge=1, le=200, description="items in this part, at most")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the part before; null: from the start")]


def page_of(
    found: Sequence[Thing], most: int, facts: Callable[[Thing], Facts], place: Callable[[Thing], list[Any]]
) -> Page[Facts]:
    """A part of a list.

    Args:
        found: Up to `most` + 1 things, the last of which tells that there are more.
        most: Maximum number of items.
        facts: A thing as it is answered.
        place: A thing's place in the list, as JSON.
    """
    shown, more = found[:most], len(found) > most
    return Page(items=[facts(thing) for thing in shown], next=_cursor(place(shown[-1])) if more else None)


def place_in(cursor: str | None) -> Place | None:
    """The place that a cursor of jobs or uploads names.

    Raises:
        UsageError: It is not a cursor.
    """
    match _read(cursor):
        case None:
            return None
        case [float() as made, str() as identity]:
            return made, identity
    raise _refused()


def name_in(cursor: str | None) -> str:
    """The name that a cursor of styles names; "" for the start.

    Raises:
        UsageError: It is not a cursor.
    """
    match _read(cursor):
        case None:
            return ""
        case [str() as name]:
            return name
    raise _refused()


def _cursor(place: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _read(cursor: str | None) -> Any:
    if not cursor:
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise _refused() from None


def _refused() -> UsageError:
    return UsageError("cursor: expected `next` of an earlier answer")
