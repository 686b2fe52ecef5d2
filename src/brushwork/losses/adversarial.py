"""Adversarial loss: a critic learns to tell patches of paintings from a network's, which learns to fool it.

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
    """Scores how much each patch of features looks like one from the painting.

    Args:
        channels: Number of feature channels of the loss network.
        styles: Number of paintings; each has its own output.

    Source: Li and Wand 2016, section 4: a small network on VGG-19's features, which sees patches.
    Differs: spectral normalization instead of batch normalization; several styles share all layers but the last.
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
        """Return scores (B, H', W') for features (B, C, H, W), scaled to unit RMS, by each one's style (B,)."""
        scale = features.square().mean((1, 2, 3), keepdim=True).add(1e-8).rsqrt()
        judged = self.layers(features * scale)
        return judged[torch.arange(len(judged)), styles]  # type: ignore[no-any-return]


def both_losses(
    critic: PatchCritic, features: Tensor, styles: Tensor, real: Sequence[Tensor], kind: str
) -> tuple[Tensor, Tensor]:
    """Return the losses of network and critic, each computed with the other one frozen.

    Args:
        critic: The critic.
        features: Features of the network's images, (B, C, H, W).
        styles: Style index of each image, (B,).
        real: The critic's scores for paintings.
        kind: See `critic_loss`.
    """
    still = {name: parameter.detach() for name, parameter in critic.named_parameters()}
    deceived = painter_loss(torch.func.functional_call(critic, still, (features, styles)), kind)
    return deceived, critic_loss(real, critic(features.detach(), styles), kind)


def critic_loss(real: Sequence[Tensor], painted: Tensor, kind: str) -> Tensor:
    """Return the loss that the critic minimizes.

    Args:
        real: Its scores for paintings, of any sizes.
        painted: Its scores for the network's images.
        kind: "hinge" (no loss beyond 1 and -1) or "least-squares" (targets 1 and 0).
    """
    judged = torch.stack([_missing(judgments, kind) for judgments in real]).mean()
    wrong = F.relu(1 + painted) if kind == "hinge" else painted.square()
    return judged + wrong.mean()


def _missing(real: Tensor, kind: str) -> Tensor:
    return F.relu(1 - real).mean() if kind == "hinge" else (real - 1).square().mean()


def painter_loss(painted: Tensor, kind: str) -> Tensor:
    """Return the loss that the generator minimizes; see `critic_loss`."""
    return -painted.mean() if kind == "hinge" else (painted - 1).square().mean()
