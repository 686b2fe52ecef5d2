"""Users and logins: names and salted password hashes in a file, random session tokens."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Hashable
from pathlib import Path

from brushwork.errors import UsageError
from brushwork.runtime.atomic_files import replacing
from brushwork.studio.database import Database
from brushwork.studio.devices import device_of, new_device
from brushwork.studio.login_limits import LoginLimits, client_of

__all__ = ["LOCAL", "Logins", "Users"]

LOCAL = "local"  # the user of a studio without logins
SHORTEST = 8  # password length, in characters
COST = {"n": 1 << 14, "r": 8, "p": 1}  # scrypt: 16 MB and about 40 ms per guess (RFC 7914)
NAMES = 5  # limit of wrong passwords per address for all names, as a multiple of the limit per name


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
        self._write({**self._read(), name: {"salt": salt.hex(), "hash": _hashed(password, salt).hex()}})

    def remove(self, name: str) -> None:
        """Remove a user.

        Raises:
            UsageError: No user has this name.
        """
        users = self._read()
        if name not in users:
            raise UsageError(f"there is no user {name!r}; existing users: {', '.join(sorted(users)) or 'none'}")
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

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            return dict(json.loads(self.path.read_text("utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{self.path} can't be read ({error}); repair it, or delete it and add the users again"
            ) from error

    def _write(self, users: dict[str, dict[str, str]]) -> None:
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
    """

    def __init__(self, users: Users, database: Database, hours: float, failures: int) -> None:
        self.users, self.database, self.hours, self.failures = users, database, hours, failures
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
            return None
        self._limits.forgive((name, client))
        token = secrets.token_urlsafe(32)
        self.database.add_session(_token_hash(token), name, time.time() + 3600 * self.hours)
        return token

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
        self.database.remove_session(_token_hash(token))


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, dklen=64, **COST)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
