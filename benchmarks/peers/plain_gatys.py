"""A plain Gatys loop, as tutorials have it: torch's own L-BFGS over VGG-19 in float32, no pyramid, no tiles.

Its steps are timed against ours; the weights don't matter for that, so random ones do. With VGG-19's it paints, with
the layers and weights of Gatys' own notebook (github.com/leongatys/PytorchNeuralStyleTransfer).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.weights import Preprocessing, read

STAGES = (2, 2, 4, 4, 1)  # convolutions up to relu5_1
WIDTHS = (64, 128, 256, 512, 512)
CONTENT = 9  # relu4_2, counting convolutions from 0
STYLE = (0, 2, 4, 8, 12)  # relu1_1 … relu5_1
STYLE_WEIGHT = 1e3  # over the square of a layer's width, as in the notebook


class PlainGatys(nn.Module):
    """VGG-19 up to relu5_1, and the loop over pixels."""

    def __init__(self) -> None:
        super().__init__()
        widths = [width for width, count in zip(WIDTHS, STAGES, strict=True) for _ in range(count)]
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, width, 3, padding=1) for channels, width in zip([3, *widths], widths, strict=False)
        )
        self.preprocessing = Preprocessing((0.0,) * 3, (1.0,) * 3)
        self.requires_grad_(False)

    @classmethod
    def published(cls) -> PlainGatys:
        """With the weights of Gatys et al. 2016."""
        network, weights = cls(), read("vgg19.caffe")
        kernels = [name for name in weights.tensors if name.endswith(".weight")]
        for conv, name in zip(network.convs, kernels, strict=False):
            conv.weight.copy_(weights.tensors[name].float())
            conv.bias.copy_(weights.tensors[name.replace(".weight", ".bias")].float())
        network.preprocessing = weights.record.preprocessing
        return network

    def features(self, x: Tensor) -> list[Tensor]:
        """All rectified layers."""
        found, starts = [], {sum(STAGES[:stage]) for stage in range(1, len(STAGES))}
        for number, conv in enumerate(self.convs):
            x = F.relu(conv(F.max_pool2d(x, 2) if number in starts else x))
            found.append(x)
        return found

    def forward(self, photo: Tensor, painting: Tensor, steps: int) -> Tensor:
        """The picture (1, 3, H, W) in [0, 1] after so many evaluations, from pixels in [0, 1]."""

        def grams(found: list[Tensor]) -> list[Tensor]:
            flat = [found[layer].flatten(2)[0] for layer in STYLE]
            return [x @ x.T / x.shape[1] for x in flat]

        start = self.preprocessing(photo)
        with torch.no_grad():
            content, style = self.features(start)[CONTENT], grams(self.features(self.preprocessing(painting)))
        pixels = start.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([pixels], max_iter=steps, max_eval=steps)

        def closure() -> Tensor:
            optimizer.zero_grad()
            found = self.features(pixels)
            loss = F.mse_loss(found[CONTENT], content)
            terms = zip(grams(found), style, WIDTHS, strict=True)
            loss = loss + sum(STYLE_WEIGHT / width**2 * F.mse_loss(a, b) for a, b, width in terms)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]
        return self._seen(pixels.detach()).clamp(0, 1)

    def _seen(self, prepared: Tensor) -> Tensor:
        """Pixels in [0, 1] from what the network takes."""
        mean, std = (torch.tensor(x).view(1, 3, 1, 1) for x in (self.preprocessing.mean, self.preprocessing.std))
        return (prepared.flip(1) if self.preprocessing.bgr else prepared) * std + mean
