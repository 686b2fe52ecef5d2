"""Who may log in: names and salted hashes of passwords in a file, logins by random tokens."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Hashable
from pathlib import Path

from brushwork.errors import UsageError
from brushwork.studio.devices import device_of, new_device
from brushwork.studio.login_limits import LoginLimits, client_of
from brushwork.studio.store import Store

__all__ = ["LOCAL", "Logins", "Users"]

LOCAL = "local"  # who uses a studio without a login
SHORTEST = 8  # of a password, in characters
COST = {"n": 1 << 14, "r": 8, "p": 1}  # of scrypt: 16 MB and some 40 ms for each guess (RFC 7914)
NAMES = 5  # an address may send this many times as many wrong passwords for all names as for one


class Users:
    """The file of those who may log in.

    Args:
        path: A JSON file, readable for its owner only; need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """All of them."""
        return sorted(self._read())

    def add(self, name: str, password: str) -> None:
        """Add one, or give one another password.

        Raises:
            UsageError: A name or a password that can't be one.
        """
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name) or name == LOCAL:
            raise UsageError(f"user {name!r}: expected up to 32 small letters, digits, - and _, and not {LOCAL!r}")
        if len(password) < SHORTEST:
            raise UsageError(f"expected a password of at least {SHORTEST} characters, got {len(password)}")
        salt = secrets.token_bytes(16)
        self._write({**self._read(), name: {"salt": salt.hex(), "hash": _hashed(password, salt).hex()}})

    def remove(self, name: str) -> None:
        """Take one away.

        Raises:
            UsageError: There is none of this name.
        """
        users = self._read()
        if name not in users:
            raise UsageError(f"there is no user {name!r}; there are {', '.join(sorted(users)) or 'none'}")
        del users[name]
        self._write(users)

    def knows(self, name: str, password: str) -> bool:
        """Whether it is this user's password; takes as long for a name that isn't there."""
        entry = self._read().get(name, {"salt": "00" * 16, "hash": "00" * 64})
        found = _hashed(password, bytes.fromhex(entry["salt"]))
        return hmac.compare_digest(found, bytes.fromhex(entry["hash"]))

    def key(self, name: str) -> bytes | None:
        """A secret of a user's, which changes with the password; None for a name that isn't there."""
        entry = self._read().get(name)
        return bytes.fromhex(entry["hash"]) if entry else None

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            return dict(json.loads(self.path.read_text("utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{self.path} can't be read ({error}); mend it, or delete it and add users anew"
            ) from error

    def _write(self, users: dict[str, dict[str, str]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(users, file, indent=1)
        temporary.replace(self.path)


class Logins:
    """Tokens for passwords.

    Args:
        users: Who may.
        store: Keeps hashes of tokens.
        hours: How long a login lasts.
        failures: Wrong passwords for a name from one address, in five minutes, after which that address has to wait.
    """

    def __init__(self, users: Users, store: Store, hours: float, failures: int) -> None:
        self.users, self.store, self.hours, self.failures = users, store, hours, failures
        self._limits = LoginLimits()

    def log_in(self, name: str, password: str, address: str = "", device: str = "") -> str | None:
        """A token, or None for a wrong name or password.

        Args:
            name: The user's.
            password: Likewise.
            address: Of the client.
            device: The cookie of a device, see `device`.

        Raises:
            BusyError: Too many wrong ones, or too many at the same time. A known device has limits of its own, which
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
        self.store.add_session(_token_hash(token), name, time.time() + 3600 * self.hours)
        return token

    def device(self, name: str) -> str:
        """A cookie for the device on which a user has just logged in.

        Raises:
            UsageError: The user was removed meanwhile.
        """
        key = self.users.key(name)
        if key is None:
            raise UsageError(f"there is no user {name!r}")
        return new_device(name, key)

    def user_of(self, token: str) -> str | None:
        """Who has logged in with it, if that lasts and the user is still there."""
        user = self.store.session(_token_hash(token)) if token else None
        return user if user in self.users.names() else None

    def log_out(self, token: str) -> None:
        """End it."""
        self.store.remove_session(_token_hash(token))


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, dklen=64, **COST)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
