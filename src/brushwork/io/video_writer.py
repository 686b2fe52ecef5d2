"""Write video files in closed segments, which are finally joined with the audio of the source video.

Frames are never reordered (no B-frames), so the packets of consecutive segments can simply be concatenated.
"""

from __future__ import annotations

import errno
import heapq
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from brushwork.errors import PictureError, UsageError
from brushwork.io.films import FULL, Film, Frame
from brushwork.io.joined_times import JoinedTimes
from brushwork.io.picture_film_writer import note_lost_alpha, plays_note
from brushwork.io.picture_writer import writing
from brushwork.io.saving import place_problem, writing_reason
from brushwork.io.video_reader import av_reason, is_broadcast, opened, readable_packets

if TYPE_CHECKING:
    import av
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
        alpha: Default pixel format of transparent videos; None: it has no transparency.
        segment: Container format of segments; it preserves timestamps.
    """

    encoder: str
    pixels: str
    rates: tuple[int, int] | None
    options: Mapping[str, str]
    odd: bool = False
    alpha: str | None = None
    segment: str = "nut"


CODECS = {
    "h264": _Codec("libx264", "yuv420p", (4, 44), {"preset": "fast", "bf": "0"}),
    "h265": _Codec("libx265", "yuv420p", (6, 46), {"preset": "fast", "x265-params": "bframes=0:log-level=error"}),
    "vp9": _Codec(
        "libvpx-vp9", "yuv420p", (8, 58), {"cpu-used": "4", "row-mt": "1", "auto-alt-ref": "0", "b:v": "0"}, odd=True,
        alpha="yuva420p",
    ),
    "prores": _Codec("prores_ks", "yuv422p10le", None, {}, alpha="yuva444p10le", segment="mov"),
}  # fmt: skip
CONTAINERS = {
    ".mp4": ("mp4", ("h264", "h265", "vp9")),
    ".m4v": ("mp4", ("h264", "h265")),
    ".mov": ("mov", ("h264", "h265", "prores")),
    ".mkv": ("matroska", tuple(CODECS)),
    ".webm": ("webm", ("vp9",)),
}
TRANSPARENT = {".mov": ("prores",), ".mkv": ("vp9", "prores"), ".webm": ("vp9",)}  # which codecs keep alpha where
QUALITY = 65
MILLISECOND = Fraction(1, 1000)
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
TAGS = {"encoder", "major_brand", "minor_version", "compatible_brands", "creation_time", "duration"}  # not copied
ALPHA_TAG = "alpha_mode"  # WebM: the tag that tells players to look for alpha
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


def _codec_of(path: Path, encoding: Encoding, alpha: bool = False) -> str:
    """Return the codec: if none is chosen, the container's first, or the first that keeps alpha."""
    suffix = path.suffix.lower()
    held = CONTAINERS[suffix][1]
    codec = encoding.codec or ((*TRANSPARENT.get(suffix, ()), *held) if alpha else held)[0]
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
        self.path, self.film, self.folder, self.notes = path, film, folder, plays_note(path, film)
        name = _codec_of(path, encoding, film.alpha and encoding.pixel_format is None)
        self._codec = CODECS[name]
        kept = film.alpha and name in TRANSPARENT.get(path.suffix.lower(), ())
        self._format = encoding.pixel_format or (self._codec.alpha if kept else None) or self._codec.pixels
        self._alpha = kept and self._format.startswith(("yuva", "gbrap"))
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
        form = self._codec.segment
        if self._alpha and form == "nut":
            form = "matroska"  # NUT drops VP9's alpha
        self._segment = self._open(self._place(number).with_suffix(".part"), form)
        self._number = number
        codec, colors = self._codec, self.film.colors
        stream = self._segment.add_stream(codec.encoder, rate=self.film.rate, options=self._options())
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *self.size, self._format
        context.time_base = stream.time_base = self.film.time_base
        context.colorspace, context.color_range = colors.matrix, colors.range
        context.color_primaries, context.color_trc = colors.primaries, colors.transfer
        if self._alpha:
            stream.metadata[ALPHA_TAG] = "1"
        self._stream = stream

    def _options(self) -> dict[str, str]:
        options = dict(self._codec.options)
        if self._codec.rates is None:
            return options | {"profile": "4444" if self._alpha else "hq" if self._quality >= QUALITY else "standard"}
        best, worst = self._codec.rates
        return options | {"crf": str(round(worst + (best - worst) * self._quality / 100))}

    def write(self, frame: Frame) -> None:
        """Encode a frame."""
        note_lost_alpha(self.notes, frame, self._alpha, self.path)
        encoded = self._encoded(frame)
        with _failing(self.path):
            self._segment.mux(self._stream.encode(encoded))

    def _encoded(self, frame: Frame) -> av.VideoFrame:
        import av

        pixels = frame.pixels
        if self._alpha:
            alpha = torch.ones_like(pixels[:, :1]) if frame.alpha is None else frame.alpha
            pixels = torch.cat([pixels, alpha], 1)
        pixels = F.pad(pixels, (0, self._pad[0], 0, self._pad[1]), mode="replicate")
        deep = self._format.endswith(("10le", "12le", "16le"))
        most, dtype = (65535, np.uint16) if deep else (255, np.uint8)
        samples = (pixels[0].permute(1, 2, 0) * most).round().clamp(0, most).numpy().astype(dtype)
        order = "rgba" if self._alpha else "rgb"
        form = f"{order}{16 * len(order)}le" if deep else order if self._alpha else "rgb24"
        image = av.VideoFrame.from_ndarray(np.ascontiguousarray(samples), format=form)
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
        """Join the segments into a file, with the source's audio, subtitles and chapters, and a recipe.

        If these can't be copied, the file is written without them, which a note says.
        """
        try:
            self._join(count, recipe, path, sound=self.film.container)
        except (PictureError, ValueError) as error:
            if not self.film.container or getattr(error.__cause__, "errno", None) in FULL_DISK:
                raise
            self._join(count, recipe, path, sound=False)
            self.notes.append(f"the sound of {self.film.path.name} can't be copied and was left out: {error}")

    def _join(self, count: int, recipe: str | None, path: Path, *, sound: bool) -> None:
        container = CONTAINERS[path.suffix.lower()][0]
        with writing(path) as file, _failing(path):
            options = {"movflags": "+faststart"} if container in ("mp4", "mov") else {}
            opening = opened(self.film.path) if sound else nullcontext()
            with opening as source, self._open(Path(file.name), container, options) as output:
                first = opened(self._place(0))
                video = output.add_stream_from_template(first.streams.video[0])
                video.time_base, video.codec_context.framerate = self.film.time_base, self.film.rate
                first.close()
                if self._alpha:
                    video.metadata[ALPHA_TAG] = "1"
                copied = self._copied(source, output)
                _copy_tags(source, output, recipe)
                tracks: list[Iterable[tuple[float, Any]]] = [self._packets(count, video)]
                if source is not None and copied:
                    tracks.append(self._copied_packets(source, copied))
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

    def _copied_packets(self, source: Any, copied: dict[int, Any]) -> Iterator[tuple[float, Any]]:
        """Yield the packets of the copied streams with their times in seconds, as far as they can be read."""
        times = {index: _SoundTimes(source.streams[index], self.film, is_broadcast(source)) for index in copied}
        damage: list[Exception] = []
        for packet in readable_packets(source.demux([source.streams[index] for index in copied]), damage):
            if packet.dts is not None or packet.size:
                index = packet.stream.index
                times[index].correct(packet)
                packet.stream = copied[index]
                yield float(packet.dts * packet.time_base), packet
        for error in damage:
            self.notes.append(f"the sound of {self.film.path.name} is damaged: {av_reason(error)}")
        if any(one.corrected for one in times.values()):
            self.notes.append(f"the sound of {self.film.path.name} has repeated or falling times, which were corrected")

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


