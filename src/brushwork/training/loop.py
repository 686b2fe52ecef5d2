"""Training: one loop for every network. It resumes after interruption and rolls back when the loss diverges.

Each step depends only on its number and the previous state, including crops and random numbers. So a resumed run has
the same losses as an uninterrupted one, bit for bit on the same machine.
"""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from brushwork.errors import BrushworkError, UsageError
from brushwork.io import save
from brushwork.io.saving import room_problem, writing_reason
from brushwork.options.base import defaults_of
from brushwork.options.training import Training
from brushwork.runtime.atomic_files import replacing
from brushwork.runtime.checkpoints import AnotherJobError, different
from brushwork.runtime.device import launched
from brushwork.runtime.locking import locked
from brushwork.runtime.memory import out_of_memory, peak_memory
from brushwork.runtime.progress import Pace
from brushwork.runtime.uninterrupted import uninterrupted
from brushwork.training.data import PhotoFolder

__all__ = ["Report", "Task", "Trainer"]

GOOD_EVERY = 50  # steps between two states that can be rolled back to
EXPLODED = 20.0  # factor over the average loss above which a step counts as diverged and is not learned from
STEPS_BACK = 10  # rollbacks before training is aborted
USUAL = 0.95  # decay of the moving average of the loss
CHECKPOINT = 6  # checkpoint size relative to the weights: weights and two moments, current and last good
GAIN = 0.005  # minimum relative decrease of the mean loss that counts as progress
BETAS = (0.9, 0.999)
CRITIC_BETAS = (0.5, 0.9)  # customary for adversarial training
NO_ERRORS = ("critic", "adversarial", "diversity")  # terms that may be negative and don't measure quality


class Task(Protocol):
    """What is trained, and its loss."""

    @property
    def network(self) -> nn.Module:
        """The network to train."""
        ...

    @property
    def critic(self) -> nn.Module | None:
        """Its adversary, trained with its own optimizer, or None."""
        ...

    @property
    def paintings(self) -> PhotoFolder | None:
        """The style images, if there are many."""
        ...

    def terms(self, photos: Tensor) -> Mapping[str, Tensor]:
        """Return the weighted loss terms, scalars, for photos (B, 3, S, S); the critic's own is "critic"."""
        ...

    def painted(self, photos: Tensor) -> Tensor:
        """Return stylized images (B, 3, S, S), about [0, 1], of photos (B, 3, S, S), for display."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """Return the values that a checkpoint must match to be resumed from."""
        ...

    def write(self, path: Path) -> None:
        """Write the file that `--style`, `--model` or `--decoder` takes."""
        ...


@dataclass(frozen=True)
class Report:
    """The progress of training.

    Args:
        step: Steps done.
        steps: Total steps.
        terms: The loss and its terms at this step.
        seconds: Estimated time remaining.
        passed_over: Number of images in the folders that can't be used.
        stepped_back: Number of rollbacks after divergence.
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
    rate: float = 1.0  # learning rate factor, halved by each rollback
    usual: float = math.inf
    stepped_back: int = 0
    losses: list[float] = field(default_factory=list)


