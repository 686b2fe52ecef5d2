"""The loss of a network that paints: seen through another network, near the photo in content, a painting in style."""

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

OUTSIDE = 10.0  # weight of what leaves [0, 1]
CRITIC_LAYER = "relu3_1"  # whose patches the critic sees; Li and Wand 2016, section 4
SEEN = (-0.1, 1.1)  # what the loss network is shown: what is out of range is pulled back by its distance alone


class PerceptualLoss:
    """Content, style, smoothness and what else counts of pictures, each in its style; with a critic, if one is wanted.

    Args:
        settings: Its weights and layers.
        paintings: Pixels (1, 3, H, W) in [0, 1] each; none, where they change from picture to picture.
        device: Where it runs.

    Source: Johnson et al. 2016, arXiv:1603.08155, section 3.2 and eq. 5; for several styles Dumoulin et al. 2017,
        arXiv:1610.07629, section 2.
    Differs: errors are relative to their targets, so that one weight means the same through any loss network; an error
        of style above 1 counts by its root, so that a hard painting doesn't outweigh the others.
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
        """What the critic sees of paintings (B, 3, H, W)."""
        return self.network(paintings.to(self.device), [CRITIC_LAYER])[CRITIC_LAYER]

    @torch.no_grad()
    def grams(self, paintings: Tensor) -> dict[str, Tensor]:
        """Gram matrices (B, C, C) of paintings by layer."""
        found = self.network(paintings.to(self.device), self.settings.style_layers)
        return {layer: gram_matrix(features) for layer, features in found.items()}

    def facts(self) -> dict[str, str]:
        """What must be the same for a training to be gone on with."""
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
        """The weighted terms, scalars.

        Args:
            pictures: (B, 3, H, W), about [0, 1].
            photos: Of the same shape; None for textures, which have no content.
            targets: Gram matrices of each picture's style by layer, (B, C, C) or (1, C, C).
            styles: Which painting is each picture's, (B,), for the critic; None: the first.
            paintings: Where they change: each picture's, (B, 3, H, W), for the critic.
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
        """What the network learns from its critic, which stands still there, and what the critic learns from it."""
        if paintings is None:
            different = sorted(set(styles.tolist()))
            judged = {style: critic(self._real[style], styles.new_tensor([style])) for style in different}
            real = [judged[int(style)] for style in styles]
        else:
            real = [critic(self._patches(paintings), styles)]
        deceived, told = both_losses(critic, features, styles, real, self.settings.adversarial_loss)
        return {"adversarial": self.settings.adversarial_weight * deceived, "critic": told}

    def paint(self, network: nn.Module, *inputs: Any) -> tuple[Tensor, Tensor]:
        """What a network makes of its inputs, in bfloat16 where that is faster, and the weighted term of its spikes."""
        mixed = torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)
        with activation_outliers(network) as found, mixed:
            pictures = network(*inputs).float()
        return pictures, self.settings.spike_weight * torch.stack(found).mean()


def at_size(painting: Tensor, size: int) -> Tensor:
    """A painting (1, 3, H, W) with its longer side brought to a size, in pixels."""
    height, width = painting.shape[2:]
    factor = size / max(height, width)
    return resize(painting, (max(32, round(width * factor)), max(32, round(height * factor))))


def bounded(errors: Tensor) -> Tensor:
    """Errors up to 1 as they are, beyond it growing as the distance, not as its square."""
    return torch.where(errors < 1, errors, 2 * errors.clamp_min(1e-8).sqrt() - 1)
