"""One function per verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from brushwork.cli.options import given_options, method_options
from brushwork.errors import BrushworkError, Interrupted, UsageError
from brushwork.settings import METHODS, option_of, settings_from

if TYPE_CHECKING:
    from brushwork.cli.jobs import Job
    from brushwork.cli.report import Report
    from brushwork.methods import Method

__all__ = ["doctor", "methods", "rerun", "stylize"]

MAX_PIXELS = 500_000_000  # as in io, which would load torch
STYLE_HELP = "a painting's file, a built-in style, or a blend: wave.jpg:0.7+olive-trees:0.3; given twice: both, each on every photo"


class _Size(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """A number of pixels, or "full"."""

    name = "PIXELS|full"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """0 for "full"."""
        if str(value) == "full":
            return 0
        if not str(value).isdigit() or int(value) < 1:
            self.fail(f"expected a number of pixels of at least 1, or full, got {value!r}", param, ctx)
        return int(value)


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO…")
@click.option("--style", "styles", multiple=True, required=True, metavar="STYLE", help=STYLE_HELP)
@click.option("-o", "--output", help="file, or folder for several results; PHOTO_STYLE.png here otherwise")
@click.option("--method", "method_name", default="gatys", show_default=True, help="see: brushwork methods")
@click.option("--size", type=_Size(), help="longer side of the result; full keeps the photo's; up to 1024 otherwise")
@click.option("--keep-color", is_flag=True, help="keep the photo's colors, take only light and dark from the style")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps")
@click.option("--format", "suffix", default="png", show_default=True, help="of results that -o does not name")
@click.option("--depth", type=click.Choice(["8", "16"]), default="8", show_default=True, help="bits per channel")
@click.option("--quality", type=click.IntRange(1, 100), help="of JPEG, WebP and AVIF")
@click.option("--strip-metadata", is_flag=True, help="write no EXIF and no recipe")
@click.option("--max-pixels", type=click.IntRange(1), default=MAX_PIXELS, show_default=True, help="refuse larger files")
@click.option("--preview", type=click.Path(dir_okay=False, path_type=Path), help="picture file renewed meanwhile")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object per result, for scripts")
@method_options()
def stylize(
    photos: tuple[str, ...], styles: tuple[str, ...], output: str | None, method_name: str, suffix: str, **options: Any
) -> None:
    """Paint PHOTOs (files, folders, patterns) in the style of a painting."""
    settings = settings_from(method_name, given_options(options))  # before torch is loaded: mistakes are told at once
    from brushwork.cli.jobs import find_photos, plan_jobs
    from brushwork.cli.report import Report
    from brushwork.io import check_target

    jobs = plan_jobs(find_photos(photos), styles, output, "." + suffix.lstrip("."))
    if output is not None and (len(jobs) > 1 or jobs[0].output != Path(output)):
        _make_folder(Path(output))
    for target in [job.output for job in jobs] + ([options["preview"]] if options["preview"] else []):
        check_target(target, int(options["depth"]) if target is not options["preview"] else 8)
    report = Report(as_json=options["as_json"], preview=options["preview"])

    from brushwork.device import choose_device
    from brushwork.methods import load

    _run_all(jobs, load(settings, choose_device(options["device"])), report, options)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"-o {folder}: {error.strerror or error}") from error


def _run_all(jobs: list[Job], method: Method, report: Report, options: dict[str, Any]) -> None:
    """Every job; one that fails doesn't stop the others."""
    failed: list[BrushworkError] = []
    for job in jobs:
        try:
            _run(job, method, report, options)
        except Interrupted:
            raise
        except BrushworkError as error:
            if len(jobs) == 1:
                raise
            failed.append(error)
            report.say(f"Error: {error}", photo=str(job.photo), style=job.style, error=str(error))
    if failed:
        raise BrushworkError(f"{len(failed)} of {len(jobs)} failed")


