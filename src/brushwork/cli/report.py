"""What the user sees while the work goes on: a live bar, lines, JSON, a preview file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from brushwork.progress import Progress, Step

__all__ = ["Report", "duration"]

PREVIEW_EVERY = 2.0  # seconds


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> duration(8), duration(100), duration(7300)
    ('8 s', '1 min 40 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class Report:
    """Lines and a bar on the terminal (standard error), or one JSON object a line on standard output.

    Args:
        as_json: For scripts.
        preview: A picture file that is renewed every two seconds while the work goes on.
    """

    def __init__(self, *, as_json: bool, preview: Path | None) -> None:
        self.as_json, self.preview, self._next_preview = as_json, preview, 0.0
        self.console = Console(stderr=True, soft_wrap=True, highlight=False)

    def say(self, line: str, **facts: Any) -> None:
        """A line for people; with facts, an object for scripts."""
        if self.as_json and facts:
            click.echo(json.dumps(facts))
        elif not self.as_json:
            self.console.print(line, markup=False)

    @contextmanager
    def bar(self, name: str) -> Iterator[Progress]:
        """A live bar; gives the callback that moves it."""
        columns = (
            TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"), TimeElapsedColumn(), TextColumn("{task.fields[left]}"),
        )  # fmt: skip
        with Bar(*columns, console=self.console, transient=True, disable=self.as_json) as bar:
            task = bar.add_task(name, total=None, loss="", left="")

            def show(step: Step) -> None:
                left = f"{duration(step.seconds_left)} left"
                bar.update(task, completed=step.step, total=step.steps, loss=f"loss {step.loss:.4g}", left=left)
                self._show_preview(step)

            yield show

    def _show_preview(self, step: Step) -> None:
        if self.preview is None or time.monotonic() < self._next_preview:
            return
        from brushwork.image import Picture
        from brushwork.io import write_image

        write_image(Picture(step.preview().cpu()), self.preview)
        self._next_preview = time.monotonic() + PREVIEW_EVERY
