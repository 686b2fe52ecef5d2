"""The command `stylize`."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from brushwork.cli.arguments import STYLE_HELP, chosen_settings, look_options, short_help
from brushwork.cli.pipes import piped
from brushwork.errors import PictureError, UsageError
from brushwork.options.base import option_of
from brushwork.options.flags import method_options, option_flags, options_from_flags
from brushwork.options.methods import Settings
from brushwork.options.stylize import OutputOptions, RunOptions, StylizeOptions
from brushwork.registry import OPTIONS

if TYPE_CHECKING:
    from brushwork.cli.jobs import Job

__all__ = ["stylize"]


PANELS = {
    "What": ("styles", "output", "preset", "method"),
    "Look": ("strength", "style_scale", "steps", "style_weight", "keep_color", "masks", "protect_faces", "seed"),
    "Size and speed": ("size", "device", "max_memory", "runtime"),
    "Output": ("suffix", "depth", "quality", "animation", "preview"),
    "Long jobs": ("checkpoint_every", "resume"),
}


@short_help(PANELS, OPTIONS)
@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO…")
@click.option("--style", "styles", multiple=True, required=True, metavar="STYLE", help=STYLE_HELP)
@click.option(
    "-o",
    "--output",
    help="file, or folder for several results; - for standard output [PHOTO_STYLE.png in the current directory]",
)
@look_options(default="good")
@click.option("--format", "suffix", default="png", show_default=True, help="file format if -o names no file")
@click.option("--runtime", type=click.Choice(("torch", "onnx")),
              help="onnx: drafts by onnxruntime, which starts faster [torch, where it is installed]")  # fmt: skip
@click.option("--provider", help="with --runtime onnx, what computes: cpu, cuda, directml or coreml [cpu]")
@option_flags(StylizeOptions)
@option_flags(OutputOptions)
@option_flags(RunOptions)
@method_options(OPTIONS)
def stylize(
    photos: tuple[str, ...],
    styles: tuple[str, ...],
    output: str | None,
    preset: str | None,
    method: str | None,
    suffix: str,
    runtime: str | None,
    provider: str | None,
    **values: Any,
) -> None:
    """Render PHOTOs (files, folders, patterns; - is standard input) in the style of a painting.

    Values in brackets are those of a method alone. A preset has its own, which the picture's recipe names.
    """
    by_onnx = _runtime(runtime, provider) == "onnx"
    if by_onnx:
        _check_draft(preset, method)
    with piped(photos, output, suffix, as_json=bool(values["as_json"])) as (photos, output):
        if by_onnx:
            settings = chosen_settings("draft" if method is None else preset, method, values, styles)
            _by_onnx(photos, styles, output, settings, suffix=suffix, provider=provider or "cpu", values=values)
        else:
            _by_torch(photos, styles, output, chosen_settings(preset, method, values, styles), suffix, values)


def _by_torch(
    photos: tuple[str, ...],
    styles: tuple[str, ...],
    output: str | None,
    settings: Settings,
    suffix: str,
    values: dict[str, Any],
) -> None:
    """Paint with any method; see `stylize`."""
    # Usage errors are reported immediately, before torch is loaded.
    options, out, run = (options_from_flags(kind, values) for kind in (StylizeOptions, OutputOptions, RunOptions))
    from brushwork.cli.jobs import find_photos, is_folder, left_out, plan_jobs, protect
    from brushwork.cli.report import Report
    from brushwork.cli.running import Runner, run_jobs

    jobs = plan_jobs(find_photos(photos), styles, output, "." + suffix.lstrip("."))
    masks = [*options.masks, *([options.face_mask] if options.face_mask is not None else [])]
    read = [*_files_named(settings), *map(str, masks)]
    protect(jobs, {"preview": run.preview, "animation": run.animation}, read)
    _check_intermediate(jobs, run)
    if output is not None and is_folder(output):
        _make_folder(Path(output))
    _check_targets(jobs, out, run)
    report = Report(as_json=run.as_json, preview=run.preview)
    for line in left_out(photos):
        report.say(line)

    from brushwork.methods import load

    run_jobs(jobs, Runner(load(settings, options.device), options, out, run, report))


def _runtime(runtime: str | None, provider: str | None) -> str:
    """Return what paints: torch, unless it isn't installed or onnxruntime is asked for."""
    if provider is not None and runtime != "onnx":
        raise UsageError("--provider is for onnxruntime; add --runtime onnx")
    return runtime or ("torch" if find_spec("torch") is not None else "onnx")


def _check_draft(preset: str | None, method: str | None) -> None:
    from brushwork.lite.stylize import check_preset

    check_preset(method, preset)


def _by_onnx(
    photos: tuple[str, ...],
    styles: tuple[str, ...],
    output: str | None,
    settings: Any,
    *,
    suffix: str,
    provider: str,
    values: dict[str, Any],
) -> None:
    """Paint drafts with onnxruntime; see `stylize`."""
    from brushwork.cli.lite_running import lite_stylize
    from brushwork.cli.report import Report
    from brushwork.lite.stylize import check_settings

    options, out, run = (options_from_flags(kind, values) for kind in (StylizeOptions, OutputOptions, RunOptions))
    check_settings(settings, options, out)
    lite_stylize(
        photos, styles, output, settings, suffix=suffix, provider=provider, options=options, out=out, run=run,
        say=Report(as_json=run.as_json).say,
    )  # fmt: skip


def _files_named(settings: Settings) -> list[str]:
    """Return the option values that name existing files."""
    named = [getattr(settings, name) for name, option in option_of(type(settings)).items() if option.file]
    return [name for name in named if os.path.isfile(name)]  # noqa: PTH113 - Path fails at very long names


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"-o {folder}: can't create the folder: {error.strerror or error}") from error


def _check_intermediate(jobs: list[Job], run: RunOptions) -> None:
    """Check that intermediate results overwrite no other file."""
    from brushwork.cli.jobs import protect_from_frames

    if run.animation is not None and len(jobs) > 1:
        raise UsageError(f"--animation works with a single result, got {len(jobs)}; run them one by one")
    if run.save_every:
        protect_from_frames(jobs)


def _check_targets(jobs: list[Job], out: OutputOptions, run: RunOptions) -> None:
    from brushwork.io import check_animation, check_target

    for job in jobs:
        check_target(job.output, out.depth)
    if run.preview is not None:
        check_target(run.preview)
    if run.animation is not None:
        check_animation(run.animation)
