"""The exceptions that brushwork raises.

BrushworkError                 base class of all
├── UsageError                 a wrong option, value or argument; the command exits with 2
├── PictureError               an image file that can't be read or written; names the file
├── SavedElsewhereError        a result that was saved to a different file than requested; names both
├── WeightsError               weights that are missing, damaged or for another network
└── Interrupted                the user stopped the work; carries the best result so far

Each message says in one line what was passed, what is expected and what to do.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

__all__ = [
    "BrushworkError",
    "Interrupted",
    "PictureError",
    "SavedElsewhereError",
    "UsageError",
    "WeightsError",
    "first_line",
    "is_address",
    "no_such_file",
]


class BrushworkError(Exception):
    r"""Base class of brushwork's exceptions; the message is one line for the user.

    Line breaks and control characters in it, as a damaged recipe may have them in a name, are shown escaped.

    >>> str(BrushworkError("no file named a\nb"))
    'no file named a\\nb'
    """

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in message))


class UsageError(BrushworkError, ValueError):
    """A wrong option, value or argument."""

    exit_code = 2


class PictureError(BrushworkError):
    """An image file that can't be read or written; the message names the file."""


class SavedElsewhereError(BrushworkError):
    """The result could not be written to the requested file, and was saved to a different one.

    Args:
        message: One line for the user that names both files.
        path: The file that holds the result.
    """

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class WeightsError(BrushworkError):
    """Weights that are missing, damaged, or for another network."""


class Interrupted(BrushworkError):  # noqa: N818 - not an error, but the user's request
    """The user stopped the work before it was complete.

    Args:
        message: One line for the user.
        best: The best result so far: pixels from a method, a Result from `stylize`; None if there is none yet.
    """

    exit_code = 130

    def __init__(self, message: str = "stopped early", best: Any = None) -> None:
        super().__init__(message)
        self.best = best


def first_line(error: Exception) -> str:
    r"""Return the reason of an error from elsewhere for a message of ours: its first line, at most 120 characters.

    >>> first_line(ValueError("no number\nand more")), first_line(KeyError()), first_line(OSError(28, "Disk full"))
    ('no number', 'KeyError', 'Disk full')
    """
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (words.strip().splitlines() or [type(error).__name__])[0][:120]


def is_address(name: object) -> bool:
    """Return whether a name that is no file is an address on the web; `Path` makes one slash of two.

    >>> is_address("https://example.org/a.jpg"), is_address(Path("https://example.org/a.jpg")), is_address("C:/a.jpg")
    (True, True, False)
    """
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(name)) is not None


def no_such_file(name: object) -> str:
    """Return what to tell about a name that is no file, without the name."""
    if is_address(name):
        return "is an address, and brushwork fetches nothing; download the file and pass its name"
    return "no such file; check the name"
