"""The verb `video`, and `evaluate video`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.cli.arguments import STYLE_HELP
from brushwork.errors import UsageError
from brushwork.options.flags import Size, method_options, settings_of, without_method_options
from brushwork.options.methods import FILM_MODEL
from brushwork.options.stylize import MAX_PIXELS
from brushwork.registry import OPTIONS

__all__ = ["evaluate", "video"]

FORMATS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".gif", ".webp")
CODECS = ("h264", "h265", "vp9", "prores")


class _Time(click.ParamType):  # type: ignore[type-arg]
    """A time in a film."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds of "5s", "1.5", "1:30"."""
        match = re.fullmatch(r"(?:(\d+):)?(\d+(?:\.\d+)?)s?", str(value))
        if match is None:
            self.fail(f"expected a time such as 5s or 1:30, got {value!r}", param, ctx)
        return 60 * int(match[1] or 0) + float(match[2])


@click.command()
@click.argument("film", type=click.Path(path_type=Path))
@click.option("--style", metavar="STYLE", help=STYLE_HELP.split("; given")[0])
@click.option("--at", "keyframes", multiple=True, nargs=2, type=(_Time(), str), metavar="TIME STYLE",
              help="a style from that time on, 0s, 5s, 1:30; the one before passes into it")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), help="file, folder or %05d.png; FILM_STYLE otherwise")
@click.option("--method", "method_name", default="adain-lite", show_default=True, help="see: brushwork methods")
@click.option("--size", type=Size(), help="longer side of the frames; full keeps the film's; up to 1024 otherwise")
@click.option("--smoothing", type=click.FloatRange(0, 0.99), help="how much of the frame before stays: 0 to 0.99")
@click.option("--temporal-weight", type=click.FloatRange(0), help="of gatys: how much frames are held to those before")
@click.option("--passes", type=click.IntRange(1), help="of gatys: how often frames are gone over, forth and back [1]")
@click.option("--keep-color", is_flag=True, help="keep the colors of the film")
@click.option("--codec", type=click.Choice(CODECS), help="what the file's format usually has, otherwise")
@click.option("--quality", type=click.IntRange(1, 100), help="of video, WebP and JPEG")
@click.option("--pixel-format", metavar="NAME", help="such as yuv444p or yuv420p10le; what plays everywhere otherwise")
@click.option("--depth", type=click.Choice(["8", "16"]), default="8", show_default=True, help="of pictures of a folder")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps")
@click.option("--max-pixels", type=click.IntRange(1), default=MAX_PIXELS, show_default=True, help="of a frame")
@click.option("--preview", type=click.Path(dir_okay=False, path_type=Path), help="picture file renewed meanwhile")
@click.option("--resume", is_flag=True, help="go on from what a killed job left in OUTPUT.parts")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
@method_options(OPTIONS)
def video(
    film: Path,
    style: str | None,
    keyframes: tuple[tuple[float, str], ...],
    output: Path | None,
    method_name: str,
    as_json: bool,
    **values: Any,
) -> None:
    """Paint FILM (a video, an animated GIF or WebP, a folder of frames) in the style of a painting."""
    if method_name == "adain-lite" and values["model"] is None:
        values["model"] = FILM_MODEL
    settings, options = settings_of(method_name, values, OPTIONS), without_method_options(values, OPTIONS)
    if (style is None) == (not keyframes):
        raise UsageError("expected --style STYLE, or --at TIME STYLE once or more")
    others = ("smoothing",) if method_name == "gatys" else ("temporal_weight", "passes")
    if any(options[name] is not None for name in others):
        raise UsageError("--smoothing is of methods of one pass, --temporal-weight and --passes of gatys")
    from brushwork.cli.report import Report, duration
    from brushwork.io.video_writer import Encoding
    from brushwork.video.stylize_video import Keyframe, stylize_video

    output = output or _output(film, style or keyframes[0][1])
    if output.resolve() == film.resolve():
        raise UsageError(f"{output} is the film itself; choose another name with -o")
    report = Report(as_json=as_json, preview=options["preview"])
    given = {name: options[name] for name in ("smoothing", "temporal_weight", "passes") if options[name] is not None}
    with report.bar(film.name, unit="frames") as progress:
        done = stylize_video(
            film, style if style is not None else [Keyframe(*key) for key in keyframes], output, settings,
            device=options["device"], size=options["size"], keep_color=options["keep_color"],
            encoding=Encoding(options["codec"], options["quality"], options["pixel_format"]),
            depth=int(options["depth"]), max_pixels=options["max_pixels"], resume=options["resume"], progress=progress,
            **given,
        )  # fmt: skip
    for note in done.notes:
        report.say(note)
    frames = f"{done.frames} frames of {done.size[0]}×{done.size[1]}"
    report.say(
        f"{output}  {frames} in {duration(done.seconds)}, {done.frames / done.seconds:.1f} a second",
        film=str(film), output=str(output), frames=done.frames, size=list(done.size), seconds=round(done.seconds, 3),
        notes=list(done.notes),
    )  # fmt: skip


def _output(film: Path, style: str) -> Path:
    """FILM_STYLE, in the film's own format where it can be written."""
    name = re.sub(r"[^\w.-]+", "_", Path(style).stem)
    from brushwork.io.picture_films import is_sequence

    if is_sequence(film):
        return Path(f"{film.name if film.is_dir() else film.parent.name}_{name}")
    suffix = film.suffix.lower()
    return Path(f"{film.stem}_{name}{suffix if suffix in FORMATS else '.mp4'}")


@click.group()
def evaluate() -> None:
    """Measure results."""


@evaluate.command("video")
@click.argument("film", type=click.Path(path_type=Path))
@click.option("--original", required=True, type=click.Path(path_type=Path), help="the film that it was made from")
@click.option("--apart", type=click.IntRange(2), default=10, show_default=True, help="frames, for the long range")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
def evaluate_video(film: Path, original: Path, apart: int, as_json: bool) -> None:
    """Say how steady and how sharp FILM is: E_warp along the motion of the original, near and far, and sharpness."""
    from brushwork.video.evaluation import evaluate_film

    found = evaluate_film(film, original, apart=apart)
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, value in found.items():
        click.echo(f"{name:24}{value:.6g}")
