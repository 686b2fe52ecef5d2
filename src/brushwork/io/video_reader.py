"""Read video files with PyAV and FFmpeg.

Frames are returned as displayed: turned and mirrored upright, deinterlaced, with square pixels, and converted to sRGB
with the file's matrix and range.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from brushwork.errors import PictureError, UsageError
from brushwork.io.films import BT709, FULL, LIMITED, Colors, Frame, frame_of
from brushwork.io.joined_times import JoinedTimes
from brushwork.io.opening import system_reason
from brushwork.io.truncation import is_cut_off

if TYPE_CHECKING:
    import av
    from numpy.typing import NDArray

__all__ = ["VideoFile", "av_reason", "colors_of", "is_broadcast", "matrix_of", "opened", "readable_packets"]

HDR = {16: "PQ", 18: "HLG"}  # transfer characteristics of H.273
UNSPECIFIED, BT470BG, SMPTE170M = 2, 5, 6  # H.273 matrices, primaries and transfers
SD_HEIGHT = 720  # frames of less height without a specified matrix are treated as standard definition
SEEKS = 2.0  # seconds ahead from which on a frame is sought, rather than all before it decoded
ENOUGH = 1.0  # seconds by which the last frame may precede the end given in the index
_SAMPLES = {(False, False): "rgb24", (True, False): "rgb48le", (False, True): "rgba", (True, True): "rgba64le"}
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own decoders ignore alpha
STILL_BRANDS = ("avif", "heic", "heix", "mif1")
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
        self.path, self.damage, self.notes = path, list[str](), list[str]()
        with opened(path) as container:
            start = container.start_time if is_broadcast(container) else None
            self.offsets = [-Fraction(start or 0, 1_000_000)]  # a broadcast's clock began long before
            stream = moving(container)[0]
            first = _first_frame(path, container)
            self._orientation = _orientation(first)
            self.size = self._orientation.size(round(first.width * (stream.sample_aspect_ratio or 1)), first.height)
            if self.size[0] * self.size[1] > max_pixels:
                raise PictureError(
                    f"{path}: frames of {self.size[0]} x {self.size[1]} pixels are more than the limit of "
                    f"{max_pixels:,}; if you trust the file, raise the limit with --max-pixels"
                )
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
            self.time_base = Fraction(stream.time_base or Fraction(1, 90_000))
            self.count = stream.frames or round((container.duration or 0) / 1_000_000 * self.rate)
            self.colors = colors_of(first)
            self.alpha, self.plays = any(part.is_alpha for part in first.format.components), 0
            self._deep = max(part.bits for part in first.format.components) > TRUE_DEPTH

    def frames(self, start: int = 0, size: tuple[int, int] | None = None) -> Iterator[Frame]:
        """See `Film`; frames before `start` are decoded too, and damaged frames are skipped."""
        last: int | None = None
        number, damage = 0, list[Exception]()
        with opened(self.path) as container:
            stream = moving(container)[0]
            stream.thread_type = "AUTO"
            joined = JoinedTimes(self.time_base, self.offsets, leaps=is_broadcast(container))
            usual = max(1, round(1 / (self.rate * self.time_base)))
            for frame in self._progressive(_decoded(container, stream, damage)):
                time = 0 if last is None else last + usual  # of a stream without times
                if frame.pts is not None:
                    time = self._in_time_base(frame, frame.pts)
                    time += joined.offset(time, self._in_time_base(frame, frame.duration or 0))
                last = time if last is None else max(time, last + 1)  # no two frames have the same time
                if number >= start:
                    yield self._frame(frame, last, size or self.size)
                number += 1
            seconds, end = float((last or 0) * self.time_base), _end(container, stream)
            stored = seconds - float(self.offsets[joined.piece])
            listed = 0 if container.format.name == "avi" else stream.frames  # AVI also lists frames that were dropped
            short = number < listed - 1 or (end is not None and stored < end - ENOUGH)
        if joined.piece:
            self.notes.append(f"{self.path.name} is joined from {joined.piece + 1} pieces, each with times of its own")
        if is_cut_off(self.path, container.format.name):
            self.damage.append(f"{self.path.name} is cut off after {number} frames, at {seconds:.2f} s")
        elif damage or short:
            whole = f" of {self.count}" if self.count else ""
            self.damage.append(
                f"{self.path.name} is damaged: {number}{whole} frames could be read, the last one at {seconds:.2f} s"
            )

    def at(self, times: Sequence[float], size: tuple[int, int] | None = None) -> Iterator[Frame]:
        """Yield the frames that are shown at some times, without decoding all others; not deinterlaced.

        Args:
            times: Seconds from the first frame, rising. After the last frame, that one is shown.
            size: See `Film`.
        """
        import av

        with opened(self.path) as container:
            stream = moving(container)[0]
            stream.thread_type = "AUTO"
            start = stream.start_time or 0
            decoded, shown, ahead = _decoded(container, stream, []), None, None
            for seconds in times:
                wanted = start + round(seconds / self.time_base)
                here = start if shown is None else shown.pts or 0
                if (wanted - here) * self.time_base > SEEKS:
                    with suppress(av.FFmpegError):  # what can't be sought is decoded
                        container.seek(wanted, stream=stream)
                        decoded, ahead = _decoded(container, stream, []), None
                while ahead is None or (ahead.pts or 0) <= wanted:
                    shown = ahead or shown
                    if (ahead := next(decoded, None)) is None:
                        break
                shown = shown or ahead
                if shown is None:
                    return
                yield self._frame(shown, (shown.pts or 0) - start, size or self.size)

    def _progressive(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """Yield the frames, deinterlaced from the first interlaced one on."""
        for frame in frames:
            if frame.interlaced_frame:
                self.notes.append(f"{self.path.name} is interlaced and was deinterlaced")
                yield from _deinterlaced(chain([frame], frames))
            else:
                yield frame

    def _in_time_base(self, frame: av.VideoFrame, time: int) -> int:
        """Return a time of this frame in units of the film's time base; a filter may have changed the frame's."""
        base = frame.time_base or self.time_base
        return time if base == self.time_base else round(time * base / self.time_base)

    def _frame(self, frame: av.VideoFrame, time: int, size: tuple[int, int]) -> Frame:
        duration = self._in_time_base(frame, frame.duration or 0)
        if not self.alpha:
            return Frame(self._pixels(frame, size), time, duration)
        samples = self._pixels(frame, self.size)  # resized on white, or hidden colors would bleed into visible ones
        return frame_of(samples[:, :3], samples[:, 3:], time, duration, size)

    def _pixels(self, frame: av.VideoFrame, size: tuple[int, int]) -> Tensor:
        """Return pixels (1, 3, H, W), or (1, 4, H, W) with alpha."""
        width, height = self._orientation.size(*size)
        matrix = matrix_of(frame)
        rgb = frame.reformat(
            width=width, height=height, format=_SAMPLES[self._deep, self.alpha],
            src_colorspace=matrix, dst_colorspace=matrix,
            src_color_range=FULL if int(frame.color_range) == FULL else LIMITED, dst_color_range=FULL,
            interpolation="BICUBIC" if size[0] * 2 > self.size[0] else "AREA",
        )  # fmt: skip
        samples = self._orientation.upright(rgb.to_ndarray())
        pixels = torch.from_numpy(samples.astype(np.float32)).permute(2, 0, 1)[None]
        return pixels.div_(65535 if self._deep else 255).contiguous()


@dataclass(frozen=True)
class _Orientation:
    """How frames are stored: transposed first, then mirrored left to right and top to bottom, they are upright."""

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the upright size of frames stored at (width, height), or the reverse."""
        return (height, width) if self.transposed else (width, height)

    def upright(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return samples (H, W, C) as they are shown."""
        samples = samples.swapaxes(0, 1) if self.transposed else samples
        return samples[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1]


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
    if moving(container) and not _is_still(container):
        return container
    kind = "is not a video"
    if container.streams.video:
        kind = "is a sound file with a cover picture, not a video"
    if _is_still(container):
        kind = "is a still picture, not a video; use brushwork stylize"
    container.close()
    raise PictureError(
        f"{path}: {kind}; expected a video file, an animated GIF, WebP or PNG, or a folder of numbered pictures"
    )


def moving(container: av.container.InputContainer) -> list[Any]:
    """Return the video streams, without the cover pictures that songs and films have."""
    from av.stream import Disposition

    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]


def _is_still(container: av.container.InputContainer) -> bool:
    """Return whether FFmpeg takes a picture for a video of one frame."""
    name, brand = container.format.name, container.metadata.get("major_brand", "")
    single = bool(container.streams.video) and container.streams.video[0].frames <= 1
    return name == "image2" or name.endswith("_pipe") or (brand in STILL_BRANDS and single)


def is_broadcast(container: av.container.InputContainer) -> bool:
    """Return whether it is a broadcast stream: its times begin anywhere, and may leap ahead where it was joined."""
    return container.format.name in ("mpegts", "mpeg")


def av_reason(error: Exception) -> str:
    """Return FFmpeg's error as one line for the user."""
    import av

    if isinstance(error, av.error.InvalidDataError | av.error.EOFError):
        return "is not a readable video, or its header or index is damaged; copy or download it again"
    return system_reason(error) if isinstance(error, OSError) else str(error)


def _first_frame(path: Path, container: av.container.InputContainer) -> av.VideoFrame:
    """Return the first frame that can be decoded; it has more information than the header."""
    for frame in _decoded(container, moving(container)[0], []):
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

    decode = _decoder(stream)
    for packet in readable_packets(container.demux(stream), damage):
        try:
            yield from decode(packet)
        except (av.FFmpegError, OSError) as error:
            damage.append(error)


def readable_packets(packets: Iterator[Any], damage: list[Exception]) -> Iterator[Any]:
    """Yield packets up to the first that can't be read, whose error is appended to `damage`."""
    import av

    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.FFmpegError, OSError) as error:
            damage.append(error)
            return
        yield packet


