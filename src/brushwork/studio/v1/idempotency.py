"""Requests that are sent again do what they did the first time: nothing more."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Header

from brushwork.studio.database import Database
from brushwork.studio.errors import ConflictError, KeyReusedError, NotFoundError
from brushwork.studio.records import IdempotencyKey

__all__ = ["Key", "key_of", "once"]

Thing = TypeVar("Thing")
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=255,
        description="chosen by you, such as a UUID; the same request with the same key is done once, within a day",
    ),
]  # fmt: skip


def key_of(key: str | None, what: str, content: bytes | str) -> IdempotencyKey | None:
    """The key of a request for `what`, with a digest of its content; None if it has none."""
    data = content.encode() if isinstance(content, str) else content
    return None if key is None else IdempotencyKey(key, hashlib.sha256(what.encode() + b"\0" + data).hexdigest())


def once(
    database: Database, user: str, key: IdempotencyKey | None, find: Callable[[str], Thing], make: Callable[[], Thing]
) -> tuple[Thing, bool]:
    """Make a thing, or find the one that a request with this key has made; whether it was found.

    Args:
        database: Where keys are stored, together with what is made.
        user: Whose key it is.
        key: The key, if any.
        find: A thing by its ID.
        make: Makes it, and stores the key with it.

    Raises:
        KeyReusedError: The key came with another request before.
        ConflictError: What was made then is deleted.
    """
    if key is None:
        return make(), False
    if database.key(user, key.key) is None:
        try:
            return make(), False
        except sqlite3.IntegrityError:  # the same request, sent twice at once, was faster
            pass
    kept = database.key(user, key.key)
    if kept is None or kept.digest != key.digest:
        raise KeyReusedError("Idempotency-Key: came with another request before; choose a new one")
    try:
        return find(kept.made_id), True
    except NotFoundError:
        raise ConflictError("what was made with this Idempotency-Key is deleted; choose a new one") from None
