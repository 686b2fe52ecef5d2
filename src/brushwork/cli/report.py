"""Progress output of a command: a progress bar, lines, JSON, a preview file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console

from brushwork.errors import BrushworkError
from brushwork.runtime.progress import Progress, Step, duration

__all__ = ["Report", "reason"]

PREVIEW_EVERY = 2.0  # seconds
PREVIEW_SHARE = 0.1  # maximum share of the time spent on previews, for images that are slow to write


def reason(error: BaseException) -> str:
    """Return a one-line error message for the user."""
    words = " ".join(str(error).split())
    if isinstance(error, BrushworkError):
        return words
    if isinstance(error, MemoryError):
        return "out of memory; try a smaller --size"
    return f"{type(error).__name__}: {words}; this is a bug; please report it with the output of --debug"


class Report:
    """Lines and a progress bar on standard error, or one JSON object per line on standard output.

    Args:
        as_json: Whether to print JSON.
        preview: An image file to update periodically.
    """

    def __init__(self, *, as_json: bool, preview: Path | None = None) -> None:
        self.as_json, self.preview, self._next_preview = as_json, preview, 0.0
        self.console = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)

    def say(self, line: str, **facts: Any) -> None:
        """Print a line; in JSON mode print the facts instead, if there are any."""
        if self.as_json and facts:
            click.echo(json.dumps(facts))
        elif not self.as_json:
            self.console.print(line, markup=False)

    @contextmanager
    def bar(self, name: str, *, unit: str | None = None) -> Iterator[Progress]:
        """Show a progress bar if there is a terminal; yields the callback that updates it.

        Args:
            name: Label of the bar.
            unit: Name of a step, to display steps per second instead of the loss.
        """
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}", markup=False),  # file names may look like markup
            BarColumn(None), MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"), TimeElapsedColumn(), TextColumn("{task.fields[left]}"),
        )  # fmt: skip
        hidden = self.as_json or not self.console.is_terminal
        with Bar(*columns, console=self.console, transient=True, disable=hidden) as bar:
            task = bar.add_task(name, total=None, loss="", left="")

            def show(step: Step) -> None:
                left = f"{duration(step.seconds_left)} left"
                bar.update(task, completed=step.step, total=step.steps, left=left)
                told = f"loss {step.loss:.4g}" if unit is None else f"{bar.tasks[0].speed or 0:.1f} {unit}/s"
                bar.update(task, loss=told)
                self._show_preview(step)

            yield show

    @contextmanager
    def counting(self, name: str) -> Iterator[Callable[[int, int, str], None]]:
        """Show a bar that counts things if there is a terminal.

        Args:
            name: Label of the bar.

        Yields:
            Called with how many are done, how many there are, and the name of the last one.
        """
        from rich.progress import Progress as Bar

        with Bar(console=self.console, transient=True, disable=self.as_json or not self.console.is_terminal) as bar:
            task = bar.add_task(name, total=None)
            yield lambda done, total, _: bar.update(task, completed=done, total=total)

    def _show_preview(self, step: Step) -> None:
        started = time.monotonic()
        if self.preview is None or started < self._next_preview:
            return
        from brushwork.image import Picture
        from brushwork.io import write_image

        try:
            write_image(Picture(step.preview().cpu()), self.preview)
        except BrushworkError as error:  # doesn't stop the job
            self.say(f"the preview is no longer updated: {reason(error)}")
            self.preview = None
        now = time.monotonic()
        self._next_preview = now + max(PREVIEW_EVERY, (now - started) / PREVIEW_SHARE)
