"""Write videos as images: animated GIF and WebP, and folders of numbered files."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from brushwork.errors import PictureError
from brushwork.image import Picture
from brushwork.io.animation import check_animation, write_animation
from brushwork.io.films import Film, Frame
from brushwork.io.image_file import write_image
from brushwork.io.picture_film_reader import is_pattern
from brushwork.io.picture_writer import check_format, check_target, holds_alpha
from brushwork.io.saving import place_problem

__all__ = ["AnimationWriter", "FolderWriter", "frame_name"]

GIF_TICK = 10  # milliseconds


class FolderWriter:
    """Write a folder of images, frame by frame; see `VideoWriter`.

    Args:
        path: The folder, which is created; or a pattern such as "out/%05d.png".
        film: The source video.
        depth: Bits per channel.
        quality: For formats that have a quality setting.
    """

    def __init__(self, path: Path, film: Film, *, depth: int = 8, quality: int | None = None) -> None:
        self.path, self.film, self.depth, self.quality = path, film, depth, quality
        self.notes = plays_note(path, film)
        self._alpha = holds_alpha(frame_name(path, 1))
        self._number = 0

    def begin(self, number: int, frames: int) -> None:
        """See `VideoWriter`."""
        self._number = frames
        place = frame_name(self.path, 1).parent
        try:
            place.mkdir(exist_ok=True)
        except OSError as error:
            raise PictureError(f"{place}: can't create the folder: {error.strerror or error}") from error

    def write(self, frame: Frame) -> None:
        """See `VideoWriter`."""
        self._number += 1
        place, alpha = frame_name(self.path, self._number), frame.alpha if self._alpha else None
        note_lost_alpha(self.notes, frame, self._alpha, self.path)
        write_image(Picture(frame.pixels, alpha), place, depth=self.depth, quality=self.quality)

    def end(self) -> None:
        """See `VideoWriter`."""

    def join(self, count: int, recipe: str | None, path: Path) -> None:
        """See `FilmWriter`; the frames are already in place."""


class AnimationWriter:
    """Write an animated GIF or WebP; its frames are stored as images until they are joined; see `VideoWriter`.

    Args:
        path: The output file.
        film: The source video.
        folder: Folder for intermediate frames.
        quality: WebP quality.
    """

    def __init__(self, path: Path, film: Film, folder: Path, *, quality: int | None = None) -> None:
        check_animation(path)
        self.path, self.film, self.folder, self.quality, self.notes = path, film, folder, quality, list[str]()

    def begin(self, number: int, frames: int) -> None:
        """See `VideoWriter`."""

    def write(self, frame: Frame) -> None:
        """See `VideoWriter`; the frame's time is stored in the file name."""
        name = f"{frame.time:012d}_{frame.duration}.png"
        note = f"{self.path.name}: GIF has no half-transparent pixels; choose .webp to keep them"
        half = frame.alpha is not None and bool(((frame.alpha > 0) & (frame.alpha < 1)).any())
        suffixes = self.film.path.suffix.lower(), self.path.suffix.lower()
        if half and suffixes[0] != ".gif" == suffixes[1] and note not in self.notes:
            self.notes.append(note)
        write_image(Picture(frame.pixels, frame.alpha), self.folder / name)

    def end(self) -> None:
        """See `VideoWriter`."""

    def join(self, count: int, recipe: str | None, path: Path) -> None:
        """See `FilmWriter`."""
        files = sorted(self.folder.glob("*_*.png"))
        delays = self._delays(files)
        write_animation(files, path, milliseconds=delays, quality=self.quality, plays=self.film.plays)

    def _delays(self, files: list[Path]) -> list[int]:
        """Return milliseconds per frame; rounding errors carry over to the next frame, so that they don't add up."""
        shown = [[int(part) for part in file.stem.split("_")] for file in files]
        usual = round(1 / self.film.rate / self.film.time_base)
        ends = [*(time for time, _ in shown[1:]), shown[-1][0] + (shown[-1][1] or usual)]
        tick = GIF_TICK if self.path.suffix.lower() == ".gif" else 1
        marks = [self._rounded(time - shown[0][0], tick) for time in (shown[0][0], *ends)]
        return [max(tick, after - before) for before, after in pairwise(marks)]

    def _rounded(self, time: int, tick: int) -> int:
        return round(Fraction(time) * self.film.time_base * 1000 / tick) * tick


def frame_name(path: Path, number: int) -> Path:
    """Return the file of a frame; numbers start at 1.

    >>> frame_name(Path("out"), 7).as_posix(), frame_name(Path("out/a%03d.jpg"), 7).as_posix()
    ('out/00007.png', 'out/a007.jpg')
    """
    if not is_pattern(path):
        return path / f"{number:05d}.png"
    return path.with_name(path.name % number)


def note_lost_alpha(notes: list[str], frame: Frame, held: bool, path: Path) -> None:
    """Note, once, that a transparent frame was written to a file that can't be transparent."""
    note = f"{path.name}: transparent areas are painted on white; .webp, .webm, .mov and .png keep them transparent"
    if frame.alpha is not None and not held and note not in notes:
        notes.append(note)


def plays_note(path: Path, film: Film) -> list[str]:
    """Return a note if the film is an animation that ends after some rounds, and the output can't say so."""
    return [f"{film.path.name} is played {film.plays} times; {path.name} once"] if film.plays > 1 else []


def check_folder(path: Path, depth: int) -> None:
    """Check that frames can be written here.

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
