"""The command `video`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from brushwork.cli.arguments import STYLE_HELP, chosen_settings, look_options, short_help
from brushwork.errors import UsageError
from brushwork.options.base import option_of
from brushwork.options.batch import ENGINES, BatchOptions
from brushwork.options.film import FilmOptions
from brushwork.options.flags import method_options, option_flags, options_from_flags
from brushwork.registry import OPTIONS, method_name

if TYPE_CHECKING:
    from brushwork.cli.report import Report
    from brushwork.video.stylize_video import Filmed

__all__ = ["video"]

STREAM = "a stream needs --style and -o, and can't be combined with --at, --painted, --engine or --resume"
FORMATS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".gif", ".webp")


class _Time(click.ParamType):  # type: ignore[type-arg]
    """A time in a video."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds of "5s", "1.5" or "1:30"."""
        match = re.fullmatch(r"(?:(\d+):)?(\d+(?:\.\d+)?)s?", str(value))
        if match is None:
            self.fail(f"expected a time such as 5s or 1:30, got {value!r}", param, ctx)
        return 60 * int(match[1] or 0) + float(match[2])


class _Painted(click.ParamType):  # type: ignore[type-arg]
    """A painted frame: its number, and its picture if there is one."""

    name = "FRAME[=FILE]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, Path | None]:
        """Return number and path of "80=first.png", or of "80" alone."""
        number, given, path = str(value).partition("=")
        if not number.isdecimal() or (given and not path):
            self.fail(f"expected the number of a frame, and its file, such as 0=first.png, got {value!r}", param, ctx)
        return int(number), Path(path) if path else None


PANELS = {
    "What": ("style", "keyframes", "painted", "output", "preset", "method"),
    "Look": ("strength", "style_scale", "smoothing", "keep_color"),
    "Size and speed": ("size", "engine", "address", "workers", "device"),
    "Output": ("codec", "quality", "preview"),
    "Long jobs": ("resume",),
}


@short_help(PANELS, OPTIONS)
@click.command()
@click.argument("film", type=click.Path(path_type=Path))
@click.option("--style", metavar="STYLE", help=STYLE_HELP.split("; given")[0])
@click.option("--at", "keyframes", multiple=True, nargs=2, type=(_Time(), str), metavar="TIME STYLE",
              help="reach STYLE at TIME (0s, 5s, 1:30), blending from the previous one; may be repeated")  # fmt: skip
@click.option("--painted", multiple=True, type=_Painted(),
              help="carry the strokes of a painted frame to all others; without FILE it is painted by --preset, good "
              "unless you choose another; may be repeated")  # fmt: skip
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="file, folder or %05d.png; - is standard output [FILM_STYLE]",
)
@click.option("--format", "form", type=click.Choice(("y4m", "nut", "matroska")),
              help="format of a stream on standard output [y4m]")  # fmt: skip
