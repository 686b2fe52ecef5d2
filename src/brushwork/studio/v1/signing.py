"""Signatures of webhooks, as in Standard Webhooks (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from brushwork.errors import BrushworkError

__all__ = ["signature", "verified"]

TOLERANCE = 300.0  # seconds


def signature(secret: str, identity: str, timestamp: str, body: bytes) -> str:
    """The header webhook-signature: HMAC-SHA256 of ID, timestamp and body.

    Args:
        secret: "whsec_" and a key in base64.
        identity: The header webhook-id.
        timestamp: The header webhook-timestamp, in seconds since 1970.
        body: The body, as it is sent.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def verified(secret: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The content of a webhook that you have received.

    Args:
        secret: Yours, from /api/v1/webhooks.
        headers: The request's headers, with names in lower case.
        body: The request's body, as it came.

    Raises:
        BrushworkError: The signature is wrong, or the webhook is more than five minutes old.
    """
    timestamp = headers.get("webhook-timestamp", "")
    expected = signature(secret, headers.get("webhook-id", ""), timestamp, body)
    given = headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(expected.encode(), each.encode()) for each in given):
        raise BrushworkError("the webhook is not signed with this secret")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE:
        raise BrushworkError("the webhook is too old")
    found: dict[str, Any] = json.loads(body)
    return found
