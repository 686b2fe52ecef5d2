"""Write films that are pictures: animated GIF and WebP, and folders of numbered files."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from brushwork.errors import PictureError
from brushwork.image import Picture
from brushwork.io.animation import check_animation, write_animation
from brushwork.io.films import Film, Frame
from brushwork.io.image_file import write_image
from brushwork.io.picture_films import is_pattern
from brushwork.io.picture_writer import check_format, check_target
from brushwork.io.saving import place_problem

__all__ = ["AnimationWriter", "FolderWriter", "frame_name"]

GIF_TICK = 10  # milliseconds


class FolderWriter:
    """A folder of pictures, written as they come; see `VideoWriter`.

    Args:
        path: The folder, which is made; or a pattern such as "out/%05d.png".
        film: What it is made from.
        depth: Bits of a channel.
        quality: Of formats that have one.
    """

    def __init__(self, path: Path, film: Film, *, depth: int = 8, quality: int | None = None) -> None:
        self.path, self.film, self.depth, self.quality, self.notes = path, film, depth, quality, list[str]()
        self._number = 0

    def begin(self, number: int, frames: int) -> None:
        """See `VideoWriter`."""
        self._number = frames
        place = frame_name(self.path, 1).parent
        try:
            place.mkdir(exist_ok=True)
        except OSError as error:
            raise PictureError(f"{place}: the folder can't be made: {error.strerror or error}") from error

    def write(self, frame: Frame) -> None:
        """See `VideoWriter`."""
        self._number += 1
        write_image(Picture(frame.pixels), frame_name(self.path, self._number), depth=self.depth, quality=self.quality)

    def end(self) -> None:
        """See `VideoWriter`."""

    def join(self, count: int, recipe: str | None, path: Path) -> None:
        """See `FilmWriter`; the folder is there already."""


class AnimationWriter:
    """An animated GIF or WebP, whose frames wait as pictures; see `VideoWriter`.

    Args:
        path: The file.
        film: What it is made from.
        folder: Where frames lie meanwhile.
        quality: Of WebP.
    """

    def __init__(self, path: Path, film: Film, folder: Path, *, quality: int | None = None) -> None:
        check_animation(path)
        self.path, self.film, self.folder, self.quality, self.notes = path, film, folder, quality, list[str]()

    def begin(self, number: int, frames: int) -> None:
        """See `VideoWriter`."""

    def write(self, frame: Frame) -> None:
        """See `VideoWriter`; the file's name keeps the time."""
        name = f"{frame.time:012d}_{frame.duration}.png"
        write_image(Picture(frame.pixels), self.folder / name)

    def end(self) -> None:
        """See `VideoWriter`."""

    def join(self, count: int, recipe: str | None, path: Path) -> None:
        """See `FilmWriter`."""
        files = sorted(self.folder.glob("*_*.png"))
        write_animation(files, path, milliseconds=self._delays(files), quality=self.quality)

    def _delays(self, files: list[Path]) -> list[int]:
        """Milliseconds of each frame; what rounding to the format's clock takes from one, the next one gets."""
        shown = [[int(part) for part in file.stem.split("_")] for file in files]
        usual = round(1 / self.film.rate / self.film.time_base)
        ends = [*(time for time, _ in shown[1:]), shown[-1][0] + (shown[-1][1] or usual)]
        tick = GIF_TICK if self.path.suffix.lower() == ".gif" else 1
        marks = [self._rounded(time - shown[0][0], tick) for time in (shown[0][0], *ends)]
        return [max(tick, after - before) for before, after in pairwise(marks)]

    def _rounded(self, time: int, tick: int) -> int:
        return round(Fraction(time) * self.film.time_base * 1000 / tick) * tick


def frame_name(path: Path, number: int) -> Path:
    """The file of a frame, from 1.

    >>> frame_name(Path("out"), 7).as_posix(), frame_name(Path("out/a%03d.jpg"), 7).as_posix()
    ('out/00007.png', 'out/a007.jpg')
    """
    if not is_pattern(path):
        return path / f"{number:05d}.png"
    return path.with_name(path.name % number)


def check_folder(path: Path, depth: int) -> None:
    """Check that frames could be written here.

    Raises:
        UsageError, PictureError: As `check_target`.
    """
    first = frame_name(path, 1)
    if first.parent.is_dir():
        check_target(first, depth)
        return
    check_format(first, depth)
    problem = place_problem(first.parent)
    if problem is not None:
        raise PictureError(f"{first.parent}: {problem}")