def _run(job: Job, method: Method, report: Report, options: dict[str, Any]) -> None:
    from brushwork.cli.report import duration
    from brushwork.io import read_size
    from brushwork.stylization import result_size
    from brushwork.stylization import stylize as stylize_picture

    original = read_size(job.photo, max_pixels=options["max_pixels"])
    size = result_size(original, options["size"])
    estimate = method.estimate_seconds(*size)
    smaller = (
        f" (from {original[0]}×{original[1]}; --size full keeps that)"
        if options["size"] is None and size != original
        else ""
    )
    report.say(
        f"{job.photo.name} in the style of {job.style}: {size[0]}×{size[1]}{smaller}, about {duration(estimate)}"
    )
    try:
        with report.bar(job.photo.name) as progress:
            result = stylize_picture(
                job.photo,
                job.style,
                method=method,
                size=options["size"],
                keep_color=options["keep_color"],
                max_pixels=options["max_pixels"],
                progress=progress,
            )
    except Interrupted as stop:
        if stop.best is None:
            raise
        _write(job.output, stop.best, {"stopped_early": True}, options)
        raise Interrupted(f"stopped before the end; the best so far is in {job.output}", stop.best) from None
    for note in result.picture.notes:
        report.say(note)
    _write(job.output, result, {}, options)
    report.say(
        f"{job.output}  {duration(result.seconds)}",
        photo=str(job.photo), style=job.style, output=str(job.output), size=list(result.picture.size),
        seconds=round(result.seconds, 3),
    )  # fmt: skip


def _write(output: Path, result: Any, extra: dict[str, Any], options: dict[str, Any]) -> None:
    from brushwork.io import write_image

    written = {"depth": int(options["depth"]), "quality": options["quality"]}
    recipe = json.dumps({**result.recipe, **extra, "written": written}, sort_keys=True)
    write_image(result.picture, output, **written, strip_metadata=options["strip_metadata"], recipe=recipe)


@click.command()
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="file; PICTURE_rerun beside it otherwise")
@click.option("--in", "folders", multiple=True, type=click.Path(path_type=Path), help="folder with the inputs")
@click.option("--print", "only_print", is_flag=True, help="print the recipe and stop")
def rerun(picture: Path, output: Path | None, folders: tuple[Path, ...], only_print: bool) -> None:
    """Make PICTURE again by the recipe it holds: the same bytes on the same machine."""
    from brushwork.io import check_target, read_recipe

    text = read_recipe(picture)
    if text is None:
        raise BrushworkError(f"{picture} holds no recipe: it was not made by brushwork, or without metadata")
    recipe = json.loads(text)
    if only_print:
        click.echo(json.dumps(recipe, indent=2))
        return
    output = output or picture.with_name(f"{picture.stem}_rerun{picture.suffix}")
    if output.resolve() == picture.resolve():
        raise UsageError(f"{output} is the picture itself; choose another name with -o")
    check_target(output, recipe["written"]["depth"])
    from brushwork.cli.report import Report
    from brushwork.replay import rerun as make_again

    report = Report(as_json=False, preview=None)
    with report.bar(picture.name) as progress:
        result, remarks = make_again(recipe, [picture.parent, *folders, Path()], progress=progress)
    options = {**recipe["written"], "strip_metadata": False}
    _write(output, result, {}, options)
    for remark in remarks:
        report.say(f"Note: {remark}")
    report.say(f"{output}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON, for scripts")
def methods(as_json: bool) -> None:
    """List the methods and their options."""
    if as_json:
        click.echo(json.dumps({name: list(option_of(kind)) for name, kind in METHODS.items()}))
        return
    for name, kind in METHODS.items():
        click.echo(f"{name}: {(kind.__doc__ or '').splitlines()[0]}")
        for field, option in option_of(kind).items():
            click.echo(f"  --{field.replace('_', '-'):<24}{option.help}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON, for scripts")
def doctor(as_json: bool) -> None:
    """Say what is installed, what this machine has, and how fast it is (about 5 seconds)."""
    from brushwork.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps(findings))
        return
    for name, finding in findings.items():
        click.echo(f"{name + ':':<22}{finding}")
