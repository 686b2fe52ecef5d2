"""Ctrl-C and SIGTERM: the first signal stops the work; later ones don't interrupt the writing of results."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from click import get_current_context

__all__ = ["CODES", "asked", "exit_code", "finishing", "hold", "install", "resume_command"]

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}  # exit codes, by shell convention
RETRY_SECONDS = 0.1  # until the next attempt where a signal can't take effect


class ShutdownState:
    """Signals received so far; global, because signals are per process."""

    asked = False
    held = False
    number = signal.SIGINT


def install() -> None:
    """Install handlers for both signals; an ignored signal (nohup, a background job) stays ignored."""
    ShutdownState.asked = ShutdownState.held = False
    ShutdownState.number = signal.SIGINT
    if threading.current_thread() is not threading.main_thread():
        return
    for number in CODES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _obey)


def asked() -> bool:
    """Return whether the user has asked to stop."""
    return ShutdownState.asked


def exit_code() -> int:
    """Return the exit code of a stopped command: 143 after SIGTERM, otherwise 130."""
    return CODES[ShutdownState.number]


def resume_command() -> str:
    """Return the command line that resumes this command.

    Requires the command's arguments as the object of click's root context.
    """
    line: list[str] = list(get_current_context().find_root().obj or [])
    end = line.index("--") if "--" in line else len(line)
    resume = [] if "--resume" in line[:end] else ["--resume"]
    return shlex.join(["brushwork", *line[:end], *resume, *line[end:]])


def hold() -> None:
    """Raise nothing on signals until the `finishing` block ends: only files remain to be written."""
    ShutdownState.held = True


@contextmanager
def finishing() -> Iterator[None]:
    """Context manager for work in which `hold` may be called."""
    try:
        yield
    finally:
        ShutdownState.held = False


def _can_raise(frame: FrameType | None) -> bool:
    """Return whether an exception raised in this frame would reach the command.

    While torch's C++ modules initialize, one aborts the process; in a callback of pyvips, one is printed and lost.
    """
    while frame is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package == "pyvips" or (package == "torch" and frame.f_code.co_name == "<module>"):
            return False
        frame = frame.f_back
    return True


def _obey(number: int, frame: FrameType | None) -> None:
    if not _can_raise(frame):
        threading.Timer(RETRY_SECONDS, signal.raise_signal, [number]).start()
        return
    first, ShutdownState.asked = not ShutdownState.asked, True
    if first:
        ShutdownState.number = signal.Signals(number)
    if first and not ShutdownState.held:
        raise KeyboardInterrupt
