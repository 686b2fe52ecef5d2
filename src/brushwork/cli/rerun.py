"""The command `rerun`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from brushwork.cli.running import write_result
from brushwork.errors import BrushworkError, UsageError
from brushwork.options.stylize import MAX_PIXELS, OutputOptions

if TYPE_CHECKING:
    from brushwork.runtime.provenance import Recipe

__all__ = ["rerun"]


@click.command()
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="output file [PICTURE_rerun next to it]")
@click.option(
    "--in", "folders", multiple=True, type=click.Path(path_type=Path), help="folder to search for the input files"
)
@click.option(
    "--device",
    help="use a different device from the original run: auto, cpu, cuda, cuda:1, mps; results may differ slightly",
)
@click.option("--max-pixels", type=click.IntRange(1), default=MAX_PIXELS, show_default=True, help="reject larger files")
@click.option("--print", "only_print", is_flag=True, help="print the recipe and exit")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
def rerun(
    picture: Path, output: Path | None, folders: tuple[Path, ...], only_print: bool, as_json: bool, **options: Any
) -> None:
    """Reproduce PICTURE from its embedded recipe, byte for byte on the same machine.

    Its inputs are searched for next to it, in the folders given with --in, and in the current directory.
    """
    recipe = _recipe_of(picture)
    if only_print:
        click.echo(recipe.to_json(indent=None if as_json else 2))
        return
    from brushwork.api.rerun import rerun as make_again
    from brushwork.cli.report import Report
    from brushwork.io import check_target, read_size

    output = output or picture.with_name(f"{picture.stem}_rerun{picture.suffix}")
    places = [picture.parent, *folders, Path()]
    _check_new(output, picture, places, recipe)
    check_target(output, recipe["written"]["depth"], size=read_size(picture))
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
        raise BrushworkError(f"{picture} contains no recipe: it was not made by brushwork, or its metadata was removed")
    # Files that the first versions wrote from Python lack the output settings.
    return recipe if "written" in recipe else recipe | {"written": {"depth": 8, "quality": None}}


def _check_new(output: Path, picture: Path, places: list[Path], recipe: Recipe) -> None:
    """Check that the result overwrites neither the picture nor one of its inputs."""
    inputs = [recipe["content"], recipe["init"], *recipe["styles"]]
    names = [record["name"] for record in inputs if record and record.get("name")]
    kept = [picture, *(place / Path(name).name for place in places for name in names)]
    if output.resolve() in [path.resolve() for path in kept]:
        raise UsageError(f"{output} is the original picture or one of its inputs; choose another name with -o")
