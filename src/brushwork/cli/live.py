"""Streams in `brushwork video`: frames in by standard input, out by standard output, as they come."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from brushwork.errors import PictureError, UsageError
from brushwork.options.film import FilmOptions

if TYPE_CHECKING:
    from brushwork.cli.report import Report
    from brushwork.methods.one_pass import OnePass

__all__ = ["frame_size", "live_method", "stylize_stream"]


def stylize_stream(
    film: Path, style: str, output: Path, settings: Any, *, options: FilmOptions, form: str | None, live: bool,
    report: Report,
) -> None:  # fmt: skip
    """Paint a stream.

    Args:
        film: Its file; "-" is standard input.
        style: A style argument.
        output: A .y4m, .nut or .mkv file; "-" is standard output.
        settings: Options of a feed-forward method.
        options: Size, smoothing, colors, device.
        form: y4m, nut or matroska; None: by the output's suffix, y4m for standard output.
        live: Whether to drop frames rather than be late.
        report: Where the report at the end goes.

    Raises:
        PictureError: The stream can't be read or written.
        UsageError: An invalid value.
    """
    from brushwork.io.streams import StreamWriter, open_stream, stream_format

    form = stream_format(output, form)
    method = live_method(settings, options)
    from brushwork.api.style_encoding import encode_style
    from brushwork.video.live import Look, paint_stream

    with open_stream(film) as source, _target(output) as file:
        size = frame_size(source.size, options)
        look = Look(method, encode_style(method, style, method.sizes(*size)))
        writer = StreamWriter(file, form, size, source.rate, source.colors)
        told = paint_stream(
            source, look, _in_step(writer) if live and form == "y4m" else writer.write, size=size,
            smoothing=options.smoothing, keep_color=options.keep_color, live=live,
        )  # fmt: skip
        writer.close()
    for line in source.damage:
        report.say(line)
    report.say(str(told))


def _in_step(writer: Any) -> Any:
    """Return a function that writes a frame again where others were dropped: y4m has no times."""
    duration, last = 1000 / float(writer.rate), [-1.0]

    def write(pixels: Any, milliseconds: int) -> None:
        missing = 1 if last[0] < 0 else max(1, round((milliseconds - last[0]) / duration))
        for _ in range(missing):
            writer.write(pixels, milliseconds)
        last[0] = milliseconds if last[0] < 0 else last[0] + missing * duration

    return write


def live_method(settings: Any, options: FilmOptions) -> OnePass[Any]:
    """Return the method for streams.

    Raises:
        UsageError: It optimizes each frame, which no stream waits for.
    """
    from brushwork.methods import load
    from brushwork.methods.one_pass import OnePass
    from brushwork.registry import method_name

    method = load(settings, options.device)
    if not isinstance(method, OnePass):
        raise UsageError(f"{method_name(settings)} is too slow for streams; use --preset draft")
    return method


def frame_size(size: tuple[int, int], options: FilmOptions) -> tuple[int, int]:
    """Return width and height of painted frames, which are even."""
    from brushwork.api.recipe import result_size

    width, height = result_size(size, options.size)
    return max(2, width // 2 * 2), max(2, height // 2 * 2)


@contextmanager
def _target(output: Path) -> Iterator[BinaryIO]:
    """Open a file, or standard output, which nobody else then writes to."""
    if str(output) != "-":
        try:
            with output.open("wb") as file:
                yield file
        except OSError as error:
            raise PictureError(f"{output}: can't be written: {error.strerror or error}") from error
        return
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0) as file:
        yield cast(BinaryIO, _Whole(file))


class _Whole:
    """A pipe that writes all of what it is given, as a file does."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, content: bytes) -> int:
        left = memoryview(content)
        while left:
            left = left[self._file.write(left) :]
        return len(content)

    def flush(self) -> None:
        """Do nothing: a pipe has no buffer here."""
