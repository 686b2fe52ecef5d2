"""Messages of the library in terms of a request: its advice names flags of the command, which a studio hasn't got."""

from __future__ import annotations

import re

__all__ = ["in_request_terms"]

FIELDS = ("preset", "method", "size", "style", "keep-color", "keep-color-when", "depth", "smoothing")
_FLAG = re.compile(r"(?<!\S)(?:\(?)--([a-z][a-z-]*)")
_OR = re.compile(r",? or (?=\w+ )")


def in_request_terms(message: str) -> str:
    """Name a request's fields in place of flags, and leave out advice that only the command can follow.

    >>> in_request_terms("too large; choose a smaller --size, or raise the limit with --max-pixels 9")
    'too large; choose a smaller size'
    >>> in_request_terms("too large; if you trust the file, raise the limit with --max-pixels 9")
    'too large'
    """
    if "--" not in message:
        return message
    found, *advice = message.split("; ")
    kept = [found]
    for clause in advice:
        ways = [way for way in _OR.split(clause) if set(_FLAG.findall(way)) <= set(FIELDS)]
        if ways:
            kept.append(", or ".join(ways))
    return _FLAG.sub(lambda flag: flag[0].replace("--", "").replace("-", "_"), "; ".join(kept))
