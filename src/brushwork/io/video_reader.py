"""Read video files with PyAV and FFmpeg.

Frames are returned as displayed: rotated upright, deinterlaced, with square pixels, and converted to sRGB with the
file's matrix and range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from brushwork.errors import PictureError, UsageError
from brushwork.io.films import BT709, FULL, LIMITED, Colors, Frame
from brushwork.io.opening import system_reason

if TYPE_CHECKING:
    import av

__all__ = ["VideoFile", "av_reason", "opened"]

HDR = {16: "PQ", 18: "HLG"}  # transfer characteristics of H.273
UNSPECIFIED, BT470BG, SMPTE170M = 2, 5, 6  # H.273 matrices, primaries and transfers
SD_HEIGHT = 720  # frames of less height without a specified matrix are treated as standard definition
ENOUGH = 1.0  # seconds by which the last frame may precede the end given in the index
TRUE_DEPTH = 8  # bits; frames of higher depth are read as 16 bit


class VideoFile:
    """A video file that FFmpeg can read; see `Film`.

    Args:
        path: The file.
        max_pixels: Maximum number of pixels per frame.

    Raises:
        PictureError: It can't be read, contains no video, or its frames are too large.
        UsageError: HDR.
    """

    container = True

    def __init__(self, path: Path, max_pixels: int) -> None:
        self.path, self.notes = path, list[str]()
        with opened(path) as container:
            stream = container.streams.video[0]
            first = _first_frame(path, container)
            self._turned = int(first.rotation) % 360
            self.size = _upright(round(first.width * (stream.sample_aspect_ratio or 1)), first.height, self._turned)
            if self.size[0] * self.size[1] > max_pixels:
                raise PictureError(
                    f"{path}: frames of {self.size[0]} x {self.size[1]} pixels are more than the limit of "
                    f"{max_pixels:,}; if you trust the file, raise the limit with --max-pixels"
                )
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
            self.time_base = Fraction(stream.time_base or Fraction(1, 90_000))
            self.count = stream.frames or round((container.duration or 0) / 1_000_000 * self.rate)
            self.colors = _colors(first)
            self._interlaced = bool(first.interlaced_frame)
            self._deep = max(part.bits for part in first.format.components) > TRUE_DEPTH
        if self._interlaced:
            self.notes.append(f"{path.name} is interlaced and will be deinterlaced")

    def frames(self, start: int = 0, size: tuple[int, int] | None = None) -> Iterator[Frame]:
        """See `Film`; frames before `start` are decoded too, and damaged frames are skipped."""
        last: int | None = None
        number, damage = 0, list[Exception]()
        with opened(self.path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            decoded = _decoded(container, stream, damage)
            for frame in _deinterlaced(decoded) if self._interlaced else decoded:
                time = frame.pts if frame.pts is not None else (last or 0) + 1
                last = time if last is None else max(time, last + 1)  # no two frames have the same time
                if number >= start:
                    yield Frame(self._pixels(frame, size or self.size), last, frame.duration or 0)
                number += 1
            seconds, end = float((last or 0) * self.time_base), _end(container, stream)
            short = number < stream.frames - 1 or (end is not None and seconds < end - ENOUGH)
        if damage or short:
            whole = f" of {self.count}" if self.count else ""
            self.notes.append(
                f"{self.path.name} is damaged: {number}{whole} frames could be read, the last one at {seconds:.2f} s"
            )

    def _pixels(self, frame: av.VideoFrame, size: tuple[int, int]) -> Tensor:
        width, height = _upright(*size, self._turned)
        matrix = _matrix(frame)
        rgb = frame.reformat(
            width=width, height=height, format="rgb48le" if self._deep else "rgb24",
            src_colorspace=matrix, dst_colorspace=matrix,
            src_color_range=FULL if int(frame.color_range) == FULL else LIMITED, dst_color_range=FULL,
            interpolation="BICUBIC" if size[0] * 2 > self.size[0] else "AREA",
        )  # fmt: skip
        samples = np.rot90(rgb.to_ndarray(), self._turned // 90)
        pixels = torch.from_numpy(samples.astype(np.float32)).permute(2, 0, 1)[None]
        return pixels.div_(65535 if self._deep else 255).contiguous()


def opened(path: Path) -> av.container.InputContainer:
    """Open a container file.

    Raises:
        PictureError: It can't be read, or contains no video.
    """
    import av

    try:
        container = av.open(f"file:{path}", metadata_errors="replace")
    except (OSError, ValueError, av.FFmpegError) as error:
        raise PictureError(f"{path}: {av_reason(error)}") from error
    if not container.streams.video:
        container.close()
        raise PictureError(
            f"{path}: is not a video; expected a video file, an animated GIF or WebP, or a folder of frames"
        )
    return container


def av_reason(error: Exception) -> str:
    """Return FFmpeg's error as one line for the user."""
    import av

    if isinstance(error, av.error.InvalidDataError | av.error.EOFError):
        return "is not a readable video, or its header or index is damaged; copy or download it again"
    return system_reason(error) if isinstance(error, OSError) else str(error)