def _copy_tags(source: Any, output: Any, recipe: str | None) -> None:
    if source is not None:
        output.metadata.update({key: value for key, value in source.metadata.items() if key.lower() not in TAGS})
        if source.chapters():
            output.set_chapters(source.chapters())
    if recipe is not None:
        output.metadata[RECIPE] = recipe


class _SoundTimes:
    """Corrects the times of a copied stream: muxers refuse times that don't rise.

    Args:
        stream: The stream of the source.
        film: The source video, for the offsets of its pieces.
        leaps: See `JoinedTimes`.
    """

    def __init__(self, stream: Any, film: Film, leaps: bool) -> None:
        self.corrected = False
        base = Fraction(stream.time_base)
        self._joined = JoinedTimes(base, film.offsets, leaps=leaps)
        self._least = 0 if stream.type == "subtitle" else math.ceil(MILLISECOND / base)  # subtitles may coincide
        self._last: int | None = None
        self._next = 0

    def correct(self, packet: Any) -> None:
        """Change the packet's times where they would not rise; one without times follows the one before."""
        if packet.dts is None:
            packet.pts = packet.dts = self._next
        self._next = packet.dts + (packet.duration or 0)
        time = packet.dts + self._joined.offset(packet.dts, packet.duration or 0)
        if self._last is not None and (time < self._last or (time == self._last and self._least)):
            time, self.corrected = self._last + self._least, True
        if time != packet.dts:
            pts = packet.pts if packet.pts is not None else packet.dts
            packet.pts, packet.dts = max(time, pts + time - packet.dts), time
        self._last = time
