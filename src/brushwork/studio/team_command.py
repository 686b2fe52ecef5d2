"""Commands for who runs a studio for a team: users, the audit log, backups."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from brushwork.errors import UsageError

if TYPE_CHECKING:
    from brushwork.studio.audit import AuditLog
    from brushwork.studio.files import StudioFiles
    from brushwork.studio.quota import StorageQuota
    from brushwork.studio.users import Users

__all__ = ["audit", "backup", "restore", "users"]

Command = TypeVar("Command", bound=Callable[..., Any])
ROLES = ("admin", "member", "viewer")  # written here again, so that help doesn't import the studio; a test compares


def _files_of(ctx: click.Context, _: click.Parameter, folder: Path | None) -> StudioFiles:
    """The studio's folder: of this command, or of one that it stands behind."""
    from brushwork.studio.files import StudioFiles, default_folder

    parent = ctx.parent
    while folder is None and parent is not None:
        folder, parent = parent.params.get("folder"), parent.parent
    return StudioFiles(folder or default_folder())


_folder = click.option(
    "--folder",
    "files",
    type=click.Path(file_okay=False, path_type=Path),
    callback=_files_of,
    help="the studio's own",
)


def _account(command: Command) -> Command:
    """Add the options of an account."""
    for option in (
        click.option("--jobs", type=click.IntRange(0), help="waiting and running jobs; 0: the studio's limit"),
        click.option("--storage-gb", type=click.FloatRange(0), help="storage in gigabytes; 0: the studio's limit"),
        click.option("--role", type=click.Choice(ROLES), help="viewers only look and download, admins see all jobs"),
    ):
        command = option(command)
    return command


def _users(files: StudioFiles) -> Users:
    from brushwork.studio.users import Users

    return Users(files.root / "users.json")


def _audit(files: StudioFiles) -> AuditLog:
    from brushwork.studio.audit import AuditLog

    return AuditLog(files.audit)


def _quota(files: StudioFiles) -> StorageQuota:
    from brushwork.studio.limits import Limits
    from brushwork.studio.quota import StorageQuota

    return StorageQuota(files, Limits(), files.database(), _users(files))


def _note(files: StudioFiles, event: str, **facts: Any) -> None:
    from brushwork.studio.audit import COMMAND

    _audit(files).add(COMMAND, event, **{name: value for name, value in facts.items() if value is not None})


@click.group()
def users() -> None:
    """Manage who may log in: names, passwords, roles and quotas."""


@users.command("add")
@click.argument("name")
@_account
@click.option("--password-stdin", is_flag=True, help="read the password from standard input")
@_folder
def add(name: str, files: StudioFiles, password_stdin: bool, **account: Any) -> None:
    """Add a user NAME, or change their password; asks for it."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    users = _users(files)
    new = name not in users.names()
    users.add(name, password)
    users.set(name, **account)
    if new:  # data of a former user of this name whose removal was interrupted
        _quota(files).forget_user(name)
    files.database().remove_sessions_of(name)
    _note(files, "add user" if new else "change password", of=name, **account)
    click.echo(f"{name} can log in")


@users.command("set")
@click.argument("name")
@_account
@_folder
def set_(name: str, files: StudioFiles, **account: Any) -> None:
    """Change the role and the quotas of the user NAME."""
    if all(value is None for value in account.values()):
        raise UsageError("nothing to set; use --role, --storage-gb or --jobs")
    _users(files).set(name, **account)
    _note(files, "change user", of=name, **account)


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="print JSON, for scripts")
@_folder
def list_(files: StudioFiles, as_json: bool) -> None:
    """List all users: role, quotas, storage used."""
    users, quota = _users(files), _quota(files)
    rows = [vars(users.account(name)) | {"used_bytes": quota.used(name)} for name in users.names()]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "role", "storage", "jobs", "used", box=None, header_style="bold")
    for row in rows:
        storage = "" if row["storage_gb"] is None else f"{row['storage_gb']:g} GB"
        jobs = "" if row["jobs"] is None else str(row["jobs"])
        table.add_row(row["name"], row["role"], storage, jobs, f"{row['used_bytes'] / 1e6:,.1f} MB")
    Console(soft_wrap=True).print(table)


@users.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="don't ask before the user's data is deleted")
@_folder
def remove(name: str, files: StudioFiles, yes: bool) -> None:
    """Remove the user NAME and their data, so that a later user of the same name doesn't get it."""
    users, quota = _users(files), _quota(files)
    if name in users.names() and (used := quota.used(name)) and not yes:
        data = f"{name}'s files, results and styles ({used / 1e6:,.1f} MB)"
        click.confirm(f"{data} will be deleted too. Continue?", abort=True)
    users.remove(name)
    quota.database.remove_sessions_of(name)
    quota.forget_user(name)
    _note(files, "remove user", of=name)
    click.echo(f"{name} can no longer log in")


@users.command("token")
@click.argument("name")
@click.option("--days", type=click.FloatRange(0.01), default=365.0, show_default=True, help="how long it is valid")
@_folder
def token(name: str, files: StudioFiles, days: float) -> None:
    """Print a token for programs of the user NAME, such as Prometheus, to be sent as Authorization: Bearer.

    A new password ends it.
    """
    from brushwork.studio.users import new_token

    if name not in (names := _users(files).names()):
        raise UsageError(f"there is no user {name!r}; existing users: {', '.join(names) or 'none'}")
    _note(files, "make token", of=name, days=days)
    click.echo(new_token(files.database(), name, 24 * days))


@click.command()
@click.option("--since", default="7d", show_default=True, help="a date such as 2026-11-30, or 24h or 7d")
@click.option("--user", help="only what this user did")
@_folder
def audit(files: StudioFiles, since: str, user: str | None) -> None:
    """Print who did what and when, as one JSON object per line."""
    from brushwork.studio.audit import moment_of

    for line in _audit(files).lines(moment_of(since)):
        if user in (None, line["user"]):
            click.echo(json.dumps(line))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="replace FILE if it exists")
@_folder
def backup(file: Path, files: StudioFiles, replace: bool) -> None:
    """Write all users, files, results and jobs to FILE, a .tar; the studio may go on meanwhile."""
    from brushwork.studio.backups import back_up

    if file.exists() and not replace:
        raise UsageError(f"{file} exists; use another name, or --replace")
    summary = back_up(files, file)
    _note(files, "backup", count=summary.files, bytes=summary.bytes)
    click.echo(f"{file}: {summary.files} files, {summary.bytes / 1e6:,.1f} MB")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="delete what the studio has now")
@_folder
def restore(file: Path, files: StudioFiles, replace: bool) -> None:
    """Restore a studio from FILE, written by backup; the studio must be stopped."""
    from brushwork.studio.backups import restore as restored

    summary = restored(files, file, replace=replace)
    _note(files, "restore", count=summary.files, bytes=summary.bytes)
    click.echo(f"{files.root}: {summary.files} files, {summary.bytes / 1e6:,.1f} MB")
