"""The command `interpolate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.errors import UsageError
from brushwork.options.flags import (
    method_options,
    settings_of,
    without_method_options,
)
from brushwork.registry import OPTIONS

__all__ = ["interpolate"]


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@click.option(
    "--style", "styles", multiple=True, required=True, metavar="STYLE", help="two to four styles, as for stylize"
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="output file [PHOTO_styles.png in the current directory]"
)
@click.option("--method", "method_name", default="adain-lite", show_default=True, help="see: brushwork methods")
@click.option(
    "--count", type=click.IntRange(2, 20), default=5, show_default=True, help="images from one style to the next"
)
@click.option("--size", type=click.IntRange(1), default=256, show_default=True, help="longer side of each image")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
@method_options(OPTIONS)
def interpolate(
    photo: Path, styles: tuple[str, ...], output: Path | None, method_name: str, as_json: bool, **values: Any
) -> None:
    """Render PHOTO in interpolated styles: a strip between two styles, a grid between three or four."""
    settings, options = settings_of(method_name, values, OPTIONS), without_method_options(values, OPTIONS)
    from brushwork.api.interpolate import interpolate as between
    from brushwork.api.interpolate import shares
    from brushwork.cli.report import Report
    from brushwork.image import fit_size
    from brushwork.io import check_target, read_size, save, write_image

    output = output or Path(f"{photo.stem}_styles.png")
    if output.resolve() == photo.resolve():
        raise UsageError(f"{output} is the input photo; choose another name with -o")
    rows = shares(len(styles), options["count"])
    width, height = fit_size(read_size(photo), options["size"])
    check_target(output, 8, size=(width * len(rows[0]), height * len(rows)))
    report = Report(as_json=as_json)
    sheet = between(photo, styles, settings, steps=options["count"], size=options["size"], device=options["device"])
    save(output, lambda path: write_image(sheet, path), beside=photo)
    report.say(str(output), photo=str(photo), output=str(output), size=list(sheet.size))
