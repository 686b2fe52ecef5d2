"""Video style transfer from file to file, frame by frame, in segments so that it can be resumed after a crash."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from brushwork.api.presets import film_preset
from brushwork.api.recipe import recipe_of, result_size
from brushwork.api.stylize import MethodSource, method_from
from brushwork.engines.base import Engine
from brushwork.errors import PictureError, UsageError
from brushwork.io import save
from brushwork.io.film_formats import check_film_target, film_writer, open_film
from brushwork.io.films import Film
from brushwork.io.saving import room_problem
from brushwork.io.video_writer import CONTAINERS, Encoding
from brushwork.methods import Method
from brushwork.methods.base import FrameMethod
from brushwork.options.film import FilmOptions
from brushwork.options.stylize import StylizeOptions, recipe_defaults, with_changes
from brushwork.registry import method_name
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.runtime.deprecation import renamed_keywords
from brushwork.runtime.locking import locked
from brushwork.runtime.progress import Progress
from brushwork.runtime.provenance import Recipe
from brushwork.styles.sources import StyleSource
from brushwork.video.film_work import FilmWork, telling_how_to_resume
from brushwork.video.keyframes import Keyframe, Styles, check_times, keyframes_of, late_keyframes
from brushwork.video.painted_frames import Painted, PaintedFrames, style_beside
from brushwork.video.scenes import ScenePainting

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
    engine: Engine | None = None,
    **keywords: Any,
) -> Filmed:
    """Stylize a video without flicker and return the result.

    Timestamps are preserved; audio, subtitles and chapters are copied. Finished frames are stored beside the output in
    closed segments, so that an interrupted job can be resumed and produces the same frames.

    Args:
        film: A video file, an animation, a folder of numbered images, or a pattern such as "in/%05d.png".
        style: See `stylize`; or keyframes, between which style and strength are interpolated. None with painted frames:
            scenes without one are painted in the style of the first.
        output: A file (.mp4, .m4v, .mov, .mkv, .webm, .gif, .webp), a folder, or a pattern.
        method: See `stylize`; None: AdaIN-lite with its video model; after painted frames, that of the preset good.
        painted: Painted frames, whose strokes are carried to all others: frame number from 0 → a picture of the film's
            size, or None, to paint that frame by the method.
        preset: Instead of a method: "draft", "good" or "best", see `film_preset`.
        options: `FilmOptions`: size, smoothing, color, encoding, device and limits.
        progress: Called after each frame; raising an exception from it cancels the job.
        resume: Resume an interrupted job.
        engine: Paints scenes side by side, on one thread each: `LocalEngine(workers)` or `RayEngine(address)`. The
            frames are those of one thread without an engine. Feed-forward methods only.
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
    if painted and engine is not None:
        raise UsageError("painted can't be combined with engine: one process carries the strokes from frame to frame")
    style = style_beside(style, painted)
    preset = "good" if painted and preset is None and method is None else preset
    method, chosen = _with_preset(preset, method, with_changes(options or FilmOptions(), keywords), style)
    encoding = Encoding(chosen.codec, chosen.quality, chosen.pixel_format)
    check_film_target(output, encoding, chosen.depth)
    with locked(work_folder(output), output):
        read = open_film(film, max_pixels=chosen.max_pixels)
        if chosen.strict:
            _check_whole(open_film(film, max_pixels=chosen.max_pixels))
        done = _filmed(
            read, style, output, method, chosen, encoding=encoding, painted=painted or {}, progress=progress,
            resume=resume, engine=engine,
        )  # fmt: skip
    return replace(done, seconds=time.perf_counter() - started)


def _filmed(
    read: Film,
    style: StyleSource | Sequence[Keyframe],
    output: Path,
    method: MethodSource,
    chosen: FilmOptions,
    *,
    encoding: Encoding,
    painted: Painted,
    progress: Progress | None,
    resume: bool,
    engine: Engine | None,
) -> Filmed:
    """Stylize a video that has been opened, in a folder that no other process uses; see `stylize_video`."""
    keys, folder, shown = keyframes_of(style), work_folder(output), result_size(read.size, chosen.size)
    check_times(keys, read)
    after = PaintedFrames.read(painted, read, shown, chosen.max_pixels)
    loaded = _load(method, chosen, any_method=bool(painted))
    in_files = engine is not None or bool(after.stretches()) or not isinstance(loaded, FrameMethod)
    _check_room(output, read, shown, optimized=in_files)
    styles = Styles(loaded, keys, shown, chosen.max_pixels)
    recipe = _recipe(loaded, read, styles, shown, chosen) | ({"painted": after.records} if painted else {})
    defaults = recipe_defaults(loaded.settings, FilmOptions)
    job = recipe if engine is None else recipe | {"scenes": True}  # frames in files, not in segments
    checkpoint = Checkpoint(folder / "state.safetensors", chosen.segment, resume, job, defaults)
    writer = film_writer(output, read, shown, encoding, folder, chosen.depth)
    work = FilmWork(read, shown, writer, styles, checkpoint, chosen.keep_color)
    with telling_how_to_resume(work, output):
        if engine is not None:
            painting = ScenePainting(read.path, keys, _fixed(loaded), chosen, shown, folder)
            count = work.in_scenes(painting, engine, progress)
        else:
            count = work.after(after, loaded, progress) if painted else work.run(loaded, chosen, progress)
    save(output, lambda path: writer.join(-(-count // chosen.segment), recipe.to_json(), path), beside=read.path)
    shutil.rmtree(folder, ignore_errors=True)
    late = late_keyframes(keys, float(count / read.rate))
    notes = (*dict.fromkeys(read.notes + read.damage), *writer.notes, *late, *work.notes)
    return Filmed(output, count, shown, recipe, notes, 0.0)


def _with_preset(
    preset: str | None, method: MethodSource, options: FilmOptions, style: StyleSource | Sequence[Keyframe]
) -> tuple[MethodSource, FilmOptions]:
    """Return method and options; those of the preset, which is draft if neither is given."""
    if method is None:
        return film_preset(preset or "draft", options, [key.style for key in keyframes_of(style)])
    if preset is not None:
        raise UsageError("preset and method are both given; pass the method and options of film_preset")
    return method, options


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


def _fixed(method: Method) -> Any:
    """Return the method's settings for workers elsewhere, with the precision that was measured here.

    Raises:
        UsageError: The method's frames depend on more than their scene.
    """
    if not isinstance(method, FrameMethod):
        raise UsageError(f"engine: scenes are painted side by side by feed-forward methods, not by "
                         f"{method_name(method.settings)}; leave it out")  # fmt: skip
    if getattr(method.settings, "precision", None) != "auto" or method.device.type != "cpu":
        return method.settings
    return with_changes(method.settings, {"precision": method.recipe()["dtype"]})


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


def _check_whole(film: Film) -> None:
    """Refuse a video that can be read only in part, before the work starts."""
    for _ in film.frames():
        pass
    if film.damage:
        found = film.damage[0].partition(";")[0]
        raise PictureError(f"{found}; copy it again, or leave out --strict to process what can be read")


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
