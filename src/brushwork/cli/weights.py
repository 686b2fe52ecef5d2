"""`brushwork weights`: list, show, fetch, import and verify network weights."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.errors import WeightsError
from brushwork.weights import (
    RECORDS,
    WeightsRecord,
    get_record,
    import_model,
    is_style_network,
    locate,
    store_dir,
)
from brushwork.weights import fetch as fetch_weights
from brushwork.weights import import_file as import_weights
from brushwork.weights import verify as verify_weights

__all__ = ["weights"]

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


@click.group()
def weights() -> None:
    """Manage network weights: list, download, import and verify them."""


@weights.command("list")
@_as_json
def list_(as_json: bool) -> None:
    """List the known weights and where they are on this machine."""
    rows = [_facts(record) for record in RECORDS.values()]
    if as_json:
        _print_json(rows)
        return
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(Column("name", no_wrap=True), "architecture", "size", "where", box=None, header_style="bold")
    for row in rows:
        table.add_row(row["name"], row["architecture"], _size(row["bytes"]), row["path"] or "not here")
    Console(soft_wrap=True).print(table)


@weights.command()
@click.argument("name")
@_as_json
def show(name: str, as_json: bool) -> None:
    """Show the details of the weights NAME: origin, license, paper, preprocessing, hash."""
    facts = {**asdict(get_record(name)), **_facts(get_record(name))}
    if as_json:
        _print_json(facts)
        return
    facts["bytes"] = _size(facts["bytes"])
    facts["preprocessing"] = ", ".join(f"{key} {value}" for key, value in facts["preprocessing"].items())
    for key in ("name", "about", "architecture", "preprocessing", "licence", "paper", "url", "sha256", "hash_prefix"):
        if facts[key] is not None:
            click.echo(f"{key + ':':<15}{facts[key]}")
    click.echo(f"{'size:':<15}{facts['bytes']}")
    click.echo(f"{'where:':<15}{facts['path'] or 'not here'}")


@weights.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Download again even if already present.")
@_as_json
def fetch(name: str, force: bool, as_json: bool) -> None:
    """Download the weights NAME, verify their hash and add them to the store.

    An interrupted download is resumed.
    """
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=as_json or not console.is_terminal) as bar:
        task = bar.add_task(name, total=get_record(name).bytes)

        def show_progress(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        path = fetch_weights(name, force=force, progress=show_progress)
    if as_json:
        _print_json({"name": name, "path": str(path)})
    else:
        click.echo(f"{name} is now in {path}")


@weights.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--as",
    "name",
    metavar="NAME",
    help="Name of the weights, if it can't be inferred from tensor names, shapes and hash.",
)
@_as_json
def import_(files: tuple[Path, ...], name: str | None, as_json: bool) -> None:
    """Convert the published checkpoint FILE (.pth, .pt, .safetensors) and add it to the store.

    Supported layouts: torchvision; Caffe layer names; AdaIN's 53-layer normalised VGG and its decoder; single-style
    networks of pytorch/examples' fast_neural_style, which are added to your styles; MicroAST's four files, given
    together. Code in a file is never executed.
    """
    kept, path, use = _imported(files, name)
    if as_json:
        _print_json({"name": kept, "path": str(path)})
    else:
        holds = "hold" if len(files) > 1 else "holds"
        click.echo(f"{', '.join(map(str, files))} {holds} {kept}, now in {path}{use}")


def _imported(files: tuple[Path, ...], name: str | None) -> tuple[str, Path, str]:
    """Import the files, and return the name, the path and a usage hint."""
    if len(files) > 1:
        path = import_model(files)
        return path.stem, path, f"; use it with: brushwork stylize photo.jpg --method {path.stem} --style painting.jpg"
    if name is None and is_style_network(files[0]):
        from brushwork.styles.library import add_style

        style = add_style(files[0])
        return (
            style.name,
            style.path,
            f"; use it with: brushwork stylize photo.jpg --method johnson --style {style.name}",
        )
    record = import_weights(files[0], name=name)
    return record.name, store_dir() / f"{record.name}.safetensors", ""


@weights.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_as_json
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Verify hash, shapes and values of the weights NAME, or of all weights on this machine."""
    chosen = names or tuple(name for name in RECORDS if locate(name))
    results = [_verify_one(name) for name in chosen]
    if as_json:
        _print_json(results)
    elif not results:
        click.echo("no weights on this machine")
    else:
        for result in results:
            click.echo(f"{result['name']}: {result['status']} ({result['detail']})")
    failed = [result for result in results if result["status"] == "failed"]
    if failed:
        names_failed = ", ".join(result["name"] for result in failed)
        raise WeightsError(f"{len(failed)} of {len(results)} failed: {names_failed}; {failed[0]['detail']}")


def _verify_one(name: str) -> dict[str, str]:
    get_record(name)
    try:
        found = verify_weights(name)
    except WeightsError as error:
        return {"name": name, "status": "failed", "detail": str(error)}
    how = "as recorded" if found.verified else "no hash recorded; shapes and values are valid"
    return {"name": name, "status": "ok", "detail": f"{found.path}, SHA-256 {found.sha256[:16]}… {how}"}


def _facts(record: WeightsRecord) -> dict[str, Any]:
    """Return the facts about a record; its size is that of the local file, otherwise of the download."""
    found = locate(record.name)
    return {
        "name": record.name,
        "architecture": record.architecture,
        "bytes": found[1].stat().st_size if found else record.bytes,
        "place": found[0] if found else None,
        "path": str(found[1]) if found else None,
    }


def _size(count: int | None) -> str:
    return f"{count / 1e6:.1f} MB" if count else "unknown"


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))
