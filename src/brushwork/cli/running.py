"""Running the jobs of `brushwork stylize`, from reading the photo to writing the file."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click import get_current_context

from brushwork.cli import shutdown
from brushwork.cli.frames import Frames, frames_folder
from brushwork.cli.pipes import shown
from brushwork.errors import BrushworkError, Interrupted, SavedElsewhereError
from brushwork.options.stylize import OutputOptions, RunOptions, StylizeOptions
from brushwork.runtime.prefetch import Prefetcher

if TYPE_CHECKING:
    from brushwork.api.stylize import Result
    from brushwork.cli.jobs import Job
    from brushwork.cli.report import Report
    from brushwork.image import Picture
    from brushwork.methods import Method
    from brushwork.runtime.checkpoints import Checkpoint
    from brushwork.runtime.progress import Step
    from brushwork.tiling.plan import Plan

__all__ = ["Runner", "checkpoint_path", "plan_of", "run_jobs", "write_result"]


@dataclass(frozen=True)
class Runner:
    """The method, settings and report shared by all jobs of a command.

    Args:
        method: From `brushwork.load`.
        options: Settings of the results.
        out: Settings of the output files.
        run: Previews, checkpoints and intermediate results.
        report: Where progress is reported.
    """

    method: Method
    options: StylizeOptions
    out: OutputOptions
    run: RunOptions
    report: Report


def run_jobs(jobs: list[Job], runner: Runner) -> None:
    """Run all jobs; one that fails doesn't stop the others.

    Raises:
        BrushworkError: Some of several jobs failed; each failure has been reported.
        Interrupted: The user stopped the command.
    """
    failed = 0
    # On two cores, decoding ahead slows the computation by as much as it saves.
    ahead = runner.method.device.type != "cpu"
    read = partial(_photo, options=runner.options)
    reading: Any = Prefetcher(read, jobs) if ahead else nullcontext(read)
    with reading as photos:
        for number, job in enumerate(jobs):
            if shutdown.asked():  # while the files of the previous job were written
                raise Interrupted(f"stopped after {number} of {len(jobs)}")
            try:
                _run_job(job, runner, photos)
            except (Interrupted, BrokenPipeError):
                raise
            except Exception as error:
                if len(jobs) == 1 or shutdown.asked():
                    raise
                failed += 1
                _tell_failure(job, error, runner.report)
    if failed:
        raise BrushworkError(f"{failed} of {len(jobs)} failed")


def _tell_failure(job: Job, error: Exception, report: Report) -> None:
    from brushwork.cli.report import reason

    if get_current_context().find_root().params.get("debug"):
        traceback.print_exception(error)
    facts = {"saved": str(error.path)} if isinstance(error, SavedElsewhereError) else {}
    words = reason(error)
    report.say(f"Error: {words}", photo=str(job.photo), style=job.style.text, error=words, **facts)


def checkpoint_path(output: Path) -> Path:
    """Return the path of a job's checkpoint.

    >>> checkpoint_path(Path("out/boat.jpg")).name
    'boat.jpg.checkpoint'
    """
    return output.with_name(f"{output.name}.checkpoint")


def write_result(output: Path, result: Result, extra: dict[str, Any], out: OutputOptions, *, beside: Path) -> None:
    """Write a result with its recipe.

    Args:
        output: The file.
        result: From `stylize`.
        extra: Additional entries of the recipe.
        out: Settings of the output file.
        beside: The input file; the result is saved next to it if `output` can't be written.

    Raises:
        SavedElsewhereError: The result was saved to a different file.
    """
    from brushwork.io import save

    told = replace(result, recipe=result.recipe | extra)
    save(output, lambda path: told.save(path, **out.written, strip_metadata=out.strip_metadata), beside=beside)


def _write_all(
    job: Job, result: Result, frames: Frames | None, extra: dict[str, Any], out: OutputOptions
) -> Path | None:
    """Write the result and, given frames, the animation; return its path. If one fails, the other is still written."""
    failed: list[BrushworkError] = []
    animation = None
    try:
        write_result(job.output, result, extra, out, beside=job.photo)
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


class _Watch:
    """Forwards each step to the listeners, and records the first and the last one."""

    def __init__(self, listeners: list[Callable[[Step], None]]) -> None:
        self.listeners = listeners
        self.first = self.last = 0

    def __call__(self, step: Step) -> None:
        if step.step == step.steps:
            shutdown.hold()  # the result is complete and only has to be written
        self.first, self.last = self.first or step.step, step.step
        for listener in self.listeners:
            listener(step)


def _photo(job: Job, options: StylizeOptions) -> Picture | None:
    """Read a job's photo; None if the job needs a plan first."""
    from brushwork.api.stylize import read_content
    from brushwork.tiling.plan import worth_a_plan

    return None if worth_a_plan(_sizes(job, options)[1], options.max_memory) else read_content(job.photo, options)


