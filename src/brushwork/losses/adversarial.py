"""An adversarial loss: a critic learns to tell a painting's patches from a network's, which learns to deceive it.

Source: Li and Wand 2016, "Precomputed Real-Time Texture Synthesis with Markovian Generative Adversarial Networks"
(MGAN), ECCV, arXiv:1604.04382. Least squares: Mao et al. 2017, arXiv:1611.04076. Spectral normalization: Miyato et al.
2018, arXiv:1802.05957.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["PatchCritic", "both_losses", "critic_loss", "painter_loss"]

WIDTH = 128


class PatchCritic(nn.Module):
    """Says of every patch of features how much it looks like one of the painting's.

    Args:
        channels: Of the features, which are a loss network's.
        styles: How many paintings; each has its own judgment.

    Source: Li and Wand 2016, section 4: a small network on VGG-19's features, which sees patches.
    Differs: spectral normalization for batch normalization; several styles share all layers but the last.
    """

    def __init__(self, channels: int, styles: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            spectral_norm(nn.Conv2d(channels, WIDTH, 3)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(WIDTH, WIDTH, 3)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(WIDTH, styles, 1)),
        )

    def forward(self, features: Tensor, styles: Tensor) -> Tensor:
        """Judgments (B, H', W') of features (B, C, H, W), brought to unit scale, as of each one's style, (B,)."""
        scale = features.square().mean((1, 2, 3), keepdim=True).add(1e-8).rsqrt()
        judged = self.layers(features * scale)
        return judged[torch.arange(len(judged)), styles]  # type: ignore[no-any-return]


def both_losses(
    critic: PatchCritic, features: Tensor, styles: Tensor, real: Sequence[Tensor], kind: str
) -> tuple[Tensor, Tensor]:
    """What network and critic minimize, each while the other stands still.

    Args:
        critic: It.
        features: Of pictures, (B, C, H, W).
        styles: Which is each one's, (B,).
        real: The critic's judgments of paintings.
        kind: See `critic_loss`.
    """
    still = {name: parameter.detach() for name, parameter in critic.named_parameters()}
    deceived = painter_loss(torch.func.functional_call(critic, still, (features, styles)), kind)
    return deceived, critic_loss(real, critic(features.detach(), styles), kind)


def critic_loss(real: Sequence[Tensor], painted: Tensor, kind: str) -> Tensor:
    """What the critic minimizes.

    Args:
        real: Its judgments of paintings, of any sizes.
        painted: Of the network's pictures.
        kind: "hinge" (1 and -1 are enough) or "least-squares" (1 and 0 are right).
    """
    judged = torch.stack([_missing(judgments, kind) for judgments in real]).mean()
    wrong = F.relu(1 + painted) if kind == "hinge" else painted.square()
    return judged + wrong.mean()


def _missing(real: Tensor, kind: str) -> Tensor:
    return F.relu(1 - real).mean() if kind == "hinge" else (real - 1).square().mean()


def painter_loss(painted: Tensor, kind: str) -> Tensor:
    """What the network minimizes that is judged; see `critic_loss`."""
    return -painted.mean() if kind == "hinge" else (painted - 1).square().mean()
