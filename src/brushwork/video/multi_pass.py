"""Multi-pass video optimization: passes alternate in direction, and every frame is saved to a file to survive a crash.

Source: Ruder, Dosovitskiy and Brox 2016, arXiv:1604.08610, section 4.4. Deviations: docs/video.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from brushwork.errors import PictureError
from brushwork.io.films import Frame
from brushwork.io.saving import writing_reason
from brushwork.runtime.tensor_files import read_metadata, read_tensors, write_tensors
from brushwork.video.frame_optimizer import DISTANCES, FrameOptimizer, StylizedFrame
from brushwork.video.smoothing import FrameWithFlow

__all__ = ["FrameFiles", "FrameState", "MultiPassStylizer"]


@dataclass(frozen=True)
class FrameState:
    """A frame of a video and its current result.

    Args:
        film: The source frame.
        painted: Its latest stylized version, (1, 3, H, W) in [0, 1].
        begins: Whether it starts a scene.
        passes: Number of passes done on it.
    """

    film: Frame
    painted: Tensor
    begins: bool
    passes: int


class FrameFiles:
    """Lossless storage of frames in a folder, one file each.

    Args:
        folder: Must exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, number: int) -> Path:
        """Return the file of a frame; numbers start at 0."""
        return self.folder / f"{number:06d}.frame"

    def passes(self, number: int) -> int:
        """Return the number of passes done on a frame; 0 if it has no file."""
        return int(read_metadata(self.path(number)).get("passes", 0))

    def __getitem__(self, number: int) -> FrameState:
        facts, tensors = read_metadata(self.path(number)), read_tensors(self.path(number))
        film = Frame(tensors["film"], int(facts["time"]), int(facts["duration"]), tensors.get("alpha"))
        return FrameState(film, tensors["painted"], facts["begins"] == "True", int(facts["passes"]))

    def __setitem__(self, number: int, kept: FrameState) -> None:
        facts = {"time": kept.film.time, "duration": kept.film.duration, "begins": kept.begins, "passes": kept.passes}
        tensors = {"film": kept.film.pixels.contiguous(), "painted": kept.painted.contiguous()}
        if kept.film.alpha is not None:
            tensors["alpha"] = kept.film.alpha.contiguous()
        try:
            write_tensors(self.path(number), tensors, {name: str(fact) for name, fact in facts.items()})
        except OSError as error:
            raise PictureError(f"{self.path(number)}: {writing_reason(error, self.path(number))}") from error

    def count(self) -> int:
        """Return the number of consecutive frames, from the first, that have been stylized at least once."""
        number = 0
        while self.path(number).exists():
            number += 1
        return number


class MultiPassStylizer:
    """Runs all passes over a video.

    Args:
        held: Stylizes a frame.
        files: Storage of the frames; existing frames are resumed from.
        passes: Number of passes: the first runs forward, the second backward, ….
        style_at: Returns the style value at a time of the video.
    """

    def __init__(self, held: FrameOptimizer, files: FrameFiles, passes: int, style_at: Callable[[int], Any]) -> None:
        self.held, self.files, self.passes, self.style_at = held, files, passes, style_at

    def run(self, seen: Iterator[FrameWithFlow]) -> Iterator[FrameState]:
        """Stylize the remaining frames; each is saved to its file before it is yielded.

        Args:
            seen: Frames of the video, starting with the first one that has no file.
        """
        yield from self._first(seen)
        count = self.files.count()
        for turn in range(2, self.passes + 1):
            step = 1 if turn % 2 else -1
            for number in range(count)[::step]:
                if self.files.passes(number) < turn:
                    yield self._again(number, step, turn)

    def _first(self, seen: Iterator[FrameWithFlow]) -> Iterator[FrameState]:
        for number, one in enumerate(seen, self.files.count()):
            begins = one.motion is None or one.motion.cut
            neighbors = {} if begins else self._neighbors(number, 1)
            painted = self.held.paint(one.frame.pixels, self.style_at(one.frame.time), neighbors)
            self.files[number] = kept = FrameState(one.frame, painted, begins, 1)
            yield kept

    def _again(self, number: int, step: int, turn: int) -> FrameState:
        last = self.files[number]
        value = self.style_at(last.film.time)
        painted = self.held.paint(last.film.pixels, value, self._neighbors(number, step), last.painted)
        self.files[number] = kept = FrameState(last.film, painted, last.begins, turn)
        return kept

    def _neighbors(self, number: int, step: int) -> dict[int, StylizedFrame]:
        """Return the frames of the same scene that this pass has already stylized."""
        found: dict[int, StylizedFrame] = {}
        for apart in range(1, max(DISTANCES) + 1):
            other = number - step * apart
            # Of two consecutive frames, the later one may start a scene.
            if not self.files.path(other).exists() or self._begins(max(other, other + step)):
                break
            if apart in DISTANCES:
                kept = self.files[other]
                found[apart] = StylizedFrame(kept.film.pixels, kept.painted)
        return found

    def _begins(self, number: int) -> bool:
        return read_metadata(self.files.path(number)).get("begins") == "True"
