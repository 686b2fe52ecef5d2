"""`brushwork train`: train style networks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.cli import shutdown
from brushwork.errors import Interrupted, UsageError
from brushwork.options.flags import method_options, settings_of, without_method_options
from brushwork.options.training import check_training, is_trained
from brushwork.registry import TRAININGS, settings_from

__all__ = ["train"]

SAID_EVERY = 20.0  # seconds between progress lines


@click.command()
@click.argument("method", type=click.Choice(list(TRAININGS)))
@click.option(
    "--style",
    "styles",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="a painting (may be repeated); for arbitrary style, a folder of paintings",
)
@click.option("--photos", type=click.Path(path_type=Path), help="folder of photographs; not needed for textures")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="output .safetensors file")
@click.option("--recipe", type=click.Path(path_type=Path), help="TOML file of options; flags override it")
@click.option("--resume", is_flag=True, help="resume from OUTPUT.training")
@click.option("--log", type=click.Path(path_type=Path), help="folder for losses, TensorBoard curves and samples")
@click.option("--dry-run", is_flag=True, help="estimate time and memory without training")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps")
@click.option("--json", "as_json", is_flag=True, help="print JSON objects, for scripts")
@method_options(TRAININGS)
def train(
    method: str, styles: tuple[Path, ...], photos: Path | None, output: Path, recipe: Path | None, **values: Any
) -> None:
    """Train a METHOD network for one style or many; use the output with stylize, as --style or --model."""
    options = without_method_options(values, TRAININGS)
    given = {name: value for name, value in values.items() if name not in options and value is not None}
    settings: Any = settings_of(method, given, TRAININGS)
    if recipe is not None:
        settings = settings_from(method, {**_from_toml(recipe), **given}, TRAININGS)
    check_training(settings, photos, output)
    _check_place(output)
    from brushwork.api.train import prepare, run, start
    from brushwork.cli.report import Report
    from brushwork.runtime.locking import locked
    from brushwork.runtime.progress import duration

    said = f"{output} is already trained; delete it to train again"
    if options["resume"] and is_trained(output):
        Report(as_json=options["as_json"]).say(said, output=str(output))
        return
    trainer = prepare(styles, photos, output, settings, device=options["device"])
    report = Report(as_json=options["as_json"]) if trainer.fabric.is_global_zero else _Silent()
    if options["dry_run"]:
        seconds, memory = trainer.estimate()
        report.say(
            f"{settings.steps} steps will take about {duration(seconds)} ({settings.steps / seconds:.2g} per second) "
            f"and {memory / 1e9:.1f} GB of memory",
            seconds=seconds, steps=settings.steps, bytes=memory,
        )  # fmt: skip
        return
    with locked(trainer.checkpoint if trainer.fabric.is_global_zero else None, output):
        if start(trainer, resume=options["resume"]):
            report.say(f"resuming from step {trainer.state.step}", resumed=trainer.state.step)
        _run(trainer, _Lines(report), options["log"], run)
    step, usage = trainer.state.step, _usage(method, settings, output)
    early = f" (the loss did not improve after step {step})" if step < settings.steps else ""
    report.say(f"{output} is trained{early}; use it with: {usage}", output=str(output), step=step)


def _check_place(output: Path) -> None:
    from brushwork.io.saving import place_problem

    problem = place_problem(output)
    if problem is not None:
        raise UsageError(f"output (-o) {output}: {problem}")


def _run(trainer: Any, lines: _Lines, folder: Path | None, run: Any) -> None:
    """Train, and write the --log folder; if interrupted, report how to resume."""
    try:
        run(trainer, lines, folder, lines.report.say)
    except KeyboardInterrupt:
        state = trainer.state
        told = f"stopped after step {state.step} of {trainer.settings.steps}"
        more = f"; resume with: {shutdown.resume_command()}" if trainer.checkpoint.exists() else ""
        raise Interrupted(f"{told}{more}") from None


def _usage(method: str, settings: Any, output: Path) -> str:
    """Return a command that uses the trained network."""
    if getattr(settings, "makes", "") == "textures":
        return f"brushwork synthesize {output} --size 1024x768 -o texture.png"
    learn, command = getattr(settings, "learn", None), f"brushwork stylize photo.jpg --method {method}"
    if learn == "network" and not settings.any_style:
        return f"{command} --model {output} --style {output.with_suffix('')}/NAME.safetensors"
    if settings.any_style:
        option = f"--network {settings.network} --decoder" if method == "adain" else "--model"
        return f"{command} {option} {output} --style painting.jpg"
    model = f" --model {settings.start}" if learn == "row" and settings.start else ""
    return f"{command}{model} --style {output}"


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError as error:  # Python 3.10
        raise UsageError("--recipe needs Python 3.11 or newer; pass its options as flags") from error
    try:
        found = tomllib.loads(path.read_text("utf-8-sig"))  # Windows begins texts with a byte order mark
    except (OSError, ValueError) as error:
        raise UsageError(f"--recipe {path} can't be read: {error}") from error
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


class _Silent:
    """The report of all processes except the first: prints nothing."""

    def say(self, line: str, **facts: Any) -> None:
        """Do nothing."""


class _Lines:
    """Periodically prints the loss terms and the estimated time remaining."""

    def __init__(self, report: Any) -> None:
        self.report, self.next = report, 0.0

    def __call__(self, now: Any) -> None:
        from brushwork.runtime.progress import duration

        if time.monotonic() < self.next and now.step < now.steps:
            return
        self.next = time.monotonic() + SAID_EVERY
        terms = ", ".join(f"{name} {value:.3g}" for name, value in now.terms.items())
        line = f"step {now.step} of {now.steps}: {terms}; about {duration(now.seconds)} left"
        line += f"; {now.passed_over} pictures skipped" if now.passed_over else ""
        line += f"; checkpoint not saved: {now.unsaved}" if now.unsaved else ""
        facts = {**now.terms, "passed_over": now.passed_over, "stepped_back": now.stepped_back}
        self.report.say(line, step=now.step, seconds=now.seconds, **facts)
