"""The command `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.options.export import ExportOptions
from brushwork.options.flags import method_options, options_from_flags, settings_of
from brushwork.registry import OPTIONS, method_name

__all__ = ["export"]


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(name.strip() for name in value.split(",") if name.strip())


@click.command()
@click.argument("style", required=False)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="output .onnx file")
@click.option("--method", help="a method of one pass [that of the style, or adain-lite]; see: brushwork methods")
@click.option(
    "--parts",
    callback=_names,
    metavar="coder,painter",
    help="for any style, instead of STYLE: painting → code, photo and code → picture",
)
@click.option("--passes", is_flag=True, default=None, help="graphs that measure the whole picture, for exact tiles")
@click.option(
    "--weights",
    type=click.Choice(["float32", "float16", "int8"]),
    help="how weights are stored: float16 is half the size, int8 a quarter [float32]",
)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object, for scripts")
@method_options({name: kind for name, kind in OPTIONS.items() if name != "gatys"})
def export(style: str | None, output: Path, method: str | None, as_json: bool, **values: Any) -> None:
    """Write STYLE as an ONNX file, a plain convolutional network that runs without torch."""
    options = options_from_flags(ExportOptions, values)
    from brushwork.cli.report import Report
    from brushwork.onnx.export import export as exported
    from brushwork.onnx.export import export_settings

    name = method_name(export_settings(style, method))
    files = exported(style, output, settings_of(name, values, OPTIONS), options=options)
    report = Report(as_json=as_json)
    sizes = ", ".join(f"{path} ({path.stat().st_size / 1e6:.1f} MB)" for path in files)
    report.say(sizes, files=[str(path) for path in files])
