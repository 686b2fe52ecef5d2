"""Times of files that were joined from pieces, such as transport streams: each piece begins its times anew."""

from __future__ import annotations

from fractions import Fraction

__all__ = ["JoinedTimes"]

FALL, LEAP = Fraction(1, 10), 10  # seconds by which times fall back, or leap ahead, from piece to piece; as in FFmpeg


class JoinedTimes:
    """Makes one timeline of a stream's times: each piece follows the one before.

    Args:
        base: Seconds per unit of time.
        offsets: Seconds added in each piece, at first only that of the first one. All streams of a file share them, so
            that sound stays with its picture; the first stream that reaches a piece appends its offset.
        leaps: Whether times that leap ahead begin a piece, too.
    """

    def __init__(self, base: Fraction, offsets: list[Fraction], *, leaps: bool = False) -> None:
        self.base, self.offsets, self.leaps = base, offsets, leaps
        self.piece = 0
        self._last: int | None = None
        self._step = 1

    def offset(self, time: int, duration: int) -> int:
        """Return what must be added to this time.

        Args:
            time: The stream's next time, in units of the base; within a piece, times rise.
            duration: How long its frame or packet lasts, in the same units; 0 if unknown.
        """
        if self._last is not None:
            ahead = (time - self._last) * self.base
            if ahead < -FALL or (self.leaps and ahead > LEAP):
                if self.piece + 1 == len(self.offsets):
                    self.offsets.append(self.offsets[self.piece] + (self._last + self._step - time) * self.base)
                self.piece += 1
            elif ahead > 0:
                self._step = duration or time - self._last
        self._last = time
        return round(self.offsets[self.piece] / self.base)
