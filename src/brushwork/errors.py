"""Everything that brushwork raises on purpose.

BrushworkError                 one except clause for all of them
├── UsageError                 a wrong option, value or argument; the command exits with 2
├── PictureError               a picture file that can't be read or written; names the file
├── SavedElsewhereError        finished work that is in another file than the one asked for; names both
├── WeightsError               weights that are missing, damaged or of another network
└── Interrupted                the user stopped the work; carries the best result so far

Each message says what was got, what is expected and what to do, in one line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["BrushworkError", "Interrupted", "PictureError", "SavedElsewhereError", "UsageError", "WeightsError"]


class BrushworkError(Exception):
    """Base of all errors raised on purpose; its message is one line for the user."""

    exit_code = 1


class UsageError(BrushworkError, ValueError):
    """A wrong option, value or argument."""

    exit_code = 2


class PictureError(BrushworkError):
    """A picture file that can't be read or written; the message names the file."""


class SavedElsewhereError(BrushworkError):
    """Finished work could not be written to the file that was asked for, and is in another one.

    Args:
        message: One line for the user that names both files.
        path: The file that holds the work.
    """

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class WeightsError(BrushworkError):
    """Weights that are missing, damaged, or of another network."""


class Interrupted(BrushworkError):  # noqa: N818 - not a fault: the user's wish
    """The user stopped the work before its end.

    Args:
        message: One line for the user.
        best: The best result so far: pixels from a method, a Result from `stylize`; None if there is none yet.
    """

    exit_code = 130

    def __init__(self, message: str = "stopped before the end", best: Any = None) -> None:
        super().__init__(message)
        self.best = best
