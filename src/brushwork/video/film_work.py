"""The pipeline of a video: frames are read, painted and written side by side, and what is finished is kept."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from brushwork.color import keep_luminance
from brushwork.engines.base import Engine
from brushwork.errors import BrushworkError, Interrupted, PictureError
from brushwork.flow import dis_flow
from brushwork.io.film_formats import FilmWriter
from brushwork.io.films import Film, Frame
from brushwork.io.saving import writing_reason
from brushwork.methods import Method
from brushwork.methods.base import FrameMethod
from brushwork.options.film import FilmOptions
from brushwork.runtime.checkpoints import Checkpoint, State
from brushwork.runtime.device import torch_threads
from brushwork.runtime.prefetch import BackgroundWriter, in_advance
from brushwork.runtime.progress import Pace, Progress, Step
from brushwork.video.frame_optimizer import FrameOptimizer
from brushwork.video.keyframes import Styles, at_strength
from brushwork.video.multi_pass import FrameFiles, MultiPassStylizer
from brushwork.video.painted_frames import AfterPaintedFrames, BackwardFrames, PaintedFrames
from brushwork.video.scenes import ScenePainting, find_scenes, paint_scenes
from brushwork.video.smoothing import FrameWithFlow, TemporalSmoother, with_flow

__all__ = ["FilmWork", "telling_how_to_resume"]


@contextmanager
def telling_how_to_resume(work: FilmWork, output: Path) -> Iterator[None]:
    """Add to the error of an interrupted job what was saved and how to resume it."""
    try:
        yield
    except (KeyboardInterrupt, Interrupted) as stop:
        raise Interrupted(
            f"stopped early; finished work on {output} is kept in {work.folder}, use --resume to continue"
        ) from stop
    except BrushworkError as error:
        if work.begun and not work.checkpoint.path.exists():
            shutil.rmtree(work.folder, ignore_errors=True)  # nothing in it is finished
        of_files = isinstance(error, PictureError) or isinstance(error.__cause__, OSError)
        if not (of_files and work.begun and work.checkpoint.path.exists()):
            raise
        raise PictureError(f"{error}; finished work is kept in {work.folder}, use --resume to continue") from error


class FilmWork:
    """The pipeline that reads, stylizes and writes the frames."""

    def __init__(
        self,
        film: Film,
        size: tuple[int, int],
        writer: FilmWriter,
        styles: Styles,
        checkpoint: Checkpoint,
        keep_color: bool,
    ) -> None:
        self.film, self.size, self.writer, self.styles = film, size, writer, styles
        self.checkpoint, self.keep_color = checkpoint, keep_color
        self.first_time: int | None = None
        self.begun = False  # the state of an earlier job has been loaded or removed
        self.notes: list[str] = []

    @property
    def folder(self) -> Path:
        """Return the folder for intermediate files."""
        return self.checkpoint.path.parent

    def run(self, method: Method, options: FilmOptions, progress: Progress | None) -> int:
        """Process all frames and return their number."""
        if isinstance(method, FrameMethod):
            return self.steadily(TemporalSmoother(method, options.smoothing), progress)
        flow = dis_flow("medium", pixels=1 << 40)
        optimizer = FrameOptimizer(method, options.temporal_weight, flow, options.frame_steps)
        return self.in_passes(optimizer, options.passes, progress)

    def after(self, painted: PaintedFrames, method: Method, progress: Progress | None) -> int:
        """Process all frames after painted ones, and return their number."""
        if not (started := self._state() is not None):
            self.checkpoint.save(State({}, {"frames": 0}))  # records which job the frames carried backward belong to
        checkpoint = replace(self.checkpoint, path=self.folder / "backward.safetensors", resume=started)
        self.first_time = next((frame.time for frame in self.film.frames(0, self.size)), None)

        backward = BackwardFrames(
            self.film, self.size, painted, checkpoint, dis_flow(),
            lambda frame: _still(method, frame, self._style_at(frame.time)),
        )  # fmt: skip
        clock = _Clock(self.size, 0)
        for number, made in enumerate(backward.run(), 1):
            self._check_folder()
            if progress is not None:
                progress(clock.step(number, max(self.film.count, 1) + len(backward), made))
        steady = AfterPaintedFrames(method, painted, backward)
        self.checkpoint = replace(self.checkpoint, resume=True)
        count = self.steadily(steady, progress, len(backward))
        self.notes += [*steady.notes, *painted.late(count)]
        return count

    def steadily(self, steady: TemporalSmoother | AfterPaintedFrames, progress: Progress | None, done: int = 0) -> int:
        """Process frames in one pass, reading, stylizing and writing in three threads; return their number.

        Args:
            steady: Stylizes a frame.
            progress: Called after each.
            done: Steps that were done before.
        """
        number, before = self._begin(steady)
        clock = _Clock(self.size, done + number)
        frames = self.film.frames(number, self.size)
        # One core for flow and writing, the others for stylization: more threads would only compete.
        alone = partial(torch.set_num_threads, 1)
        with torch_threads(torch.get_num_threads() - 1), BackgroundWriter(begin=alone) as later:
            for seen in in_advance(_watched(frames, steady.watches, before), begin=alone):
                if number % self.checkpoint.every == 0:
                    later(self.writer.begin, number // self.checkpoint.every, number)
                frame = seen.frame
                self._check_folder()
                painted = self._colored(self._painted(steady, seen), frame)
                later(self.writer.write, replace(frame, pixels=painted))
                number += 1
                if number % self.checkpoint.every == 0:
                    later(self.writer.end)
                    later.wait()
                    self._keep(number, seen, steady)
                if progress is not None:
                    progress(clock.step(done + number, done + max(self.film.count, number), painted))
            if number % self.checkpoint.every:
                later(self.writer.end)
        return self._some(number)

    def in_passes(self, held: FrameOptimizer, count: int, progress: Progress | None) -> int:
        """Optimize frames, saving each when it is done, and write them after the last pass; return their number."""
        if self._state() is None:
            self.checkpoint.save(State({}, {}))  # records which job these frames belong to
        files = FrameFiles(self.folder)
        start = files.count()
        before = files[start - 1].film.pixels if start else None
        if start:
            self.first_time = files[0].film.time
        seen = _watched(self.film.frames(start, self.size), held.weight > 0 or count > 1, before)
        paintings = sum(files.passes(number) for number in range(start))
        clock = _Clock(self.size, paintings)
        for kept in MultiPassStylizer(held, files, count, self._style_at).run(seen):
            paintings += 1
            self._check_folder()
            if progress is not None:
                painted = self._colored(kept.painted, kept.film)
                progress(clock.step(paintings, max(self.film.count * count, paintings), painted))
        return self._written(files)

    def in_scenes(self, painting: ScenePainting, engine: Engine, progress: Progress | None) -> int:
        """Let workers paint the scenes into files, and write them in order; return the number of frames."""
        if self._state() is None:
            self.checkpoint.save(State({}, {}))  # records which job these frames belong to
        scenes, files, clock = find_scenes(self.film, self.size), FrameFiles(self.folder), _Clock(self.size, 0)
        for done, number in paint_scenes(painting, scenes, engine):
            self._check_folder()
            if progress is not None:
                progress(clock.step(done, scenes[-1].stop, files[number].painted))
        return self._written(files, colored=True)

    def _written(self, files: FrameFiles, *, colored: bool = False) -> int:
        count = self._some(files.count())
        for number in range(count):
            if number % self.checkpoint.every == 0:
                self.writer.begin(number // self.checkpoint.every, number)
            kept = files[number]
            painted = kept.painted if colored else self._colored(kept.painted, kept.film)
            self.writer.write(replace(kept.film, pixels=painted))
            if (number + 1) % self.checkpoint.every == 0 or number + 1 == count:
                self.writer.end()
        return count

    def _some(self, count: int) -> int:
        if not count:
            raise PictureError(f"{self.film.path}: contains no readable frames")
        return count

    def _colored(self, painted: torch.Tensor, frame: Frame) -> torch.Tensor:
        return keep_luminance(painted, frame.pixels) if self.keep_color else painted

    def _painted(self, steady: TemporalSmoother | AfterPaintedFrames, seen: FrameWithFlow) -> torch.Tensor:
        seconds = self._seconds(seen.frame.time)
        return steady.paint(seen, self.styles.at(seconds), self.styles.change(seconds) / float(self.film.rate))

    def _style_at(self, time: int) -> Any:
        return self.styles.at(self._seconds(time))

    def _seconds(self, time: int) -> float:
        if self.first_time is None:
            self.first_time = time
        return float((time - self.first_time) * self.film.time_base)

    def _begin(self, steady: TemporalSmoother | AfterPaintedFrames) -> tuple[int, torch.Tensor | None]:
        """Return the number of finished frames, and the source pixels of the last one."""
        state = self._state()
        if state is None or not state.facts["frames"]:
            return 0, None
        tensors = dict(state.tensors)
        before = tensors.pop("film", None)
        steady.go_on(tensors)
        self.first_time = int(state.facts["first_time"])
        return int(state.facts["frames"]), before

    def _keep(self, number: int, seen: FrameWithFlow, steady: TemporalSmoother | AfterPaintedFrames) -> None:
        tensors = steady.state() | ({"film": seen.frame.pixels} if steady.watches else {})
        self.checkpoint.save(State(tensors, {"frames": number, "first_time": self.first_time}))

    def _state(self) -> State | None:
        """Return the saved state to resume from; otherwise create an empty folder for intermediate files."""
        state = self.checkpoint.load() if self.folder.exists() else None
        if state is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            try:
                self.folder.mkdir()
            except OSError as error:
                raise PictureError(f"{self.folder}: {writing_reason(error, self.folder)}") from error
        self.begun = True
        return state

    def _check_folder(self) -> None:
        """Stop if the folder of finished frames has been deleted, since no later step could recover them."""
        if not self.folder.is_dir():
            raise PictureError(f"{self.folder}: this folder with the finished work has been deleted")


def _still(method: Method, frame: Frame, value: Any) -> torch.Tensor:
    painter, style = at_strength(method, value)
    return painter(frame.pixels, style)  # type: ignore[no-any-return]


def _watched(frames: Iterator[Frame], wanted: bool, before: torch.Tensor | None) -> Iterator[FrameWithFlow]:
    """Yield frames, with their motion if it is wanted."""
    return with_flow(frames, dis_flow(), before) if wanted else (FrameWithFlow(frame, None) for frame in frames)


class _Clock:
    """Reports progress and the estimated time remaining."""

    def __init__(self, size: tuple[int, int], done: int) -> None:
        self.size, self.pace, self.began = size, Pace(done), time.perf_counter()

    def step(self, done: int, steps: int, painted: torch.Tensor) -> Step:
        """Return the progress after this many of the frames."""
        seconds = time.perf_counter() - self.began
        left = self.pace.seconds_left(done, steps - done)
        return Step(done, steps, 0.0, {}, self.size, seconds, left, lambda: painted)
