"""Which film is read by which reader, and written by which writer."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from brushwork.errors import PictureError, UsageError
from brushwork.io.animation import check_animation
from brushwork.io.films import Film, Frame
from brushwork.io.opening import MAX_PIXELS, reading
from brushwork.io.picture_film_writer import AnimationWriter, FolderWriter, check_folder
from brushwork.io.picture_films import AnimationFile, FrameFolder, is_pattern, is_sequence
from brushwork.io.video_file import VideoFile
from brushwork.io.video_writer import CONTAINERS, Encoding, VideoWriter, check_encoding

__all__ = ["FilmWriter", "check_film_target", "film_writer", "open_film"]

ANIMATIONS = (".gif", ".webp")


class FilmWriter(Protocol):
    """A film that is written in segments.

    Attributes:
        notes: Remarks for the user.
    """

    notes: list[str]

    def begin(self, number: int, frames: int) -> None:
        """Begin a segment.

        Args:
            number: Of segments before it.
            frames: In those.
        """
        ...

    def write(self, frame: Frame) -> None:
        """Add a frame."""
        ...

    def end(self) -> None:
        """Close the segment; what is in it stays, whatever happens."""
        ...

    def join(self, count: int, recipe: str | None, path: Path) -> None:
        """Make the film of so many segments, with its recipe where it can hold one.

        Args:
            count: Of segments.
            recipe: JSON.
            path: The file, of the same suffix as the writer's own; frames that are files already stay where they are.
        """
        ...


def open_film(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> Film:
    """A film to read.

    Args:
        path: A video file, an animated GIF or WebP, a folder of pictures with numbers in their names, or a pattern
            such as "frames/%05d.png".
        max_pixels: Of a frame at most.

    Raises:
        PictureError: No film, or one that can't be read; the message names it.
        UsageError: HDR.
    """
    path = Path(path)
    if is_sequence(path):
        return FrameFolder(path, max_pixels)
    with reading(path), path.open("rb") as file:
        head = file.read(16)
    if not head:
        raise PictureError(f"{path}: is empty (0 bytes); copy or download it again")
    if head[:6] in (b"GIF87a", b"GIF89a") or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return AnimationFile(path, max_pixels)
    return VideoFile(path, max_pixels)


def check_film_target(path: Path, encoding: Encoding, depth: int = 8) -> None:
    """Check that a film could be written here, before the work that makes it.

    Raises:
        UsageError: No format has this suffix; a codec, depth or pixel format that it can't hold.
        PictureError: The directory is missing or not writable.
    """
    suffix = path.suffix.lower()
    if suffix in CONTAINERS:
        check_encoding(path, encoding)
    elif not suffix or is_pattern(path):
        check_folder(path, depth)
    elif suffix in ANIMATIONS:
        check_animation(path)
    else:
        raise UsageError(
            f"{path}: films are written as {', '.join((*CONTAINERS, *ANIMATIONS))}, as a folder, or as pictures by a "
            "pattern with one number, such as %05d.png"
        )


def film_writer(
    path: Path, film: Film, size: tuple[int, int], encoding: Encoding, folder: Path, depth: int = 8
) -> FilmWriter:
    """What writes a film; its format is that of the name.

    Args:
        path: The file, folder or pattern.
        film: What it is made from.
        size: (width, height) of the frames.
        encoding: How, where it is a video file.
        folder: For what waits.
        depth: Bits of a channel in a folder's pictures.
    """
    suffix = path.suffix.lower()
    if suffix in CONTAINERS:
        return VideoWriter(path, film, size, encoding, folder)
    if suffix in ANIMATIONS and not is_pattern(path):
        return AnimationWriter(path, film, folder, quality=encoding.quality)
    return FolderWriter(path, film, depth=depth, quality=encoding.quality)
