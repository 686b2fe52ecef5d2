"""The command `plan`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.cli.arguments import STYLE_HELP, chosen_settings, look_options
from brushwork.cli.running import Runner
from brushwork.options.flags import method_options, option_flags, options_from_flags
from brushwork.options.stylize import OutputOptions, RunOptions, StylizeOptions
from brushwork.registry import OPTIONS

__all__ = ["plan"]


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("--style", required=True, metavar="STYLE", help=STYLE_HELP)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("result.png"),
    help="output file that would be written",
)
@look_options(default="good")
@option_flags(StylizeOptions, "size", "device", "max_memory", "max_pixels")
@option_flags(OutputOptions, "depth")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
@method_options(OPTIONS)
def plan(
    *, photo: Path, style: str, output: Path, preset: str | None, method: str | None, as_json: bool, **values: Any
) -> None:
    """Report how PHOTO would be processed and the memory and time needed, without processing it."""
    settings = chosen_settings(preset, method, values, [style])
    values["size"] = 0 if values["size"] is None else values["size"]
    options, out = options_from_flags(StylizeOptions, values), options_from_flags(OutputOptions, values)
    from brushwork.api.recipe import result_size
    from brushwork.cli.jobs import Job
    from brushwork.cli.report import Report
    from brushwork.cli.running import plan_of
    from brushwork.io import read_size
    from brushwork.methods import load
    from brushwork.runtime.progress import duration
    from brushwork.styles.references import resolve_text

    size = result_size(read_size(photo, max_pixels=options.max_pixels), options.size)
    runner = Runner(load(settings, options.device), options, out, RunOptions(), Report(as_json=as_json))
    found = plan_of(Job(photo, resolve_text(style), output), runner, size)
    if as_json:
        click.echo(json.dumps({"photo": str(photo), "size": list(size), **found.facts()}))
        return
    tiles = f" in tiles of {found.tiling.side} px" if found.tiling else ""
    disk = f", {found.disk / 1e9:.1f} GB of temporary disk space" if found.disk else ""
    amount = f"{found.memory / 1e9:.1f} GB of memory (of {found.limit / 1e9:.1f}){disk}"
    click.echo(f"{photo}: {size[0]}×{size[1]}, {found.way}{tiles}, {amount}, about {duration(found.seconds)}")