def _decoder(stream: Any) -> Callable[[Any], Iterable[av.VideoFrame]]:
    """Return the function that decodes packets: for WebM with alpha, that of a decoder that knows it."""
    import av

    tags = {key.lower(): value for key, value in stream.metadata.items()}
    name = ALPHA_DECODERS.get(stream.codec_context.name) if tags.get("alpha_mode") == "1" else None
    if name is None or name not in av.codecs_available:
        return lambda packet: packet.decode()
    context: Any = av.CodecContext.create(name, "r")
    return lambda packet: context.decode(packet if packet.size else None)


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


def _orientation(frame: av.VideoFrame) -> _Orientation:
    """Return the orientation of a frame; an angle between the right angles counts as the nearest of them.

    The display matrix (a b u, c d v, x y w) moves a stored pixel (p, q) to (ap + cq, bp + dq).
    """
    from av.sidedata.sidedata import Type

    found: Any = frame.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload]  # PyAV declares only names
    if found is None:
        return _Orientation()
    a, b, _, c, d = np.frombuffer(bytes(found), np.int32)[:5].tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _Orientation(mirrored=a < 0, flipped=d < 0)
    return _Orientation(transposed=True, mirrored=c < 0, flipped=b < 0)


def matrix_of(frame: av.VideoFrame) -> int:
    """Return the matrix of a frame; if unspecified, BT.601 for SD and BT.709 for HD."""
    named = int(frame.colorspace)
    if named not in (0, UNSPECIFIED):
        return named
    return BT709 if frame.height >= SD_HEIGHT else SMPTE170M


def colors_of(frame: av.VideoFrame) -> Colors:
    """Return the color description for a video made from this one: SD stays SD, everything else becomes HD."""
    matrix = matrix_of(frame)
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
    """Yield frames deinterlaced by FFmpeg's bwdif, which buffers one frame and halves the time base."""
    for _, alike in groupby(frames, lambda frame: (frame.width, frame.height, frame.format.name)):
        yield from _filtered(alike)


def _filtered(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Yield frames of one size and format, deinterlaced."""
    import av

    first = next(frames)
    graph = _bwdif(first)
    for frame in chain([first], frames, [None]):
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
