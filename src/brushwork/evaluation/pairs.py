"""Tables of pairs: which painted picture belongs to which photo and painting."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from brushwork.errors import UsageError

__all__ = ["Pair", "read_pairs"]


class Pair(NamedTuple):
    """A painted picture with its photo and painting."""

    photo: Path
    painting: Path
    picture: Path

    @property
    def name(self) -> str:
        """The picture's name without its suffix."""
        return self.picture.stem


def read_pairs(table: str | Path, folder: str | Path) -> list[Pair]:
    """Read a table of pairs.

    Args:
        table: Lines of photo, painting and, optionally, the painted picture, separated by tabs; the first two are
            relative to the table, the third to the folder. Empty lines and those that begin with # are skipped.
        folder: Of the painted pictures; without a third column they are CONTENT__STYLE.png.

    Raises:
        UsageError: The table can't be read, is empty, or a line has another number of columns.
    """
    table, folder = Path(table), Path(folder)
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{table}: can't be read as a table of pairs ({error})") from error
    pairs = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) not in (2, 3) or not all(columns):
            raise UsageError(
                f"{table}, line {number}: expected a photo and a painting, and perhaps the painted picture, separated "
                f"by tabs; got {line[:80]!r}"
            )
        photo, painting = (table.parent / column for column in columns[:2])
        picture = columns[2] if len(columns) == 3 else f"{photo.stem}__{painting.stem}.png"
        pairs.append(Pair(photo, painting, folder / picture))
    if not pairs:
        raise UsageError(f"{table}: contains no pairs; expected lines of photo, tab, painting")
    return pairs
