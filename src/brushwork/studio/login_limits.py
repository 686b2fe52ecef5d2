"""How often somebody may try a password, and whose password is checked next."""

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
FEW = 3  # wrong passwords that an address may send before it waits in line with those who guess
AT_ONCE = 4  # attempts of one client that are looked at
WAITING = 8  # attempts in one lane
KEPT = 10_000  # clients and names that are remembered


def client_of(address: str) -> str:
    """What an attacker can't change at will: an IPv4 address, or the /64 network of an IPv6 one.

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
    """A password that is tried; wrong, as long as nobody says that it is right."""

    right = False


class LoginLimits:
    """Counts wrong passwords, and has each kind of client wait for its own kind alone.

    Hashing a password takes memory and time. Each lane hashes one at a time: known devices, clients with at most a few
    wrong passwords, and those who guess. So whoever guesses, from however many threads, slows down others who guess.
    """

    def __init__(self) -> None:
        self._wrong: OrderedDict[Hashable, deque[float]] = OrderedDict()
        self._under_way: Counter[Hashable] = Counter()
        self._lock = threading.Lock()
        self._lanes = {name: _Lane() for name in ("device", "client", "guesser")}

    @contextmanager
    def attempt(self, client: Hashable, limits: Mapping[Hashable, int], *, known: bool) -> Iterator[Attempt]:
        """Have a turn to try a password.

        Args:
            client: Who tries: an address, or a known device.
            limits: How many wrong passwords each of these keys may have in five minutes.
            known: Whether the client is a known device.

        Raises:
            BusyError: There were too many wrong ones, or there are too many at the same time. Nothing was hashed.
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
        """Forget the wrong passwords of a key."""
        with self._lock:
            self._wrong.pop(key, None)

    def _admit(self, client: Hashable, limits: Mapping[Hashable, int], now: float, known: bool) -> str:
        """The lane for an attempt, which is counted as wrong from now on: many at once get no more than one by one."""
        with self._lock:
            counts = {key: self._count(key, now) for key in limits}
            if any(counts[key] >= most for key, most in limits.items()):
                raise BusyError("too many wrong passwords; wait five minutes", round(WINDOW))
            if self._under_way[client] >= AT_ONCE:
                raise BusyError("too many log in just now; try again in a moment")
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
    """One at a time, and not too many who wait."""

    def __init__(self) -> None:
        self._busy, self._places = threading.Lock(), threading.BoundedSemaphore(WAITING)

    @contextmanager
    def turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise BusyError("too many log in just now; try again in a moment")
        try:
            with self._busy:
                yield
        finally:
            self._places.release()
