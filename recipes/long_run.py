"""A training on a CPU that goes on for days, and can be stopped at any step."""

from __future__ import annotations

import argparse
import csv
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import torch
from target_cache import TargetCache
from torch import Tensor, nn


def options(description: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """Return the options of all such trainings, with these defaults."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", help="of the exported weights")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--fall", type=float, default=0.25, help="share of the steps over which the rate falls")
    parser.add_argument("--ema", type=float, help="decay of the running mean of the weights")
    parser.add_argument("--first", type=int, help="crops before the first step")
    parser.add_argument("--crop-every", type=int, default=2, help="steps between new crops")
    parser.add_argument("--keep", type=int, help="pictures in the cache, about, of 1 or 2 MB each")
    parser.add_argument("--save-every", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(**defaults)
    return parser


def learning_rate(step: int, args: argparse.Namespace, warmup: int) -> float:
    """Short warm-up, plateau, linear fall over the last steps."""
    fall = max(1, args.steps - falls_at(args.steps, args.fall))
    rate: float = args.rate
    return rate * min(1.0, (step + 1) / warmup, max(0.02, (args.steps - step) / fall))


def falls_at(steps: int, share: float) -> int:
    return steps - int(steps * share)


class LongRun(ABC):
    """A training that resumes where it stopped: from checkpoint.pt in its folder, written whole or not at all.

    A subclass begins it, computes a step and measures, and says in `extra` what else it needs to go on. While a file
    PAUSE is in the folder, it waits. If more steps are wanted than before, it goes on from plateau.pt, before the
    learning rate fell.

    Args:
        args: Options: out, steps, fall, save_every, ema.
        rng: Decides what is drawn.
        module: What is trained.
        cache: Targets; a checkpoint names those that it needs.
    """

    trained: ClassVar[str]  # what the module is called in checkpoints
    extra: ClassVar[tuple[str, ...]] = ()  # attributes that go into checkpoints, too

    def __init__(self, args: argparse.Namespace, rng: random.Random, module: nn.Module, cache: TargetCache) -> None:
        self.args, self.rng, self.module, self.cache = args, rng, module, cache
        self.step, self.hours, self.started = 0, 0.0, time.process_time()
        self.log, self.losses = list[dict[str, float]](), list[Any]()
        state = self._checkpoint()
        if state is None:
            self.begin()
        else:
            self._resume(state)

    @abstractmethod
    def begin(self) -> None:
        """Fill the cache, and call `optimize`."""

    @abstractmethod
    def optimizer_of(self, module: nn.Module) -> torch.optim.Optimizer:
        """Return the optimizer of the module."""

    @abstractmethod
    def train_step(self) -> None:
        """One step, after adding what is due to the cache; it calls `follow` in the end."""

    @abstractmethod
    def measure(self) -> None:
        """Add a row to the log, with `note`."""

    @abstractmethod
    def export(self) -> None:
        """Write the running mean of the weights for others."""

    def optimize(self, module: nn.Module) -> None:
        self.module = module
        self.ema: dict[str, Tensor] = {name: tensor.clone() for name, tensor in module.state_dict().items()}
        self.optimizer = self.optimizer_of(module)

    def _checkpoint(self) -> dict[str, Any] | None:
        """The state to go on from: the last one, or the one before its rate fell, if more steps are wanted now."""
        path, plateau = self.args.out / "checkpoint.pt", self.args.out / "plateau.pt"
        if not path.exists():
            return None
        state: dict[str, Any] = torch.load(path, weights_only=True)
        fallen = state["step"] > falls_at(state["steps"], self.args.fall)
        if self.args.steps > state["steps"] and fallen and plateau.exists():
            state = torch.load(plateau, weights_only=True)
        return state

    def _resume(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state[self.trained])
        self.optimize(self.module)
        self.optimizer.load_state_dict(state["optimizer"])
        for name in ("ema", "step", "hours", "log", "losses", *self.extra):
            setattr(self, name, state[name])
        self.cache.restore(state["cache"])
        version, internal, gauss = state["rng"]
        self.rng.setstate((version, tuple(internal), gauss))
        torch.set_rng_state(state["torch_rng"])

    def spent(self) -> float:
        """CPU hours of the whole run."""
        return self.hours + (time.process_time() - self.started) / 3600

    def save(self, name: str = "checkpoint.pt") -> None:
        """Write the state whole or not at all, and delete what the cache no longer needs."""
        state = {
            self.trained: self.module.state_dict(), "ema": self.ema, "optimizer": self.optimizer.state_dict(),
            "step": self.step, "steps": self.args.steps, "hours": self.spent(), "log": self.log,
            "losses": self.losses, "cache": self.cache.state(),
            "rng": self.rng.getstate(), "torch_rng": torch.get_rng_state(),
            **{name: getattr(self, name) for name in self.extra},
        }  # fmt: skip
        part = self.args.out / f"{name}.part"
        torch.save(state, part)
        part.replace(self.args.out / name)
        self.cache.sweep()
        self.export()

    def wait(self) -> None:
        while (self.args.out / "PAUSE").exists():
            time.sleep(0.5)

    def follow(self, loss: Any) -> None:
        """Count a step, and let the running mean follow the weights."""
        self.step += 1
        decay = min(self.args.ema, (1 + self.step) / (10 + self.step))
        for name, tensor in self.module.state_dict().items():
            self.ema[name].lerp_(tensor, 1 - decay)
        self.losses.append(loss)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within this context the module has the running mean of its weights."""
        own = {name: tensor.clone() for name, tensor in self.module.state_dict().items()}
        self.module.load_state_dict(self.ema)
        try:
            yield
        finally:
            self.module.load_state_dict(own)

    def note(self, row: dict[str, float]) -> None:
        """Add a row to the log, and write log.csv."""
        self.log, self.losses = [*self.log, row], []
        with (self.args.out / "log.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            writer.writeheader()
            writer.writerows({name: f"{value:.5g}" for name, value in line.items()} for line in self.log)

    def run(self) -> None:
        """Train to the last step."""
        if not self.log:
            self.measure()
            self.save()
        while self.step < self.args.steps:
            self.train_step()
            if self.step % self.args.save_every == 0 or self.step == self.args.steps:
                self.measure()
                self.save()
            if self.step == falls_at(self.args.steps, self.args.fall):
                self.save("plateau.pt")
