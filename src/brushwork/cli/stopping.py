"""Ctrl-C and SIGTERM: the first ends the work, and nothing after it hinders the writing of what there is."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from click import get_current_context

__all__ = ["CODES", "asked", "exit_code", "finishing", "hold", "install", "resume_command"]

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}  # the exit code of each, as shells have it


class ShutdownState:
    """What this process was asked; signals belong to the process, so there is one."""

    asked = False
    held = False
    number = signal.SIGINT


def install() -> None:
    """Take over both signals; an ignored one (nohup, a job in the background) stays ignored."""
    ShutdownState.asked = ShutdownState.held = False
    ShutdownState.number = signal.SIGINT
    if threading.current_thread() is not threading.main_thread():
        return
    for number in CODES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _obey)


def asked() -> bool:
    """Whether the user wants it to end."""
    return ShutdownState.asked


def exit_code() -> int:
    """The exit code of a command that was stopped: 143 by SIGTERM, else 130."""
    return CODES[ShutdownState.number]


def resume_command() -> str:
    """The command line that resumes what this one began.

    Needs the arguments of the line as the object of click's root context.
    """
    line: list[str] = list(get_current_context().find_root().obj or [])
    end = line.index("--") if "--" in line else len(line)
    resume = [] if "--resume" in line[:end] else ["--resume"]
    return shlex.join(["brushwork", *line[:end], *resume, *line[end:]])


def hold() -> None:
    """From now on a signal raises nothing, until the `finishing` block ends: what is left is writing files."""
    ShutdownState.held = True


@contextmanager
def finishing() -> Iterator[None]:
    """A piece of work in which `hold` may be called."""
    try:
        yield
    finally:
        ShutdownState.held = False


def _obey(number: int, _: object) -> None:
    first, ShutdownState.asked = not ShutdownState.asked, True
    if number == signal.SIGTERM:  # whichever of two that are waiting is delivered first
        ShutdownState.number = signal.SIGTERM
    if first and not ShutdownState.held:
        raise KeyboardInterrupt
