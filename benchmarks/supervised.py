"""Processes that are watched: a call that crashes or hangs costs its process, not the benchmark."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import psutil

__all__ = ["Supervised"]

PATIENCE = 12  # times the deadline that a call may wait without using the processor


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
        seconds: How long a call may take, in processor time, since the machine may be busy.
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
        began, started = self._used(), time.monotonic()
        try:
            while not self._pipe.poll(0.5):
                waits = time.monotonic() - started > PATIENCE * self.seconds  # for something that never comes
                if waits or self._used() - began > self.seconds:
                    break
            else:
                told: tuple[str, Any] = self._pipe.recv()
                return told
            found: tuple[str, Any] = "hung", f"over {self.seconds} s"
        except EOFError:
            self._process.join()
            found = "crashed", self._process.exitcode
        self.stop()
        self._start()
        return found

    def _used(self) -> float:
        """Return the seconds of processor time that the process has used so far."""
        try:
            times = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:  # it has crashed, which the pipe will tell
            return 0.0
        return float(times.user + times.system)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
