"""Descending a loss over pixels: L-BFGS or Adam, in [0, 1], with a step back where it explodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import BrushworkError

__all__ = ["Objective", "PixelOptimizer"]

Objective: TypeAlias = Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]]

EXPLODED = 10.0  # a loss this many times the best one so far is a step into nowhere
NEGLIGIBLE = 1e-6  # a photo that already has the style starts at 0, and rounding is no explosion
PATIENCE = 12  # halvings of the rate before giving up: 4096 times smaller


class PixelOptimizer:
    """One picture being optimized at one size.

    Pixels are brought back to [0, 1] after every step, so what the network sees is what is written in the end.
    A loss that is not a number, or far above the best, takes the pixels back to the best ones and halves the rate.

    Args:
        pixels: First picture (1, 3, H, W) in [0, 1]; it is not changed.
        objective: Pixels → loss and its terms.
        kind: "lbfgs" or "adam".
        rate: Learning rate; 0 chooses.
        warm: A finished optimizer of a smaller size: Adam's moments are carried over. L-BFGS starts afresh, because
            its curvature pairs belong to the old pixels.

    Raises:
        BrushworkError: While stepping: the loss is not a number from the start, or nothing tames it.
    """

    def __init__(
        self, pixels: Tensor, objective: Objective, *, kind: str, rate: float = 0.0, warm: PixelOptimizer | None = None
    ) -> None:
        self.pixels = pixels.detach().clone(memory_format=torch.contiguous_format).requires_grad_(True)
        self.objective, self.kind = objective, kind
        self.rate = rate or (1.0 if kind == "lbfgs" else 0.02)
        self.best_loss, self.best_pixels, self.halvings = math.inf, pixels.detach().clone(), 0
        self.optimizer = self._fresh()
        if warm is not None and kind == "adam":
            self._carry_over(warm.optimizer.state[warm.pixels])

    def _fresh(self) -> torch.optim.Optimizer:
        if self.kind == "adam":
            return torch.optim.Adam([self.pixels], lr=self.rate, betas=(0.9, 0.99))
        # One iteration per step() is one evaluation; the history stays in the optimizer's state.
        return torch.optim.LBFGS(
            [self.pixels], lr=self.rate, max_iter=1, history_size=20, tolerance_change=0, tolerance_grad=0
        )

    def _carry_over(self, state: dict[str, Any]) -> None:
        if not state:
            return
        size = self.pixels.shape[2:]
        mean = F.interpolate(state["exp_avg"], size, mode="bicubic", align_corners=False)
        square = F.interpolate(state["exp_avg_sq"], size, mode="bilinear", align_corners=False)
        self.optimizer.state[self.pixels] = {"step": state["step"].clone(), "exp_avg": mean, "exp_avg_sq": square}

    def step(self) -> tuple[float, dict[str, float]]:
        """One evaluation and one move; the loss and its terms are those before the move."""
        terms: dict[str, float] = {}

        def closure() -> Tensor:
            loss, parts = self.objective(self.pixels)
            (self.pixels.grad,) = torch.autograd.grad(loss, [self.pixels])
            terms.update({name: part.item() for name, part in parts.items()})
            self._remember(loss.item())
            return loss.detach()

        loss = float(self.optimizer.step(closure))  # type: ignore[arg-type]
        if not math.isfinite(loss) or loss > EXPLODED * max(self.best_loss, NEGLIGIBLE):
            self._step_back()
        with torch.no_grad():
            self.pixels.clamp_(0, 1)
        return loss, terms

    def _remember(self, loss: float) -> None:
        if loss < self.best_loss:
            self.best_loss = loss
            self.best_pixels.copy_(self.pixels.detach())

    def _step_back(self) -> None:
        self.halvings += 1
        if not math.isfinite(self.best_loss) or self.halvings > PATIENCE:
            raise BrushworkError(
                "the loss is not a number; check the weights with brushwork weights verify, or try a smaller "
                "learning_rate, other weights, or float32 precision"
            )
        with torch.no_grad():
            self.pixels.copy_(self.best_pixels)
        self.rate /= 2
        self.optimizer = self._fresh()
