"""The command `methods`."""

from __future__ import annotations

import json

import rich_click as click

from brushwork.cli.arguments import method_lines
from brushwork.options.flags import (
    options_in_words,
)
from brushwork.registry import OPTIONS

__all__ = ["methods"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON, for scripts")
def methods(as_json: bool) -> None:
    """List the methods and their options."""
    if as_json:
        click.echo(json.dumps({name: options_in_words(kind) for name, kind in OPTIONS.items()}))
        return
    for line in method_lines(OPTIONS):
        click.echo(line)
