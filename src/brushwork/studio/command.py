"""The `studio` command: the web page and the HTTP service."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.errors import UsageError
from brushwork.options.flags import method_options, settings_of
from brushwork.studio.team_command import audit, backup, restore, users

__all__ = ["studio"]


def _limits() -> dict[str, type[Any]]:
    from brushwork.studio.limits import Limits

    return {"studio": Limits}


@click.group(invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on; others require users")
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="0 picks a free port")
@click.option("--name", "names", multiple=True, help="host name of an HTTPS reverse proxy, e.g. studio.example.org")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="for files, results and history")
@click.option("--workers", type=click.IntRange(1, 64), help="number of jobs that run at a time [1 for each device]")
@click.option("--devices", default="auto", show_default=True, help="of the workers, e.g. cpu,cuda:0")
@click.option("--api-only", is_flag=True, help="serve only the HTTP API, no page")
@click.option(
    "--webhook-allow", metavar="HOST[:PORT]", multiple=True, help="where webhooks may be sent to [nowhere]; repeatable"
)
@click.option("--no-browser", is_flag=True, help="don't open the page in the browser")
@method_options(_limits())
@click.pass_context
def studio(
    ctx: click.Context, /, *, host: str, port: int, names: tuple[str, ...], folder: Path | None, workers: int | None,
    devices: str, api_only: bool, webhook_allow: tuple[str, ...], no_browser: bool, **values: Any,
) -> None:  # fmt: skip
    """Open the web page for stylizing photos, or serve it to a team with logins."""
    if ctx.invoked_subcommand is not None:
        return
    missing = [name for name in ("fastapi", "uvicorn", "prometheus_client") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            "the studio requires additional packages: pip install 'brushwork[studio]' (in a clone: '.[studio]')"
        )
    from brushwork.studio.files import StudioFiles, default_folder
    from brushwork.studio.server import run
    from brushwork.studio.workers import devices_of

    limits: Any = settings_of("studio", values, _limits())
    run(
        StudioFiles(folder or default_folder()), limits, host=host, port=port, names=names, page=not api_only,
        browser=not (no_browser or api_only), webhook_allow=webhook_allow, devices=devices_of(devices, workers),
    )  # fmt: skip


for command in (users, audit, backup, restore):
    studio.add_command(command)
