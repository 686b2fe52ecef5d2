"""`brushwork train`: a network for a style."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import rich_click as click

from brushwork.cli.options import method_options, settings_of, without_method_options
from brushwork.errors import UsageError
from brushwork.settings import TRAININGS

__all__ = ["train"]

SAID_EVERY = 20.0  # seconds between two lines


@click.command()
@click.argument("method", type=click.Choice(list(TRAININGS)))
@click.option("--style", required=True, type=click.Path(path_type=Path), help="a painting")
@click.option("--photos", required=True, type=click.Path(path_type=Path), help="folder with photographs")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="the style: a .safetensors file")
@click.option("--recipe", type=click.Path(path_type=Path), help="TOML file with options; flags go before it")
@click.option("--resume", is_flag=True, help="go on from OUTPUT.training")
@click.option("--dry-run", is_flag=True, help="say how long it will take, and train nothing")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps")
@click.option("--json", "as_json", is_flag=True, help="print JSON objects, for scripts")
@method_options(TRAININGS)
def train(method: str, style: Path, photos: Path, output: Path, recipe: Path | None, **values: Any) -> None:
    """Train a network of METHOD for a style; --style then takes what is written."""
    options = without_method_options(values, TRAININGS)
    given = {name: value for name, value in values.items() if name not in options and value is not None}
    settings: Any = settings_of(method, {**(_from_toml(recipe) if recipe else {}), **given}, TRAININGS)
    if output.suffix.lower() != ".safetensors":
        raise UsageError(f"-o {output}: a style ends in .safetensors")
    if not output.parent.is_dir():
        raise UsageError(f"-o {output}: there is no folder {output.parent}; make it first")
    from brushwork.cli.report import Report, duration

    report, trainer = Report(as_json=options["as_json"]), _trainer(method, settings, style, photos, output, options)
    if options["dry_run"]:
        seconds = trainer.estimate()
        report.say(f"{settings.steps} steps will take about {duration(seconds)}", seconds=seconds, steps=settings.steps)
        return
    if trainer.checkpoint.exists() and not options["resume"]:
        raise UsageError(f"{trainer.checkpoint} is there; go on from it with --resume, or delete it")
    if options["resume"] and trainer.resume():
        report.say(f"goes on from step {trainer.state.step}", resumed=trainer.state.step)
    trainer.run(_Lines(report))
    report.say(
        f"{output} is a style: brushwork stylize photo.jpg --method {method} --style {output}", output=str(output)
    )


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError as error:  # Python 3.10
        raise UsageError("--recipe needs Python 3.11 or newer; write its options as flags") from error
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--recipe {path} can't be read: {error}") from error
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def _trainer(method: str, settings: Any, style: Path, photos: Path, output: Path, options: dict[str, Any]) -> Any:
    from brushwork.device import choose_device
    from brushwork.io import read_image
    from brushwork.photos import PhotoFolder
    from brushwork.training import Trainer, launched, task_of

    device = choose_device(options["device"])
    task = task_of(method, settings, read_image(style).visible(), device)
    return Trainer(task, PhotoFolder(photos, settings.side), settings, output, launched(device))


class _Lines:
    """Says now and then where the training stands."""

    def __init__(self, report: Any) -> None:
        self.report, self.next = report, 0.0

    def __call__(self, now: Any) -> None:
        from brushwork.cli.report import duration

        if time.monotonic() < self.next and now.step < now.steps:
            return
        self.next = time.monotonic() + SAID_EVERY
        terms = ", ".join(f"{name} {value:.3g}" for name, value in now.terms.items())
        facts = {**now.terms, "passed_over": now.passed_over, "stepped_back": now.stepped_back}
        line = f"step {now.step} of {now.steps}: {terms}; about {duration(now.seconds)} left"
        line += f"; {now.passed_over} pictures passed over" if now.passed_over else ""
        self.report.say(line, step=now.step, seconds=now.seconds, **facts)
