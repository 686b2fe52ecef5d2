"""What the studio knows of films for a timeline: small frames and cuts, made once and kept beside the strips."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from brushwork.errors import UsageError
from brushwork.runtime.atomic_files import write_whole
from brushwork.studio.records import Upload

__all__ = ["Timelines", "check_film"]

KEPT = 400  # files to keep, the newest


def check_film(upload: Upload) -> None:
    """Raise UsageError unless an upload is a video, or an animation."""
    if upload.kind != "film" and (upload.facts.get("frames") or 1) < 2:
        raise UsageError(f"{upload.name} is not a video; send a video, or an animated GIF or WebP")


class Timelines:
    """Small frames and cuts of films.

    Args:
        folder: Where they are kept; exists.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def strip(self, upload: str, count: int, height: int, make: Callable[[], bytes]) -> bytes:
        """Small frames side by side, as JPEG."""
        return self._kept(self.folder / f"{upload}.{count}x{height}.jpg", make)

    def cuts(self, upload: str, make: Callable[[], Sequence[float]]) -> list[float]:
        """Times of cuts in seconds."""
        found: list[float] = json.loads(self._kept(self.folder / f"{upload}.cuts", lambda: json.dumps(make()).encode()))
        return found

    def forget(self, upload: str) -> None:
        """Delete what is kept of an upload."""
        for path in self.folder.glob(f"{upload}.*"):
            path.unlink(missing_ok=True)

    def _kept(self, path: Path, make: Callable[[], bytes]) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            pass
        made = make()
        write_whole(path, made)
        for old in sorted(self.folder.glob("*.*x*.jpg"), key=_age, reverse=True)[KEPT:]:
            old.unlink(missing_ok=True)
        return made


def _age(path: Path) -> Any:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another thread has deleted it
        return 0.0