def _first_frame(path: Path, container: av.container.InputContainer) -> av.VideoFrame:
    """Return the first frame that can be decoded; it has more information than the header."""
    for frame in _decoded(container, container.streams.video[0], []):
        kind = HDR.get(int(frame.color_trc))
        if kind is None:
            return frame
        raise UsageError(
            f"{path} is HDR ({kind}), which isn't supported; convert it to SDR first, for example with a video editor"
        )
    raise PictureError(f"{path}: contains no readable frames; copy or download it again")


def _decoded(container: av.container.InputContainer, stream: Any, damage: list[Exception]) -> Iterator[av.VideoFrame]:
    """Yield all frames that can be decoded; decoding errors are appended to `damage`."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.FFmpegError, OSError) as error:
            damage.append(error)
            return
        try:
            yield from packet.decode()
        except (av.FFmpegError, OSError) as error:
            damage.append(error)


def _end(container: av.container.InputContainer, stream: Any) -> float | None:
    """Return the expected end of the video in seconds, from its index or tags; None if they don't specify it."""
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if tag is not None:
        return 3600 * int(tag[1]) + 60 * int(tag[2]) + float(tag[3])
    if stream.duration is not None:
        return float((stream.start_time or 0) + stream.duration) * float(stream.time_base)
    if len(container.streams) > 1 or container.duration is None:
        return None
    return ((container.start_time or 0) + container.duration) / 1_000_000


def _upright(width: int, height: int, turned: int) -> tuple[int, int]:
    """Return the size after rotation by `turned`."""
    return (width, height) if turned % 180 == 0 else (height, width)


def _matrix(frame: av.VideoFrame) -> int:
    """Return the matrix of a frame; if unspecified, BT.601 for SD and BT.709 for HD."""
    named = int(frame.colorspace)
    if named not in (0, UNSPECIFIED):
        return named
    return BT709 if frame.height >= SD_HEIGHT else SMPTE170M


def _colors(frame: av.VideoFrame) -> Colors:
    """Return the color description for a video made from this one: SD stays SD, everything else becomes HD."""
    matrix = _matrix(frame)
    if matrix not in (BT470BG, SMPTE170M):
        matrix = BT709
    primaries, transfer = int(frame.color_primaries), int(frame.color_trc)
    usual = SMPTE170M if matrix != BT709 else BT709
    return Colors(
        matrix,
        usual if primaries in (0, UNSPECIFIED) else primaries,
        usual if transfer in (0, UNSPECIFIED) else transfer,
        FULL if int(frame.color_range) == FULL else LIMITED,
    )


def _deinterlaced(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Yield frames deinterlaced by FFmpeg's bwdif, which buffers one frame."""
    import av

    graph = None
    for frame in chain(frames, [None]):
        if frame is not None:
            graph = graph or _bwdif(frame)
        if graph is None:
            return
        graph.push(frame)
        while True:
            try:
                yield graph.pull()
            except (BlockingIOError, av.error.EOFError):
                break


def _bwdif(frame: av.VideoFrame) -> Any:
    from av.filter import Graph

    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    filtered = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(filtered)
    filtered.link_to(sink)
    graph.configure()
    return graph
