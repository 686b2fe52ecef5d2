"""Video style transfer from file to file, frame by frame, in segments so that it can be resumed after a crash."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from brushwork.api.presets import film_preset
from brushwork.api.recipe import recipe_of, result_size
from brushwork.api.stylize import MethodSource, method_from
from brushwork.color import keep_luminance
from brushwork.errors import BrushworkError, Interrupted, PictureError, UsageError
from brushwork.flow import dis_flow
from brushwork.io import save
from brushwork.io.film_formats import FilmWriter, check_film_target, film_writer, open_film
from brushwork.io.films import Film, Frame
from brushwork.io.saving import room_problem, writing_reason
from brushwork.io.video_writer import CONTAINERS, Encoding
from brushwork.methods import Method
from brushwork.methods.base import FrameMethod
from brushwork.options.film import FilmOptions
from brushwork.options.methods import FILM_MODEL, AdaINLite
from brushwork.options.stylize import StylizeOptions, recipe_defaults, with_changes
from brushwork.registry import method_name
from brushwork.runtime.checkpoints import Checkpoint, State
from brushwork.runtime.deprecation import renamed_keywords
from brushwork.runtime.device import torch_threads
from brushwork.runtime.locking import locked
from brushwork.runtime.prefetch import BackgroundWriter, in_advance
from brushwork.runtime.progress import Pace, Progress, Step
from brushwork.runtime.provenance import Recipe
from brushwork.styles.sources import StyleSource
from brushwork.video.frame_optimizer import FrameOptimizer
from brushwork.video.keyframes import Keyframe, Styles, check_times, keyframes_of, late_keyframes
from brushwork.video.multi_pass import FrameFiles, MultiPassStylizer
from brushwork.video.painted_frames import AfterPaintedFrames, BackwardFrames, Painted, PaintedFrames, style_beside
from brushwork.video.smoothing import FrameWithFlow, TemporalSmoother, with_flow

__all__ = ["Filmed", "Keyframe", "stylize_video", "work_folder"]

FILM_BYTES, PICTURE_BYTES = 0.02, 0.5  # minimum bytes per pixel of a frame in a video file, and in an image file
FRAME_BYTES = 24  # per pixel of an optimized frame: source and result, uncompressed


@dataclass(frozen=True)
class Filmed:
    """The result of `stylize_video`.

    Args:
        path: The output file or folder.
        frames: Number of frames.
        size: (width, height) in pixels.
        recipe: Everything that determined it.
        notes: Remarks for the user.
        seconds: Run time, including file input and output.
    """

    path: Path
    frames: int
    size: tuple[int, int]
    recipe: Recipe
    notes: tuple[str, ...]
    seconds: float


def work_folder(output: Path) -> Path:
    """Return the folder for a video's intermediate files.

    >>> work_folder(Path("out/boat.mp4")).name
    'boat.mp4.parts'
    """
    return output.with_name(f"{output.name.replace('%', '_')}.parts")


@renamed_keywords(settings="method")
def stylize_video(
    film: str | Path,
    style: StyleSource | Sequence[Keyframe] | None,
    output: str | Path,
    method: MethodSource = None,
    *,
    painted: Painted | None = None,
    preset: str | None = None,
    options: FilmOptions | None = None,
    progress: Progress | None = None,
    resume: bool = False,
    **keywords: Any,
) -> Filmed:
    """Stylize a video without flicker and return the result.

    Timestamps are preserved; audio, subtitles and chapters are copied. Finished frames are stored beside the output in
    closed segments, so that an interrupted job can be resumed and produces the same frames.

    Args:
        film: A video file, an animation, a folder of numbered images, or a pattern such as "in/%05d.png".
        style: See `stylize`; or keyframes, between which the style is interpolated. None with painted frames: scenes
            without one are painted in the style of the first.
        output: A file (.mp4, .m4v, .mov, .mkv, .webm, .gif, .webp), a folder, or a pattern.
        method: See `stylize`; None: AdaIN-lite with its video model; after painted frames, that of the preset good.
        painted: Painted frames, whose strokes are carried to all others: frame number from 0 → a picture of the film's
            size, or None, to paint that frame by the method.
        preset: Instead of a method: "draft", "good" or "best", see `film_preset`.
        options: `FilmOptions`: size, smoothing, color, encoding, device and limits.
        progress: Called after each frame; raising an exception from it cancels the job.
        resume: Resume an interrupted job.
        **keywords: Fields of `FilmOptions`, which override `options`: `size=512`, `smoothing=0.9`, `codec="h265"`.

    Raises:
        PictureError: A file can't be read or written; the message names it.
        UsageError: An invalid value; the message says what is expected.
        WeightsError: A network's weights are not on this machine.
        Interrupted: Ctrl-C; the finished frames are kept for resuming.
        SavedElsewhereError: The video could not be written to the output, and is in another file.
        BrushworkError: Another process is working on this output.
    """
    started, output = time.perf_counter(), Path(output)
    style = style_beside(style, painted)
    preset = "good" if painted and preset is None and method is None else preset
    method, chosen = _with_preset(preset, method, with_changes(options or FilmOptions(), keywords))
    encoding = Encoding(chosen.codec, chosen.quality, chosen.pixel_format)
    check_film_target(output, encoding, chosen.depth)
    folder = work_folder(output)
    with locked(folder, output):
        read = open_film(film, max_pixels=chosen.max_pixels)
        keys = keyframes_of(style)
        check_times(keys, read)
        shown = result_size(read.size, chosen.size)
        after = PaintedFrames.read(painted or {}, read, shown, chosen.max_pixels)
        loaded = _load(method, chosen, any_method=bool(painted))
        _check_room(output, read, shown, optimized=bool(after.stretches()) or not isinstance(loaded, FrameMethod))
        styles = Styles(loaded, keys, shown, chosen.max_pixels)
        recipe = _recipe(loaded, read, styles, shown, chosen) | ({"painted": after.records} if painted else {})
        defaults = recipe_defaults(loaded.settings, FilmOptions)
        checkpoint = Checkpoint(folder / "state.safetensors", chosen.segment, resume, recipe, defaults)
        writer = film_writer(output, read, shown, encoding, folder, chosen.depth)
        work = _Work(read, shown, writer, styles, checkpoint, chosen.keep_color)
        with _telling_how_to_resume(work, output):
            count = work.after(after, loaded, progress) if painted else work.run(loaded, chosen, progress)
        save(output, lambda path: writer.join(-(-count // chosen.segment), recipe.to_json(), path), beside=read.path)
        shutil.rmtree(folder, ignore_errors=True)
    notes = (*dict.fromkeys(read.notes), *writer.notes, *late_keyframes(keys, float(count / read.rate)), *work.notes)
    return Filmed(output, count, shown, recipe, notes, time.perf_counter() - started)


def _with_preset(preset: str | None, method: MethodSource, options: FilmOptions) -> tuple[MethodSource, FilmOptions]:
    """Return method and options; those of the preset, if there is one."""
    if preset is None:
        return AdaINLite(model=FILM_MODEL) if method is None else method, options
    if method is not None:
        raise UsageError("preset and method are both given; pass the method and options of film_preset")
    return film_preset(preset, options)


def _load(source: MethodSource, options: FilmOptions, *, any_method: bool) -> Method:
    """Load the method, and check that it supports the options."""
    method = method_from(source, options.device)
    if any_method:  # after painted frames, it only paints stills
        return method
    if not isinstance(method, FrameMethod) and not hasattr(method, "for_later_frames"):
        raise UsageError(f"{method_name(method.settings)} doesn't paint films; use gatys, or a method of one pass")
    if options.passes > 1 and isinstance(method, FrameMethod):
        name, passes = method_name(method.settings), options.passes
        raise UsageError(f"passes: {name} takes 1 pass, got {passes}; use gatys for more")
    return method


def _recipe(method: Method, film: Film, styles: Styles, size: tuple[int, int], options: FilmOptions) -> Recipe:
    basis = StylizeOptions(size=options.size, max_pixels=options.max_pixels)
    return recipe_of(method, film.path, styles.first, basis, size=size) | {
        "at": styles.records(),
        "smoothing": options.smoothing,
        "temporal_weight": options.temporal_weight,
        "passes": options.passes,
        "frame_steps": options.frame_steps,
        "keep_color": "luminance" if options.keep_color else None,
        "encoding": {"codec": options.codec, "quality": options.quality, "pixel_format": options.pixel_format},
        "depth": options.depth,
        "segment": options.segment,
    }


def _check_room(output: Path, film: Film, size: tuple[int, int], *, optimized: bool) -> None:
    """Refuse a video that won't fit on the disk, before the work starts.

    Args:
        output: The output video.
        film: The source video.
        size: (width, height) of the frames.
        optimized: Whether all frames are stored uncompressed until the last one is done.
    """
    folder = work_folder(output)
    frame = (FILM_BYTES if output.suffix.lower() in CONTAINERS else PICTURE_BYTES) + FRAME_BYTES * optimized
    held = sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0  # replaced or already done
    problem = room_problem(folder.resolve().parent, int(film.count * size[0] * size[1] * frame) - held)
    if problem is not None:
        raise PictureError(f"{output}: {problem}")


@contextmanager
def _telling_how_to_resume(work: _Work, output: Path) -> Iterator[None]:
    """Add to the error of an interrupted job what was saved and how to resume it."""
    try:
        yield
    except (KeyboardInterrupt, Interrupted) as stop:
        raise Interrupted(
            f"stopped early; finished work on {output} is kept in {work.folder}, use --resume to continue"
        ) from stop
    except BrushworkError as error:
        of_files = isinstance(error, PictureError) or isinstance(error.__cause__, OSError)
        if not (of_files and work.begun and work.checkpoint.path.exists()):
            raise
        raise PictureError(f"{error}; finished work is kept in {work.folder}, use --resume to continue") from error


class _Work:
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
            lambda frame: method(frame.pixels, self._style_at(frame.time)),
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
                painted = self._colored(steady.paint(seen, self._style_at(frame.time)), frame)
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

    def _written(self, files: FrameFiles) -> int:
        count = self._some(files.count())
        for number in range(count):
            if number % self.checkpoint.every == 0:
                self.writer.begin(number // self.checkpoint.every, number)
            kept = files[number]
            self.writer.write(replace(kept.film, pixels=self._colored(kept.painted, kept.film)))
            if (number + 1) % self.checkpoint.every == 0 or number + 1 == count:
                self.writer.end()
        return count

    def _some(self, count: int) -> int:
        if not count:
            raise PictureError(f"{self.film.path}: contains no readable frames")
        return count

    def _colored(self, painted: torch.Tensor, frame: Frame) -> torch.Tensor:
        return keep_luminance(painted, frame.pixels) if self.keep_color else painted

    def _style_at(self, time: int) -> Any:
        if self.first_time is None:
            self.first_time = time
        return self.styles.at(float((time - self.first_time) * self.film.time_base))

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
