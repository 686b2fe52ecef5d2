"""Running the jobs of `stylize` without torch, for `brushwork-lite` and for `brushwork stylize --runtime onnx`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from brushwork.cli.jobs import Job, find_photos, is_folder, left_out, plan_jobs, protect
from brushwork.cli.pipes import shown
from brushwork.errors import BrushworkError, PictureError
from brushwork.lite.needs import needs_torch
from brushwork.lite.sessions import check_provider
from brushwork.options.methods import AdaINLite
from brushwork.options.stylize import OutputOptions, RunOptions, StylizeOptions

__all__ = ["lite_stylize"]

Say = Callable[..., None]  # a line for the user, and the same as facts
TORCH_ONLY = ("preview", "checkpoint_every", "resume", "save_every", "animation")


def lite_stylize(
    photos: tuple[str, ...],
    styles: tuple[str, ...],
    output: str | None,
    settings: AdaINLite,
    *,
    suffix: str,
    provider: str,
    options: StylizeOptions,
    out: OutputOptions,
    run: RunOptions,
    say: Say,
) -> None:
    """Paint photos in styles.

    Args:
        photos: Files, folders and patterns.
        styles: Styles; each is applied to each photo.
        output: A file, or a folder for several results; None for the current directory.
        settings: Model, strength and style scale.
        suffix: Of results that `output` doesn't name.
        provider: What computes; see `brushwork.lite.sessions`.
        options: Settings of the results.
        out: Settings of the files.
        run: Only `as_json` works without torch.
        say: Receives a line, and its facts as keywords.

    Raises:
        BrushworkError: A wrong option, or jobs that failed; each failure has been reported.
    """
    for name in TORCH_ONLY:
        if getattr(run, name):
            raise needs_torch(f"--{name.replace('_', '-')}")
    check_provider(provider)
    jobs = plan_jobs(find_photos(photos), styles, output, "." + suffix.lstrip("."))
    protect(jobs, {}, [str(mask) for mask in options.masks])
    if output is not None and is_folder(output):
        _make_folder(Path(output))
    from brushwork.lite.painting import Painter
    from brushwork.lite.pictures import check_target

    for job in jobs:
        check_target(job.output)
    for line in left_out(photos):
        say(line)
    painter = Painter(provider, settings.model)
    failed = 0
    for job in jobs:
        try:
            _run(job, painter, settings, options, out, say)
        except BrushworkError as error:
            if len(jobs) == 1:
                raise
            failed += 1
            say(f"Error: {error}", photo=str(job.photo), style=job.style.text, error=str(error))
    if failed:
        raise BrushworkError(f"{failed} of {len(jobs)} failed")


def _run(job: Job, painter: Any, settings: AdaINLite, options: StylizeOptions, out: OutputOptions, say: Say) -> None:
    from brushwork.lite.stylize import paint, save

    painted = paint(job.photo, job.style, painter, settings, options)
    save(painted, job.output, out)
    for note in painted.notes:
        say(note)
    height, width = painted.samples.shape[:2]
    say(
        f"{shown(job.output)}  {width}×{height}, {painted.seconds:.1f} s",
        photo=str(job.photo), style=job.style.text, output=str(job.output), size=[width, height],
        seconds=round(painted.seconds, 3), notes=list(painted.notes),
    )  # fmt: skip


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"-o {folder}: can't create the folder: {error.strerror or error}") from error
