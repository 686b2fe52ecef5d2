"""`brushwork styles`: list, show, add and remove named styles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.errors import UsageError
from brushwork.options.flags import Duration
from brushwork.styles.library import FACTS, LibraryStyle, add_style, list_styles, remove_style

__all__ = ["styles"]


_as_json = click.option("--json", "as_json", is_flag=True, help="print JSON, for scripts")


@click.group()
def styles() -> None:
    """Manage named styles: the built-in ones and your own."""


@styles.command("list")
@_as_json
def list_(as_json: bool) -> None:
    """List the styles and the methods that support them."""
    found = list_styles()
    if as_json:
        click.echo(json.dumps([_facts(style) for style in found.values()], ensure_ascii=False))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(Column("name", no_wrap=True), "title", "artist", "year", "methods", box=None, header_style="bold")
    for style in found.values():
        about = [style.about.get(key, "") for key in ("title", "artist", "year")]
        table.add_row(style.name, *map(escape, about), ", ".join(style.methods))
    Console(soft_wrap=True).print(table)


@styles.command()
@click.argument("name")
@click.option(
    "--swatch", type=click.Path(dir_okay=False, path_type=Path), help="write a swatch of the style to this file"
)
@_as_json
def show(name: str, swatch: Path | None, as_json: bool) -> None:
    """Show the details of the style NAME."""
    found = list_styles()
    if name not in found:
        raise UsageError(f"unknown style {name!r}; brushwork styles list shows the {len(found)} names")
    facts = _facts(found[name])
    if swatch is not None:
        from brushwork.api import swatches
        from brushwork.io import check_target, save, write_image

        check_target(swatch)
        picture = swatches.swatch(name)
        save(swatch, lambda path: write_image(picture, path))
        facts["swatch"] = str(swatch)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    for key, value in facts.items():
        click.echo(f"{key + ':':<10}{', '.join(value) if isinstance(value, list) else value}")


@styles.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--photo", type=click.Path(path_type=Path), help="render this photo in each style")
@click.option(
    "--size", type=click.IntRange(32, 1024), default=160, show_default=True, help="side of each image in pixels"
)
def sheet(target: Path, photo: Path | None, size: int) -> None:
    """Write TARGET, an overview image of all styles with their names."""
    from brushwork.api import swatches
    from brushwork.io import check_target, save, write_image

    check_target(target)
    names = [name for name, style in list_styles().items() if "adain-lite" in style.methods]
    picture = swatches.sheet(names, photo=photo, size=size)
    save(target, lambda path: write_image(picture, path), beside=photo)
    click.echo(f"{target} shows {len(names)} style{'s' * (len(names) != 1)}")


@styles.command()
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--name", help="name of the style [the file's name]")
@click.option("--title")
@click.option("--artist")
@click.option("--year")
@click.option("--source", help="where the image is from")
@click.option("--tune", type=Duration(), help="tune it to its painting for this long, such as 90s or 5m; see tune")
def add(picture: Path, name: str | None, tune: float | None, **about: Any) -> None:
    """Add PICTURE to your styles, as a copy with a longer side of at most 1024 px."""
    style = add_style(picture, name, **about)
    click.echo(f"added {style.name}; use it with: brushwork stylize photo.jpg --style {style.name}")
    if tune is not None:
        _tune(style.name, tune)


@styles.command("tune")
@click.argument("name")
@click.option("--time", "seconds", type=Duration(), default="5m", show_default=True, help="how long, such as 90s or 5m")
@click.option("--photos", type=click.Path(path_type=Path), help="folder of photographs [four that come along]")
@click.option("--model", help="network to tune for [that of --preset draft]")
@click.option("--loss-network", help="compares pictures with the painting: vgg19.int8, … [vgg19-slim-3]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps")
def tune_(name: str, seconds: float, model: str | None, **given: Any) -> None:
    """Tune NAME, a painting that you added, so that drafts come closer to it.

    Run it again to go on from where it stopped.
    """
    _tune(name, seconds, model, **{option: value for option, value in given.items() if value is not None})


def _tune(name: str, seconds: float, model: str | None = None, **given: Any) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from brushwork.api.style_tuning import tune_style
    from brushwork.options.methods import AdaINLite

    settings = None if model is None else AdaINLite(model=model)
    columns = TextColumn("tuning {task.fields[style]}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0, style=name)
        done = tune_style(
            name, seconds, settings=settings, progress=lambda share: bar.update(task, completed=share), **given
        )
    before, after = (sum(errors.values()) for errors in (done.untuned, done.tuned))
    click.echo(f"tuned {name}: {1 - after / before:.0%} closer to photo and painting than untuned")


@styles.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove NAME, a style that you added."""
    remove_style(name)
    click.echo(f"removed {name}")


def _facts(style: LibraryStyle) -> dict[str, Any]:
    about = {key: style.about[key] for key in (*FACTS, *style.about) if key in style.about}
    return {"name": style.name, **about, "methods": list(style.methods), "yours": style.own, "path": str(style.path)}