class Trainer:
    """Trains a network and its critic with Adam, in one process or several.

    Several processes, started by torchrun on one machine or several, share the photos of each step and average their
    gradients. A step sees the same photos however many they are, so the losses are the same, and another number of
    processes can go on from a checkpoint.

    Args:
        task: What is trained.
        photos: Training photos.
        settings: Steps, batch size, learning rate, ….
        output: The output file; the checkpoint is stored beside it as OUTPUT.training.
        fabric: A launched Lightning Fabric: devices and processes. None: this process, on the CPU.
    """

    def __init__(self, task: Task, photos: PhotoFolder, settings: Training, output: Path, fabric: Any = None) -> None:
        self.task, self.photos, self.settings, self.output = task, photos, settings, output
        self.fabric = fabric or launched(torch.device("cpu"))
        processes = self.fabric.world_size
        if settings.batch % processes:
            raise UsageError(f"batch: {settings.batch} photos can't be shared evenly by {processes} processes")
        self._share = settings.batch // processes
        self.networks = [task.network] + ([task.critic] if task.critic is not None else [])
        self.optimizers = [
            torch.optim.Adam([p for p in network.parameters() if p.requires_grad], settings.rate, betas)
            for network, betas in zip(self.networks, (BETAS, CRITIC_BETAS), strict=False)
        ]
        self.state = _State()
        self._good = self._everything()
        self._midway = False  # within a step, whose partial state must not be saved
        self._pace = Pace()
        self.unsaved = ""  # why the last checkpoint could not be written

    @property
    def checkpoint(self) -> Path:
        """The checkpoint file."""
        return self.output.with_name(self.output.name + ".training")

    def run(self, listener: Callable[[Report], None] | None = None) -> None:
        """Train to the end, or until the loss stops falling, and write the output.

        Args:
            listener: Called after each step; raising an exception from it stops training after saving a checkpoint.

        Raises:
            SavedElsewhereError: The output or the checkpoint could not be written to its file, and is in another one.
            BrushworkError: The loss keeps diverging at any learning rate; a file can't be written; another process is
                training for this output.
        """
        with locked(self.checkpoint if self.fabric.is_global_zero else None, self.output):
            self._check_room()
            self._train(listener)
            self._write()

    def _check_room(self) -> None:
        """Refuse a disk without room for the checkpoint, which is at least twice the size of the output."""
        weights = sum(p.numel() * p.element_size() for network in self.networks for p in network.parameters())
        needed = CHECKPOINT * weights - (self.checkpoint.stat().st_size if self.checkpoint.exists() else 0)
        problem = room_problem(self.output.resolve().parent, needed) if self.fabric.is_global_zero else None
        if problem is not None:
            raise BrushworkError(f"{self.output}: {problem}")

    def _train(self, listener: Callable[[Report], None] | None) -> None:
        """Train to the end; if stopped or failed, save a checkpoint."""
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
                raise BrushworkError("out of memory; use a smaller --batch or --side") from error
            raise

    def _write(self) -> None:
        """Write the output, then remove the checkpoint."""
        if not self.fabric.is_global_zero:
            return
        self._save_if_possible()
        save(self.output, self.task.write, beside=self.photos.root)
        self.checkpoint.unlink(missing_ok=True)

    def _save_if_possible(self) -> None:
        """Write the checkpoint; if that fails, keep the previous one and continue training."""
        self.unsaved = ""
        try:
            self.save()
        except BrushworkError as error:
            self.unsaved = str(error)

    @property
    def exhausted(self) -> bool:
        """Return whether the loss, averaged between checkpoints, has not fallen for `patience` of them."""
        every, patience, losses = self.settings.save_every, self.settings.patience, self.state.losses
        if not patience or len(losses) % every:
            return False
        means = [sum(losses[k : k + every]) / every for k in range(0, len(losses), every)]
        return len(means) > patience and min(means[-patience:]) > (1 - GAIN) * min(means[:-patience])

    def estimate(self, steps: int = 4) -> tuple[float, int]:
        """Estimate total seconds and peak memory in bytes from a few trial steps, which leave the state unchanged."""
        before, seconds = self._everything(), []
        for _ in range(steps):
            started = time.monotonic()
            self._step()
            seconds.append(time.monotonic() - started)
        self._restore(before)
        return median(seconds) * self.settings.steps, peak_memory(self.fabric.device)

    def samples(self, count: int = 4) -> Tensor:
        """Return photos above their current results, (1, 3, 2 S, count S) in [0, 1]; the same photos each time."""
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
        """Do one step; return its loss terms, or nothing if it was rolled back."""
        number, settings = self.state.step, self.settings
        if number % GOOD_EVERY == 0:
            self._good = self._everything()
        self._midway = True
        # Other images than those that it diverged on; other random numbers in each process, but the same photos.
        rank, seed = self.fabric.global_rank, f"{settings.seed}/{number}/{{}}/{self.state.stepped_back}"
        torch.manual_seed(random.Random(seed.format(rank)).getrandbits(62))
        photos = self.photos.batch(settings.batch, random.Random(seed.format(0)))
        terms = self.task.terms(self._placed(photos[rank * self._share : (rank + 1) * self._share]))
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
        """Average loss and gradients over all processes; return the loss, not finite if a gradient isn't."""
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
                f"the loss diverged {stepped_back} times ({value:g} after {self.state.usual:.3g}), although the "
                f"learning rate was halved each time; {self.checkpoint} contains the last good state"
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
        kept["state"].pop("spent", None)  # written by version 0.1
        self.state = _State(**kept["state"])

    def _facts(self) -> dict[str, Any]:
        # The task adds the dtype that results from the precision setting.
        shaping = {k: v for k, v in asdict(self.settings).items() if k not in ("patience", "precision")}
        return {**shaping, "photos": len(self.photos.files), **self.task.facts()}

    def save(self, *, anywhere: bool = False) -> None:
        """Write the checkpoint atomically.

        Args:
            anywhere: If it can't be written, save it beside the photos or in the temporary folder.

        Raises:
            SavedElsewhereError: It was saved in such a place.
            BrushworkError: It can't be written.
        """
        if not self.fabric.is_global_zero:
            return
        if anywhere:
            save(self.checkpoint, self._write_checkpoint, beside=self.photos.root)
        else:
            self._write_checkpoint(self.checkpoint)

    def _write_checkpoint(self, path: Path) -> None:
        try:
            with uninterrupted(), replacing(path) as file:
                torch.save({**self._everything(), "good": self._good, "facts": self._facts()}, file)
        except (OSError, RuntimeError) as error:
            raise BrushworkError(f"{path} can't be written: {writing_reason(error, path)}") from error

    def resume(self) -> bool:
        """Resume from the checkpoint, if there is one.

        Raises:
            UsageError: It belongs to a different training run; the message says what differs.
            BrushworkError: It is damaged.
        """
        resumed = self.checkpoint.exists() and self._read_checkpoint()
        steps = self.fabric.all_reduce(torch.tensor(float(self.state.step)), reduce_op="mean")
        if int(steps) != self.state.step:
            raise UsageError(f"{self.checkpoint} differs between processes; put it on a disk they share")
        return resumed

    def _read_checkpoint(self) -> bool:
        try:
            kept = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            theirs, _ = dict(kept["facts"]), kept["good"]
            # Until version 0.1, the batch was that of one process.
            theirs["batch"] *= theirs.pop("processes", 1)
        except Exception as error:  # untrusted bytes can raise anything
            raise BrushworkError(f"{self.checkpoint} is damaged; delete it and start over") from error
        differences = different(theirs, self._facts(), defaults_of(type(self.settings)))
        if differences:
            raise AnotherJobError(f"{self.checkpoint} belongs to a different training run ({'; '.join(differences)})")
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
    """Return the learning rate factor: warmup over the first hundred steps, decay to 0.02 over the last half."""
    return min(1.0, (step + 1) / min(100, max(1, steps // 10)), max(0.02, 2 * (1 - step / steps)))
