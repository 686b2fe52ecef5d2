"""Connections that are closed when a request does not come: uvicorn itself waits for the first one forever."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

__all__ = ["HEAD_SECONDS", "PunctualProtocol"]

HEAD_SECONDS = 15.0  # for the head of a request, from its first byte or, on a new connection, from its start

_Protocol: Any = AutoHTTPProtocol


class PunctualProtocol(_Protocol):  # type: ignore[misc]  # h11's or httptools'
    """HTTP with a deadline for the head of each request; the guard has one for its body."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:  # the head is complete
            self._punctual()
        elif self._late is None:  # between two requests
            self._late = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._punctual()
        super().connection_lost(exc)

    def _punctual(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
