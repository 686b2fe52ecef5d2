"""Rate limits for password attempts."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager

from brushwork.studio.errors import BusyError

__all__ = ["WINDOW", "Attempt", "LoginLimits", "client_of"]

WINDOW = 300.0  # seconds in which wrong passwords are counted
FEW = 3  # wrong passwords after which an address is treated as guessing
AT_ONCE = 4  # concurrent attempts per client
WAITING = 8  # attempts per lane, running and waiting
KEPT = 10_000  # clients and names to remember


def client_of(address: str) -> str:
    """The part of an address that an attacker can't easily change: an IPv4 address or an IPv6 /64 network.

    >>> client_of("2001:db8::1:2"), client_of("::ffff:192.0.2.1")
    ('2001:db8::/64', '192.0.2.1')
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


class Attempt:
    """A password attempt; counts as wrong until `right` is set."""

    right = False


class LoginLimits:
    """Counts wrong passwords, and queues each kind of client separately.

    Hashing a password takes memory and time, so each lane hashes one at a time. The lanes are known devices, clients
    with few wrong passwords, and guessers: a guesser slows down only other guessers, whatever the number of threads.
    """

    def __init__(self) -> None:
        self._wrong: OrderedDict[Hashable, deque[float]] = OrderedDict()
        self._under_way: Counter[Hashable] = Counter()
        self._lock = threading.Lock()
        self._lanes = {name: _Lane() for name in ("device", "client", "guesser")}

    @contextmanager
    def attempt(self, client: Hashable, limits: Mapping[Hashable, int], *, known: bool) -> Iterator[Attempt]:
        """Wait for a turn to check a password.

        Args:
            client: An address or a known device.
            limits: Maximum number of wrong passwords in five minutes, for each key.
            known: Whether the client is a known device.

        Raises:
            BusyError: Too many wrong passwords, or too many attempts at once. Nothing was hashed.
        """
        attempt, now = Attempt(), time.monotonic()
        lane = self._lanes[self._admit(client, limits, now, known)]
        tried = False
        try:
            with lane.turn():
                tried = True
                yield attempt
        finally:
            with self._lock:
                self._under_way[client] -= 1
                if not self._under_way[client]:
                    del self._under_way[client]
                if attempt.right or not tried:
                    for key in limits:
                        self._forget(key, now)

    def forgive(self, key: Hashable) -> None:
        """Reset the count of wrong passwords of a key."""
        with self._lock:
            self._wrong.pop(key, None)

    def _admit(self, client: Hashable, limits: Mapping[Hashable, int], now: float, known: bool) -> str:
        """The lane for an attempt, which counts as wrong from now on, so that parallel attempts gain nothing."""
        with self._lock:
            counts = {key: self._count(key, now) for key in limits}
            if any(counts[key] >= most for key, most in limits.items()):
                raise BusyError("too many wrong passwords; wait five minutes", round(WINDOW))
            if self._under_way[client] >= AT_ONCE:
                raise BusyError("too many login attempts right now; try again in a moment")
            self._under_way[client] += 1
            for key in limits:
                self._wrong.setdefault(key, deque()).append(now)
                self._wrong.move_to_end(key)
            while len(self._wrong) > KEPT:
                self._wrong.popitem(last=False)
            return "device" if known else "client" if max(counts.values()) < FEW else "guesser"

    def _count(self, key: Hashable, now: float) -> int:
        times = self._wrong.get(key, deque())
        while times and now - times[0] > WINDOW:
            times.popleft()
        return len(times)

    def _forget(self, key: Hashable, moment: float) -> None:
        times = self._wrong.get(key, deque())
        if moment in times:
            times.remove(moment)
        if not times:
            self._wrong.pop(key, None)


class _Lane:
    """Admits one attempt at a time, with a bounded queue."""

    def __init__(self) -> None:
        self._busy, self._places = threading.Lock(), threading.BoundedSemaphore(WAITING)

    @contextmanager
    def turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise BusyError("too many login attempts right now; try again in a moment")
        try:
            with self._busy:
                yield
        finally:
            self._places.release()
