"""Videos without torch: frame by frame, with normalizations that follow the film slowly, so that it doesn't pump.

The full package also blends each frame with the one before, moved along the optical flow, which takes OpenCV.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brushwork.errors import BrushworkError, PictureError, UsageError, first_line
from brushwork.lite.needs import needs_torch
from brushwork.lite.painting import Painter
from brushwork.lite.passes import Moments
from brushwork.lite.pictures import Picture
from brushwork.lite.recoloring import COLOR_CODE
from brushwork.lite.styles import blended, style_codes
from brushwork.lite.stylize import result_size, tile_side
from brushwork.options.methods import AdaINLite
from brushwork.options.stylize import StylizeOptions
from brushwork.runtime.atomic_files import real_path
from brushwork.styles.references import resolve_text

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["SteadyMoments", "paint_film"]

SMOOTHING, FOLLOWING, LAG, COLOR_LAG = 0.97, 3, 0.25, 0.1  # see `brushwork.video.smoothing`
SOFTENING = 1e-5  # added to variances
CUT = 0.25  # mean change of the thumbnail's brightness at which a new scene begins
GRID = 24  # side of this thumbnail
QUALITY = 65
BEST, WORST = 10, 51  # H.264's rate factors at quality 100 and 0
LIMITED, FULL = 1, 2  # color ranges, and matrices, of H.273
BT709, UNSPECIFIED, SMPTE170M, HD = 1, 2, 6, 720
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")


class SteadyMoments:
    """Moments of whole pictures, smoothed over the frames of a scene; the same as `TemporalSmoother`'s.

    Fades, flashes and lightning are followed at once: they never lag more than `LAG` or `COLOR_LAG`
    deviations behind.
    """

    def __init__(self) -> None:
        self._last: dict[int, Moments] = {}

    def begin(self) -> None:
        """Begin a scene."""
        self._last = {}

    def __call__(self, stop: int, now: Moments) -> Moments:
        """Return the moments to use for a frame's own."""
        last = self._last.get(stop)
        if last is not None:
            lag = COLOR_LAG if now.mean.shape[-1] == COLOR_CODE else LAG
            keep = np.float32(min(SMOOTHING**FOLLOWING, lag / max(_apart(now, last), lag)))
            now = Moments(
                now.mean + keep * (last.mean - now.mean), now.variance + keep * (last.variance - now.variance)
            )
        self._last[stop] = now
        return now


def _apart(now: Moments, last: Moments) -> float:
    """Return how far moments differ, as a mean over channels, in deviations of the present frame."""
    std, before = np.sqrt(now.variance + SOFTENING), np.sqrt(last.variance + SOFTENING)
    return float(np.sqrt((np.square((now.mean - last.mean) / std) + np.square(np.log(std / before))).mean()))


def paint_film(
    film: Path,
    style: str,
    target: Path,
    settings: AdaINLite,
    *,
    size: int | None,
    quality: int | None,
    provider: str,
    say: Callable[[str], None],
) -> None:
    """Paint a video, with its sound.

    Args:
        film: A file that FFmpeg reads.
        style: A style argument.
        target: An .mp4, .m4v, .mov or .mkv file.
        settings: Model, strength and style scale.
        size: Longer side of the frames; 0 keeps the film's, None keeps it up to 1024.
        quality: 1 to 100.
        provider: What computes.
        say: Receives lines for the user.

    Raises:
        BrushworkError: PyAV isn't installed.
        PictureError: A file can't be read or written.
        UsageError: An invalid value.
    """
    av = _av()
    _check(film, target, quality)
    painter, found = Painter(provider, settings.model), resolve_text(style)
    codes, notes = style_codes(painter, found, settings, StylizeOptions())
    steady, before, count = SteadyMoments(), None, 0
    with _failing(av, film), av.open(f"file:{film}") as source:
        stream = _stream(source, film)
        wanted = result_size((stream.width, stream.height), size)
        wanted = wanted[0] // 2 * 2 or 2, wanted[1] // 2 * 2 or 2  # H.264 wants even sides
        with _writer(av, target, source, wanted, quality or QUALITY) as write:
            for packet in source.demux([stream, *source.streams.audio]):
                if packet.stream is not stream:
                    write(packet)
                    continue
                for frame in packet.decode():
                    samples = _samples(frame, wanted)
                    small = _thumbnail(samples)
                    if before is not None and np.abs(small - before).mean() > CUT:
                        steady.begin()
                    before, count = small, count + 1
                    picture = Picture(samples)
                    painted = np.empty_like(samples)
                    painter.paint(
                        picture, blended(found, codes, None), _into(painted), strength=settings.strength,
                        side=tile_side(wanted, painter.model.architecture.memory, None), steady=steady,
                    )  # fmt: skip
                    write(_frame(av, painted, frame))
    for note in [*notes, "frames are not held together along the motion, which needs torch: pip install brushwork"]:
        say(note)
    say(f"{target}  {count} frames of {wanted[0]}×{wanted[1]}")


