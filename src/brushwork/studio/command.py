"""The `studio` command: the web page and the HTTP service."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from brushwork.errors import UsageError
from brushwork.options.flags import method_options, settings_of

if TYPE_CHECKING:
    from brushwork.studio.files import StudioFiles
    from brushwork.studio.quota import StorageQuota
    from brushwork.studio.users import Users

__all__ = ["studio"]


def _limits() -> dict[str, type[Any]]:
    from brushwork.studio.limits import Limits

    return {"studio": Limits}


def _remove(name: str, users: Users, files: StudioFiles) -> None:
    """Remove a user and their data, so that a later user of the same name does not get it."""
    quota = _quota(files)
    if name in users.names() and (used := quota.used(name)):
        data = f"{name}'s files, results and styles ({used / 1e6:,.1f} MB)"
        click.confirm(f"{data} will be deleted too. Continue?", abort=True)
    users.remove(name)
    quota.database.remove_sessions_of(name)
    quota.forget_user(name)
    click.echo(f"{name} can no longer log in")


def _quota(files: StudioFiles) -> StorageQuota:
    from brushwork.studio.limits import Limits
    from brushwork.studio.quota import StorageQuota

    return StorageQuota(files, Limits(), files.database())


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on; others require users")
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="0 picks a free port")
@click.option("--name", "names", multiple=True, help="host name of an HTTPS reverse proxy, e.g. studio.example.org")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="for files, results and history")
@click.option("--api-only", is_flag=True, help="serve only the HTTP API, no page")
@click.option(
    "--webhook-allow", metavar="HOST[:PORT]", multiple=True, help="where webhooks may be sent to [nowhere]; repeatable"
)
@click.option("--no-browser", is_flag=True, help="don't open the page in the browser")
@click.option("--add-user", metavar="NAME", help="add a user or change their password; prompts for it")
@click.option("--remove-user", metavar="NAME", help="remove a user and delete their data")
@method_options(_limits())
def studio(
    *, host: str, port: int, names: tuple[str, ...], folder: Path | None, api_only: bool,
    webhook_allow: tuple[str, ...], no_browser: bool, add_user: str | None, remove_user: str | None, **values: Any,
) -> None:  # fmt: skip
    """Open the web page for stylizing photos, or serve it to a team with logins."""
    missing = [name for name in ("gradio", "fastapi", "prometheus_client") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            "the studio requires additional packages: pip install 'brushwork[studio]' (in a clone: '.[studio]')"
        )
    from brushwork.studio.files import StudioFiles, default_folder
    from brushwork.studio.users import Users

    files = StudioFiles(folder or default_folder())
    users = Users(files.root / "users.json")
    if add_user is not None:
        new = add_user not in users.names()
        users.add(add_user, click.prompt("Password", hide_input=True, confirmation_prompt=True))
        if new:  # data of a former user of this name whose removal was interrupted
            _quota(files).forget_user(add_user)
        files.database().remove_sessions_of(add_user)
        click.echo(f"{add_user} can log in")
    elif remove_user is not None:
        _remove(remove_user, users, files)
    else:
        from brushwork.studio.server import run

        limits: Any = settings_of("studio", values, _limits())
        browser = not (no_browser or api_only)
        run(
            files, limits, host=host, port=port, names=names, page=not api_only, browser=browser,
            webhook_allow=webhook_allow,
        )  # fmt: skip
