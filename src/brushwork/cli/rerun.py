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
