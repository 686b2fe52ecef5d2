"""The verb `studio`: the web page, and the service."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from brushwork.errors import UsageError
from brushwork.options.flags import method_options, settings_of

if TYPE_CHECKING:
    from brushwork.studio.quota import StorageQuota
    from brushwork.studio.storage import Storage
    from brushwork.studio.users import Users

__all__ = ["studio"]


def _limits() -> dict[str, type[Any]]:
    from brushwork.studio.limits import Limits

    return {"studio": Limits}


def _remove(name: str, users: Users, places: Storage) -> None:
    """Take away a login, and what its user has: the next one of this name shall not find it."""
    room = _room(places)
    if name in users.names() and (used := room.used(name)):
        click.confirm(f"{name}'s files, results and styles ({used / 1e6:,.1f} MB) are deleted too. Go on?", abort=True)
    users.remove(name)
    room.store.remove_sessions_of(name)
    room.forget_user(name)
    click.echo(f"{name} may log in no longer")


def _room(places: Storage) -> StorageQuota:
    from brushwork.studio.limits import Limits
    from brushwork.studio.quota import StorageQuota

    return StorageQuota(places, Limits(), places.store())


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="any other than this machine's own needs users")
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="0 takes a free one")
@click.option("--name", "names", multiple=True, help="of a server in front that speaks HTTPS: studio.example.org")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="for files, results and history")
@click.option("--api-only", is_flag=True, help="no page, only the HTTP interface")
@click.option("--no-browser", is_flag=True, help="don't open the page in the browser")
@click.option("--add-user", metavar="NAME", help="let somebody log in, or give another password; asks for it")
@click.option("--remove-user", metavar="NAME", help="let somebody in no longer, and delete what they have")
@method_options(_limits())
def studio(
    host: str, port: int, names: tuple[str, ...], folder: Path | None, api_only: bool, no_browser: bool,
    add_user: str | None, remove_user: str | None, **values: Any,
) -> None:  # fmt: skip
    """Open a web page on which photos are painted; or serve a team, who log in."""
    missing = [name for name in ("gradio", "fastapi", "prometheus_client") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError("the studio needs more packages: pip install 'brushwork[studio]' (in a clone: '.[studio]')")
    from brushwork.studio.storage import Storage, default_folder
    from brushwork.studio.users import Users

    places = Storage(folder or default_folder())
    users = Users(places.root / "users.json")
    if add_user is not None:
        new = add_user not in users.names()
        users.add(add_user, click.prompt("Password", hide_input=True, confirmation_prompt=True))
        if new:  # what one of this name had who is gone, and whose removal was cut short
            _room(places).forget_user(add_user)
        places.store().remove_sessions_of(add_user)
        click.echo(f"{add_user} may log in")
    elif remove_user is not None:
        _remove(remove_user, users, places)
    else:
        from brushwork.studio.server import run

        limits: Any = settings_of("studio", values, _limits())
        run(places, limits, host=host, port=port, names=names, page=not api_only, browser=not (no_browser or api_only))
