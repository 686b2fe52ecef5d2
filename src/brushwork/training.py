"""Training: one loop for every network. Killed, it goes on as if nothing had been; exploded, it steps back.

All that a step does follows from its number and the state before it: which squares of which photos, which random
numbers. So a run that is resumed has the losses of one that was never stopped, to the last bit on the same machine.
"""

from __future__ import annotations

import copy
import math
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from brushwork.errors import BrushworkError, UsageError
from brushwork.interruption import uninterrupted
from brushwork.photos import PhotoFolder
from brushwork.settings import Training, TrainJohnson

__all__ = ["Report", "Task", "Trainer", "launched", "task_of"]

GOOD_EVERY = 50  # steps between two states that can be gone back to
EXPLODED = 20.0  # times the usual loss: a step that nothing is learned from
STEPS_BACK = 10  # how often, before it is given up
USUAL = 0.95  # how much of the usual loss each step keeps


class Task(Protocol):
    """What is trained, and by what."""

    @property
    def network(self) -> nn.Module:
        """What learns."""
        ...

    def terms(self, photos: Tensor, step: int) -> Mapping[str, Tensor]:
        """The weighted terms of the loss, scalars, of photos (B, 3, S, S)."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """What must be the same for a checkpoint to be gone on from."""
        ...

    def write(self, network: nn.Module, path: Path) -> None:
        """Write what `--style` or `--model` takes."""
        ...


@dataclass(frozen=True)
class Report:
    """Where a training stands.

    Args:
        step: Steps done.
        steps: In all.
        terms: The loss and its terms, of this step.
        seconds: Left, about.
        passed_over: Pictures of the folder that can't be used.
        stepped_back: How often it exploded and went back.
    """

    step: int
    steps: int
    terms: Mapping[str, float]
    seconds: float
    passed_over: int
    stepped_back: int


@dataclass
class _State:
    step: int = 0
    rate: float = 1.0  # factor, halved by each explosion
    usual: float = math.inf
    stepped_back: int = 0
    spent: float = 0.0
    losses: list[float] = field(default_factory=list)


class Trainer:
    """Adam on one network, on one device or several.

    Args:
        task: What is trained.
        photos: Photographs.
        settings: Steps, batch, rate, ….
        output: What is written in the end; a checkpoint lies beside it meanwhile, OUTPUT.training.
        fabric: Of Lightning, launched: devices, precision, several processes. None: this process, the CPU.
    """

    def __init__(self, task: Task, photos: PhotoFolder, settings: Training, output: Path, fabric: Any = None) -> None:
        self.task, self.photos, self.settings, self.output = task, photos, settings, output
        self.fabric = fabric or launched(torch.device("cpu"))
        optimizer = torch.optim.Adam(task.network.parameters(), settings.rate)
        self.network, self.optimizer = self.fabric.setup(task.network, optimizer)
        self.state = _State()
        self._good = self._everything()

    @property
    def checkpoint(self) -> Path:
        """The file it goes on from."""
        return self.output.with_name(self.output.name + ".training")

    def run(self, listener: Callable[[Report], None] | None = None) -> None:
        """Train to the end and write the output.

        Args:
            listener: Called after each step; what it raises ends the training, after its checkpoint is written.

        Raises:
            BrushworkError: It explodes again and again, at any rate.
        """
        started, before = time.monotonic(), self.state.spent
        try:
            while self.state.step < self.settings.steps:
                terms = self._step()
                self.state.spent = before + time.monotonic() - started
                if self.state.step % self.settings.save_every == 0:
                    self.save()
                if listener is not None and terms:
                    listener(self._report(terms))
        except BaseException:
            self.save()
            raise
        if self.fabric.is_global_zero:
            self.task.write(self.task.network, self.output)
            self.checkpoint.unlink(missing_ok=True)

    def estimate(self, steps: int = 4) -> float:
        """Seconds for all steps, measured on some, which change nothing."""
        before, seconds = self._everything(), []
        for _ in range(steps):
            started = time.monotonic()
            self._step()
            seconds.append(time.monotonic() - started)
        self._restore(before)
        return min(seconds) * self.settings.steps

    def _step(self) -> dict[str, float]:
        """One step; its terms, or nothing if it had to go back."""
        number, settings = self.state.step, self.settings
        if number % GOOD_EVERY == 0:
            self._good = self._everything()
        seed = f"{settings.seed}/{number}/{self.fabric.global_rank}"
        torch.manual_seed(random.Random(seed).getrandbits(62))
        batch = self.photos.batch(settings.batch, random.Random(seed)).to(self.fabric.device)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.rate * self.state.rate * _schedule(number, settings.steps)
        self.optimizer.zero_grad(set_to_none=True)
        terms = self.task.terms(batch, number)
        loss = torch.stack(list(terms.values())).sum()
        self.fabric.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.task.network.parameters(), settings.clip)
        value = float(self.fabric.all_reduce(loss.detach() + 0 * norm, reduce_op="mean"))
        if not math.isfinite(value) or value > EXPLODED * self.state.usual:
            self._step_back(value)
            return {}
        self.optimizer.step()
        usual = self.state.usual
        self.state.usual = value if math.isinf(usual) else USUAL * usual + (1 - USUAL) * value
        self.state.step += 1
        self.state.losses.append(value)
        return {"loss": value, **{name: float(term.detach()) for name, term in terms.items()}}

    def _step_back(self, value: float) -> None:
        stepped_back, rate = self.state.stepped_back + 1, self.state.rate / 2
        if stepped_back > STEPS_BACK:
            raise BrushworkError(
                f"the loss exploded {stepped_back} times ({value:g} after {self.state.usual:.3g}), at ever lower "
                f"rates; {self.checkpoint} holds the last good state"
            )
        self._restore(self._good)
        self.state.stepped_back, self.state.rate = stepped_back, rate

    def _everything(self) -> dict[str, Any]:
        return copy.deepcopy(
            {
                "network": self.task.network.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "state": asdict(self.state),
            }
        )

    def _restore(self, everything: Mapping[str, Any]) -> None:
        kept = copy.deepcopy(dict(everything))
        self.task.network.load_state_dict(kept["network"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.state = _State(**kept["state"])

    def _facts(self) -> dict[str, Any]:
        shaping = {k: v for k, v in asdict(self.settings).items() if k not in ("save_every",)}
        return {**shaping, "photos": len(self.photos.files), **self.task.facts()}

    def save(self) -> None:
        """Write the checkpoint, whole or not at all.

        Raises:
            BrushworkError: It can't be written.
        """
        if not self.fabric.is_global_zero:
            return
        temporary = self.checkpoint.with_name(f".{self.checkpoint.name}.{os.getpid()}.tmp")
        with uninterrupted():
            try:
                torch.save({**self._everything(), "facts": self._facts()}, temporary)
                temporary.replace(self.checkpoint)
            except (OSError, RuntimeError) as error:  # torch wraps what the system says
                raise BrushworkError(f"{self.checkpoint} can't be written: {error}") from error
            finally:
                temporary.unlink(missing_ok=True)

    def resume(self) -> bool:
        """Go on from the checkpoint, if there is one.

        Raises:
            UsageError: It belongs to another training; the message says what differs.
            BrushworkError: It is damaged.
        """
        if not self.checkpoint.exists():
            return False
        try:
            kept = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            theirs = kept["facts"]
        except Exception as error:  # whatever hostile bytes bring about
            raise BrushworkError(f"{self.checkpoint} is damaged; delete it and start anew") from error
        ours = self._facts()
        different = [
            f"{k} {theirs.get(k)}, not {ours.get(k)}" for k in {**theirs, **ours} if theirs.get(k) != ours.get(k)
        ]
        if different:
            raise UsageError(f"{self.checkpoint} belongs to another training ({'; '.join(different)})")
        self._restore(kept)
        self._good = self._everything()
        return True

    def _report(self, terms: Mapping[str, float]) -> Report:
        step, steps = self.state.step, self.settings.steps
        left = self.state.spent / step * (steps - step)
        return Report(step, steps, terms, left, len(self.photos.passed_over), self.state.stepped_back)


def task_of(method: str, settings: Training, painting: Tensor, device: torch.device) -> Task:
    """What trains a network of a method.

    Args:
        method: A key of TRAININGS.
        settings: Its training's.
        painting: Pixels (1, 3, H, W) in [0, 1].
        device: Where it runs.
    """
    if isinstance(settings, TrainJohnson):
        from brushwork.methods.johnson import JohnsonTask

        return JohnsonTask(settings, painting, device)
    raise TypeError(f"nothing trains {method}")


def _schedule(step: int, steps: int) -> float:
    """Of the rate: it rises over the first hundred steps, and falls to nothing over the last half."""
    return min(1.0, (step + 1) / min(100, max(1, steps // 10)), max(0.02, 2 * (1 - step / steps)))


def launched(device: torch.device) -> Any:
    """Lightning's Fabric on one device, launched.

    Raises:
        UsageError: Fabric is not installed.
    """
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise UsageError("training needs Lightning Fabric: pip install 'brushwork[train]'") from error
    fabric = Fabric(accelerator=device.type, devices=1 if device.index is None else [device.index])
    fabric.launch()
    return fabric
