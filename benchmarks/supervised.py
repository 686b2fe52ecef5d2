"""Processes that are watched: a call that crashes or hangs costs its process, not the benchmark."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["Supervised"]


def _serve(pipe: Connection) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # decoders print what they find
    while True:
        function, arguments = pipe.recv()
        try:
            pipe.send(("returned", function(*arguments)))
        except BaseException as error:
            pipe.send(("raised", f"{type(error).__name__}: {error}"))


class Supervised:
    """One process that runs functions, one after another.

    Args:
        warm: Called first in each new process, without a deadline; it should import what calls need.
        seconds: Deadline of each call.
    """

    def __init__(self, warm: Callable[[], Any], seconds: float = 10) -> None:
        self.warm, self.seconds = warm, seconds
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.send((self.warm, ()))
        if self._pipe.recv()[0] != "returned":
            sys.exit("the watched process can't be started")

    def call(self, function: Callable[..., Any], *arguments: Any) -> tuple[str, Any]:
        """Return "returned" and the value, "raised" and the error, "crashed" and the exit code, or "hung"."""
        self._pipe.send((function, arguments))
        try:
            if self._pipe.poll(self.seconds):
                told: tuple[str, Any] = self._pipe.recv()
                return told
            found: tuple[str, Any] = "hung", f"over {self.seconds} s"
        except EOFError:
            self._process.join()
            found = "crashed", self._process.exitcode
        self.stop()
        self._start()
        return found

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
