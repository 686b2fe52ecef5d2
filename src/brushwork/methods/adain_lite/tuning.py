"""Tuning a style's code: gradient descent on its numbers, while the network stays as it is.

The style encoder sees a painting once and makes its best guess. From there, photographs painted with the code are
compared with the painting through a loss network, as in training (Johnson et al. 2016, arXiv:1603.08155).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from brushwork.losses.perceptual import PerceptualLoss, at_size
from brushwork.methods.adain_lite.method import STROKE_SIZE, AdaINLiteStyleNetwork, LiteStyle
from brushwork.options.training import PerceptualTraining
from brushwork.weights import RECORDS

__all__ = ["CodeTuning", "tuning_losses"]

RATE = 0.03  # of Adam; codes are about 1 in size
EXACT_EVERY = 4  # steps
STEADY = 0.6  # share of the time before the rate falls


def tuning_losses(network: str) -> PerceptualTraining:
    """Return the weights of the losses through a loss network.

    A slim network sees less of a change to the photo than VGG-19 does; its record says how much less.
    """
    gain = RECORDS[network].content_gain if network in RECORDS else 1.0
    return PerceptualTraining(loss_network=network, content_weight=gain, form_weight=20.0)


class CodeTuning:
    """One painting's code, at one style scale. Its numbers for the colors are exact, and stay as they are.

    Args:
        network: AdaIN-lite at this style scale.
        painting: Pixels (1, 3, H, W) in [0, 1].
        start: The encoder's code.
        losses: Loss networks and weights: of three steps in four, which may be a quick one, and of the fourth and the
            held-back photographs.
        held: Photographs (B, 3, S, S) that are only looked at to choose the best code.
    """

    def __init__(
        self,
        network: AdaINLiteStyleNetwork,
        painting: Tensor,
        start: LiteStyle,
        losses: tuple[PerceptualTraining, PerceptualTraining],
        held: Tensor,
    ) -> None:
        self.network, self.held, self.start = network, held, start
        size = round(STROKE_SIZE * network.settings.style_scale)
        shown = [at_size(painting, size)]
        self.exact = PerceptualLoss(losses[1], shown, network.device)
        self.quick = self.exact if losses[0] == losses[1] else PerceptualLoss(losses[0], shown, network.device)
        self.steps = 0
        length = network.generator.sizes.code
        self.code, self.colors = start.code[:length].clone().requires_grad_(True), start.code[length:]
        self.optimizer = torch.optim.Adam([self.code], lr=RATE, betas=(0.9, 0.99))
        self.best = start
        self.errors = self.untuned = self._held_errors()

    @property
    def improved(self) -> bool:
        """Whether a better code than the encoder's is known."""
        return self.errors is not self.untuned

    @property
    def gained(self) -> Tensor:
        """What the best code adds to the encoder's."""
        return self.best.code - self.start.code

    def begin_at(self, style: LiteStyle) -> None:
        """Go on from another code, such as that of an earlier tuning."""
        with torch.no_grad():
            self.code.copy_(style.code[: len(self.code)])
        self.judge()

    def run(self, photos: Callable[[], Tensor], share: Callable[[], float], kept: Callable[[], None]) -> None:
        """Take steps until the time is up, and keep the code that is best on the held-back photographs.

        Args:
            photos: Returns photographs (B, 3, S, S) in [0, 1].
            share: Returns the share of the time that is over.
            kept: Called when there is a better code.
        """
        judged = 0.0
        while (now := share()) < 1:
            self._step(photos(), now)
            if share() > judged + 0.1:
                judged = share()
                if self.judge():
                    kept()

    def judge(self) -> bool:
        """Keep the code if it is better than the best one so far, and return whether it is."""
        errors = self._held_errors()
        better = sum(errors.values()) < sum(self.errors.values())
        if better:
            self.best, self.errors = LiteStyle(self._whole().detach()), errors
        return better

    def _whole(self) -> Tensor:
        return torch.cat([self.code, self.colors])

    def _step(self, photos: Tensor, share: float) -> None:
        terms = self._terms(photos, self.quick if self.steps % EXACT_EVERY else self.exact)
        self.steps += 1
        self.optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        for group in self.optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (1 - share) / (1 - STEADY))
        self.optimizer.step()

    def _terms(self, photos: Tensor, loss: PerceptualLoss) -> dict[str, Tensor]:
        generator, dtype = self.network.generator, self.network.dtype
        typed = photos.to(self.network.device, dtype, memory_format=torch.channels_last)
        pictures = generator(typed, [generator.modulate(self._whole(), dtype)]).float()
        return loss(pictures, photos.to(self.network.device), loss.targets)

    @torch.no_grad()
    def _held_errors(self) -> dict[str, float]:
        terms = self._terms(self.held, self.exact)
        return {name: float(terms[name]) for name in ("content", "style")}
