"""The command `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.errors import UsageError
from brushwork.options.export import ExportOptions
from brushwork.options.flags import method_options, options_from_flags, settings_of
from brushwork.registry import OPTIONS, method_name

__all__ = ["export"]


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(name.strip() for name in value.split(",") if name.strip())


@click.command()
@click.argument("styles", metavar="STYLE", nargs=-1)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="output .onnx file; of --page .html or a folder",
)
@click.option(
    "--page",
    is_flag=True,
    help="a web page that paints in these styles: one .html file, or a folder to serve, with threads and as an app",
)
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
def export(styles: tuple[str, ...], output: Path, page: bool, method: str | None, as_json: bool, **values: Any) -> None:
    """Write STYLE as an ONNX file, a plain convolutional network that runs without torch; or a page with several."""
    from brushwork.cli.report import Report

    paths = _page(styles, output, {"method": method, **values}) if page else _networks(styles, output, method, values)
    report = Report(as_json=as_json)
    sizes = ", ".join(f"{path} ({path.stat().st_size / 1e6:.1f} MB)" for path in paths)
    report.say(sizes, files=[str(path) for path in paths])


def _page(styles: tuple[str, ...], output: Path, values: dict[str, Any]) -> list[Path]:
    model = values.pop("model", None)
    given = [name for name, value in values.items() if value not in (None, ())]
    if given:
        raise UsageError(f"--{given[0].replace('_', '-')} is for ONNX files; omit it with --page")
    from brushwork.lite.page.export import export_page

    return export_page(styles, output, **({} if model is None else {"model": model}))


def _networks(styles: tuple[str, ...], output: Path, method: str | None, values: dict[str, Any]) -> list[Path]:
    if len(styles) > 1:
        raise UsageError(f"expected one style per ONNX file, got {len(styles)}; several are for --page")
    style = styles[0] if styles else None
    options = options_from_flags(ExportOptions, values)
    from brushwork.onnx.export import export as exported
    from brushwork.onnx.export import export_settings

    name = method_name(export_settings(style, method))
    return exported(style, output, settings_of(name, values, OPTIONS), options=options)
