"""Minimize a loss over pixels in [0, 1] with L-BFGS or Adam, rolling back when it diverges."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import BrushworkError
from brushwork.optim.lbfgs import BoundedLBFGS, Rows
from brushwork.runtime.checkpoints import State

__all__ = ["Objective", "PixelOptimizer"]

Objective: TypeAlias = Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]]

EXPLODED = 10.0  # factor over the best loss so far above which a step counts as diverged
NEGLIGIBLE = 1e-6  # of the first loss; a photo already in the style is near 0, where rounding isn't divergence
FACTS = ("warm", "rate", "unit", "best_loss", "halvings", "failures", "terms")  # saved in a checkpoint
PATIENCE = 12  # consecutive halvings before giving up, at a rate 4096 times smaller
_PREFIX = "optimizer/"  # of its tensors in a checkpoint


class PixelOptimizer:
    """Optimizes one image at one size.

    Pixels are clamped to [0, 1] after every step, so the network sees exactly what is finally written.
    If the loss is NaN or far above the best, the best pixels are restored and the rate is halved; if that doesn't help,
    the best pixels remain the result.

    Args:
        pixels: Initial image (1, 3, H, W) in [0, 1]; it becomes the optimizer's own.
        objective: Pixels → loss and its terms.
        kind: "lbfgs" or "adam".
        rate: Learning rate; 0 selects one automatically.
        polyak: See `BoundedLBFGS`.
        warm: A finished optimizer of a smaller size: Adam's moments are carried over. L-BFGS starts without history,
            because its curvature pairs belong to the old pixels.
        folder: Where the best pixels and the L-BFGS history may be stored; None: in memory.

    Raises:
        BrushworkError: While stepping: the loss was never finite, at this size or a smaller one.
    """

    def __init__(
        self,
        pixels: Tensor,
        objective: Objective,
        *,
        kind: str,
        rate: float = 0.0,
        polyak: bool = False,
        warm: PixelOptimizer | None = None,
        folder: Path | None = None,
    ) -> None:
        self.pixels = pixels.detach().contiguous()
        self.objective, self.kind, self.warm, self.folder = objective, kind, warm is not None, folder
        self.rate, self.polyak = rate or (1.0 if kind == "lbfgs" else 0.02), polyak
        self.best_loss, self._best = math.inf, Rows(1, self.pixels, folder)
        self._keep_best()
        self.halvings, self.failures, self.terms = 0, 0, dict[str, float]()
        # Losses are divided by the first one, so that the overall scale of the weights doesn't matter: the first
        # step of L-BFGS is as long as the gradient.
        self.unit: float = warm.unit if warm is not None else 0.0
        self.optimizer = self._fresh()
        if warm is not None and isinstance(self.optimizer, torch.optim.Adam):
            self._carry_over(self.optimizer, warm)

    @property
    def best_pixels(self) -> Tensor:
        """The pixels with the lowest loss, (1, 3, H, W)."""
        return self._best[0].view_as(self.pixels)

    def _keep_best(self) -> None:
        self.best_pixels.copy_(self.pixels)
        self._best.release()

    def _fresh(self) -> BoundedLBFGS | torch.optim.Adam:
        if self.kind == "lbfgs":
            return BoundedLBFGS(self.pixels, rate=self.rate, polyak=self.polyak, folder=self.folder)
        return torch.optim.Adam([self.pixels], lr=self.rate, betas=(0.9, 0.99))

    def _carry_over(self, optimizer: torch.optim.Adam, warm: PixelOptimizer) -> None:
        assert isinstance(warm.optimizer, torch.optim.Adam)  # as the kind doesn't change
        state = warm.optimizer.state[warm.pixels]
        if not state:
            return
        size = self.pixels.shape[2:]
        mean = F.interpolate(state["exp_avg"], size, mode="bicubic", align_corners=False)
        square = F.interpolate(state["exp_avg_sq"], size, mode="bilinear", align_corners=False)
        optimizer.state[self.pixels] = {"step": state["step"].clone(), "exp_avg": mean, "exp_avg_sq": square}

    def state(self) -> State:
        """Return the complete state that determines the next step."""
        if isinstance(self.optimizer, BoundedLBFGS):
            tensors, facts = self.optimizer.state()
        else:
            tensors, facts = dict(self.optimizer.state[self.pixels]), {}
        return State(
            {"pixels": self.pixels, "best": self.best_pixels, **{_PREFIX + name: t for name, t in tensors.items()}},
            {"optimizer": facts, **{name: getattr(self, name) for name in FACTS}},
        )

    @classmethod
    def restored(
        cls,
        state: State,
        objective: Objective,
        *,
        kind: str,
        polyak: bool = False,
        device: torch.device,
        folder: Path | None = None,
    ) -> PixelOptimizer:
        """Restore an optimizer from a saved state; it takes ownership of the state's tensors.

        Args:
            state: From `state`.
            objective: The same as before.
            kind: The same as before.
            polyak: The same as before.
            device: Where the pixels are.
            folder: The same as before.
        """
        best, rate = state.tensors["best"].to(device), state.facts["rate"]
        restored = cls(best, objective, kind=kind, rate=rate, polyak=polyak, folder=folder)
        restored.pixels.copy_(state.tensors["pixels"])
        for name in FACTS:
            setattr(restored, name, state.facts[name])
        inner = {name.removeprefix(_PREFIX): t for name, t in state.tensors.items() if name.startswith(_PREFIX)}
        if isinstance(restored.optimizer, BoundedLBFGS):
            restored.optimizer.restore(inner, state.facts["optimizer"])
        elif inner:
            # Adam keeps its step count on the CPU, on whatever device the pixels are.
            restored.optimizer.state[restored.pixels] = {
                name: tensor if name == "step" else tensor.to(device) for name, tensor in inner.items()
            }
        return restored

    @property
    def stuck(self) -> bool:
        """Whether rollbacks no longer help, so that further steps have no effect."""
        return self.failures > PATIENCE

    def step(self) -> tuple[float, dict[str, float]]:
        """Do one evaluation and one update; return the loss and its terms before the update."""
        if self.stuck:
            return self.best_loss, self.terms
        with torch.enable_grad():
            value, parts = self.objective(self.pixels.requires_grad_(True))
            loss = value.item()
            self.unit = self.unit or (loss if math.isfinite(loss) and loss > 0 else 1.0)
            (gradient,) = torch.autograd.grad(value / self.unit, [self.pixels])
        self.pixels.requires_grad_(False)
        self._remember(loss, {name: part.item() for name, part in parts.items()})
        if not math.isfinite(loss) or loss > EXPLODED * max(self.best_loss, NEGLIGIBLE * self.unit):
            self._step_back()
        elif isinstance(self.optimizer, BoundedLBFGS):
            # Contiguous, because networks in channels-last format return it in that format.
            kept = gradient.contiguous()
            del gradient
            self.optimizer.step(kept, loss / self.unit)
        else:
            self.pixels.grad = gradient.contiguous()
            self.optimizer.step()
            self.pixels.clamp_(0, 1)
        return loss, self.terms

    def _remember(self, loss: float, terms: dict[str, float]) -> None:
        self.terms = terms
        if loss < self.best_loss:
            self.best_loss, self.failures = loss, 0
            self._keep_best()

    def _step_back(self) -> None:
        if not math.isfinite(self.best_loss) and not self.warm:
            raise BrushworkError(
                "the loss is NaN or infinite at the first step; check the network with brushwork weights verify, "
                "or use smaller loss weights or float32 precision"
            )
        self.halvings += 1
        self.failures += 1
        self.pixels.copy_(self.best_pixels)
        self.rate /= 2
        self.optimizer = self._fresh()
