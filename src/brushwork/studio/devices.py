"""Signed cookies that mark devices on which a user has logged in before.

They don't grant access. They only distinguish the user from others who guess the password.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

__all__ = ["DAYS", "DEVICE_COOKIE", "device_of", "new_device"]

DEVICE_COOKIE = "brushwork_device"
DAYS = 180  # validity of a device cookie


def new_device(name: str, key: bytes) -> str:
    """A cookie for a device on which a user has just logged in.

    Args:
        name: The user's name.
        key: A secret that changes with the password, so that a new password invalidates all device cookies.
    """
    facts = f"{name}.{secrets.token_hex(16)}.{round(time.time())}"
    return f"{facts}.{_signature(facts, key)}"


def device_of(cookie: str, name: str, key: bytes) -> str | None:
    """The device ID in a cookie, if it was issued for this user, with this key, in the last 180 days."""
    facts, _, signature = cookie.rpartition(".")
    if not hmac.compare_digest(signature.encode(errors="replace"), _signature(facts, key).encode()):
        return None
    owner, device, made = facts.split(".")
    return device if owner == name and time.time() - int(made) < 86_400 * DAYS else None


def _signature(facts: str, key: bytes) -> str:
    return hmac.new(key, b"brushwork device\0" + facts.encode(errors="replace"), hashlib.sha256).hexdigest()
