"""One function per verb."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from brushwork.cli.running import Runner, run_jobs, write_result
from brushwork.errors import BrushworkError, PictureError, UsageError
from brushwork.options.base import option_of
from brushwork.options.flags import (
    method_options,
    option_flags,
    options_from_flags,
    options_in_words,
    settings_of,
    without_method_options,
)
from brushwork.options.methods import Settings
from brushwork.options.stylize import MAX_PIXELS, OutputOptions, RunOptions, StylizeOptions
from brushwork.registry import OPTIONS

if TYPE_CHECKING:
    from brushwork.cli.jobs import Job
    from brushwork.runtime.provenance import Recipe

__all__ = [
    "STYLE_HELP",
    "doctor",
    "interpolate",
    "methods",
    "plan",
    "rerun",
    "stylize",
    "synthesize",
]

STYLE_HELP = (
    "a painting's file, a built-in style, a saved style, or a blend: wave.jpg:0.7+feminine-wave:0.3; "
    "given twice: both, each on every photo"
)


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO…")
@click.option("--style", "styles", multiple=True, required=True, metavar="STYLE", help=STYLE_HELP)
@click.option("-o", "--output", help="file, or folder for several results [PHOTO_STYLE.png in the current directory]")
@click.option("--method", "method_name", default="adain-lite", show_default=True, help="see: brushwork methods")
@click.option("--format", "suffix", default="png", show_default=True, help="of results that -o does not name")
@option_flags(StylizeOptions)
@option_flags(OutputOptions)
@option_flags(RunOptions)
@method_options(OPTIONS)
def stylize(
    photos: tuple[str, ...], styles: tuple[str, ...], output: str | None, method_name: str, suffix: str, **values: Any
) -> None:
    """Paint PHOTOs (files, folders, patterns) in the style of a painting."""
    # Mistakes in the line itself are reported at once, before torch is loaded.
    settings = settings_of(method_name, values, OPTIONS)
    options, out, run = (options_from_flags(kind, values) for kind in (StylizeOptions, OutputOptions, RunOptions))
    from brushwork.cli.jobs import find_photos, is_folder, plan_jobs, protect
    from brushwork.cli.report import Report

    jobs = plan_jobs(find_photos(photos), styles, output, "." + suffix.lstrip("."))
    read = [*_files_named(settings), *map(str, options.masks)]
    protect(jobs, {"preview": run.preview, "animation": run.animation}, read)
    _check_intermediate(jobs, run)
    if output is not None and is_folder(output):
        _make_folder(Path(output))
    _check_targets(jobs, out, run)
    report = Report(as_json=run.as_json, preview=run.preview)

    from brushwork.methods import load

    run_jobs(jobs, Runner(load(settings, options.device), options, out, run, report))


def _files_named(settings: Settings) -> list[str]:
    """Values that name files, if they do."""
    named = [getattr(settings, name) for name, option in option_of(type(settings)).items() if option.file]
    return [name for name in named if os.path.isfile(name)]  # noqa: PTH113 - Path fails at very long names


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"-o {folder}: the folder can't be made: {error.strerror or error}") from error


def _check_intermediate(jobs: list[Job], run: RunOptions) -> None:
    """Check that intermediate results replace nothing else."""
    from brushwork.cli.jobs import protect_from_frames

    if run.animation is not None and len(jobs) > 1:
        raise UsageError(f"--animation is of one result, and there are {len(jobs)}; run them one by one")
    if run.save_every:
        protect_from_frames(jobs)


def _check_targets(jobs: list[Job], out: OutputOptions, run: RunOptions) -> None:
    from brushwork.io import check_animation, check_target

    for job in jobs:
        check_target(job.output, out.depth)
    if run.preview is not None:
        check_target(run.preview)
    if run.animation is not None:
        check_animation(run.animation)


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("--style", required=True, metavar="STYLE", help=STYLE_HELP)
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("result.png"), help="where it would go")
@click.option("--method", "method_name", default="adain-lite", show_default=True, help="see: brushwork methods")
@option_flags(StylizeOptions, "size", "device", "max_memory", "max_pixels")
@option_flags(OutputOptions, "depth")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
@method_options(OPTIONS)
def plan(photo: Path, style: str, output: Path, method_name: str, as_json: bool, **values: Any) -> None:
    """Tell how PHOTO would be painted, and what memory and time that takes, without doing it."""
    settings = settings_of(method_name, values, OPTIONS)
    values["size"] = 0 if values["size"] is None else values["size"]
    options, out = options_from_flags(StylizeOptions, values), options_from_flags(OutputOptions, values)
    from brushwork.api.recipe import result_size
    from brushwork.cli.jobs import Job
    from brushwork.cli.report import Report, duration
    from brushwork.cli.running import plan_of
    from brushwork.io import read_size
    from brushwork.methods import load
    from brushwork.styles.references import resolve_text

    size = result_size(read_size(photo, max_pixels=options.max_pixels), options.size)
    runner = Runner(load(settings, options.device), options, out, RunOptions(), Report(as_json=as_json))
    found = plan_of(Job(photo, resolve_text(style), output), runner, size)
    if as_json:
        click.echo(json.dumps({"photo": str(photo), "size": list(size), **found.facts()}))
        return
    tiles = f" in tiles of {found.tiling.side} px" if found.tiling else ""
    disk = f", {found.disk / 1e9:.1f} GB of disk meanwhile" if found.disk else ""
    amount = f"{found.memory / 1e9:.1f} GB of memory (of {found.limit / 1e9:.1f}){disk}"
    click.echo(f"{photo}: {size[0]}×{size[1]}, {found.way}{tiles}, {amount}, about {duration(found.seconds)}")


@click.command()
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="file; PICTURE_rerun beside it otherwise")
@click.option("--in", "folders", multiple=True, type=click.Path(path_type=Path), help="folder with the inputs")
@click.option("--device", help="another than then: auto, cpu, cuda, cuda:1, mps; details will differ")
@click.option("--max-pixels", type=click.IntRange(1), default=MAX_PIXELS, show_default=True, help="refuse larger files")
@click.option("--print", "only_print", is_flag=True, help="print the recipe and stop")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
def rerun(
    picture: Path, output: Path | None, folders: tuple[Path, ...], only_print: bool, as_json: bool, **options: Any
) -> None:
    """Make PICTURE again by the recipe it holds: the same bytes on the same machine.

    Its inputs are looked for beside it, in the folders named with --in, and here.
    """
    recipe = _recipe_of(picture)
    if only_print:
        click.echo(recipe.to_json(indent=None if as_json else 2))
        return
    from brushwork.api.rerun import rerun as make_again
    from brushwork.cli.report import Report
    from brushwork.io import check_target

    output = output or picture.with_name(f"{picture.stem}_rerun{picture.suffix}")
    places = [picture.parent, *folders, Path()]
    _check_new(output, picture, places, recipe)
    check_target(output, recipe["written"]["depth"])
    report = Report(as_json=as_json)
    with report.bar(picture.name) as progress:
        result, remarks = make_again(recipe, places, progress=progress, **options)
    write_result(output, result, {}, OutputOptions(**recipe["written"]), beside=picture)
    for remark in remarks:
        report.say(f"Note: {remark}")
    report.say(str(output), picture=str(picture), output=str(output), notes=remarks)


def _recipe_of(picture: Path) -> Recipe:
    from brushwork.io import read_recipe

    recipe = read_recipe(picture)
    if recipe is None:
        raise BrushworkError(f"{picture} holds no recipe: it was not made by brushwork, or without metadata")
    # Files of the first versions, written from Python, don't say how they were written.
    return recipe if "written" in recipe else recipe | {"written": {"depth": 8, "quality": None}}


def _check_new(output: Path, picture: Path, places: list[Path], recipe: Recipe) -> None:
    """See that the result overwrites neither the picture nor what it was made from."""
    inputs = [recipe["content"], recipe["init"], *recipe["styles"]]
    names = [record["name"] for record in inputs if record and record.get("name")]
    kept = [picture, *(place / Path(name).name for place in places for name in names)]
    if output.resolve() in [path.resolve() for path in kept]:
        raise UsageError(f"{output} is the picture itself or one of its inputs; choose another name with -o")


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("--style", "styles", multiple=True, required=True, metavar="STYLE", help="two to four, as for stylize")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="file; PHOTO_styles.png here otherwise")
@click.option("--method", "method_name", default="adain-lite", show_default=True, help="see: brushwork methods")
@click.option("--count", type=click.IntRange(2, 20), default=5, show_default=True, help="pictures from style to style")
@click.option("--size", type=click.IntRange(1), default=256, show_default=True, help="longer side of each")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
@method_options(OPTIONS)
def interpolate(
    photo: Path, styles: tuple[str, ...], output: Path | None, method_name: str, as_json: bool, **values: Any
) -> None:
    """Paint PHOTO in the styles between styles: a strip between two, a grid between three or four."""
    settings, options = settings_of(method_name, values, OPTIONS), without_method_options(values, OPTIONS)
    from brushwork.api.interpolate import interpolate as between
    from brushwork.cli.report import Report
    from brushwork.io import check_target, save, write_image

    output = output or Path(f"{photo.stem}_styles.png")
    if output.resolve() == photo.resolve():
        raise UsageError(f"{output} is the photo itself; choose another name with -o")
    check_target(output, 8)
    report = Report(as_json=as_json)
    sheet = between(photo, styles, settings, steps=options["count"], size=options["size"], device=options["device"])
    save(output, lambda path: write_image(sheet, path), beside=photo)
    report.say(str(output), photo=str(photo), output=str(output), size=list(sheet.size))


@click.command()
@click.argument("style", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="a picture file")
@click.option("--size", required=True, metavar="WIDTHxHEIGHT", help="in pixels, 1024x768; multiples of 16 join")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, help="another one gives another texture")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps")
def synthesize(style: Path, output: Path, size: str, seed: int, device: str) -> None:
    """Make a texture with STYLE, a network that was trained by brushwork train texture-nets --makes textures."""
    match = re.fullmatch(r"(\d+)[x×](\d+)", size)
    if match is None:
        raise UsageError(f"--size: expected WIDTHxHEIGHT such as 1024x768, got {size!r}")
    from brushwork.api.synthesize import synthesize as made
    from brushwork.io import check_target, save, write_image
    from brushwork.options.methods import TextureNets

    width, height = int(match[1]), int(match[2])
    check_target(output, 8, size=(width, height))
    texture = made(str(style), width, height, TextureNets(seed=seed), device=device)
    save(output, lambda path: write_image(texture, path), beside=style)
    click.echo(str(output))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON, for scripts")
def methods(as_json: bool) -> None:
    """List the methods and their options."""
    if as_json:
        click.echo(json.dumps({name: options_in_words(kind) for name, kind in OPTIONS.items()}))
        return
    for name, kind in OPTIONS.items():
        click.echo(f"{name}: {(kind.__doc__ or '').splitlines()[0]}")
        for row in options_in_words(kind):
            values = row["values"] if isinstance(row["values"], str) else ", ".join(row["values"])
            default = ",".join(map(str, row["default"])) if isinstance(row["default"], tuple) else row["default"]
            click.echo(f"  {row['flag']:<26}{row['help']} [{values}{'; ' if values else ''}default {default}]")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON, for scripts")
def doctor(as_json: bool) -> None:
    """Say what is installed, what this machine has, and how fast it is (about 5 seconds)."""
    from brushwork.api.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps(findings))
        return
    for name, finding in findings.items():
        click.echo(f"{name + ':':<28}{finding}")
