"""Write video files in closed segments, which are finally joined with the audio of the source video.

Frames are never reordered (no B-frames), so the packets of consecutive segments can simply be concatenated.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch.nn.functional as F

from brushwork.errors import PictureError, UsageError
from brushwork.io.films import FULL, Film, Frame
from brushwork.io.picture_writer import writing
from brushwork.io.saving import place_problem, writing_reason
from brushwork.io.video_reader import av_reason, opened

if TYPE_CHECKING:
    import av
    from torch import Tensor

__all__ = ["CODECS", "CONTAINERS", "Encoding", "VideoWriter", "check_encoding"]


@dataclass(frozen=True)
class _Codec:
    """An FFmpeg encoder.

    Args:
        encoder: FFmpeg's name for it.
        pixels: Default pixel format.
        rates: Rate factors at quality 100 and at 0; None: quality selects a profile.
        options: Further encoder options.
        odd: Whether odd dimensions are allowed with chroma subsampling.
        segment: Container format of segments; it preserves timestamps.
    """

    encoder: str
    pixels: str
    rates: tuple[int, int] | None
    options: Mapping[str, str]
    odd: bool = False
    segment: str = "nut"


CODECS = {
    "h264": _Codec("libx264", "yuv420p", (4, 44), {"preset": "fast", "bf": "0"}),
    "h265": _Codec("libx265", "yuv420p", (6, 46), {"preset": "fast", "x265-params": "bframes=0:log-level=error"}),
    "vp9": _Codec(
        "libvpx-vp9", "yuv420p", (8, 58), {"cpu-used": "4", "row-mt": "1", "auto-alt-ref": "0", "b:v": "0"}, odd=True
    ),
    "prores": _Codec("prores_ks", "yuv422p10le", None, {}, segment="mov"),
}
CONTAINERS = {
    ".mp4": ("mp4", ("h264", "h265", "vp9")),
    ".m4v": ("mp4", ("h264", "h265")),
    ".mov": ("mov", ("h264", "h265", "prores")),
    ".mkv": ("matroska", tuple(CODECS)),
    ".webm": ("webm", ("vp9",)),
}
QUALITY = 65
TAGS = {"encoder", "major_brand", "minor_version", "compatible_brands", "creation_time", "duration"}  # not copied
RECIPE = "comment"  # the tag that all containers support


@dataclass(frozen=True)
class Encoding:
    """Video encoding options.

    Args:
        codec: One of `CODECS`; None: the container's first.
        quality: 1 to 100.
        pixel_format: FFmpeg's name, such as "yuv444p"; None: the most widely supported format.
    """

    codec: str | None = None
    quality: int | None = None
    pixel_format: str | None = None


def check_encoding(path: Path, encoding: Encoding) -> None:
    """Check that a video can be written here, before starting the work that makes it.

    Raises:
        UsageError: Unknown container, codec, quality or pixel format, or an unsupported combination.
        PictureError: The directory is missing or not writable.
    """
    import av

    codec = CODECS[_codec_of(path, encoding)]
    if encoding.quality is not None and not 1 <= encoding.quality <= 100:
        raise UsageError(f"expected a quality from 1 to 100, got {encoding.quality}")
    if codec.encoder not in av.codecs_available:
        raise UsageError(f"{path}: this build of PyAV lacks {codec.encoder}; choose another --codec")
    known = [form.name for form in av.Codec(codec.encoder, "w").video_formats or ()]
    if encoding.pixel_format is not None and encoding.pixel_format not in known:
        raise UsageError(f"pixel format {encoding.pixel_format!r}: {codec.encoder} supports {', '.join(known)}")
    problem = place_problem(path)
    if problem is not None:
        raise PictureError(f"{path}: {problem}")


def _codec_of(path: Path, encoding: Encoding) -> str:
    held = CONTAINERS[path.suffix.lower()][1]
    codec = encoding.codec or held[0]
    if codec not in CODECS:
        raise UsageError(f"unknown codec {codec!r}; choose from {', '.join(CODECS)}")
    if codec not in held:
        raise UsageError(f"{path}: {path.suffix} files support {', '.join(held)}, not {codec}")
    return codec


class VideoWriter:
    """Write a video file segment by segment.

    Args:
        path: The output file.
        film: The source video, for time base, colors and audio.
        size: (width, height) of the frames.
        encoding: Encoding options.
        folder: Folder for the segments.
    """

    def __init__(self, path: Path, film: Film, size: tuple[int, int], encoding: Encoding, folder: Path) -> None:
        self.path, self.film, self.folder, self.notes = path, film, folder, list[str]()
        self._codec = CODECS[_codec_of(path, encoding)]
        self._format = encoding.pixel_format or self._codec.pixels
        self._quality = encoding.quality or QUALITY
        self._pad = self._missing(size)
        self.size = size[0] + self._pad[0], size[1] + self._pad[1]
        if any(self._pad):
            self.notes.append(
                f"{path.name}: made {self.size[0]}x{self.size[1]}, because {self._format} requires even sides"
            )
        self._segment: Any = None
        self._stream: Any = None

    def _missing(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the padding in columns and rows that a codec needs with chroma subsampling."""
        import av

        form = av.VideoFormat(self._format, 64, 64)
        halved = form.chroma_width(64) < 64, form.chroma_height(64) < 64
        width, height = (
            side % 2 if half and not self._codec.odd else 0 for side, half in zip(size, halved, strict=True)
        )
        return width, height

    def begin(self, number: int, frames: int) -> None:
        """Begin a segment, see `FilmWriter`; an existing segment of this number is replaced."""
        self._segment = self._open(self._place(number).with_suffix(".part"), self._codec.segment)
        self._number = number
        codec, colors = self._codec, self.film.colors
        stream = self._segment.add_stream(codec.encoder, rate=self.film.rate, options=self._options())
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *self.size, self._format
        context.time_base = stream.time_base = self.film.time_base
        context.colorspace, context.color_range = colors.matrix, colors.range
        context.color_primaries, context.color_trc = colors.primaries, colors.transfer
        self._stream = stream

    def _options(self) -> dict[str, str]:
        options = dict(self._codec.options)
        if self._codec.rates is None:
            return options | {"profile": "hq" if self._quality >= QUALITY else "standard"}
        best, worst = self._codec.rates
        return options | {"crf": str(round(worst + (best - worst) * self._quality / 100))}

    def write(self, frame: Frame) -> None:
        """Encode a frame."""
        encoded = self._encoded(frame)
        with _failing(self.path):
            self._segment.mux(self._stream.encode(encoded))

    def _encoded(self, frame: Frame) -> av.VideoFrame:
        import av

        pixels: Tensor = F.pad(frame.pixels, (0, self._pad[0], 0, self._pad[1]), mode="replicate")
        deep = self._format.endswith(("10le", "12le", "16le"))
        most, dtype = (65535, np.uint16) if deep else (255, np.uint8)
        samples = (pixels[0].permute(1, 2, 0) * most).round().clamp(0, most).numpy().astype(dtype)
        image = av.VideoFrame.from_ndarray(np.ascontiguousarray(samples), format="rgb48le" if deep else "rgb24")
        colors = self.film.colors
        found = image.reformat(
            format=self._format, src_colorspace=colors.matrix, dst_colorspace=colors.matrix,
            src_color_range=FULL, dst_color_range=colors.range, interpolation="BICUBIC",
        )  # fmt: skip
        found.pts, found.time_base, found.duration = frame.time, self.film.time_base, frame.duration
        return found

    def end(self) -> None:
        """Close the segment, which makes it permanent."""
        with _failing(self.path):
            self._segment.mux(self._stream.encode(None))
            self._segment.close()
            place = self._place(self._number)
            place.with_suffix(".part").replace(place)

    def join(self, count: int, recipe: str | None, path: Path) -> None:
        """Join the segments into a file, with the source's audio, subtitles and chapters, and a recipe."""
        container = CONTAINERS[path.suffix.lower()][0]
        with writing(path) as file, _failing(path):
            options = {"movflags": "+faststart"} if container in ("mp4", "mov") else {}
            with self._open(Path(file.name), container, options) as output, _source(self.film) as source:
                first = opened(self._place(0))
                video = output.add_stream_from_template(first.streams.video[0])
                video.time_base = self.film.time_base
                first.close()
                copied = self._copied(source, output)
                _copy_tags(source, output, recipe)
                tracks: list[Iterable[tuple[float, Any]]] = [self._packets(count, video)]
                if source is not None and copied:
                    tracks.append(_streams_packets(source, copied))
                for _, packet in heapq.merge(*tracks, key=lambda item: item[0]):
                    output.mux(packet)

    def _packets(self, count: int, video: Any) -> Iterator[tuple[float, Any]]:
        """Yield the packets of all segments with their times in seconds."""
        for number in range(count):
            with opened(self._place(number)) as segment:
                for packet in segment.demux(segment.streams.video[0]):
                    if packet.dts is not None:
                        packet.stream = video
                        yield float(packet.dts * packet.time_base), packet

    def _copied(self, source: Any, output: Any) -> dict[int, Any]:
        """Add the streams that are copied unchanged; return source index → new stream."""
        copied: dict[int, Any] = {}
        for stream in source.streams if source is not None else ():
            if stream.type not in ("audio", "subtitle"):
                continue
            name = stream.codec_context.name if stream.codec_context else "unknown"
            known = output.supported_codecs
            canonical = stream.codec.canonical_name if stream.codec_context else name
            if {name, canonical} & set(known):
                copied[stream.index] = output.add_stream_from_template(stream)
                copied[stream.index].metadata.update(stream.metadata)
            else:
                self.notes.append(
                    f"{stream.type} ({canonical}) is not supported by {self.path.suffix} and was left out"
                )
        return copied

    def _place(self, number: int) -> Path:
        return self.folder / f"{number:06d}.segment"

    def _open(self, path: Path, form: str, options: dict[str, str] | None = None) -> Any:
        import av

        with _failing(self.path):
            return av.open(f"file:{path}", "w", format=form, options=options or {})


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    """Convert FFmpeg errors to errors about this file."""
    import av

    try:
        yield
    except (av.FFmpegError, OSError) as error:
        reason = writing_reason(error, path) if isinstance(error, OSError) else av_reason(error)
        raise PictureError(f"{path}: can't be written: {reason}") from error


def _source(film: Film) -> Any:
    return opened(film.path) if film.container else nullcontext()


def _copy_tags(source: Any, output: Any, recipe: str | None) -> None:
    if source is not None:
        output.metadata.update({key: value for key, value in source.metadata.items() if key.lower() not in TAGS})
        if source.chapters():
            output.set_chapters(source.chapters())
    if recipe is not None:
        output.metadata[RECIPE] = recipe


def _streams_packets(source: Any, copied: dict[int, Any]) -> Iterator[tuple[float, Any]]:
    """Yield the packets of the copied streams with their times in seconds, as far as they can be read."""
    import av

    packets = source.demux([source.streams[index] for index in copied])
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            return
        if packet.dts is not None:
            time, index = float(packet.dts * packet.time_base), packet.stream.index
            packet.stream = copied[index]
            yield time, packet
