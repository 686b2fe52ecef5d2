"""Training logs: TensorBoard curves, a table of losses, and sample images."""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from brushwork.errors import BrushworkError
from brushwork.image import Picture
from brushwork.io import write_image
from brushwork.io.saving import writing_reason
from brushwork.runtime.atomic_files import write_whole
from brushwork.training.loop import Report, Trainer

__all__ = ["TrainingLog"]

EVERY = 10  # steps between two points of a curve


class TrainingLog:
    """A training callback that writes logs to a folder; on resuming, it appends to them.

    losses.csv has the loss terms of every tenth step, events.… the same for TensorBoard, if it is installed (the extra
    `train`), and sample-001000.png shows photos above their stylized versions.

    Args:
        folder: Created if it doesn't exist.
        trainer: The trainer to log.
        failed: Called with a one-line reason if logging fails; training continues. None: the error is raised.

    Raises:
        BrushworkError: The folder can't be written to.
    """

    def __init__(self, folder: Path, trainer: Trainer, failed: Callable[[str], None] | None = None) -> None:
        self.folder, self.trainer, self.failed, self._ended = folder, trainer, failed, False
        self._open = ExitStack()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            table = folder / "losses.csv"
            _without_what_follows(table, trainer.state.step)
            self._file = self._open.enter_context(table.open("a", newline="", encoding="utf-8"))
        except OSError as error:
            raise BrushworkError(f"--log {folder} can't be written to: {error.strerror or error}") from error
        self._table = csv.writer(self._file)
        self._curves = _tensorboard(folder)

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):  # of a full disk, which has already been reported
            self._open.close()
        if self._curves is not None:
            self._curves.close()

    def __call__(self, now: Report) -> None:
        """Write the logs that are due after a step."""
        if self._ended:
            return
        try:
            self._write(now)
        except (OSError, BrushworkError) as error:
            if self.failed is None:
                raise
            self._ended = True
            self.failed(f"--log {self.folder}: logging stopped ({writing_reason(error, self.folder / 'losses.csv')})")

    def _write(self, now: Report) -> None:
        if now.step % EVERY == 0 or now.step == now.steps:
            self._write_terms(now)
        if now.step % self.trainer.settings.save_every == 0 or now.step == now.steps:
            self._write_samples(now.step)

    def _write_terms(self, now: Report) -> None:
        if not self._file.tell():
            self._table.writerow(["step", *now.terms])
        self._table.writerow([now.step, *(f"{value:.5g}" for value in now.terms.values())])
        self._file.flush()
        if self._curves is not None:
            for name, value in now.terms.items():
                self._curves.add_scalar(name, value, now.step)

    def _write_samples(self, step: int) -> None:
        sheet = self.trainer.samples()
        write_image(Picture(sheet), self.folder / f"sample-{step:06}.png")
        if self._curves is not None:
            self._curves.add_image("samples", sheet[0], step)


def _without_what_follows(table: Path, step: int) -> None:
    """Drop the rows of steps that will be repeated; all of them if training starts from the beginning."""
    if not table.exists():
        return
    lines = table.read_text("utf-8").splitlines(keepends=True)
    kept = [line for line in lines[1:] if line.partition(",")[0].isdigit() and int(line.partition(",")[0]) <= step]
    write_whole(table, "".join(lines[:1] + kept if kept else []).encode())


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))
