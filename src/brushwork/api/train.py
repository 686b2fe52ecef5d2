"""Training a network: `train`, and its separate steps for the command."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from brushwork.errors import Interrupted, UsageError
from brushwork.io.saving import place_problem
from brushwork.methods.training_tasks import task_of
from brushwork.options.training import Training, check_training, is_trained
from brushwork.registry import TRAININGS
from brushwork.runtime.device import choose_device, launched, leave
from brushwork.training.data import NoPhotos, PhotoFolder
from brushwork.training.log import TrainingLog
from brushwork.training.loop import Report, Trainer

__all__ = ["Trained", "prepare", "run", "start", "train"]


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Args:
        output: Its file.
        steps: Steps taken, including those before resuming: fewer than requested if training stopped early, 0 if the
            file already existed and `resume` was given.
    """

    output: Path
    steps: int


def train(
    style: str | Path | Sequence[str | Path],
    photos: str | Path | None,
    output: str | Path,
    settings: Training,
    *,
    device: str = "auto",
    resume: bool = False,
    log: str | Path | None = None,
    progress: Callable[[Report], None] | None = None,
) -> Trained:
    """Train a feed-forward network, like `brushwork train` (docs/training.md).

    Requires the extra `train`. Under torchrun, all processes train one network.

    Args:
        style: An image file; a list of them for `TrainConditional`; for arbitrary-style networks, a folder of
            paintings.
        photos: A folder of photographs, including its subfolders; None for textures.
        output: The .safetensors file to write, a style or a model for `stylize`, depending on the method.
        settings: The method and its options: `TrainJohnson(steps=4000)`, `TrainConditional()`, `TrainTextureNets()`,
            `TrainAdaIN()`, `TrainAdaINLite()`.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        resume: Resume from OUTPUT.training, the checkpoint of an interrupted training. Without it, an existing
            checkpoint is an error.
        log: A folder for losses, TensorBoard curves and samples.
        progress: Called after each step with the losses and the time remaining; an exception it raises stops the
            training after a checkpoint is saved.

    Returns:
        The file and the number of steps taken.

    Raises:
        UsageError: An invalid value; a checkpoint that exists without `resume`, or belongs to another training.
        PictureError: A painting can't be read.
        Interrupted: Ctrl-C; `resume=True` continues with the same losses.
        BrushworkError: The loss keeps diverging, memory runs out, or a file can't be written.
    """
    path = Path(output)
    check_training(settings, photos, path)
    problem = place_problem(path)
    if problem is not None:
        raise UsageError(f"output {path}: {problem}")
    if resume and is_trained(path):
        return Trained(path, 0)
    trainer = prepare(style, photos, path, settings, device=device)
    start(trainer, resume=resume)
    try:
        run(trainer, progress, log)
    except (KeyboardInterrupt, Interrupted) as stop:
        step = trainer.state.step
        kept = f"; to continue from {trainer.checkpoint}, pass resume=True" if step else ""
        raise Interrupted(f"stopped after {step} of {settings.steps} steps{kept}") from stop
    return Trained(path, trainer.state.step)


def prepare(
    style: str | Path | Sequence[str | Path],
    photos: str | Path | None,
    output: Path,
    settings: Training,
    *,
    device: str = "auto",
) -> Trainer:
    """Return the trainer before its first step; see `train` for arguments and errors."""
    method = next(name for name, kind in TRAININGS.items() if type(settings) is kind)
    paintings = _named([style] if isinstance(style, str | os.PathLike) else style)
    fabric = launched(choose_device(device))
    task = task_of(method, settings, paintings, fabric.device)
    shown = NoPhotos(settings.side) if photos is None else PhotoFolder(Path(photos), settings.side)
    return Trainer(task, shown, settings, output, fabric)


def start(trainer: Trainer, *, resume: bool) -> bool:
    """Resume from the checkpoint if requested and present; returns whether it did.

    Raises:
        UsageError: A checkpoint exists without `resume`, or belongs to another training.
        BrushworkError: The checkpoint is damaged.
    """
    if resume:
        return trainer.resume()
    if trainer.checkpoint.exists():
        raise UsageError(f"{trainer.checkpoint} already exists; continue from it with resume (--resume), or delete it")
    return False


def run(
    trainer: Trainer,
    progress: Callable[[Report], None] | None = None,
    log: str | Path | None = None,
    failed: Callable[[str], None] | None = None,
) -> None:
    """Train to completion and write the log; see `train`, and `TrainingLog` for `failed`."""
    first = trainer.fabric.is_global_zero
    if log is None or not first:
        trainer.run(progress if first else None)
    else:
        with TrainingLog(Path(log), trainer, failed) as written:

            def both(now: Report) -> None:
                if progress is not None:
                    progress(now)
                written(now)

            trainer.run(both)
    leave()


def _named(styles: Sequence[str | Path]) -> Mapping[str, Path]:
    """Return the paintings by file name."""
    if not isinstance(styles, list | tuple) or not all(isinstance(style, str | os.PathLike) for style in styles):
        raise UsageError(f"style: expected a file, a folder or a list of files, got {styles!r}")
    if not styles:
        raise UsageError("style: expected at least one painting, got none")
    named = {Path(style).stem: Path(style) for style in styles}
    if len(named) < len(styles):
        raise UsageError(
            "--style: two paintings have the same file name; rename one, since styles are named after their files"
        )
    return named
