"""Videos that arrive and leave frame by frame: pipes, cameras, and files played as cameras."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from brushwork.errors import PictureError, UsageError
from brushwork.io.films import FULL, LIMITED, Colors, Frame
from brushwork.io.video_reader import av_reason, colors_of, matrix_of

__all__ = ["FORMATS", "StreamReader", "StreamWriter", "open_camera", "open_stream", "stream_format"]

FORMATS = {"y4m": ".y4m", "nut": ".nut", "matroska": ".mkv"}  # --format → suffix
CODECS = {  # what is written quickly: raw frames, or H.264 that waits for no later frame
    "nut": ("rawvideo", {}),
    "matroska": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "crf": "18"}),
}
SYSTEMS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}  # FFmpeg's names of what cameras are read with
QUICKLY = {"probesize": "500000", "analyzeduration": "0"}  # look at little of it before the first frame
MILLISECOND = Fraction(1, 1000)


def stream_format(path: Path, form: str | None) -> str:
    """Return the format of a stream: as it was asked for, by the file's suffix, or y4m for standard output.

    Raises:
        UsageError: Not a format that streams can be written in.
    """
    form = form or next((name for name, suffix in FORMATS.items() if path.suffix.lower() == suffix), None)
    form = form or ("y4m" if str(path) == "-" else "")
    if form not in FORMATS:
        raise UsageError(f"{path}: a stream is written as {', '.join(FORMATS)}; choose with --format")
    return form


class StreamReader:
    """A stream of frames; see `Film` for size, rate and colors.

    Args:
        container: An opened container of PyAV.
        name: What it is called in messages.
        played: Whether frames wait for their time, as a camera's do.
        file: What the container reads, to be closed with it.

    Raises:
        PictureError: It contains no video, or ends before its first frame.
    """

    def __init__(self, container: Any, name: str, *, played: bool = False, file: BinaryIO | None = None) -> None:
        self.name, self.played, self.damage = name, played, list[str]()
        self._container, self._file = container, file
        if not container.streams.video:
            raise PictureError(f"{name}: contains no video")
        self._stream = container.streams.video[0]
        self._stream.thread_type = "SLICE"  # threads by frames would wait for later ones
        self._decoded = self._frames()
        first = next(self._decoded, None)
        if first is None:
            raise PictureError(f"{name}: ends before its first frame; what writes it may have failed")
        self._first: Any = first
        self.size: tuple[int, int] = (first.width, first.height)
        self.rate = Fraction(self._stream.average_rate or self._stream.guessed_rate or 25)
        self.colors: Colors = colors_of(first)

    def frames(self, size: tuple[int, int]) -> Iterator[Frame]:
        """Yield frames at a width and height, with their times in milliseconds, until the stream ends or breaks off."""
        started, last = time.monotonic(), -1
        first, self._first = self._first, None
        zero = 0.0 if first.time is None else float(first.time)
        for number, frame in enumerate(_chain(first, self._decoded)):
            seconds = number / float(self.rate) if frame.time is None else float(frame.time) - zero
            if self.played:
                time.sleep(max(0.0, started + seconds - time.monotonic()))
            last = max(last + 1, round(seconds * 1000))
            yield Frame(self._pixels(frame, size), last, 0)

    def _frames(self) -> Iterator[Any]:
        """Yield decoded frames; an error in the middle ends them, and is kept for the user."""
        import av

        number = 0
        try:
            for packet in self._container.demux(self._stream):
                for frame in packet.decode():
                    number += 1
                    yield frame
        except (av.FFmpegError, OSError) as error:
            if not number:
                raise PictureError(f"{self.name}: {av_reason(error)}") from error
            self.damage.append(f"{self.name} breaks off after {number} frames: {av_reason(error)}")

    def _pixels(self, frame: Any, size: tuple[int, int]) -> torch.Tensor:
        matrix = matrix_of(frame)
        rgb = frame.reformat(
            width=size[0], height=size[1], format="rgb24", src_colorspace=matrix, dst_colorspace=matrix,
            src_color_range=FULL if int(frame.color_range) == FULL else LIMITED, dst_color_range=FULL,
            interpolation="BICUBIC" if size[0] * 2 > frame.width else "AREA",
        )  # fmt: skip
        samples = torch.from_numpy(rgb.to_ndarray().astype(np.float32))
        return samples.permute(2, 0, 1)[None].div_(255).contiguous()

    def close(self) -> None:
        """Close the stream."""
        self._container.close()
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> StreamReader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def open_stream(path: Path) -> StreamReader:
    """Open a stream of y4m, NUT, Matroska or whatever FFmpeg recognizes by its first bytes; "-" is standard input.

    Raises:
        PictureError: It can't be read; the message names it.
        UsageError: Standard input is a terminal.
    """
    if str(path) != "-":
        return StreamReader(_opened(str(path), f"file:{path}"), str(path))
    if sys.stdin.isatty():
        raise UsageError("expected a video on standard input, such as: ffmpeg … -f nut - | brushwork video - …")
    raw = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)  # a buffer would wait until it is full
    try:
        return StreamReader(_opened("standard input", _Pipe(raw), options=QUICKLY), "standard input", file=raw)
    except PictureError:
        raw.close()
        raise


class _Pipe:
    """A file that is only read on: what comes through a pipe isn't searched, even if it is a file."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read


