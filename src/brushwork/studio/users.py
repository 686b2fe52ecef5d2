"""Users and logins: roles, quotas and salted password hashes in a file, random session tokens."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from brushwork.errors import UsageError
from brushwork.options.base import option_of
from brushwork.runtime.atomic_files import replacing
from brushwork.studio.audit import AuditLog
from brushwork.studio.database import Database
from brushwork.studio.devices import device_of, new_device
from brushwork.studio.errors import NotAllowedError
from brushwork.studio.limits import Limits
from brushwork.studio.login_limits import LoginLimits, client_of

__all__ = ["LOCAL", "QUOTAS", "ROLES", "Account", "Logins", "Role", "Users", "new_token"]

LOCAL = "local"  # the user of a studio without logins
# admin: also sees and cancels the jobs of all, and reads the audit log; viewer: only looks and downloads.
Role: TypeAlias = Literal["admin", "member", "viewer"]
ROLES = get_args(Role)
QUOTAS = ("storage_gb", "jobs")  # limits that a user may have of their own
SHORTEST = 8  # password length, in characters
COST = {"n": 1 << 14, "r": 8, "p": 1}  # scrypt: 16 MB and about 40 ms per guess (RFC 7914)
NAMES = 5  # limit of wrong passwords per address for all names, as a multiple of the limit per name


@dataclass(frozen=True)
class Account:
    """What a user may do.

    Args:
        name: The user's name.
        role: One of ROLES.
        storage_gb: Storage in gigabytes; None: the studio's limit.
        jobs: Waiting and running jobs; None: the studio's limit.
    """

    name: str
    role: Role = "member"
    storage_gb: float | None = None
    jobs: int | None = None

    def limits(self, limits: Limits) -> Limits:
        """The studio's limits with this user's own in place of them."""
        own: dict[str, Any] = {name: value for name in QUOTAS if (value := getattr(self, name)) is not None}
        return replace(limits, **own) if own else limits


class Users:
    """The file of users who may log in.

    Args:
        path: A JSON file, readable only by its owner; need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """Names of all users, sorted."""
        return sorted(self._read())

    def add(self, name: str, password: str) -> None:
        """Add a user or change their password.

        Raises:
            UsageError: Invalid name or password.
        """
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name) or name == LOCAL:
            raise UsageError(f"user {name!r}: expected up to 32 lowercase letters, digits, - and _, and not {LOCAL!r}")
        if len(password) < SHORTEST:
            raise UsageError(f"expected a password of at least {SHORTEST} characters, got {len(password)}")
        salt = secrets.token_bytes(16)
        users = self._read()
        users[name] = {**users.get(name, {}), "salt": salt.hex(), "hash": _hashed(password, salt).hex()}
        self._write(users)

    def set(
        self, name: str, *, role: str | None = None, storage_gb: float | None = None, jobs: int | None = None
    ) -> None:
        """Change a user's role and quotas; None leaves them as they are, and 0 is the studio's limit.

        Raises:
            UsageError: No user has this name, or an invalid value.
        """
        users = self._known(name)
        if role is not None and role not in ROLES:
            raise UsageError(f"role: expected one of {', '.join(ROLES)}, got {role!r}")
        for quota, value in (("storage_gb", storage_gb), ("jobs", jobs)):
            if value:
                option_of(Limits)[quota].check(quota, value)
        given: dict[str, Any] = {"role": role, "storage_gb": storage_gb, "jobs": jobs}
        changed = {**users[name], **{field: value for field, value in given.items() if value is not None}}
        users[name] = {field: value for field, value in changed.items() if value != 0}
        self._write(users)

    def account(self, name: str) -> Account:
        """What a user may do; without logins, the only user may do everything."""
        if name == LOCAL:
            return Account(LOCAL, "admin")
        entry = self._read().get(name, {})
        return Account(name, **{field: entry[field] for field in ("role", *QUOTAS) if field in entry})

    def remove(self, name: str) -> None:
        """Remove a user.

        Raises:
            UsageError: No user has this name.
        """
        users = self._known(name)
        del users[name]
        self._write(users)

    def knows(self, name: str, password: str) -> bool:
        """Whether the password is correct; takes just as long for an unknown name."""
        entry = self._read().get(name, {"salt": "00" * 16, "hash": "00" * 64})
        found = _hashed(password, bytes.fromhex(entry["salt"]))
        return hmac.compare_digest(found, bytes.fromhex(entry["hash"]))

    def key(self, name: str) -> bytes | None:
        """A secret of the user that changes with the password; None for an unknown name."""
        entry = self._read().get(name)
        return bytes.fromhex(entry["hash"]) if entry else None

    def check_maker(self, user: str) -> None:
        """Check that a user may make something, not only look.

        Raises:
            NotAllowedError: The user is a viewer.
        """
        if self.account(user).role == "viewer":
            raise NotAllowedError("viewers may look at what they have and download it, and make nothing new")

    def check_admin(self, user: str) -> None:
        """Check that a user may see and cancel the jobs of others.

        Raises:
            NotAllowedError: The user is not an admin.
        """
        if self.account(user).role != "admin":
            raise NotAllowedError("only admins may do this")

    def _known(self, name: str) -> dict[str, dict[str, Any]]:
        """All users, among whom one has this name."""
        users = self._read()
        if name not in users:
            raise UsageError(f"there is no user {name!r}; existing users: {', '.join(sorted(users)) or 'none'}")
        return users

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            return dict(json.loads(self.path.read_text("utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{self.path} can't be read ({error}); repair it, or delete it and add the users again"
            ) from error

    def _write(self, users: dict[str, dict[str, Any]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path, private=True) as file:
            file.write(json.dumps(users, indent=1).encode())


class Logins:
    """Session tokens in exchange for passwords.

    Args:
        users: The users who may log in.
        database: Stores the hashes of tokens.
        hours: How long a login lasts.
        failures: Wrong passwords per name and address in five minutes, after which that address has to wait.
        audit: Records who logs in and who fails to, or None.
    """

    def __init__(
        self, users: Users, database: Database, hours: float, failures: int, audit: AuditLog | None = None
    ) -> None:
        self.users, self.database, self.hours, self.failures = users, database, hours, failures
        self.audit = audit
        self._limits = LoginLimits()

    def log_in(self, name: str, password: str, address: str = "", device: str = "") -> str | None:
        """A session token, or None if the name or the password is wrong.

        Args:
            name: The user's name.
            password: The user's password.
            address: The client's address.
            device: The device cookie, see `device`.

        Raises:
            BusyError: Too many wrong passwords, or too many attempts at once. A known device has its own limits, which
                nobody else can use up.
        """
        name = name[:64]
        key = self.users.key(name)
        known = device_of(device, name, key) if key is not None else None
        client = known or client_of(address)
        limits: dict[Hashable, int] = {(name, client): self.failures}
        if known is None:
            limits[client] = NAMES * self.failures
        with self._limits.attempt(client, limits, known=known is not None) as attempt:
            attempt.right = self.users.knows(name, password)
        if not attempt.right:
            # A name that nobody has may be a password in the wrong field.
            self._audit(name if key is not None else "unknown", "login failed", address=address)
            return None
        self._limits.forgive((name, client))
        self._audit(name, "login", address=address)
        return new_token(self.database, name, self.hours)

    def _audit(self, user: str, event: str, **facts: str) -> None:
        if self.audit is not None:
            self.audit.add(user, event, **facts)

    def device(self, name: str) -> str:
        """A cookie for the device on which a user has just logged in.

        Raises:
            UsageError: The user has been removed.
        """
        key = self.users.key(name)
        if key is None:
            raise UsageError(f"there is no user {name!r}")
        return new_device(name, key)

    def user_of(self, token: str) -> str | None:
        """The user of a session token; None if it has expired or the user was removed."""
        user = self.database.session(_token_hash(token)) if token else None
        return user if user in self.users.names() else None

    def log_out(self, token: str) -> None:
        """End a session."""
        user = self.user_of(token)
        self.database.remove_session(_token_hash(token))
        if user is not None:
            self._audit(user, "logout")


def new_token(database: Database, name: str, hours: float) -> str:
    """A session token for a user; the database keeps only its hash."""
    token = secrets.token_urlsafe(32)
    database.add_session(_token_hash(token), name, time.time() + 3600 * hours)
    return token


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, dklen=64, **COST)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
