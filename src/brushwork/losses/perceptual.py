"""The perceptual loss for training networks: content and style distances in the features of a loss network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from brushwork.image import resize
from brushwork.losses.adversarial import PatchCritic, both_losses
from brushwork.losses.content import relative_errors
from brushwork.losses.regularizers import checkerboard_loss, low_frequency_color_loss, total_variation
from brushwork.nn import load_network
from brushwork.nn.statistics import gram_matrix
from brushwork.nn.transformation import activation_outliers
from brushwork.options.training import PerceptualTraining
from brushwork.runtime.device import choose_dtype

__all__ = ["OUTSIDE", "SEEN", "PerceptualLoss", "at_size", "bounded"]

OUTSIDE = 10.0  # weight of the penalty on values outside [0, 1]
CRITIC_LAYER = "relu3_1"  # layer whose patches the critic sees; Li and Wand 2016, section 4
SEEN = (-0.1, 1.1)  # range that the loss network's input is clamped to; only the penalty acts on values outside


class PerceptualLoss:
    """Weighted sum of content, style, smoothness and other loss terms, optionally with a critic.

    Args:
        settings: Weights and layers.
        paintings: Pixels (1, 3, H, W) in [0, 1] each; empty if every image has its own style.
        device: Where it runs.

    Source: Johnson et al. 2016, arXiv:1603.08155, section 3.2 and eq. 5; for several styles Dumoulin et al. 2017,
        arXiv:1610.07629, section 2.
    Differs: errors are relative to their targets, so that a weight has the same effect with any loss network; style
        errors above 1 count by their square root, so that a difficult painting doesn't outweigh the others.
    """

    def __init__(self, settings: PerceptualTraining, paintings: Sequence[Tensor], device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.dtype = choose_dtype(settings.precision, device)
        loaded = load_network(settings.loss_network, device=device, dtype=self.dtype)
        self.network, self._weights = loaded.network, loaded.weights.sha256
        self._paintings = hashlib.sha256(b"".join(x.cpu().numpy().tobytes() for x in paintings)).hexdigest()
        grams = [self.grams(painting) for painting in paintings]
        self.targets = {layer: torch.cat([g[layer] for g in grams]) for layer in settings.style_layers if grams}
        self.critic: PatchCritic | None = None
        if settings.adversarial_weight:
            self._real = [self._patches(painting) for painting in paintings]
            channels = self._patches(torch.zeros(1, 3, 32, 32)).shape[1]
            self.critic = PatchCritic(channels, max(1, len(paintings))).to(device)

    @torch.no_grad()
    def _patches(self, paintings: Tensor) -> Tensor:
        """Return the critic's input features for paintings (B, 3, H, W)."""
        return self.network(paintings.to(self.device), [CRITIC_LAYER])[CRITIC_LAYER]

    @torch.no_grad()
    def grams(self, paintings: Tensor) -> dict[str, Tensor]:
        """Return the Gram matrices (B, C, C) of paintings by layer."""
        found = self.network(paintings.to(self.device), self.settings.style_layers)
        return {layer: gram_matrix(features) for layer, features in found.items()}

    def facts(self) -> dict[str, str]:
        """Return the values that a checkpoint must match for training to be resumed."""
        dtype = str(self.dtype).removeprefix("torch.")
        return {"loss network": self._weights, "styles": self._paintings, "dtype": dtype}

    def __call__(
        self,
        pictures: Tensor,
        photos: Tensor | None,
        targets: Mapping[str, Tensor],
        styles: Tensor | None = None,
        paintings: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the weighted terms, scalars.

        Args:
            pictures: (B, 3, H, W), about [0, 1].
            photos: Of the same shape; None for textures, which have no content.
            targets: Gram matrices of each image's style by layer, (B, C, C) or (1, C, C).
            styles: Index of each image's painting, (B,), for the critic; None: the first.
            paintings: If every image has its own style: each image's, (B, 3, H, W), for the critic.
        """
        settings = self.settings
        wanted = set(settings.style_layers) | ({settings.content_layer} if photos is not None else set())
        wanted |= {CRITIC_LAYER} if self.critic else set()
        found = self.network(pictures.clamp(*SEEN).contiguous(memory_format=torch.channels_last), wanted)
        terms = {}
        if photos is not None:
            with torch.no_grad():
                content = self.network(photos, [settings.content_layer])[settings.content_layer]
            error = relative_errors(found[settings.content_layer], content).mean()
            terms["content"] = settings.content_weight * error
            terms["forms"] = settings.form_weight * low_frequency_color_loss(pictures, photos)
        errors = [
            bounded(relative_errors(gram_matrix(found[layer]), targets[layer])) for layer in settings.style_layers
        ]
        terms["style"] = settings.style_weight * torch.stack(errors).mean()
        terms["tv"] = settings.tv_weight * total_variation(pictures)
        terms["grid"] = settings.grid_weight * checkerboard_loss(pictures)
        terms["outside"] = OUTSIDE * (pictures - pictures.clamp(0, 1)).abs().mean()
        if self.critic is not None:
            which = torch.zeros(len(pictures), dtype=torch.long) if styles is None else styles
            terms |= self._adversarial(self.critic, found[CRITIC_LAYER], which, paintings)
        return terms

    def _adversarial(
        self, critic: PatchCritic, features: Tensor, styles: Tensor, paintings: Tensor | None
    ) -> dict[str, Tensor]:
        """Return the network's adversarial loss, with the critic frozen, and the critic's loss."""
        if paintings is None:
            different = sorted(set(styles.tolist()))
            judged = {style: critic(self._real[style], styles.new_tensor([style])) for style in different}
            real = [judged[int(style)] for style in styles]
        else:
            real = [critic(self._patches(paintings), styles)]
        deceived, told = both_losses(critic, features, styles, real, self.settings.adversarial_loss)
        return {"adversarial": self.settings.adversarial_weight * deceived, "critic": told}

    def paint(self, network: nn.Module, *inputs: Any) -> tuple[Tensor, Tensor]:
        """Run the network, in bfloat16 if faster; return its output and the weighted activation outlier penalty."""
        mixed = torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)
        with activation_outliers(network) as found, mixed:
            pictures = network(*inputs).float()
        return pictures, self.settings.spike_weight * torch.stack(found).mean()


def at_size(painting: Tensor, size: int) -> Tensor:
    """Return a painting (1, 3, H, W) with its longer side resized to `size` pixels."""
    height, width = painting.shape[2:]
    factor = size / max(height, width)
    return resize(painting, (max(32, round(width * factor)), max(32, round(height * factor))))


def bounded(errors: Tensor) -> Tensor:
    """Return errors unchanged up to 1, growing with the distance and not its square beyond it."""
    return torch.where(errors < 1, errors, 2 * errors.clamp_min(1e-8).sqrt() - 1)