def open_camera(name: str, size: str | None = None) -> StreamReader:
    """Open a camera; a file is played as one.

    Args:
        name: A device, as FFmpeg calls it here: /dev/video0, 0, video=Camera; or a video file.
        size: What to ask the camera for, such as 640x480.

    Raises:
        PictureError: It can't be read; the message names it.
    """
    if Path(name).is_file():
        return StreamReader(_opened(name, f"file:{name}"), name, played=True)
    system = SYSTEMS.get(sys.platform)
    if system is None:
        raise UsageError(f"{name}: cameras are read on Linux, macOS and Windows; name a video file")
    if system == "v4l2" and not Path(name).exists():
        there = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*"))) or "there is none here"
        raise PictureError(f"{name}: no such camera ({there}); a video file can be played as one")
    options = QUICKLY | ({"video_size": size} if size else {})
    return StreamReader(_opened(name, name, format=system, options=options), name)


def _opened(name: str, source: Any, **more: Any) -> Any:
    import av

    try:
        return av.open(source, metadata_errors="replace", **more)
    except (ValueError, av.error.ArgumentError) as error:
        raise PictureError(f"{name}: is not a video that can be read as a stream, or is cut off") from error
    except (OSError, av.FFmpegError) as error:
        raise PictureError(f"{name}: {av_reason(error)}") from error


class StreamWriter:
    """Writes frames as they come.

    Args:
        file: Where to, from its start on.
        form: A key of `FORMATS`, or "v4l2" with a device's name in `file`.
        size: Width and height; odd ones lose a column or row.
        rate: Frames per second.
        colors: Of the source.
    """

    def __init__(self, file: BinaryIO | str, form: str, size: tuple[int, int], rate: Fraction, colors: Colors) -> None:
        self.form, self.size, self.rate = form, (size[0] // 2 * 2, size[1] // 2 * 2), rate
        self.colors = replace(colors, range=LIMITED)
        self._file, self._container, self._stream = file, None, None
        if form == "y4m":
            self._header()
        else:
            self._open(file, form)

    def _header(self) -> None:
        width, height = self.size
        rate = f"{self.rate.numerator}:{self.rate.denominator}"
        self._write_all(f"YUV4MPEG2 W{width} H{height} F{rate} Ip A1:1 C420jpeg\n".encode())

    def _open(self, file: BinaryIO | str, form: str) -> None:
        import av

        codec, options = CODECS.get(form, ("rawvideo", {}))
        with _writing():
            container: Any = av.open(file, "w", format=form, options={"flush_packets": "1"})
            stream = container.add_stream(codec, rate=self.rate, options=options)
            context = stream.codec_context
            context.width, context.height, context.pix_fmt = *self.size, "yuv420p"
            context.time_base = stream.time_base = MILLISECOND
            context.colorspace, context.color_range = self.colors.matrix, LIMITED
            container.start_encoding()  # fails now, rather than at the first frame
            self._container, self._stream = container, stream

    def write(self, pixels: torch.Tensor, milliseconds: int) -> None:
        """Write pixels (1, 3, H, W) in [0, 1] for a time; y4m has no times.

        Raises:
            BrokenPipeError: The reader has gone.
            PictureError: They can't be written.
        """
        import av

        width, height = self.size
        samples = (pixels[0, :, :height, :width].permute(1, 2, 0) * 255).round().clamp(0, 255).numpy().astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(samples), format="rgb24").reformat(
            format="yuv420p", src_colorspace=self.colors.matrix, dst_colorspace=self.colors.matrix,
            src_color_range=FULL, dst_color_range=LIMITED,
        )  # fmt: skip
        if self._container is None:
            self._write_all(b"FRAME\n" + frame.to_ndarray().tobytes())
            return
        frame.pts, frame.time_base = milliseconds, MILLISECOND
        with _writing():
            self._container.mux(self._stream.encode(frame))

    def _write_all(self, content: bytes) -> None:
        assert not isinstance(self._file, str)
        with _writing():
            self._file.write(content)
            self._file.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._container is not None:
            with _writing():
                self._container.mux(self._stream.encode(None))
                self._container.close()


@contextmanager
def _writing() -> Iterator[None]:
    import av

    try:
        yield
    except BrokenPipeError:
        raise
    except (av.FFmpegError, OSError) as error:
        raise PictureError(f"the stream can't be written: {av_reason(error)}") from error
