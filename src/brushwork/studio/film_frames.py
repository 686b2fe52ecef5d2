"""What a timeline shows of a film: small frames, single ones, its cuts, and two seconds of it, painted."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from brushwork.errors import UsageError

if TYPE_CHECKING:
    from brushwork.io.films import Film, Frame
    from brushwork.studio.files import RequestFiles
    from brushwork.studio.schemas import Clip

__all__ = ["cuts", "film_frame", "film_still", "film_strip", "painted_clip"]

CLIP_SECONDS = 2.0  # of a painted clip, at most
CLIP_RATES, CLIP_BUDGET = (12, 6, 4), 8.0  # its frames per second: the first rate that can be painted in these seconds
CUT_SIZE = 160  # longer side in pixels at which cuts are looked for
QUALITY = 80  # JPEG quality of small frames
INSIDE = 0.25  # of a frame: where in it a frame's time is asked for, so that rounding leads to no other


@lru_cache(8)
def _film(path: str) -> Film:
    """A film; what a path holds never changes."""
    from brushwork.io.film_formats import open_film

    return open_film(path)


def _at(film: Film, times: Sequence[float], size: tuple[int, int]) -> Iterator[Frame]:
    """Frames that are shown at some times, rising, in seconds."""
    from brushwork.io.video_reader import VideoFile

    if isinstance(film, VideoFile):
        yield from film.at(times, size)
        return
    left, shown, start = list(times), None, None
    for frame in film.frames(0, size):  # an animation, which is short
        start = frame.time if start is None else start
        while shown is not None and left and left[0] < (frame.time - start) * film.time_base:
            yield shown
            left.pop(0)
        shown = frame
    if shown is not None:
        yield from [shown] * len(left)


def film_still(path: str, number: int, size: int) -> Any:
    """The pixels (1, 3, H, W) of a frame, counted from 0; beyond the end, the last one's."""
    from brushwork.image import fit_size

    film = _film(path)
    within = fit_size(film.size, min(size, max(film.size)) if size else max(film.size))
    frame = next(_at(film, [(number + INSIDE) / float(film.rate)], within), None)
    if frame is None:
        raise UsageError(f"{path}: no readable frames")
    return frame.pixels


def film_frame(path: str, number: int, size: int) -> bytes:
    """A frame as JPEG; with size 0 as large as the film."""
    return _jpeg(film_still(path, number, size), 92)


def film_strip(path: str, count: int, height: int) -> bytes:
    """Small frames at equal distances, side by side, as one JPEG."""
    import torch

    film = _film(path)
    width = max(1, round(film.size[0] * height / film.size[1]))
    seconds = film.count / float(film.rate)
    times = [seconds * (number + 0.5) / count for number in range(count)]
    found = [frame.pixels for frame in _at(film, times, (width, height))]
    if not found:
        raise UsageError(f"{path}: no readable frames")
    return _jpeg(torch.cat(found, 3), QUALITY)


def cuts(path: str) -> list[float]:
    """Times at which another scene begins, in seconds; those that painting the film will find, with few exceptions."""
    from brushwork.image import fit_size
    from brushwork.video.scenes import find_scenes

    film = _film(path)
    scenes = find_scenes(film, fit_size(film.size, min(CUT_SIZE, max(film.size))))
    return [round(scene.start / float(film.rate), 3) for scene in scenes[1:]]


def painted_clip(ask: Clip, files: RequestFiles, keys: Sequence[tuple[float, Any, float | None]], method: Any) -> bytes:
    """Two seconds of a film from `ask.start` on, painted with all its keyframes, as MP4 without sound.

    Args:
        ask: The request.
        files: The film.
        keys: Its keyframes: seconds, parts of the style, strength.
        method: A feed-forward method, loaded.
    """
    from brushwork.color import keep_luminance
    from brushwork.flow import dis_flow
    from brushwork.image import fit_size
    from brushwork.methods.base import FrameMethod
    from brushwork.registry import method_name
    from brushwork.video.keyframes import Keyframe, Styles
    from brushwork.video.smoothing import TemporalSmoother, with_flow

    if not isinstance(method, FrameMethod):
        raise UsageError(f"{method_name(method.settings)} doesn't paint films; use a preset, or adain-lite")
    film = _film(str(files.source))
    width, height = (max(2, side - side % 2) for side in fit_size(film.size, min(ask.side, max(film.size))))
    styles = Styles(method, [Keyframe(*key) for key in keys], (width, height), 1 << 30)
    seconds = max(0.0, min(CLIP_SECONDS, film.count / float(film.rate) - ask.start))

    def frame_time() -> float:
        frame = next(_at(film, [ask.start], (width, height)))
        began, steady = time.perf_counter(), TemporalSmoother(method, ask.smoothing)
        for seen in with_flow([frame, frame], dis_flow()):
            steady.paint(seen, styles.at(ask.start))
        return (time.perf_counter() - began) / 2

    rate = _rate(min(CLIP_RATES[0], float(film.rate)), seconds, frame_time)
    times = [ask.start + (number + INSIDE) / rate for number in range(max(1, round(seconds * rate)))]
    steady = TemporalSmoother(method, ask.smoothing)
    painted = []
    for moment, seen in zip(times, with_flow(_at(film, times, (width, height)), dis_flow()), strict=False):
        made = steady.paint(seen, styles.at(moment), styles.change(moment) / rate)
        painted.append(keep_luminance(made, seen.frame.pixels) if ask.keep_color else made)
    if not painted:
        raise UsageError(f"{files.source}: no readable frames")
    return _mp4(painted, round(rate))


def _rate(best: float, seconds: float, frame_time: Callable[[], float]) -> float:
    """Frames per second that can be painted in time."""
    rates = [rate for rate in (best, *CLIP_RATES) if rate <= best]
    taken = frame_time()
    return next((rate for rate in rates if rate * seconds * taken <= CLIP_BUDGET), rates[-1])


def _mp4(frames: Sequence[Any], rate: int) -> bytes:
    """Frames (1, 3, H, W) of even sides as a film that browsers play."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=max(1, rate), options={"crf": "18", "preset": "veryfast"})
        context = stream.codec_context
        context.height, context.width = frames[0].shape[2:]
        context.pix_fmt, context.colorspace, context.color_range = "yuv420p", 1, 1
        context.color_primaries = context.color_trc = 1
        for pixels in frames:
            samples = (pixels[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().contiguous().numpy()
            frame = av.VideoFrame.from_ndarray(samples, format="rgb24")
            out.mux(stream.encode(frame.reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )))  # fmt: skip
        out.mux(stream.encode(None))
    return file.getvalue()


def _jpeg(pixels: Any, quality: int) -> bytes:
    from brushwork.studio.quick_worker import jpeg

    return jpeg(pixels, quality)