def _sizes(job: Job, options: StylizeOptions) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (width, height) of the photo and of its result."""
    from brushwork.api.recipe import result_size
    from brushwork.io import read_size

    original = read_size(job.photo, max_pixels=options.max_pixels)
    return original, result_size(original, options.size)


def _run_job(job: Job, runner: Runner, photos: Callable[[Job], Picture | None]) -> None:
    from brushwork.api.stylize import stylize_photo

    begun = _begin(job, runner)
    if begun is None:
        return
    plan, checkpoint = begun
    if plan is not None and plan.way == "streamed":
        _stream(job, runner, checkpoint, plan)
        return
    frames = _frames(job, runner)
    with shutdown.finishing():
        try:
            with runner.report.bar(job.photo.name) as show:
                watch = _Watch([show, frames])
                result = stylize_photo(
                    job.photo, job.style, method=runner.method, options=runner.options,
                    picture=photos(job) if plan is None else None, plan=plan, progress=watch, checkpoint=checkpoint,
                )  # fmt: skip
        except Interrupted as stop:
            _stopped(job, stop, frames, checkpoint, runner.out)
        except BaseException:
            if checkpoint is None:
                frames.discard()
            raise
        animation = _write_all(job, result, frames, {}, runner.out)
        if checkpoint is not None:
            checkpoint.remove()
    steps = getattr(runner.method.settings, "steps", watch.last)
    _tell(job, result, _facts(watch, steps, plan, animation), runner.report)


def _stopped(job: Job, stop: Interrupted, frames: Frames, checkpoint: Checkpoint | None, out: OutputOptions) -> None:
    """Write the best result so far; without a checkpoint also the animation, since its frames aren't needed again."""
    if stop.best is None:
        raise stop
    told = f"the best picture so far is in {job.output}"
    try:
        _write_all(job, stop.best, frames if checkpoint is None else None, {"stopped_early": True}, out)
    except BrushworkError as error:
        told = str(error)
    kept = checkpoint is not None and checkpoint.path.exists()
    more = "; use --resume to continue from the last checkpoint" if kept else ""
    raise Interrupted(f"stopped early; {told}{more}", stop.best) from None


def _begin(job: Job, runner: Runner) -> tuple[Plan | None, Checkpoint | None] | None:
    """Announce a job and return its plan, if needed, and checkpoint; None if --resume finds the result complete.

    Raises:
        UsageError: A size that the file format can't hold.
    """
    from brushwork.io import check_target
    from brushwork.tiling.plan import worth_a_plan

    options, report = runner.options, runner.report
    original, size = _sizes(job, options)
    check_target(job.output, runner.out.depth, size=size)
    if runner.run.resume and _is_complete(job, runner, size):
        report.say(
            f"{job.output} is complete: skipped",
            photo=str(job.photo), style=job.style.text, output=str(job.output), size=list(size), skipped=True,
        )  # fmt: skip
        return None
    plan = plan_of(job, runner, size) if worth_a_plan(size, options.max_memory) else None
    shrunk = options.size is None and size != original
    smaller = f" (from {original[0]}×{original[1]}; --size full keeps that)" if shrunk else ""
    about = "" if report.as_json else _about(runner.method, size, plan)
    report.say(f"{shown(Path(job.photo.name))} in the style of {job.style.text}: {size[0]}×{size[1]}{smaller}{about}")
    checkpoint = _checkpoint(job, runner)
    if plan is not None:
        _tell_plan(plan, report)
    return plan, checkpoint


def _about(method: Method, size: tuple[int, int], plan: Plan | None) -> str:
    """Return the estimated time, except for small images in one pass, which take less time than the estimate."""
    from brushwork.runtime.progress import duration

    if plan is not None:
        return f", about {duration(plan.seconds)}"
    return f", about {duration(method.estimate_seconds(*size))}" if method.declaration.tiling == "inside" else ""


def _is_complete(job: Job, runner: Runner, size: tuple[int, int]) -> bool:
    """Return whether the result of exactly this job exists, with its animation if one is requested."""
    from brushwork.api.recipe import recipe_of
    from brushwork.io import read_recipe
    from brushwork.options.stylize import recipe_defaults
    from brushwork.runtime.checkpoints import different

    animation = runner.run.animation
    if animation is not None and (not animation.exists() or frames_folder(animation).exists()):
        return False
    try:
        held = read_recipe(job.output)
    except BrushworkError:
        return False
    recipe = recipe_of(runner.method, job.photo, job.style, runner.options, size=size)
    wanted = {**recipe, "written": runner.out.written}
    return held is not None and not different(held, wanted, recipe_defaults(runner.method.settings))


