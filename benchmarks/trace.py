"""Follow `brushwork stylize` from the command to its first convolution: frames, calls, files.

    python benchmarks/trace.py [PHOTO] [--style great-wave]

Prints the frames of this package on the stack at the first convolution that paints the photo, how many of its functions
were called until the end, in how many files, and how often control passed from one file to another.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

import brushwork
from brushwork.cli.main import main

ROOT = Path(brushwork.__file__).parent


class Trace:
    """A profile hook that counts what this package does."""

    def __init__(self) -> None:
        self.stack: list[str] = []  # frames of the package at the first convolution of the photo
        self.calls, self.changes, self.last = 0, 0, ""
        self.before: set[str] = set()  # files with functions that run before it
        self.files: set[str] = set()
        self.passes = 0  # through a network, each of a whole picture

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Count one call, of a function of the package or of a convolution."""
        if event == "call" and frame.f_code.co_filename.startswith(str(ROOT)):
            self._count(frame)
        if event == "c_call" and getattr(argument, "__name__", "") == "conv2d" and not self.stack:
            self._convolution(frame)

    @staticmethod
    def _names(frame: FrameType | None) -> list[str]:
        """The package's functions on the stack, the outermost first; none while a module is imported."""
        names: list[str] = []
        while frame is not None:
            if frame.f_code.co_filename.startswith(str(ROOT)):
                if frame.f_code.co_name == "<module>":
                    return []
                names.append(f"{Path(frame.f_code.co_filename).relative_to(ROOT)}:{frame.f_code.co_name}")
            frame = frame.f_back
        return names[::-1]

    def _count(self, frame: FrameType) -> None:
        names = self._names(frame)
        if not any(name.endswith(":stylize") for name in names):  # what comes before the command itself
            return
        name = frame.f_code.co_filename
        self.calls += 1
        self.changes += name != self.last
        self.files.add(name)
        if not self.stack:
            self.before.add(name)
        self.last = name
        self.passes += frame.f_code.co_name in ("run_whole", "alone")

    def _convolution(self, frame: FrameType) -> None:
        names = self._names(frame)
        # Encoding the style and measuring the processor come before the photo.
        if names and not any(word in name for name in names for word in ("encode", "choose_dtype")):
            self.stack = names


def run() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", nargs="?", help="skimage's cat if not given")
    parser.add_argument("--style", default="great-wave")
    arguments = parser.parse_args()
    photo = arguments.photo
    if photo is None:
        import skimage

        photo = str(Path(skimage.__file__).parent / "data" / "chelsea.png")
    trace = Trace()
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(SystemExit):
        command = ["stylize", photo, "--style", arguments.style, "-o", f"{folder}/out.png"]
        with contextlib.redirect_stdout(io.StringIO()):
            sys.setprofile(trace)
            try:
                main(command)
            finally:
                sys.setprofile(None)
    print(f"{len(trace.stack)} frames in {len({name.split(':')[0] for name in trace.stack})} files:")
    for name in trace.stack:
        print(f"  {name}")
    print(f"functions of {len(trace.before)} files run before it")
    print(f"in all {trace.calls} calls in {len(trace.files)} files, {trace.changes} changes of file,")
    print(f"{trace.passes} passes through a network")


if __name__ == "__main__":
    run()
