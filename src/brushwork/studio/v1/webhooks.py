"""Webhooks: the end of a job, told to an address that the operator allows."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import re
import secrets
import socket
import sqlite3
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

import httpx

from brushwork.errors import UsageError
from brushwork.runtime.atomic_files import write_whole
from brushwork.studio.errors import NotAllowedError
from brushwork.studio.files import StudioFiles
from brushwork.studio.log import logger
from brushwork.studio.records import Job, Webhook
from brushwork.studio.v1.models import job_facts
from brushwork.studio.v1.signing import signature

__all__ = ["Webhooks"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
PORTS = {"http": 80, "https": 443}
EVERY = 1.0  # seconds between looks for ended jobs
TIMEOUT = 10.0  # seconds to connect, and to wait for each part of an answer's head
WAITS = (5, 30, 120, 600, 3600, 6 * 3600, 24 * 3600)  # seconds before each further attempt
_ALLOWED = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?")


class Webhooks:
    """Tells addresses that jobs have ended, again and again until they have heard it.

    Args:
        files: The studio's folder; it keeps the key that secrets are derived from.
        allow: HOST or HOST:PORT to which webhooks may be sent; without a port, it is the usual one of http or https.

    Raises:
        UsageError: An invalid entry of `allow`.
    """

    def __init__(self, files: StudioFiles, allow: tuple[str, ...] = ()) -> None:
        self.allowed = tuple(entry.lower() for entry in allow)
        for entry in self.allowed:
            if not _ALLOWED.fullmatch(entry):
                raise UsageError(
                    f"--webhook-allow {entry!r}: expected HOST or HOST:PORT, such as hooks.example.org:8443"
                )
        self._key, self._database = _kept_key(files.root / "webhooks.key"), files.database()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Start to tell."""
        if self.allowed:
            self._thread.start()

    def close(self) -> None:
        """Stop; what is not told yet is told after the next start."""
        self._closing.set()

    def secret(self, user: str) -> str:
        """What signs a user's webhooks."""
        key = hmac.new(self._key, user.encode(), hashlib.sha256).digest()
        return f"whsec_{base64.b64encode(key).decode()}"

    def check(self, url: str) -> SplitResult:
        """The parts of a URL that webhooks may be sent to.

        Raises:
            UsageError: It is not an http or https URL.
            NotAllowedError: The operator does not allow it.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or PORTS[parts.scheme]
        except (ValueError, KeyError):
            raise UsageError("webhook: expected a URL that begins with https:// or http://") from None
        if parts.username is not None or not parts.hostname or not url.isprintable() or " " in url:
            raise UsageError("webhook: expected a URL without a user name")
        if not self._allows(parts.hostname, port, usual=port == PORTS[parts.scheme]):
            raise NotAllowedError(f"webhook: the operator of this studio does not allow {parts.hostname}:{port}"[:200])
        return parts

    def deliver(self) -> None:
        """Tell all that are due, once."""
        for webhook in self._database.due_webhooks():
            if self._closing.is_set():
                return
            outcome = self._send(webhook)
            facts = {"job": webhook.job.id, "url": webhook.url, "attempt": webhook.tries + 1, "outcome": outcome}
            if outcome.startswith("2"):
                self._database.webhook_told(webhook.job)
                logger.info("webhook told", extra=facts)
            elif webhook.tries >= len(WAITS) or outcome == "410":  # Gone: it doesn't want to hear
                self._database.webhook_told(webhook.job)
                logger.error("webhook given up", extra=facts)
            else:
                self._database.webhook_failed(webhook.job, time.time() + WAITS[webhook.tries])
                logger.warning("webhook failed", extra=facts)

    def _run(self) -> None:
        while not self._closing.wait(EVERY):
            try:
                self.deliver()
            except (OSError, sqlite3.Error):
                logger.exception("webhooks failed")

    def _allows(self, host: str, port: int, *, usual: bool) -> bool:
        name = f"[{host}]" if ":" in host else host
        return f"{name}:{port}" in self.allowed or (usual and name in self.allowed)

    def _address(self, host: str, port: int, *, usual: bool) -> Address | None:
        """The address of a host, or None: private ones only if they are allowed as addresses themselves."""
        for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            address = ipaddress.ip_address(str(place[0]).partition("%")[0])
            if address.is_global or self._allows(str(address), port, usual=usual):
                return address
        return None

    def _send(self, webhook: Webhook) -> str:
        """Send once; the status of the answer, or why there is none."""
        try:
            parts = self.check(webhook.url)
            host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
            address = self._address(host, port, usual=port == PORTS[parts.scheme])
        except (OSError, UnicodeError, UsageError, NotAllowedError) as error:
            return type(error).__name__
        if address is None:
            return "private address"
        # To the address that was checked, since a name may lead elsewhere the next time it is asked for.
        target = parts._replace(netloc=f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}")
        body, headers = self._message(webhook.job)
        try:
            with (
                httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client,
                client.stream(
                    "POST", target._replace(fragment="").geturl(), content=body,
                    headers={**headers, "host": parts.netloc}, extensions={"sni_hostname": host},
                ) as answer,
            ):  # fmt: skip
                return str(answer.status_code)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return type(error).__name__

    def _message(self, job: Job) -> tuple[bytes, dict[str, str]]:
        """Body and headers."""
        ended = datetime.fromtimestamp(job.ended or 0, timezone.utc).isoformat()
        facts = job_facts(job, request=False).model_dump(exclude={"request"})
        body = json.dumps({"type": f"job.{job.status}", "timestamp": ended, "data": facts}).encode()
        identity, timestamp = f"{job.id}-{round(1000 * (job.ended or 0))}", str(round(time.time()))
        return body, {
            "content-type": "application/json",
            "user-agent": "brushwork",
            "webhook-id": identity,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(self.secret(job.user), identity, timestamp, body),
        }


def _kept_key(path: Path) -> bytes:
    """The studio's key, made when it is first needed."""
    if not path.exists():
        write_whole(path, secrets.token_bytes(32))
        path.chmod(0o600)
    return path.read_bytes()