def _checkpoint(job: Job, runner: Runner) -> Checkpoint | None:
    run, report = runner.run, runner.report
    if not run.checkpoint_every and not run.resume:
        return None
    from brushwork.runtime.checkpoints import Checkpoint

    path = checkpoint_path(job.output)
    if run.resume:
        there = path.exists()
        report.say(f"resuming from {path}" if there else f"no checkpoint {path}; starting from the beginning")
    told: list[BrushworkError] = []

    def failed(error: BrushworkError) -> None:
        if not told:
            report.say(f"checkpoint not saved: {error}")
        told.append(error)

    return Checkpoint(path, every=run.checkpoint_every or Checkpoint.every, resume=run.resume, failed=failed)


def _frames(job: Job, runner: Runner) -> Frames:
    return Frames(
        job.output,
        every=runner.run.save_every,
        animation=runner.run.animation,
        steps=getattr(runner.method.settings, "steps", 1),
        written={**runner.out.written, "strip_metadata": runner.out.strip_metadata},
        failed=runner.report.say,
    )


def plan_of(job: Job, runner: Runner, size: tuple[int, int]) -> Plan:
    """Return the plan of a job; see `brushwork.tiling.plan`."""
    from brushwork.api.style_encoding import encode_style
    from brushwork.tiling.plan import plan_job

    method, options = runner.method, runner.options
    # In one pass, memory depends on the style; when pixels are optimized, encoding would take as long as some steps.
    one_pass = method.declaration.tiling == "statistics"
    sizes = method.sizes(*size)
    style = encode_style(method, job.style, sizes, max_pixels=options.max_pixels) if one_pass else None
    plain = not (runner.run.save_every or runner.run.animation)
    file = job.output if plain else None  # intermediate results are made in memory
    return plan_job(method, size, style, max_memory=options.max_memory, file=file, bands=4 * runner.out.depth // 8)


def _tell_plan(plan: Plan, report: Report) -> None:
    if plan.tiling is not None:
        parts = f"in tiles of {plan.tiling.side} px, {plan.memory / 1e9:.1f} GB of memory"
        disk = f", {plan.disk / 1e9:.1f} GB of temporary disk space" if plan.disk else ""
        report.say(f"{parts}{disk}")


def _stream(job: Job, runner: Runner, checkpoint: Checkpoint | None, plan: Plan) -> None:
    """Run a job from file to file."""
    from brushwork.api.stylize_file import stylize_file
    from brushwork.runtime.progress import duration

    with shutdown.finishing():
        try:
            with runner.report.bar(job.photo.name) as show:
                done = stylize_file(
                    job.photo, job.style, job.output, runner.method, options=runner.options, written=runner.out,
                    plan=plan, progress=_Watch([show]), checkpoint=checkpoint,
                )  # fmt: skip
        except Interrupted:
            kept = checkpoint is not None and checkpoint.path.exists()
            more = "use --resume to continue" if kept else "to be able to continue next time, start with --resume"
            raise Interrupted(f"stopped early, {job.output} was not written; {more}") from None
    for note in done.notes:
        runner.report.say(note)
    runner.report.say(
        f"{shown(job.output)}  {duration(done.seconds)}",
        photo=str(job.photo), style=job.style.text, output=str(job.output), size=list(done.size),
        seconds=round(done.seconds, 3), notes=list(done.notes), plan=plan.facts(),
    )  # fmt: skip


def _facts(watch: _Watch, steps: int, plan: Plan | None, animation: Path | None) -> dict[str, Any]:
    """Return the JSON entries of a result, other than its files."""
    facts: dict[str, Any] = {"steps": watch.last} if watch.last else {}
    if 0 < watch.last < steps:
        facts |= {"settled": True, "of": steps}
    if watch.first > 1:
        facts["resumed_after"] = watch.first - 1
    if plan is not None:
        facts["plan"] = plan.facts()
    if animation is not None:
        facts["animation"] = str(animation)
    return facts


def _tell(job: Job, result: Result, facts: dict[str, Any], report: Report) -> None:
    from brushwork.runtime.progress import duration

    for note in result.picture.notes:
        report.say(note)
    if facts.get("settled"):
        report.say(f"converged after {facts['steps']} of {facts.pop('of')} steps (--tolerance 0 runs all of them)")
    after = f" (from step {facts['resumed_after'] + 1})" if "resumed_after" in facts else ""
    report.say(
        f"{shown(job.output)}  {duration(result.seconds)}{after}",
        photo=str(job.photo), style=job.style.text, output=str(job.output), size=list(result.picture.size),
        seconds=round(result.seconds, 3), notes=list(result.picture.notes), **facts,
    )  # fmt: skip
