"""A training that can be killed and gone on with: rate, checkpoints, averaged weights, a log, TensorBoard, samples."""

from __future__ import annotations

import copy
import csv
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

Terms = Mapping[str, Tensor]


@dataclass
class Run:
    """Adam on one network for so many minutes; the rate rises over 200 steps and falls as a cosine.

    Args:
        network: What is trained.
        out: Folder of checkpoint, log and TensorBoard's events. A checkpoint that is there is gone on from.
        minutes: In all, those before the checkpoint counted in.
        rate: Highest learning rate.
        every: Steps between two checkpoints.
        average: How much of the averaged weights each step keeps; these are what is exported and sampled.
        critic: What learns against the network, by an Adam of its own, if anything does.
    """

    network: nn.Module
    out: Path
    minutes: float
    rate: float = 1e-3
    every: int = 250
    average: float = 0.999
    critic: nn.Module | None = None
    step: int = 0
    skipped: int = 0
    spent: float = 0.0
    log: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        self.optimizer = torch.optim.Adam(self.network.parameters(), self.rate, betas=(0.9, 0.99))
        self.averaged = copy.deepcopy(self.network)
        self.kept = ["network", "averaged", "optimizer"]
        if self.critic is not None:
            self.against = torch.optim.Adam(self.critic.parameters(), self.rate, betas=(0.5, 0.9))
            self.kept += ["critic", "against"]
        self.running: dict[str, float] = {}
        if self._state.exists():
            kept = torch.load(self._state)
            for name in self.kept:
                getattr(self, name).load_state_dict(kept[name])
            self.step, self.spent, self.log = kept["step"], kept["spent"], kept["log"]
            print(f"goes on from step {self.step}, minute {self.spent:.1f}", flush=True)

    @property
    def _state(self) -> Path:
        return self.out / "state.pt"

    def train(self, losses: Callable[[int], tuple[Tensor, Terms]], kept: Callable[[nn.Module, int], None]) -> None:
        """Run to the end.

        Args:
            losses: Step → what is minimized, and what is logged. A step that isn't finite is passed over.
            kept: Called with the averaged network and the step at each checkpoint: exports weights, makes samples.
        """
        started, before = time.monotonic(), self.spent
        writer = _writer(self.out)
        while self.spent < self.minutes:
            share = self.spent / self.minutes
            rate = self.rate * min(1.0, (self.step + 1) / 200) * (0.505 + 0.495 * math.cos(math.pi * share))
            for optimizer in [self.optimizer, *([self.against] if self.critic is not None else [])]:
                for group in optimizer.param_groups:
                    group["lr"] = rate
            self._advance(*losses(self.step))
            self.spent = before + (time.monotonic() - started) / 60
            if self.step % self.every == 0 or self.spent >= self.minutes:
                self._keep(writer)
                kept(self.averaged, self.step)

    def _advance(self, loss: Tensor, terms: Terms) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        if self.critic is not None:
            self.against.zero_grad(set_to_none=True)
        loss.backward()
        if not nn.utils.clip_grad_norm_(self.network.parameters(), 2.0).isfinite():
            self.skipped += 1
            if self.skipped > 100 + self.step // 10:
                raise SystemExit("more steps fail than not; take a lower --rate")
            return
        self.optimizer.step()
        if self.critic is not None:
            nn.utils.clip_grad_norm_(self.critic.parameters(), 2.0)
            self.against.step()
        self.step += 1
        keep = min(self.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            own = [p.detach() for p in self.network.parameters()]
            torch._foreach_lerp_(list(self.averaged.parameters()), own, 1 - keep)
        for name, term in terms.items():
            value = term.item()
            self.running[name] = self.running.get(name, value) * 0.99 + value * 0.01

    def _keep(self, writer: object) -> None:
        row = {"step": self.step, "minutes": self.spent, "skipped": self.skipped, **self.running}
        self.log.append({name: float(f"{value:.5g}") for name, value in row.items()})
        print(self.log[-1], flush=True)
        for name, value in self.running.items():
            writer.add_scalar(name, value, self.step)
        state = {name: getattr(self, name).state_dict() for name in self.kept}
        torch.save({**state, "step": self.step, "spent": self.spent, "log": self.log}, self._state.with_suffix(".part"))
        self._state.with_suffix(".part").replace(self._state)
        with (self.out / "log.csv").open("w", newline="") as file:
            columns = dict.fromkeys(name for line in self.log for name in line)
            table = csv.DictWriter(file, fieldnames=list(columns))
            table.writeheader()
            table.writerows(self.log)


class _NoWriter:
    def add_scalar(self, *_: object) -> None: ...


def _writer(folder: Path) -> object:
    """TensorBoard's, where it is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        print("no TensorBoard here (pip install tensorboard); log.csv has the same numbers", flush=True)
        return _NoWriter()
    return SummaryWriter(str(folder))
