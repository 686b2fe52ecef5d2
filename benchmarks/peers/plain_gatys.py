"""A plain Gatys loop, as tutorials have it: torch's own L-BFGS over VGG-19 in float32, no pyramid, no tiles.

Its steps are timed against ours; the weights don't matter for that, so random ones do.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGES = (2, 2, 4, 4, 1)  # convolutions up to relu5_1
WIDTHS = (64, 128, 256, 512, 512)
CONTENT = 9  # relu4_2, counting convolutions from 0
STYLE = (0, 2, 4, 8, 12)  # relu1_1 … relu5_1


class PlainGatys(nn.Module):
    """VGG-19 up to relu5_1, and the loop over pixels."""

    def __init__(self) -> None:
        super().__init__()
        widths = [width for width, count in zip(WIDTHS, STAGES, strict=True) for _ in range(count)]
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, width, 3, padding=1) for channels, width in zip([3, *widths], widths, strict=False)
        )
        self.requires_grad_(False)

    def features(self, x: Tensor) -> list[Tensor]:
        """All rectified layers."""
        found, starts = [], {sum(STAGES[:stage]) for stage in range(1, len(STAGES))}
        for number, conv in enumerate(self.convs):
            x = F.relu(conv(F.max_pool2d(x, 2) if number in starts else x))
            found.append(x)
        return found

    def forward(self, photo: Tensor, painting: Tensor, steps: int) -> Tensor:
        """The picture after so many evaluations."""

        def grams(found: list[Tensor]) -> list[Tensor]:
            flat = [found[layer].flatten(2)[0] for layer in STYLE]
            return [x @ x.T / x.shape[1] for x in flat]

        with torch.no_grad():
            content, style = self.features(photo)[CONTENT], grams(self.features(painting))
        pixels = photo.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([pixels], max_iter=steps, max_eval=steps)

        def closure() -> Tensor:
            optimizer.zero_grad()
            found = self.features(pixels)
            loss = F.mse_loss(found[CONTENT], content)
            loss = loss + sum(1e3 * F.mse_loss(a, b) for a, b in zip(grams(found), style, strict=True))
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]
        return pixels.detach().clamp(0, 1)
