"""Streams of frames painted as they come: pipes and cameras. Where the machine is too slow, frames are dropped."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from brushwork.color import keep_luminance
from brushwork.flow import dis_flow
from brushwork.io.films import Frame
from brushwork.io.streams import StreamReader
from brushwork.methods.one_pass import OnePass
from brushwork.runtime.device import torch_threads
from brushwork.runtime.prefetch import BackgroundWriter, in_advance
from brushwork.video.smoothing import FrameWithFlow, TemporalSmoother, with_flow

__all__ = ["Look", "StreamReport", "paint_stream"]

WAITING = 8  # frames between reading and painting
PATIENCE = 2.0  # frame durations by which a frame may be late


@dataclass
class Look:
    """How frames are painted; may be changed from another thread while they are.

    Args:
        method: The method, at some strength.
        style: The encoded style.
    """

    method: OnePass[Any]
    style: Any

    def change(self, *, strength: float | None = None, style: Any = None) -> None:
        """Change the strength, or the style."""
        if strength is not None:
            self.method = self.method.with_strength(strength)
        if style is not None:
            self.style = style


@dataclass
class StreamReport:
    """What became of the frames.

    Args:
        read: Frames that came.
        written: Frames that were painted and written.
        dropped: Frames that would have been late.
        latencies: Seconds from reading to writing, of the last frames.
        seconds: Time from the first frame to the last.
    """

    read: int = 0
    written: int = 0
    dropped: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    seconds: float = 0.0

    def __str__(self) -> str:
        words = f"{self.read} frames in, {self.written} out, {self.dropped} dropped"
        if not self.latencies:
            return words
        rate = self.written / max(self.seconds, 1e-6)
        ordered = sorted(self.latencies)
        late = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        middle = statistics.median(ordered)
        return f"{words}; {rate:.1f} per second, latency {1000 * middle:.0f} ms (95 %: {1000 * late:.0f} ms)"


class _Arrivals:
    """Frames that have arrived, read by a thread; with `live`, those that are late make room for newer ones.

    A frame is late if it leaves the queue long after its time. Times are those of the stream, set by the frame that
    came earliest relative to its own; so a burst after a pause is caught up with.
    """

    def __init__(self, frames: Iterator[Frame], live: bool, patience: float, report: StreamReport) -> None:
        self._frames, self._live, self._patience, self._report = frames, live, patience, report
        self._waiting: deque[tuple[Frame, float]] = deque()
        self._changed, self._ended = threading.Condition(), False
        self._base = float("inf")
        self.arrived: dict[int, float] = {}
        self._thread = threading.Thread(target=self._read, name="arrivals", daemon=True)
        self._error: BaseException | None = None
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                self._drop_late()
                if not self._waiting:
                    if self._error is not None:
                        raise self._error
                    return
                frame, arrived = self._waiting.popleft()
                self.arrived[frame.time] = arrived
                self._changed.notify_all()
            yield frame

    def stop(self) -> None:
        """Read no more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _read(self) -> None:
        try:
            for frame in self._frames:
                with self._changed:
                    self._report.read += 1
                    now = time.monotonic()
                    self._base = min(self._base, now - frame.time / 1000)
                    self._waiting.append((frame, now))
                    self._drop_late()
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: len(self._waiting) < WAITING or self._ended)
                    if self._ended:
                        return
        except BaseException as error:
            self._error = error
        finally:
            self.stop()

    def _drop_late(self) -> None:
        while self._live and len(self._waiting) > 1 and self._lateness(self._waiting[0][0]) > self._patience:
            self._waiting.popleft()
            self._report.dropped += 1

    def _lateness(self, frame: Frame) -> float:
        return time.monotonic() - self._base - frame.time / 1000


def paint_stream(
    source: StreamReader,
    look: Look,
    write: Callable[[Tensor, int], object],
    *,
    size: tuple[int, int],
    smoothing: float,
    keep_color: bool = False,
    live: bool = False,
    report: StreamReport | None = None,
) -> StreamReport:
    """Paint a stream until it ends.

    Args:
        source: The stream.
        look: Method and style.
        write: Receives pixels (1, 3, H, W) in [0, 1] and their time in milliseconds; its exceptions end the work.
        size: Width and height of the frames.
        smoothing: Share of the previous frame to blend in; see `FilmOptions`.
        keep_color: Whether to keep the video's colors.
        live: Whether to drop frames rather than be late.
        report: Updated while it runs.
    """
    told = report or StreamReport()
    started, steady = time.monotonic(), TemporalSmoother(look.method, smoothing)
    frames = _Arrivals(source.frames(size), live, PATIENCE / float(source.rate), told)
    alone = partial(torch.set_num_threads, 1)
    seen = with_flow(frames, dis_flow()) if steady.watches else (FrameWithFlow(frame, None) for frame in frames)

    def finish(pixels: Tensor, frame: Frame) -> None:
        write(pixels, frame.time)
        now = time.monotonic()
        told.written += 1
        told.latencies.append(now - frames.arrived.pop(frame.time))
        told.seconds = now - started

    try:
        with torch_threads(torch.get_num_threads() - 1), BackgroundWriter(1, begin=alone) as later:
            for each in in_advance(seen, 1, begin=alone):
                steady.method = look.method
                painted = steady.paint(each, look.style)
                painted = keep_luminance(painted, each.frame.pixels) if keep_color else painted
                later(finish, painted, replace(each.frame, pixels=painted))
    finally:
        frames.stop()
    return told
