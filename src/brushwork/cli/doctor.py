"""The command `doctor`."""

from __future__ import annotations

import json

import rich_click as click

__all__ = ["doctor"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON, for scripts")
def doctor(as_json: bool) -> None:
    """Report installed packages, hardware, speed and the time of presets (takes about 7 s)."""
    from brushwork.api.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps(findings))
        return
    for name, finding in findings.items():
        click.echo(f"{name + ':':<28}{finding}")