@click.option("--live", is_flag=True, help="for streams: drop frames rather than be late")
@look_options(default="draft")
@option_flags(FilmOptions, *[name for name in option_of(FilmOptions) if name != "segment"])
@click.option("--engine", type=click.Choice(ENGINES), help="paint scenes side by side: on this machine, or on Ray")
@option_flags(BatchOptions, "address", "workers")
@click.option(
    "--preview", type=click.Path(dir_okay=False, path_type=Path), help="image file to update periodically while running"
)
@click.option("--resume", is_flag=True, help="resume an interrupted job from OUTPUT.parts")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
@method_options(OPTIONS)
def video(
    *,
    film: Path,
    style: str | None,
    keyframes: tuple[tuple[float, str], ...],
    painted: tuple[tuple[int, Path | None], ...],
    output: Path | None,
    form: str | None,
    live: bool,
    preset: str | None,
    method: str | None,
    engine: str | None,
    address: str | None,
    workers: int | None,
    preview: Path | None,
    resume: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Render FILM (a video, an animated GIF, WebP or PNG, or a folder of frames; - is standard input) in a style."""
    if painted and preset is None and method is None:
        preset = "good"
    if preset is None and method == "adain-lite" and values["model"] is None:
        preset = "draft"
    styles = [name for name in (style, *(name for _, name in keyframes)) if name is not None]
    settings = chosen_settings(preset, method, values, styles, film=True)
    if engine is None and (address, workers) != (None, None):
        raise UsageError("--address and --workers are for scenes painted side by side; add --engine ray or local")
    _check_sources(style, bool(keyframes), bool(painted), engine)
    _check_flags(method_name(settings), values, painted=bool(painted))
    options = options_from_flags(FilmOptions, values)
    if preset is not None:
        from brushwork.api.presets import film_preset

        _, options = film_preset(preset, options)
    from brushwork.cli.report import Report

    if live or form is not None or "-" in (str(film), str(output)):
        from brushwork.cli.live import stylize_stream

        if output is None or style is None or keyframes or painted or engine is not None or resume:
            raise UsageError(STREAM)
        report = Report(as_json=as_json and str(output) != "-")
        stylize_stream(film, style, output, settings, options=options, form=form, live=live, report=report)
        return
    from brushwork.engines.choice import engine_for
    from brushwork.video.stylize_video import Keyframe, stylize_video

    frames = _painted_frames(painted)
    output = output or _output(film, style or (keyframes[0][1] if keyframes else "painted"))
    if output.resolve() == film.resolve():
        raise UsageError(f"{output} is the input video; choose another name with -o")
    report = Report(as_json=as_json, preview=preview)
    side_by_side = None if engine is None else engine_for(engine, address, workers, options.device)
    with report.bar(film.name, unit="frames") as progress:
        done = stylize_video(
            film, [Keyframe(*key) for key in keyframes] or style, output, settings, options=options, resume=resume,
            progress=progress, painted=frames or None, engine=side_by_side,
        )  # fmt: skip
    _tell(report, film, output, done)


def _check_sources(style: str | None, keyframes: bool, painted: bool, engine: str | None) -> None:
    """Refuse sources of strokes that can't be combined."""
    if engine is not None and painted:
        raise UsageError("--painted can't be combined with --engine: one process carries strokes from frame to frame")
    if (style is not None and keyframes) or not (style or keyframes or painted):
        raise UsageError("expected --style STYLE, or at least one --at TIME STYLE or --painted FRAME=FILE")


def _tell(report: Report, film: Path, output: Path, done: Filmed) -> None:
    """Report a finished video."""
    from brushwork.runtime.progress import duration

    for note in done.notes:
        report.say(note)
    made = f"{done.frames} frames of {done.size[0]}×{done.size[1]}"
    report.say(
        f"{output}  {made} in {duration(done.seconds)}, {done.frames / done.seconds:.1f} per second",
        film=str(film), output=str(output), frames=done.frames, size=list(done.size), seconds=round(done.seconds, 3),
        notes=list(done.notes),
    )  # fmt: skip


def _painted_frames(painted: tuple[tuple[int, Path | None], ...]) -> dict[int, Path | None]:
    """Return the painted frames by their numbers."""
    numbers = [number for number, _ in painted]
    twice = next((number for number in numbers if numbers.count(number) > 1), None)
    if twice is not None:
        raise UsageError(f"--painted: frame {twice} is given twice; give it once")
    return dict(painted)


def _check_flags(method: str, values: dict[str, Any], *, painted: bool) -> None:
    """Refuse flags that would have no effect."""
    others = ("smoothing",) if method == "gatys" else ("temporal_weight", "passes", "frame_steps")
    if painted and any(values[name] is not None for name in ("smoothing", "temporal_weight", "passes", "frame_steps")):
        raise UsageError(
            "--smoothing, --temporal-weight, --passes and --frame-steps have no effect on frames after painted ones"
        )
    if any(values[name] is not None for name in others):
        raise UsageError(
            "--smoothing is for feed-forward methods, --temporal-weight, --passes and --frame-steps are for gatys"
        )


def _output(film: Path, style: str) -> Path:
    """Return FILM_STYLE, with the input's format if it can be written, otherwise .mp4; .webp for an animated PNG."""
    name = re.sub(r"[^\w.-]+", "_", Path(style).stem)
    from brushwork.io.picture_film_reader import is_sequence

    if is_sequence(film):
        folder = film.name if film.is_dir() else film.parent.name
        return Path(f"{folder}_{name}".replace(".", "_"))  # with a dot, it would name a file
    suffix = {".png": ".webp", ".apng": ".webp"}.get(film.suffix.lower(), film.suffix.lower())
    return Path(f"{film.stem}_{name}{suffix if suffix in FORMATS else '.mp4'}")
