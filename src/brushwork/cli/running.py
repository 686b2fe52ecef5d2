"""Doing the jobs of `brushwork stylize`: from the first word about one to its file."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click import get_current_context

from brushwork.cli import stopping
from brushwork.cli.frames import Frames, frames_folder
from brushwork.errors import BrushworkError, Interrupted, SavedElsewhereError
from brushwork.runtime.prefetch import Prefetcher

if TYPE_CHECKING:
    from brushwork.api.stylize import Result
    from brushwork.cli.jobs import Job
    from brushwork.cli.report import Report
    from brushwork.image import Picture
    from brushwork.methods import Method
    from brushwork.runtime.checkpoints import Checkpoint
    from brushwork.runtime.progress import Progress, Step
    from brushwork.tiling.plan import Plan

__all__ = ["checkpoint_path", "plan_of", "run_all", "write_result"]


def run_all(jobs: list[Job], method: Method, report: Report, options: dict[str, Any]) -> None:
    """Every job; one that fails doesn't stop the others.

    Raises:
        BrushworkError: Some of several failed; each was told.
        Interrupted: The user stopped it.
    """
    from brushwork.cli.report import reason

    failed = 0
    read = partial(_photo, options=options)
    # On two cores, decoding ahead takes from the work what it saves.
    reading: Any = nullcontext(read) if method.device.type == "cpu" else Prefetcher(read, jobs)
    with reading as photos:
        for number, job in enumerate(jobs):
            if stopping.asked():  # while the files of the one before were written
                raise Interrupted(f"stopped after {number} of {len(jobs)}")
            try:
                _run(job, method, photos, report, options)
            except (Interrupted, BrokenPipeError):
                raise
            except Exception as error:
                if len(jobs) == 1 or stopping.asked():
                    raise
                failed += 1
                if get_current_context().find_root().params.get("debug"):
                    traceback.print_exception(error)
                facts = {"saved": str(error.path)} if isinstance(error, SavedElsewhereError) else {}
                words = reason(error)
                report.say(f"Error: {words}", photo=str(job.photo), style=job.style, error=words, **facts)
    if failed:
        raise BrushworkError(f"{failed} of {len(jobs)} failed")


def checkpoint_path(output: Path) -> Path:
    """Where a job is kept in case it is killed.

    >>> checkpoint_path(Path("out/boat.jpg")).name
    'boat.jpg.checkpoint'
    """
    return output.with_name(f"{output.name}.checkpoint")


def write_result(output: Path, result: Result, extra: dict[str, Any], options: dict[str, Any], *, beside: Path) -> None:
    """Write a result with its recipe.

    Args:
        output: The file.
        result: From `stylize`.
        extra: More for the recipe.
        options: depth, quality, strip_metadata.
        beside: The input, beside which the result goes if the file can't be written.

    Raises:
        SavedElsewhereError: The result is not in the file, but in another one.
    """
    from brushwork.io import save

    told, written = (
        replace(result, recipe=result.recipe | extra),
        {**_written(options), "strip_metadata": options["strip_metadata"]},
    )
    save(output, lambda path: told.save(path, **written), beside=beside)


def _write_all(
    job: Job, result: Result, frames: Frames | None, extra: dict[str, Any], options: dict[str, Any]
) -> Path | None:
    """Write the result and, given frames, the animation, whose path is returned; one that fails spares the other."""
    failed: list[BrushworkError] = []
    animation = None
    try:
        write_result(job.output, result, extra, options, beside=job.photo)
    except BrushworkError as error:
        failed.append(error)
    try:
        animation = frames.animate(result.picture, beside=job.photo) if frames is not None else None
    except BrushworkError as error:
        failed.append(error)
    if len(failed) == 2:
        raise BrushworkError(f"{failed[0]}; {failed[1]}") from failed[0]
    if failed:
        raise failed[0]
    return animation


def _written(options: dict[str, Any]) -> dict[str, Any]:
    return {"depth": int(options["depth"]), "quality": options["quality"]}


class _Watch:
    """Passes each step on, and remembers what is told in the end."""

    def __init__(self, listeners: list[Callable[[Step], None]]) -> None:
        self.listeners = listeners
        self.first = self.last = 0

    def __call__(self, step: Step) -> None:
        if step.step == step.steps:
            stopping.hold()  # the picture is done; what is left is writing it
        self.first, self.last = self.first or step.step, step.step
        for listener in self.listeners:
            listener(step)


def _photo(job: Job, options: dict[str, Any]) -> Picture | None:
    """The photo of a job that just begins; None for those that want a plan first."""
    from brushwork.api.stylize import read_content, result_size
    from brushwork.io import read_size
    from brushwork.tiling.plan import worth_a_plan

    size = result_size(read_size(job.photo, max_pixels=options["max_pixels"]), options["size"])
    if worth_a_plan(size, options["max_memory"]):
        return None
    return read_content(job.photo, options["size"], options["max_pixels"])


def _run(
    job: Job, method: Method, photos: Callable[[Job], Picture | None], report: Report, options: dict[str, Any]
) -> None:
    size = _announce(job, method, report, options)
    if size is None:
        return
    from brushwork.tiling.plan import worth_a_plan

    plan = plan_of(job, method, size, options) if worth_a_plan(size, options["max_memory"]) else None
    checkpoint = _checkpoint(job, report, options)
    if plan is not None:
        _told(plan, report)
        if plan.way == "streamed":
            _stream(job, method, report, options, checkpoint, plan)
            return
    frames = _frames(job, method, report, options)
    with stopping.finishing():
        try:
            with report.bar(job.photo.name) as show:
                watch = _Watch([show, frames])
                photo = photos(job) if plan is None else None
                result = _stylized(job, photo, method, options, watch, checkpoint, plan)
        except Interrupted as stop:
            _stopped(job, stop, frames, checkpoint, options)
        except BaseException:
            if checkpoint is None:
                frames.discard()
            raise
        animation = _write_all(job, result, frames, {}, options)
        if checkpoint is not None:
            checkpoint.remove()
    _tell(job, result, watch, animation, report, getattr(method.settings, "steps", watch.last), plan)


def _stopped(
    job: Job, stop: Interrupted, frames: Frames, checkpoint: Checkpoint | None, options: dict[str, Any]
) -> None:
    """Write what there is; without a checkpoint, nobody will need the frames again."""
    if stop.best is None:
        raise stop
    told = f"the best so far is in {job.output}"
    try:
        _write_all(job, stop.best, frames if checkpoint is None else None, {"stopped_early": True}, options)
    except BrushworkError as error:
        told = str(error)
    kept = checkpoint is not None and checkpoint.path.exists()
    more = "; --resume goes on from the last checkpoint" if kept else ""
    raise Interrupted(f"stopped before the end; {told}{more}", stop.best) from None


def _announce(job: Job, method: Method, report: Report, options: dict[str, Any]) -> tuple[int, int] | None:
    """Say what will be made and how long it takes; None where it is made already, and --resume was given.

    Raises:
        UsageError: A size that the file can't hold.
    """
    from brushwork.api.stylize import result_size
    from brushwork.cli.report import duration
    from brushwork.io import check_target, read_size

    original = read_size(job.photo, max_pixels=options["max_pixels"])
    size = result_size(original, options["size"])
    check_target(job.output, int(options["depth"]), size=size)
    if options["resume"] and _is_complete(job, method, options):
        report.say(
            f"{job.output} is complete: skipped",
            photo=str(job.photo), style=job.style, output=str(job.output), size=list(size), skipped=True,
        )  # fmt: skip
        return None
    shrunk = options["size"] is None and size != original
    smaller = f" (from {original[0]}×{original[1]}; --size full keeps that)" if shrunk else ""
    about = "" if report.as_json else f", about {duration(method.estimate_seconds(*size))}"
    report.say(f"{job.photo.name} in the style of {job.style}: {size[0]}×{size[1]}{smaller}{about}")
    return size


def _is_complete(job: Job, method: Method, options: dict[str, Any]) -> bool:
    """Whether the result of exactly this job is there, with its animation if one is wanted."""
    from brushwork.api.recipe import recipe_of
    from brushwork.io import read_recipe
    from brushwork.runtime.checkpoints import different

    animation = options["animation"]
    if animation is not None and (not animation.exists() or frames_folder(animation).exists()):
        return False
    try:
        held = read_recipe(job.output)
    except BrushworkError:
        return False
    recipe = recipe_of(method, job.photo, job.style, **_chosen(options))
    return held is not None and not different(held, {**recipe, "written": _written(options)})


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """What decides the result beside the method."""
    return {name: options[name] for name in ("size", "keep_color", "keep_color_when", "masks", "max_pixels")}


def _checkpoint(job: Job, report: Report, options: dict[str, Any]) -> Checkpoint | None:
    if not options["checkpoint_every"] and not options["resume"]:
        return None
    from brushwork.runtime.checkpoints import Checkpoint

    path = checkpoint_path(job.output)
    if options["resume"]:
        there = path.exists()
        report.say(f"goes on from {path}" if there else f"no checkpoint {path}: starts at the beginning")
    told: list[BrushworkError] = []

    def failed(error: BrushworkError) -> None:
        if not told:
            report.say(f"no checkpoint now: {error}")
        told.append(error)

    every = options["checkpoint_every"] or Checkpoint.every
    return Checkpoint(path, every=every, resume=options["resume"], failed=failed)


def _frames(job: Job, method: Method, report: Report, options: dict[str, Any]) -> Frames:
    return Frames(
        job.output,
        every=options["save_every"],
        animation=options["animation"],
        steps=getattr(method.settings, "steps", 1),
        written={**_written(options), "strip_metadata": options["strip_metadata"]},
        failed=report.say,
    )


def _stylized(
    job: Job,
    photo: Picture | None,
    method: Method,
    options: dict[str, Any],
    progress: Progress,
    checkpoint: Checkpoint | None,
    plan: Plan | None,
) -> Result:
    from brushwork.api.stylize import stylize

    return stylize(
        job.photo, job.style, photo=photo, method=method, progress=progress, checkpoint=checkpoint,
        plan=plan, max_memory=options["max_memory"], **_chosen(options),
    )  # fmt: skip


def plan_of(job: Job, method: Method, size: tuple[int, int], options: dict[str, Any]) -> Plan:
    """How a job is best done; see `brushwork.tiling.plan`."""
    from brushwork.api.style_encoding import encode_style
    from brushwork.tiling.plan import plan_job

    # Networks of one pass differ by style; where the picture is optimized, encoding would take as long as some steps.
    one_pass = method.declaration.tiling == "statistics"
    sizes = method.sizes(*size)
    style = encode_style(method, job.style, sizes, max_pixels=options["max_pixels"]) if one_pass else None
    bands = 4 * int(options["depth"]) // 8
    plain = not (options["save_every"] or options["animation"])
    file = job.output if plain else None  # frames of the way are made in memory
    return plan_job(method, size, style, max_memory=options["max_memory"], file=file, bands=bands)


def _told(plan: Plan, report: Report) -> None:
    if plan.tiling is not None:
        parts = f"in tiles of {plan.tiling.side} px, {plan.memory / 1e9:.1f} GB of memory"
        disk = f", {plan.disk / 1e9:.1f} GB of disk meanwhile" if plan.disk else ""
        report.say(f"{parts}{disk}")


def _stream(
    job: Job, method: Method, report: Report, options: dict[str, Any], checkpoint: Checkpoint | None, plan: Plan
) -> None:
    """A job from file to file."""
    from brushwork.api.stylize_file import stylize_file
    from brushwork.cli.report import duration

    with stopping.finishing():
        try:
            with report.bar(job.photo.name) as show:
                done = stylize_file(
                    job.photo, job.style, job.output, method=method, plan=plan, progress=_Watch([show]),
                    checkpoint=checkpoint, strip_metadata=options["strip_metadata"],
                    **_written(options), **_chosen(options),
                )  # fmt: skip
        except Interrupted:
            kept = checkpoint is not None and checkpoint.path.exists()
            more = "--resume goes on from there" if kept else "with --resume, another time, it could go on from there"
            raise Interrupted(f"stopped before the end of {job.output}, which is not written; {more}") from None
    for note in done.notes:
        report.say(note)
    report.say(
        f"{job.output}  {duration(done.seconds)}",
        photo=str(job.photo), style=job.style, output=str(job.output), size=list(done.size),
        seconds=round(done.seconds, 3), notes=list(done.notes), plan=plan.facts(),
    )  # fmt: skip


def _tell(
    job: Job, result: Result, watch: _Watch, animation: Path | None, report: Report, steps: int, plan: Plan | None
) -> None:
    from brushwork.cli.report import duration

    for note in result.picture.notes:
        report.say(note)
    facts: dict[str, Any] = {"steps": watch.last} if watch.last else {}
    if 0 < watch.last < steps:
        facts["settled"] = True
        report.say(f"the loss had settled after {watch.last} of {steps} steps (--tolerance 0 takes all)")
    if watch.first > 1:
        facts["resumed_after"] = watch.first - 1
    if plan is not None:
        facts["plan"] = plan.facts()
    if animation is not None:
        facts["animation"] = str(animation)
    after = f" (from step {watch.first})" if watch.first > 1 else ""
    report.say(
        f"{job.output}  {duration(result.seconds)}{after}",
        photo=str(job.photo), style=job.style, output=str(job.output), size=list(result.picture.size),
        seconds=round(result.seconds, 3), notes=list(result.picture.notes), **facts,
    )  # fmt: skip
