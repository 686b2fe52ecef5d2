"""Descending a loss over pixels: L-BFGS or Adam, in [0, 1], with a step back where it explodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.checkpoints import State
from brushwork.errors import BrushworkError

__all__ = ["Objective", "PixelOptimizer"]

Objective: TypeAlias = Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]]

EXPLODED = 10.0  # a loss this many times the best one so far is a step into nowhere
NEGLIGIBLE = 1e-6  # of the first loss; a photo that already has the style is near 0, and rounding is no explosion
FACTS = ("warm", "rate", "unit", "best_loss", "halvings", "failures", "terms")  # kept in a checkpoint
HISTORY_BYTES = 160e6  # for L-BFGS' pairs of steps and gradients: 20 pairs up to 0.3 megapixels, 7 at 1024×768
PATIENCE = 12  # halvings in a row before giving up: a rate 4096 times smaller


class PixelOptimizer:
    """One picture being optimized at one size.

    Pixels are brought back to [0, 1] after every step, so what the network sees is what is written in the end.
    A loss that is not a number, or far above the best, takes the pixels back to the best ones and halves the rate;
    where that doesn't help, the best ones stay.

    Args:
        pixels: First picture (1, 3, H, W) in [0, 1]; it is not changed.
        objective: Pixels → loss and its terms.
        kind: "lbfgs" or "adam".
        rate: Learning rate; 0 chooses.
        warm: A finished optimizer of a smaller size: Adam's moments are carried over. L-BFGS starts afresh, because
            its curvature pairs belong to the old pixels.

    Raises:
        BrushworkError: While stepping: the loss was never a number, at this size or a smaller one.
    """

    def __init__(
        self, pixels: Tensor, objective: Objective, *, kind: str, rate: float = 0.0, warm: PixelOptimizer | None = None
    ) -> None:
        self.pixels = pixels.detach().clone(memory_format=torch.contiguous_format).requires_grad_(True)
        self.objective, self.kind, self.warm = objective, kind, warm is not None
        self.rate = rate or (1.0 if kind == "lbfgs" else 0.02)
        self.best_loss, self.best_pixels = math.inf, self.pixels.detach().clone()
        self.halvings, self.failures, self.terms = 0, 0, dict[str, float]()
        # Losses are divided by the first one, so that it doesn't matter how large all weights are together: L-BFGS
        # has absolute thresholds.
        self.unit: float = warm.unit if warm is not None else 0.0
        self.optimizer = self._fresh()
        if warm is not None and kind == "adam":
            self._carry_over(warm.optimizer.state[warm.pixels])

    def _fresh(self) -> torch.optim.Optimizer:
        if self.kind == "adam":
            return torch.optim.Adam([self.pixels], lr=self.rate, betas=(0.9, 0.99))
        # One iteration per step() is one evaluation; the history stays in the optimizer's state.
        pairs = max(5, min(20, int(HISTORY_BYTES / (2 * self.pixels.nbytes))))
        return torch.optim.LBFGS(
            [self.pixels], lr=self.rate, max_iter=1, history_size=pairs, tolerance_change=0, tolerance_grad=0
        )

    def _carry_over(self, state: dict[str, Any]) -> None:
        if not state:
            return
        size = self.pixels.shape[2:]
        mean = F.interpolate(state["exp_avg"], size, mode="bicubic", align_corners=False)
        square = F.interpolate(state["exp_avg_sq"], size, mode="bilinear", align_corners=False)
        self.optimizer.state[self.pixels] = {"step": state["step"].clone(), "exp_avg": mean, "exp_avg_sq": square}

    def state(self) -> State:
        """All that decides the next step, between two steps."""
        tensors, facts = _unpacked(self.optimizer.state.get(self.pixels, {}))
        return State(
            {"pixels": self.pixels.detach(), "best": self.best_pixels, **tensors},
            {"optimizer": facts, **{name: getattr(self, name) for name in FACTS}},
        )

    @classmethod
    def restored(cls, state: State, objective: Objective, *, kind: str, device: torch.device) -> PixelOptimizer:
        """The optimizer that was in this state; it takes the state's tensors over.

        Args:
            state: From `state`.
            objective: As then.
            kind: As then.
            device: Where the pixels are.
        """
        restored = cls(state.tensors["best"].to(device), objective, kind=kind, rate=state.facts["rate"])
        with torch.no_grad():
            restored.pixels.copy_(state.tensors["pixels"])
        for name in FACTS:
            setattr(restored, name, state.facts[name])
        inner = _packed(state.tensors, state.facts["optimizer"], device)
        if inner:
            restored.optimizer.state[restored.pixels] = inner
        return restored

    @property
    def stuck(self) -> bool:
        """Nothing helped: further steps change nothing."""
        return self.failures > PATIENCE

    def step(self) -> tuple[float, dict[str, float]]:
        """One evaluation and one move; the loss and its terms are those before the move."""
        if self.stuck:
            return self.best_loss, self.terms
        loss = math.nan

        def closure() -> Tensor:
            nonlocal loss
            value, parts = self.objective(self.pixels)
            loss = value.item()
            self.unit = self.unit or (loss if math.isfinite(loss) and loss > 0 else 1.0)
            # Contiguous, because L-BFGS flattens it, and networks in channels-last order give it so.
            self.pixels.grad = torch.autograd.grad(value / self.unit, [self.pixels])[0].contiguous()
            self._remember(loss, {name: part.item() for name, part in parts.items()})
            return value.detach() / self.unit

        self.optimizer.step(closure)  # type: ignore[arg-type]
        if not math.isfinite(loss) or loss > EXPLODED * max(self.best_loss, NEGLIGIBLE * self.unit):
            self._step_back()
        with torch.no_grad():
            self.pixels.clamp_(0, 1)
        return loss, self.terms

    def _remember(self, loss: float, terms: dict[str, float]) -> None:
        self.terms = terms
        if loss < self.best_loss:
            self.best_loss, self.failures = loss, 0
            self.best_pixels.copy_(self.pixels.detach())

    def _step_back(self) -> None:
        if not math.isfinite(self.best_loss) and not self.warm:
            raise BrushworkError(
                "the loss is not a number from the start; check the weights with brushwork weights verify, "
                "or take smaller weights or float32 precision"
            )
        self.halvings += 1
        self.failures += 1
        with torch.no_grad():
            self.pixels.copy_(self.best_pixels)
        self.rate /= 2
        self.optimizer = self._fresh()


_PREFIX = "optimizer/"
_SCRATCH = {"al"}  # of L-BFGS, written before it is read in every step


def _unpacked(state: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What torch's optimizers remember of a tensor (tensors, lists of tensors, numbers) as tensors and facts."""
    tensors, facts = dict[str, Tensor](), dict[str, Any]()
    for name, value in state.items():
        if isinstance(value, Tensor):
            tensors[_PREFIX + name] = value
        elif isinstance(value, list) and name not in _SCRATCH:
            tensors |= {f"{_PREFIX}{name}/{number}": part for number, part in enumerate(value)}
            facts[name] = [len(value)]
        elif name not in _SCRATCH:
            facts[name] = value
    return tensors, facts


def _packed(tensors: Mapping[str, Tensor], facts: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """The inverse of `_unpacked`; other tensors are left out."""

    def placed(name: str) -> Tensor:
        # Adam counts its steps on the CPU, wherever the pixels are.
        return tensors[name].to("cpu" if name == f"{_PREFIX}step" else device)

    names = [name.removeprefix(_PREFIX) for name in tensors if name.startswith(_PREFIX)]
    state: dict[str, Any] = {name: placed(_PREFIX + name) for name in names if "/" not in name}
    for name, value in facts.items():
        is_list = isinstance(value, list)
        state[name] = [placed(f"{_PREFIX}{name}/{number}") for number in range(value[0])] if is_list else value
    return state
