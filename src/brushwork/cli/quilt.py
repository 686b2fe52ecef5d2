"""The command `quilt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.cli.running import write_result
from brushwork.errors import UsageError
from brushwork.options.flags import WidthHeight, method_options, option_flags, options_from_flags, settings_of
from brushwork.options.methods import Quilting
from brushwork.options.stylize import OutputOptions

__all__ = ["quilt"]

METHODS = {"quilting": Quilting}


@click.command()
@click.argument("texture", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="output image file")
@click.option("--size", type=WidthHeight(), help="size of the texture in pixels, such as 1024x768")
@click.option("--tileable", is_flag=True, help="make a texture that tiles seamlessly")
@click.option(
    "--mask", type=click.Path(path_type=Path), help="mask image: white may be taken from the texture, black not"
)
@click.option("--onto", type=click.Path(path_type=Path), help="picture to render in the texture, instead of --size")
@click.option(
    "--guide",
    nargs=2,
    type=click.Path(path_type=Path),
    metavar="TEXTURE_MAP PICTURE_MAP",
    help="with --onto: maps to compare instead of luminance",
)
@option_flags(OutputOptions)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
@method_options(METHODS)
def quilt(texture: Path, output: Path, as_json: bool, **values: Any) -> None:
    """Synthesize a texture of any size from TEXTURE, a swatch; or render a picture in it, with --onto."""
    settings = settings_of("quilting", values, METHODS)
    out: OutputOptions = options_from_flags(OutputOptions, values)
    size, onto, guide = values["size"], values["onto"], values["guide"] or ()
    if (size is None) == (onto is None):
        raise UsageError("expected either --size WIDTHxHEIGHT, for a texture, or --onto PICTURE")
    inputs = [path for path in (texture, values["mask"], onto, *guide) if path is not None]
    if output.resolve() in [path.resolve() for path in inputs]:
        raise UsageError(f"{output} is one of the inputs; choose another name with -o")
    from brushwork.api.quilt import quilt as made
    from brushwork.api.recipe import result_size
    from brushwork.cli.report import Report
    from brushwork.io import check_target, read_size

    check_target(output, out.depth, size=size or result_size(read_size(onto), None))
    report = Report(as_json=as_json)
    with report.bar(texture.name, unit="waves") as progress:
        result = made(
            texture, size, settings,
            tileable=values["tileable"], mask=values["mask"], onto=onto, guide=guide, progress=progress,
        )  # fmt: skip
    write_result(output, result, {}, out, beside=texture)
    report.say(
        str(output), texture=str(texture), output=str(output), size=list(result.picture.size), seconds=result.seconds
    )
