"""Frames as they come: none lost when there is time, late ones dropped, errors passed on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction

import pytest
import torch

from brushwork import AdaINLite, load
from brushwork.io.films import Frame
from brushwork.methods.one_pass import OnePass
from brushwork.video.live import Look, StreamReport, paint_stream


class Source:
    """Frames at a rate, whose times are those of the clock."""

    def __init__(self, count: int, rate: int = 100, *, breaks: bool = False, wait: float = 0.0) -> None:
        self.count, self.rate, self.breaks, self.wait = count, Fraction(rate), breaks, wait

    def frames(self, size: tuple[int, int]) -> Iterator[Frame]:
        for number in range(self.count):
            time.sleep(self.wait)
            yield Frame(torch.full((1, 3, size[1], size[0]), number / self.count), 1000 * number // int(self.rate), 0)
        if self.breaks:
            raise ValueError("the camera is gone")


def look() -> Look:
    method = load(AdaINLite(precision="float32"))
    assert isinstance(method, OnePass)
    return Look(method, method.network.neutral_style())


def painted(source: Source, *, delay: float = 0.0, live: bool = False) -> tuple[list[int], StreamReport]:
    times: list[int] = []

    def write(pixels: torch.Tensor, milliseconds: int) -> None:
        assert pixels.shape == (1, 3, 16, 32)
        time.sleep(delay)
        times.append(milliseconds)

    report = paint_stream(source, look(), write, size=(32, 16), smoothing=0.0, live=live)  # type: ignore[arg-type]
    return times, report


def test_every_frame_is_painted_in_order() -> None:
    times, report = painted(Source(12))
    assert times == list(range(0, 120, 10))
    assert (report.read, report.written, report.dropped) == (12, 12, 0)
    assert "12 frames in, 12 out, 0 dropped" in str(report)


def test_live_drops_frames_that_would_be_late_and_keeps_the_newest() -> None:
    times, report = painted(Source(40, rate=200, wait=0.005), delay=0.05, live=True)
    assert report.read == 40
    assert report.dropped > 0
    assert report.written + report.dropped == 40
    assert times == sorted(times)
    assert times[-1] == 195


def test_a_stream_that_breaks_ends_the_work_with_its_error() -> None:
    with pytest.raises(ValueError, match="the camera is gone"):
        painted(Source(3, breaks=True))


def test_a_writer_that_fails_ends_the_work() -> None:
    def write(pixels: torch.Tensor, milliseconds: int) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        paint_stream(Source(50), look(), write, size=(32, 16), smoothing=0.0)  # type: ignore[arg-type]


def test_the_look_changes_while_frames_come() -> None:
    seen, chosen = list[float](), look()
    numbers = torch.rand(1, 3, 16, 32)

    class Same(Source):
        def frames(self, size: tuple[int, int]) -> Iterator[Frame]:
            for number in range(self.count):
                yield Frame(numbers, 10 * number, 0)

    def write(pixels: torch.Tensor, milliseconds: int) -> None:
        seen.append(float((pixels - numbers).abs().mean()))
        chosen.change(strength=0.0)

    paint_stream(Same(20), chosen, write, size=(32, 16), smoothing=0.0)  # type: ignore[arg-type]
    assert seen[0] > 0.01
    assert seen[-1] < 1e-4
