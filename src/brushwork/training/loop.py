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
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from brushwork.errors import BrushworkError, UsageError
from brushwork.io import save
from brushwork.io.saving import room_problem, writing_reason
from brushwork.options.training import Training
from brushwork.runtime.device import launched
from brushwork.runtime.locking import locked
from brushwork.runtime.memory import out_of_memory, peak_memory
from brushwork.runtime.progress import Pace
from brushwork.runtime.signals import uninterrupted
from brushwork.training.data import PhotoFolder

__all__ = ["Report", "Task", "Trainer"]

GOOD_EVERY = 50  # steps between two states that can be gone back to
EXPLODED = 20.0  # times the usual loss: a step that nothing is learned from
STEPS_BACK = 10  # how often, before it is given up
USUAL = 0.95  # how much of the usual loss each step keeps
CHECKPOINT = 6  # times the weights: they and their two moments, now and as they last were good
GAIN = 0.005  # a mean loss that is lower by less has not fallen
BETAS = (0.9, 0.999)
CRITIC_BETAS = (0.5, 0.9)  # usual for what learns against a network that changes
NO_ERRORS = ("critic", "adversarial", "diversity")  # terms that may be below 0, and say nothing of how well it does


class Task(Protocol):
    """What is trained, and by what."""

    @property
    def network(self) -> nn.Module:
        """What learns."""
        ...

    @property
    def critic(self) -> nn.Module | None:
        """What learns against it, with an optimizer of its own, or None."""
        ...

    @property
    def paintings(self) -> PhotoFolder | None:
        """Where it finds its styles, if they are many."""
        ...

    def terms(self, photos: Tensor) -> Mapping[str, Tensor]:
        """The weighted terms of the loss, scalars, of photos (B, 3, S, S); the critic's own is "critic"."""
        ...

    def painted(self, photos: Tensor) -> Tensor:
        """Pictures (B, 3, S, S), about [0, 1], of photos (B, 3, S, S), to look at."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """What must be the same for a checkpoint to be gone on from."""
        ...

    def write(self, path: Path) -> None:
        """Write what `--style`, `--model` or `--decoder` takes."""
        ...


@dataclass(frozen=True)
class Report:
    """Where a training stands.

    Args:
        step: Steps done.
        steps: In all.
        terms: The loss and its terms, of this step.
        seconds: Left, about.
        passed_over: Pictures of the folders that can't be used.
        stepped_back: How often it exploded and went back.
        unsaved: Why the last checkpoint could not be written; empty if it was.
    """

    step: int
    steps: int
    terms: Mapping[str, float]
    seconds: float
    passed_over: int
    stepped_back: int
    unsaved: str = ""


@dataclass
class _State:
    step: int = 0
    rate: float = 1.0  # factor, halved by each explosion
    usual: float = math.inf
    stepped_back: int = 0
    losses: list[float] = field(default_factory=list)


class Trainer:
    """Adam on a network and on its critic, in one process or several.

    Several, started by torchrun, see photos of their own and share their gradients.

    Args:
        task: What is trained.
        photos: Photographs.
        settings: Steps, batch, rate, ….
        output: What is written in the end; a checkpoint lies beside it meanwhile, OUTPUT.training.
        fabric: Of Lightning, launched: devices and processes. None: this process, the CPU.
    """

    def __init__(self, task: Task, photos: PhotoFolder, settings: Training, output: Path, fabric: Any = None) -> None:
        self.task, self.photos, self.settings, self.output = task, photos, settings, output
        self.fabric = fabric or launched(torch.device("cpu"))
        self.networks = [task.network] + ([task.critic] if task.critic is not None else [])
        self.optimizers = [
            torch.optim.Adam([p for p in network.parameters() if p.requires_grad], settings.rate, betas)
            for network, betas in zip(self.networks, (BETAS, CRITIC_BETAS), strict=False)
        ]
        self.state = _State()
        self._good = self._everything()
        self._midway = False  # in a step, whose half is nothing to keep
        self._pace = Pace()
        self.unsaved = ""  # why the last checkpoint could not be written

    @property
    def checkpoint(self) -> Path:
        """The file it goes on from."""
        return self.output.with_name(self.output.name + ".training")

    def run(self, listener: Callable[[Report], None] | None = None) -> None:
        """Train to the end, or until nothing is learned any more, and write the output.

        Args:
            listener: Called after each step; what it raises ends the training, after its checkpoint is written.

        Raises:
            SavedElsewhereError: The output, or where the training stands, could not be written to its file, and is in
                another one.
            BrushworkError: It explodes again and again, at any rate; a file can't be written; another process trains
                for this output.
        """
        with locked(self.checkpoint if self.fabric.is_global_zero else None, self.output):
            self._check_room()
            self._train(listener)
            self._write()

    def _check_room(self) -> None:
        """Refuse a disk that the checkpoint won't fit on, which holds the output twice and more."""
        weights = sum(p.numel() * p.element_size() for network in self.networks for p in network.parameters())
        needed = CHECKPOINT * weights - (self.checkpoint.stat().st_size if self.checkpoint.exists() else 0)
        problem = room_problem(self.output.resolve().parent, needed) if self.fabric.is_global_zero else None
        if problem is not None:
            raise BrushworkError(f"{self.output}: {problem}")

    def _train(self, listener: Callable[[Report], None] | None) -> None:
        """Train to the end; stopped or failed, keep where it stands."""
        self._pace = Pace(self.state.step)
        try:
            while self.state.step < self.settings.steps and not self.exhausted:
                with uninterrupted():
                    terms = self._step()
                if self.state.step % self.settings.save_every == 0:
                    self._save_if_possible()
                if listener is not None and terms:
                    listener(self._report(terms))
        except BaseException as error:
            if self._midway:
                self._restore(self._good)
            if self.state.step:
                self.save(anywhere=True)
            if out_of_memory(error):
                raise BrushworkError("out of memory; take a smaller --batch or --side") from error
            raise

    def _write(self) -> None:
        """Write the output, and then remove the checkpoint."""
        if not self.fabric.is_global_zero:
            return
        self._save_if_possible()
        save(self.output, self.task.write, beside=self.photos.root)
        self.checkpoint.unlink(missing_ok=True)

    def _save_if_possible(self) -> None:
        """Write the checkpoint; where that fails, the one before stays, and the training goes on."""
        self.unsaved = ""
        try:
            self.save()
        except BrushworkError as error:
            self.unsaved = str(error)

    @property
    def exhausted(self) -> bool:
        """Whether the loss, averaged between checkpoints, has not fallen for `patience` of them."""
        every, patience, losses = self.settings.save_every, self.settings.patience, self.state.losses
        if not patience or len(losses) % every:
            return False
        means = [sum(losses[k : k + every]) / every for k in range(0, len(losses), every)]
        return len(means) > patience and min(means[-patience:]) > (1 - GAIN) * min(means[:-patience])

    def estimate(self, steps: int = 4) -> tuple[float, int]:
        """Seconds for all steps and bytes of memory at their highest, measured on some, which change nothing."""
        before, seconds = self._everything(), []
        for _ in range(steps):
            started = time.monotonic()
            self._step()
            seconds.append(time.monotonic() - started)
        self._restore(before)
        return median(seconds) * self.settings.steps, peak_memory(self.fabric.device)

    def samples(self, count: int = 4) -> Tensor:
        """Photos above what becomes of them now, (1, 3, 2 S, count S) in [0, 1]; the same photos each time."""
        photos = self.photos.batch(count, random.Random("samples"))
        devices = [self.fabric.device] if self.fabric.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.no_grad():
            torch.manual_seed(0)
            self.task.network.eval()
            pictures = self.task.painted(self._placed(photos)).float().cpu().clamp(0, 1)
            self.task.network.train()
        return torch.cat([torch.cat(list(row.unsqueeze(1)), 3) for row in (photos, pictures)], 2)

    def _placed(self, photos: Tensor) -> Tensor:
        return photos.to(self.fabric.device).contiguous(memory_format=torch.channels_last)

    def _step(self) -> dict[str, float]:
        """One step; its terms, or nothing if it had to go back."""
        number, settings = self.state.step, self.settings
        if number % GOOD_EVERY == 0:
            self._good = self._everything()
        self._midway = True
        # Other pictures than those that it exploded on.
        seed = f"{settings.seed}/{number}/{self.fabric.global_rank}/{self.state.stepped_back}"
        torch.manual_seed(random.Random(seed).getrandbits(62))
        batch = self._placed(self.photos.batch(settings.batch, random.Random(seed)))
        terms = self.task.terms(batch)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        loss = torch.stack([term.detach() for name, term in terms.items() if name not in NO_ERRORS]).sum()
        value = self._shared(loss)
        if not math.isfinite(value) or value > EXPLODED * self.state.usual:
            self._step_back(value)
            self._midway = False
            return {}
        self._learn(settings.rate * self.state.rate * _schedule(number, settings.steps))
        usual = self.state.usual
        self.state.usual = value if math.isinf(usual) else USUAL * usual + (1 - USUAL) * value
        self.state.step += 1
        self.state.losses.append(value)
        self._midway = False
        return {"loss": value, **{name: float(term.detach()) for name, term in terms.items()}}

    def _shared(self, loss: Tensor) -> float:
        """The mean loss of all processes, not finite if a gradient isn't; they have the mean gradient then."""
        gradients = [p.grad for network in self.networks for p in network.parameters() if p.grad is not None]
        flat = torch.cat([loss.reshape(1), *(gradient.flatten() for gradient in gradients)])
        if self.fabric.world_size > 1:
            flat = self.fabric.all_reduce(flat, reduce_op="mean")
            for gradient, mean in zip(gradients, flat[1:].split([g.numel() for g in gradients]), strict=True):
                gradient.copy_(mean.view_as(gradient))
        return float(flat[0] + 0 * flat.square().sum())

    def _learn(self, rate: float) -> None:
        for network, optimizer in zip(self.networks, self.optimizers, strict=True):
            nn.utils.clip_grad_norm_(network.parameters(), self.settings.clip)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def _step_back(self, value: float) -> None:
        stepped_back, rate = self.state.stepped_back + 1, self.state.rate / 2
        if stepped_back > STEPS_BACK:
            raise BrushworkError(
                f"the loss exploded {stepped_back} times ({value:g} after {self.state.usual:.3g}), at ever lower "
                f"rates; {self.checkpoint} holds the last good state"
            )
        self._restore(self._good)
        self.state.stepped_back, self.state.rate = stepped_back, rate
        self._pace = Pace(self.state.step)

    def _everything(self) -> dict[str, Any]:
        return copy.deepcopy(
            {
                "networks": [network.state_dict() for network in self.networks],
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                "state": asdict(self.state),
            }
        )

    def _restore(self, everything: Mapping[str, Any]) -> None:
        kept = copy.deepcopy(dict(everything))
        for network, values in zip(self.networks, kept["networks"], strict=True):
            network.load_state_dict(values)
        for optimizer, values in zip(self.optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(values)
            optimizer.zero_grad(set_to_none=True)
        kept["state"].pop("spent", None)  # version 0.1 kept it
        self.state = _State(**kept["state"])

    def _facts(self) -> dict[str, Any]:
        # The dtype that precision led to is the task's to say.
        shaping = {k: v for k, v in asdict(self.settings).items() if k not in ("patience", "precision")}
        photos, processes = len(self.photos.files), self.fabric.world_size
        return {**shaping, "photos": photos, "processes": processes, **self.task.facts()}

    def save(self, *, anywhere: bool = False) -> None:
        """Write the checkpoint, whole or not at all.

        Args:
            anywhere: Where it can't be written, put it beside the photos or into the temporary folder.

        Raises:
            SavedElsewhereError: It is in such a place.
            BrushworkError: It can't be written.
        """
        if not self.fabric.is_global_zero:
            return
        if anywhere:
            save(self.checkpoint, self._write_checkpoint, beside=self.photos.root)
        else:
            self._write_checkpoint(self.checkpoint)

    def _write_checkpoint(self, path: Path) -> None:
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with uninterrupted():
            try:
                # Opened here, because torch wraps what the system says into errors of its own.
                with temporary.open("wb") as file:
                    torch.save({**self._everything(), "good": self._good, "facts": self._facts()}, file)
                temporary.replace(path)
            except (OSError, RuntimeError) as error:
                raise BrushworkError(f"{path} can't be written: {writing_reason(error, path)}") from error
            finally:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)

    def resume(self) -> bool:
        """Go on from the checkpoint, if there is one.

        Raises:
            UsageError: It belongs to another training; the message says what differs.
            BrushworkError: It is damaged.
        """
        resumed = self.checkpoint.exists() and self._read_checkpoint()
        steps = self.fabric.all_reduce(torch.tensor(float(self.state.step)), reduce_op="mean")
        if int(steps) != self.state.step:
            raise UsageError(f"{self.checkpoint} is not the same for all processes; put it on a disk that they share")
        return resumed

    def _read_checkpoint(self) -> bool:
        try:
            kept = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            theirs, _ = kept["facts"], kept["good"]
        except Exception as error:  # whatever hostile bytes bring about
            raise BrushworkError(f"{self.checkpoint} is damaged; delete it and start anew") from error
        ours = self._facts()
        different = [
            f"{k} {theirs.get(k)}, not {ours.get(k)}" for k in {**theirs, **ours} if theirs.get(k) != ours.get(k)
        ]
        if different:
            raise UsageError(f"{self.checkpoint} belongs to another training ({'; '.join(different)})")
        self._restore(kept)
        self._good = kept["good"]
        return True

    def _report(self, terms: Mapping[str, float]) -> Report:
        step, steps = self.state.step, self.settings.steps
        left = self._pace.seconds_left(step, steps - step)
        folders = [folder for folder in (self.photos, self.task.paintings) if folder is not None]
        passed_over = sum(len(folder.passed_over) for folder in folders)
        return Report(step, steps, terms, left, passed_over, self.state.stepped_back, self.unsaved)


def _schedule(step: int, steps: int) -> float:
    """Of the rate: it rises over the first hundred steps, and falls to nothing over the last half."""
    return min(1.0, (step + 1) / min(100, max(1, steps // 10)), max(0.02, 2 * (1 - step / steps)))
