"""Ctrl-C and SIGTERM: the first ends the work, and nothing after it hinders the writing of what there is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["asked", "finishing", "hold", "install"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Wish:
    """What this process was asked; signals belong to the process, so there is one."""

    asked = False
    held = False


def install() -> None:
    """Take over both signals; an ignored one (nohup, a job in the background) stays ignored."""
    _Wish.asked = _Wish.held = False
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _obey)


def asked() -> bool:
    """Whether the user wants it to end."""
    return _Wish.asked


def hold() -> None:
    """From now on a signal raises nothing, until the `finishing` block ends: what is left is writing files."""
    _Wish.held = True


@contextmanager
def finishing() -> Iterator[None]:
    """A piece of work in which `hold` may be called."""
    try:
        yield
    finally:
        _Wish.held = False


def _obey(*_: object) -> None:
    first, _Wish.asked = not _Wish.asked, True
    if first and not _Wish.held:
        raise KeyboardInterrupt
