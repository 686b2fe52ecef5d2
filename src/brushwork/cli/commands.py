"""One function per verb."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from brushwork.cli.running import run_all, write_result
from brushwork.errors import BrushworkError, PictureError, UsageError
from brushwork.options.base import KEEP_COLOR, KEEP_COLOR_WHEN, check_keep_color, option_of
from brushwork.options.flags import memory_limit, method_options, options_in_words, settings_of, without_method_options
from brushwork.options.methods import Settings
from brushwork.registry import OPTIONS

if TYPE_CHECKING:
    from brushwork.cli.jobs import Job
    from brushwork.runtime.provenance import Recipe

__all__ = [
    "MAX_PIXELS",
    "STYLE_HELP",
    "Size",
    "doctor",
    "interpolate",
    "methods",
    "plan",
    "rerun",
    "stylize",
    "synthesize",
]

MAX_PIXELS = 500_000_000  # as in io, which would load torch
STYLE_HELP = (
    "a painting's file, a built-in style, a saved style, or a blend: wave.jpg:0.7+feminine-wave:0.3; "
    "given twice: both, each on every photo"
)

MASK_HELP = "white where the style is wanted, black where the photo stays; one for each style of a blend, in its order"


class Size(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """A number of pixels, or "full"."""

    name = "PIXELS|full"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """0 for "full"."""
        if str(value) == "full":
            return 0
        if not str(value).isdecimal() or int(value) < 1:
            self.fail(f"expected a number of pixels of at least 1, or full, got {value!r}", param, ctx)
        return int(value)


class _Memory(click.ParamType):  # type: ignore[type-arg]
    """An amount of memory, in words."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes."""
        try:
            return value if isinstance(value, int) else memory_limit(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO…")
@click.option("--style", "styles", multiple=True, required=True, metavar="STYLE", help=STYLE_HELP)
@click.option("-o", "--output", help="file, or folder for several results; PHOTO_STYLE.png here otherwise")
@click.option("--method", "method_name", default="adain-lite", show_default=True, help="see: brushwork methods")
@click.option("--size", type=Size(), help="longer side of the result; full keeps the photo's; up to 1024 otherwise")
@click.option("--keep-color", type=click.Choice(KEEP_COLOR.choices), help=KEEP_COLOR.help)
@click.option("--keep-color-when", type=click.Choice(KEEP_COLOR_WHEN.choices), help=KEEP_COLOR_WHEN.help)
@click.option("--mask", "masks", multiple=True, type=click.Path(path_type=Path), help=MASK_HELP)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps")
@click.option("--format", "suffix", default="png", show_default=True, help="of results that -o does not name")
@click.option("--depth", type=click.Choice(["8", "16"]), default="8", show_default=True, help="bits per channel")
@click.option("--quality", type=click.IntRange(1, 100), help="of JPEG, WebP and AVIF")
@click.option("--strip-metadata", is_flag=True, help="write no EXIF and no recipe")
@click.option("--max-pixels", type=click.IntRange(1), default=MAX_PIXELS, show_default=True, help="refuse larger files")
@click.option("--max-memory", type=_Memory(), help="such as 4GB; what is free otherwise")
@click.option("--preview", type=click.Path(dir_okay=False, path_type=Path), help="picture file renewed meanwhile")
@click.option("--checkpoint-every", type=click.IntRange(1), metavar="STEPS", help="keep the work in OUTPUT.checkpoint")
@click.option("--resume", is_flag=True, help="go on from OUTPUT.checkpoint, and skip results that are complete")
@click.option("--save-every", type=click.IntRange(1), metavar="STEPS", help="save OUTPUT_00050.png, … on the way")
@click.option("--animation", type=click.Path(path_type=Path), help="write an animation of the way: .webp or .gif")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object per result, for scripts")
@method_options(OPTIONS)
def stylize(
    photos: tuple[str, ...], styles: tuple[str, ...], output: str | None, method_name: str, suffix: str, **values: Any
) -> None:
    """Paint PHOTOs (files, folders, patterns) in the style of a painting."""
    # What can be wrong in the line itself is told at once, before torch is loaded.
    settings, options = settings_of(method_name, values, OPTIONS), without_method_options(values, OPTIONS)
    check_keep_color(options["keep_color"], options["keep_color_when"])
    from brushwork.cli.jobs import find_photos, is_folder, plan_jobs, protect
    from brushwork.cli.report import Report

    jobs = plan_jobs(find_photos(photos), styles, output, "." + suffix.lstrip("."))
    read = [*_files_named(settings), *map(str, options["masks"])]
    protect(jobs, {name: options[name] for name in ("preview", "animation")}, read)
    _check_way(jobs, options)
    if output is not None and is_folder(output):
        _make_folder(Path(output))
    _check_targets(jobs, options)
    report = Report(as_json=options["as_json"], preview=options["preview"])

    from brushwork.methods import load
    from brushwork.runtime.device import choose_device

    run_all(jobs, load(settings, choose_device(options["device"])), report, options)


def _files_named(settings: Settings) -> list[str]:
    """Values that name files, if they do."""
    named = [getattr(settings, name) for name, option in option_of(type(settings)).items() if option.file]
    return [name for name in named if os.path.isfile(name)]  # noqa: PTH113 - Path fails at very long names


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"-o {folder}: the folder can't be made: {error.strerror or error}") from error


def _check_way(jobs: list[Job], options: dict[str, Any]) -> None:
    """What is written on the way must hit nothing else."""
    from brushwork.cli.jobs import protect_from_frames

    if options["animation"] is not None and len(jobs) > 1:
        raise UsageError(f"--animation is of one result, and there are {len(jobs)}; run them one by one")
    if options["save_every"]:
        protect_from_frames(jobs)


def _check_targets(jobs: list[Job], options: dict[str, Any]) -> None:
    from brushwork.io import check_animation, check_target

    for job in jobs:
        check_target(job.output, int(options["depth"]))
    if options["preview"] is not None:
        check_target(options["preview"])
    if options["animation"] is not None:
        check_animation(options["animation"])


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("--style", required=True, metavar="STYLE", help=STYLE_HELP)
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("result.png"), help="where it would go")
@click.option("--method", "method_name", default="adain-lite", show_default=True, help="see: brushwork methods")
@click.option("--size", type=Size(), default="full", help="longer side of the result; the photo's otherwise")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps")
@click.option("--depth", type=click.Choice(["8", "16"]), default="8", show_default=True, help="bits per channel")
@click.option("--max-pixels", type=click.IntRange(1), default=MAX_PIXELS, show_default=True, help="refuse larger files")
@click.option("--max-memory", type=_Memory(), help="such as 4GB; what is free otherwise")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
@method_options(OPTIONS)
def plan(photo: Path, style: str, output: Path, method_name: str, as_json: bool, **values: Any) -> None:
    """Say how PHOTO would be made, and what memory and time that takes, without doing it."""
    settings, options = settings_of(method_name, values, OPTIONS), without_method_options(values, OPTIONS)
    from brushwork.api.stylize import result_size
    from brushwork.cli.jobs import Job
    from brushwork.cli.report import duration
    from brushwork.cli.running import plan_of
    from brushwork.io import read_size
    from brushwork.methods import load
    from brushwork.runtime.device import choose_device

    size = result_size(read_size(photo, max_pixels=options["max_pixels"]), options["size"])
    method = load(settings, choose_device(options["device"]))
    found = plan_of(Job(photo, style, output), method, size, {**options, "save_every": None, "animation": None})
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
    write_result(output, result, {}, {**recipe["written"], "strip_metadata": False}, beside=picture)
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
