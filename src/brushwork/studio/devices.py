"""Devices on which a user has logged in before: a signed cookie says so.

It lets nobody in. It only keeps the owner of a name apart from those who guess at it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

__all__ = ["DAYS", "DEVICE_COOKIE", "device_of", "new_device"]

DEVICE_COOKIE = "brushwork_device"
DAYS = 180  # for which a device is known


def new_device(name: str, key: bytes) -> str:
    """A cookie for a device on which a user has just logged in.

    Args:
        name: The user's.
        key: Secret, and another one once the password is changed: then no device is known any longer.
    """
    facts = f"{name}.{secrets.token_hex(16)}.{round(time.time())}"
    return f"{facts}.{_signature(facts, key)}"


def device_of(cookie: str, name: str, key: bytes) -> str | None:
    """The device of a cookie, if it was made for this user, with this key, in the last 180 days."""
    facts, _, signature = cookie.rpartition(".")
    if not hmac.compare_digest(signature.encode(errors="replace"), _signature(facts, key).encode()):
        return None
    owner, device, made = facts.split(".")
    return device if owner == name and time.time() - int(made) < 86_400 * DAYS else None


def _signature(facts: str, key: bytes) -> str:
    return hmac.new(key, b"brushwork device\0" + facts.encode(errors="replace"), hashlib.sha256).hexdigest()
