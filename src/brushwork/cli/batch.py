"""The command `batch`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import rich_click as click

from brushwork.cli.arguments import STYLE_HELP, chosen_settings, look_options, short_help
from brushwork.errors import BrushworkError
from brushwork.options.batch import BatchOptions
from brushwork.options.flags import method_options, option_flags, options_from_flags
from brushwork.options.stylize import OutputOptions, StylizeOptions
from brushwork.registry import OPTIONS

if TYPE_CHECKING:
    from brushwork.batch.run import BatchResult, BatchStep
    from brushwork.cli.report import Report

__all__ = ["batch", "run_and_report"]

PANELS = {
    "What": ("styles", "output", "preset", "method"),
    "Look": ("strength", "style_scale", "keep_color"),
    "Size and speed": ("size", "engine", "address", "workers", "device"),
    "Output": ("suffix", "depth", "quality", "as_json"),
    "Long jobs": ("resume", "retry_failed"),
}


@short_help(PANELS, OPTIONS)
@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTOS…")
@click.option("--style", "styles", multiple=True, required=True, metavar="STYLE", help=STYLE_HELP)
@click.option("-o", "--output", required=True, help="folder of the results, or shards: out/%05d.tar")
@look_options(default="good")
@option_flags(StylizeOptions)
@option_flags(OutputOptions)
@option_flags(BatchOptions)
@click.option("--log-json", "as_json", is_flag=True, help="print one JSON object per result, for scripts")
@method_options(OPTIONS)
def batch(
    photos: tuple[str, ...],
    styles: tuple[str, ...],
    output: str,
    preset: str | None,
    method: str | None,
    as_json: bool,
    **values: Any,
) -> None:
    """Render all PHOTOS in the style of paintings, each exactly once, on this machine or on many.

    PHOTOS are folders with all folders in them, files, patterns, archives (.zip, .tar), lists of names (@names.txt),
    or addresses such as s3://bucket/photos.
    """
    settings = chosen_settings(preset, method, values, styles)
    options, out, run = (options_from_flags(kind, values) for kind in (StylizeOptions, OutputOptions, BatchOptions))
    from brushwork.batch.stylize_batch import stylize_batch

    run_and_report(
        partial(stylize_batch, photos, styles, output, settings, options=options, written=out, batch=run), as_json
    )


def run_and_report(work: Callable[..., BatchResult], as_json: bool) -> None:
    """Run a batch with a bar, or JSON lines, and say at the end what was done and what failed.

    Args:
        work: Takes `progress`.
        as_json: The value of --log-json.

    Raises:
        BrushworkError: Some failed.
    """
    from brushwork.batch.run import FAILURES
    from brushwork.cli.report import Report
    from brushwork.runtime.progress import duration

    report = Report(as_json=as_json)
    with _bar(report) as show:
        done = work(progress=show)
    rate = f", {done.painted / done.seconds:.1f} per second" if done.painted else ""
    report.say(
        f"{done.output}: {done.done} results, {done.painted} of them painted now in {duration(done.seconds)}{rate}",
        output=done.output, done=done.done, failed=done.failed, painted=done.painted, seconds=round(done.seconds, 3),
    )  # fmt: skip
    for failure in done.failures:
        report.say(f"Error: {failure.why} (in {failure.style})")
    if done.failed:
        raise BrushworkError(
            f"{done.failed} of {done.done + done.failed} failed, see {done.output}/{FAILURES}; "
            "try them again with --retry-failed"
        )


@contextmanager
def _bar(report: Report) -> Iterator[Callable[[BatchStep], None]]:
    """Show one progress bar if there is a terminal; in JSON mode, print an object per result."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from brushwork.runtime.progress import duration

    columns = (TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn())
    hidden = report.as_json or not report.console.is_terminal
    with Progress(*columns, console=report.console, transient=True, disable=hidden) as bar:
        task = bar.add_task("listing", total=None)

        def show(step: BatchStep) -> None:
            told = f"{step.rate:.1f}/s, {duration(step.seconds_left)} left" if step.rate else "starting"
            failed = f", {step.failed} failed" if step.failed else ""
            bar.update(task, completed=step.done + step.failed, total=step.total, description=f"{told}{failed}")
            if step.output and report.as_json:
                report.say(
                    "", photo=step.picture, style=step.style, output=step.output, seconds=round(step.seconds, 3),
                    **({"error": step.why} if step.why else {}), done=step.done, failed=step.failed, total=step.total,
                )  # fmt: skip

        yield show