def _check(film: Path, target: Path, quality: int | None) -> None:
    if target.suffix.lower() not in SUFFIXES:
        raise needs_torch(f"{target}: a format other than {', '.join(SUFFIXES)}")
    if target.resolve() == film.resolve():
        raise UsageError(f"{target} is the input video; choose another name with -o")
    if quality is not None and not 1 <= quality <= 100:
        raise UsageError(f"expected a quality from 1 to 100, got {quality}")


def _stream(source: Any, film: Path) -> Any:
    """Return the video stream of an opened film, at its start."""
    from av.sidedata.sidedata import Type

    if not source.streams.video:
        raise PictureError(f"{film}: is not a video")
    stream = source.streams.video[0]
    first = next(source.decode(stream), None)
    if first is None:
        raise PictureError(f"{film}: contains no readable frames; copy or download it again")
    if first.side_data.get(Type.DISPLAYMATRIX) is not None:
        raise needs_torch(f"{film}: a video that is stored turned")
    source.seek(0)
    return stream


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise BrushworkError(f"video needs PyAV ({first_line(error)}): pip install 'brushwork-lite[video]'") from error
    return av


def _thumbnail(samples: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    rows, columns = (np.linspace(0, side - 1, GRID).astype(int) for side in samples.shape[:2])
    small: npt.NDArray[np.float32] = samples[np.ix_(rows, columns)].astype(np.float32).mean(2) / np.float32(255)
    return small


def _into(painted: npt.NDArray[np.uint8]) -> Callable[[int, int, Any], None]:
    def write(top: int, left: int, pixels: Any) -> None:
        height, width = pixels.shape[1:]
        painted[top : top + height, left : left + width] = np.rint(pixels.transpose(1, 2, 0) * np.float32(255))

    return write


def _samples(frame: Any, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return a frame as (H, W, 3), in the colors that its matrix and range mean."""
    matrix = _matrix(frame)
    rgb = frame.reformat(
        width=size[0], height=size[1], format="rgb24", src_colorspace=matrix, dst_colorspace=matrix,
        src_color_range=FULL if int(frame.color_range) == FULL else LIMITED, dst_color_range=FULL,
        interpolation="BICUBIC" if size[0] * 2 > frame.width else "AREA",
    )  # fmt: skip
    samples: npt.NDArray[np.uint8] = rgb.to_ndarray()
    return samples


def _matrix(frame: Any) -> int:
    """Return the matrix of a frame; if unspecified, BT.601 for SD and BT.709 for HD."""
    named = int(frame.colorspace)
    return named if named not in (0, UNSPECIFIED) else BT709 if frame.height >= HD else SMPTE170M


def _frame(av: Any, samples: npt.NDArray[np.uint8], like: Any) -> Any:
    """Return a frame of samples with the time and colors of another one."""
    matrix, span = _matrix(like), FULL if int(like.color_range) == FULL else LIMITED
    frame = av.VideoFrame.from_ndarray(samples, format="rgb24").reformat(
        format="yuv420p", src_colorspace=matrix, dst_colorspace=matrix, src_color_range=FULL, dst_color_range=span,
        interpolation="BICUBIC",
    )  # fmt: skip
    frame.pts, frame.time_base = like.pts, like.time_base
    return frame


@contextmanager
def _writer(av: Any, target: Path, source: Any, size: tuple[int, int], quality: int) -> Iterator[Callable[[Any], None]]:
    """Yield a function that takes frames and the packets of sound; the file appears when the block ends."""
    temporary = real_path(target).with_name(f".{target.stem}.part{target.suffix}")
    stream = source.streams.video[0]
    try:
        with av.open(f"file:{temporary}", "w") as container:
            rate = Fraction(stream.average_rate or 25)
            crf = str(round(WORST + (BEST - WORST) * quality / 100))
            video = container.add_stream("libx264", rate=rate, options={"preset": "fast", "crf": crf})
            video.width, video.height, video.pix_fmt = *size, "yuv420p"
            video.codec_context.time_base = video.time_base = stream.time_base
            sounds = {sound.index: container.add_stream_from_template(sound) for sound in source.streams.audio}

            def write(found: Any) -> None:
                if not isinstance(found, av.Packet):
                    context = video.codec_context
                    if not context.is_open:
                        context.colorspace, context.color_range = int(found.colorspace), int(found.color_range)
                    container.mux(video.encode(found))
                elif found.dts is not None:
                    found.stream = sounds[found.stream.index]
                    container.mux(found)

            yield write
            container.mux(video.encode(None))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _failing(av: Any, film: Path) -> Iterator[None]:
    try:
        yield
    except BrushworkError:
        raise
    except (av.FFmpegError, OSError) as error:
        name = error.filename or film if isinstance(error, OSError) else film
        raise PictureError(
            f"{str(name).removeprefix('file:')}: can't be read or written as video: {first_line(error)}"
        ) from error
