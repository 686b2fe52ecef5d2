"""Large pictures in tiles, so that a page shows their true pixels without holding them; made once and kept.

Each is a Deep Zoom folder, whose tiles are sent as they are. The picture is decoded only once, row by row.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from brushwork.studio.errors import NotFoundError

__all__ = ["SIDE", "TileGrid", "Tiles"]

SIDE = 512  # of a tile in pixels
KEPT = 24  # pictures to keep in tiles, those looked at last; one of 100 megapixels takes about 50 MB


@dataclass(frozen=True)
class TileGrid:
    """What a picture in tiles measures.

    Args:
        width: Of the picture, in pixels.
        height: Of the picture.
        side: Of a tile; those at the right and at the bottom may be smaller.
    """

    width: int
    height: int
    side: int = SIDE


class Tiles:
    """Pictures in tiles.

    Args:
        folder: Where they are kept; exists.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._making: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def grid(self, identity: str, make: Callable[[Path], None]) -> TileGrid:
        """What a picture measures.

        Args:
            identity: The ID of an upload or a job.
            make: Writes the picture as Deep Zoom to a path, if it isn't there yet.
        """
        path = self.folder / f"{identity}.dzi"
        with self._making[identity]:
            try:
                os.utime(path)  # so that it is kept
            except FileNotFoundError:
                make(path)
                self._keep_newest()
            facts = dict(re.findall(r'(Width|Height)="(\d+)"', path.read_text()))
        return TileGrid(int(facts["Width"]), int(facts["Height"]))

    def tile(self, identity: str, place: tuple[int, int, int], make: Callable[[Path], None]) -> Path:
        """The JPEG file of a tile.

        Args:
            identity: The ID of an upload or a job.
            place: Level, column and row; level 0 is the full size, and each next one half as wide and high.
            make: See `grid`.

        Raises:
            NotFoundError: There is no tile at this place.
        """
        grid = self.grid(identity, make)
        level, column, row = place
        whole = (max(grid.width, grid.height) - 1).bit_length()  # Deep Zoom counts from a picture of one pixel
        path = self.folder / f"{identity}_files" / str(whole - level) / f"{column}_{row}.jpg"
        if not path.exists():
            raise NotFoundError(f"there is no tile {column}, {row} at level {level}")
        return path

    def forget(self, identity: str) -> None:
        """Delete the tiles of a picture."""
        (self.folder / f"{identity}.dzi").unlink(missing_ok=True)
        shutil.rmtree(self.folder / f"{identity}_files", ignore_errors=True)

    def _keep_newest(self) -> None:
        for path in sorted(self.folder.glob("*.dzi"), key=_age, reverse=True)[KEPT:]:
            self.forget(path.stem)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another thread has deleted it
        return 0.0
