"""Choose the reader and the writer for a video."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from brushwork.errors import PictureError, UsageError, is_address
from brushwork.io.animation import check_animation, png_frames
from brushwork.io.films import Film, Frame
from brushwork.io.opening import reading
from brushwork.io.picture_film_reader import AnimationFile, FrameFolder, is_pattern, is_sequence
from brushwork.io.picture_film_writer import AnimationWriter, FolderWriter, check_folder
from brushwork.io.video_reader import VideoFile
from brushwork.io.video_writer import CONTAINERS, Encoding, VideoWriter, check_encoding
from brushwork.options.stylize import MAX_PIXELS

__all__ = ["FilmWriter", "check_film_target", "film_writer", "open_film"]

ANIMATIONS = (".gif", ".webp")


class FilmWriter(Protocol):
    """A video writer that works in segments.

    Attributes:
        notes: Remarks for the user.
    """

    notes: list[str]

    def begin(self, number: int, frames: int) -> None:
        """Begin a segment.

        Args:
            number: Number of segments before it.
            frames: Number of frames in those segments.
        """
        ...

    def write(self, frame: Frame) -> None:
        """Add a frame."""
        ...

    def end(self) -> None:
        """Close the segment; its frames are now safe on disk."""
        ...

    def join(self, count: int, recipe: str | None, path: Path) -> None:
        """Join the segments into the output video, and embed the recipe if the format supports it.

        Args:
            count: Number of segments.
            recipe: JSON.
            path: The output file, with the same suffix as the writer's own; frames already written as files stay
                where they are.
        """
        ...


def open_film(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> Film:
    """Open a video for reading.

    Args:
        path: A video file, an animated GIF, WebP or PNG, a folder of images with numbers in their names, or a pattern
            such as "frames/%05d.png".
        max_pixels: Maximum number of pixels per frame.

    Raises:
        PictureError: Not a video, or it can't be read; the message names it.
        UsageError: HDR, or a wildcard.
    """
    path = Path(path)
    if is_sequence(path):
        return FrameFolder(path, max_pixels)
    if not path.exists() and not is_address(path) and set("*?[") & set(path.name):
        pattern = path.with_name(f"%d{path.suffix}")
        raise UsageError(f"{path}: expected one file, a folder such as {path.parent}, or a pattern such as {pattern}")
    with reading(path), path.open("rb") as file:
        head = file.read(16)
    if not head:
        raise PictureError(f"{path}: is empty (0 bytes); copy or download it again")
    animated = head[:6] in (b"GIF87a", b"GIF89a") or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
    if animated or png_frames(path) > 1:
        return AnimationFile(path, max_pixels)
    return VideoFile(path, max_pixels)


def check_film_target(path: Path, encoding: Encoding, depth: int = 8) -> None:
    """Check that a video can be written here, before starting the work that makes it.

    Raises:
        UsageError: No format has this suffix, or it does not support the codec, depth or pixel format.
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
            f"{path}: videos can be written as {', '.join((*CONTAINERS, *ANIMATIONS))}, as a folder, or as numbered "
            "pictures with a pattern such as %05d.png"
        )


def film_writer(
    path: Path, film: Film, size: tuple[int, int], encoding: Encoding, folder: Path, depth: int = 8
) -> FilmWriter:
    """Return the writer for a video; the path determines the format.

    Args:
        path: The output file, folder or pattern.
        film: The source video.
        size: (width, height) of the frames.
        encoding: Encoding options for a video file.
        folder: Folder for intermediate files.
        depth: Bits per channel for images written to a folder.
    """
    suffix = path.suffix.lower()
    if suffix in CONTAINERS:
        return VideoWriter(path, film, size, encoding, folder)
    if suffix in ANIMATIONS and not is_pattern(path):
        return AnimationWriter(path, film, folder, quality=encoding.quality)
    return FolderWriter(path, film, depth=depth, quality=encoding.quality)
