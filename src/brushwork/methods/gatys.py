"""Optimize pixels until they have the photo's features and the painting's Gram matrices.

Source: Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks", CVPR; and 2015,
"A Neural Algorithm of Artistic Style", arXiv:1508.06576. What differs: docs/methods/gatys.md.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.device import choose_dtype
from brushwork.errors import Interrupted, UsageError
from brushwork.features import FeatureNetwork, load_network
from brushwork.image import check_pixels, resize
from brushwork.losses.content import content_loss, relative_error
from brushwork.losses.gram import gram_loss
from brushwork.losses.regularizers import total_variation
from brushwork.methods.base import Declaration
from brushwork.optimization import PixelOptimizer
from brushwork.progress import Progress, Step
from brushwork.settings import Gatys
from brushwork.statistics import gram_matrix

__all__ = ["GatysMethod", "GatysStyle", "Objective", "Scale", "plan_scales"]

SMALLEST = 32  # relu5_1 sees a sixteenth of the picture: two positions each way
COARSEST = 128  # longer side at which the pyramid begins; below it a painting's strokes are gone
FINER = 0.6  # each scale gets this share of the steps of the one before: small pictures take most of them


@dataclass(frozen=True)
class Scale:
    """One level of the pyramid: width and height in pixels, and optimization steps."""

    width: int
    height: int
    steps: int


@dataclass(frozen=True)
class GatysStyle:
    """Gram matrices of a style.

    Args:
        grams: Longer side of the picture it is used on → layer → Gram matrix (1, C, C).
    """

    grams: Mapping[int, Mapping[str, Tensor]]

    def nearest(self, size: int) -> Mapping[str, Tensor]:
        """Gram matrices for a picture whose longer side is `size`, or of the nearest size there is."""
        return self.grams[min(self.grams, key=lambda known: abs(known - size))]

    def tensors(self) -> dict[str, Tensor]:
        """As a file holds it: "384/relu1_1" → the upper triangle, (C (C + 1) / 2), in bfloat16 (float16 overflows)."""
        return {
            f"{size}/{layer}": gram[0][tuple(torch.triu_indices(*gram.shape[1:]))].bfloat16().cpu()
            for size, grams in self.grams.items()
            for layer, gram in grams.items()
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> GatysStyle:
        """The inverse of `tensors`, to bfloat16's precision."""
        grams: dict[int, dict[str, Tensor]] = {}
        for name, triangle in tensors.items():
            size, _, layer = name.partition("/")
            channels = round((2 * len(triangle) + 0.25) ** 0.5 - 0.5)
            full = torch.zeros(channels, channels)
            full[tuple(torch.triu_indices(channels, channels))] = triangle.float()
            grams.setdefault(int(size), {})[layer] = (full + full.triu(1).mT)[None]
        return cls(grams)


def plan_scales(width: int, height: int, settings: Gatys) -> list[Scale]:
    """The pyramid: each scale twice the one before, most steps where they are cheap.

    Args:
        width: Of the result, in pixels.
        height: Of the result.
        settings: `steps` in all; `scales`, of which 0 chooses as many as fit above 128 px.

    >>> [(s.width, s.steps) for s in plan_scales(512, 384, Gatys(steps=98))]
    [(128, 50), (256, 30), (512, 18)]
    """
    longer, count = max(width, height), settings.scales
    if not count:
        count = 1
        while longer / 2**count >= COARSEST:
            count += 1
    count = min(count, settings.steps)
    shares = [FINER**level for level in range(count)]
    steps = [max(1, round(settings.steps * share / sum(shares))) for share in shares]
    steps[0] = max(1, steps[0] + settings.steps - sum(steps))
    factors = [0.5 ** (count - 1 - level) for level in range(count)]
    return [
        Scale(max(1, round(width * factor)), max(1, round(height * factor)), n)
        for factor, n in zip(factors, steps, strict=True)
    ]


@dataclass(frozen=True)
class Objective:
    """The loss of a picture: α·content + β·style + total variation.

    Args:
        network: Feature network.
        settings: Weights, layers and the form of the loss.
        content: Layer → the photo's features (1, C, h, w).
        style: Layer → Gram matrix (1, C, C).
    """

    network: FeatureNetwork
    settings: Gatys
    content: Mapping[str, Tensor]
    style: Mapping[str, Tensor]

    def __call__(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and its weighted terms, of pixels (1, 3, H, W).

        Source: Gatys et al. 2016, eq. 7 (total), 1 (content), 4 and 5 (style).
        """
        settings = self.settings
        features = self.network(pixels, {*self.content, *self.style})
        paper = settings.loss == "paper"
        content, style = (content_loss, gram_loss) if paper else (relative_error, relative_error)
        zero = pixels.new_zeros(())
        terms = {
            "content": settings.content_weight
            * sum((w * content(features[k], self.content[k]) for k, w in self._weights("content")), zero),
            "style": settings.style_weight
            * sum((w * style(gram_matrix(features[k]), self.style[k]) for k, w in self._weights("style")), zero),
        }
        if settings.tv_weight:
            terms["tv"] = settings.tv_weight * total_variation(pixels)
        return sum(terms.values(), zero), terms

    def _weights(self, kind: str) -> list[tuple[str, float]]:
        layers = getattr(self.settings, f"{kind}_layers")
        if not getattr(self.settings, f"{kind}_weight"):
            return []
        # Equal weights sum to 1: w_l = 1/5 for five style layers, as in the paper (section 3).
        weights = getattr(self.settings, f"{kind}_layer_weights") or [1 / len(layers)] * len(layers)
        return list(zip(layers, weights, strict=True))


class GatysMethod:
    """Neural style transfer by optimization.

    Args:
        settings: All options.
        device: Where it runs.
        network: Another feature network than `settings.network`; its layers must be named in the settings.

    Raises:
        WeightsError: The network's weights are not on this machine; says what to do.
    """

    declaration = Declaration(inputs="content+style", smallest=SMALLEST, tiling="inside", blends=True, init=True)

    def __init__(
        self, settings: Gatys, device: torch.device | str = "cpu", *, network: FeatureNetwork | None = None
    ) -> None:
        self.settings, self.device = settings, torch.device(device)
        self.dtype = choose_dtype(settings.precision, self.device)
        self._recipe: dict[str, Any] = {"weights": None, "dtype": str(self.dtype).removeprefix("torch.")}
        if network is None:
            loaded = load_network(
                settings.network,
                device=self.device,
                dtype=self.dtype,
                pooling=settings.pooling,
                padding=settings.padding,
            )
            network = loaded.network
            self._recipe["weights"] = {"name": loaded.weights.record.name, "sha256": loaded.weights.sha256}
        self.network = network
        self.network(
            torch.zeros(1, 3, SMALLEST, SMALLEST, device=self.device), self._layers
        )  # unknown layers fail here

    @property
    def _layers(self) -> set[str]:
        return {*self.settings.content_layers, *self.settings.style_layers}

    def recipe(self) -> dict[str, Any]:
        """Weights and dtype."""
        return dict(self._recipe)

    def save_style(self, style: GatysStyle) -> dict[str, Tensor]:
        """A style value as tensors for a file."""
        return style.tensors()

    def load_style(self, tensors: Mapping[str, Tensor]) -> GatysStyle:
        """A style value from a file's tensors."""
        return GatysStyle.from_tensors(tensors)

    def sizes(self, width: int, height: int) -> list[int]:
        """Longer sides of the pyramid for a picture of this size."""
        return [max(s.width, s.height) for s in plan_scales(*_at_least(width, height), self.settings)]

    @torch.no_grad()
    def encode_style(self, image: Tensor, *, sizes: Sequence[int], mask: Tensor | None = None) -> GatysStyle:
        """Gram matrices of a painting at each size.

        Args:
            image: Pixels (1, 3, H, W) in [0, 1].
            sizes: Longer sides of the pictures it will be used on; the painting is brought to the same longer side,
                times `style_scale`.
            mask: How much each pixel counts, (1, 1, H, W) in [0, 1].

        Raises:
            UsageError: Not pixels; a mask of another size, or one that leaves nothing.
        """
        check_pixels(image)
        if mask is not None and mask.shape[2:] != image.shape[2:]:
            raise UsageError(
                f"expected a mask of {tuple(image.shape[2:])} like its picture, got {tuple(mask.shape[2:])}"
            )
        return GatysStyle({size: self._grams(image, size, mask) for size in sizes})

    def _grams(self, image: Tensor, size: int, mask: Tensor | None) -> dict[str, Tensor]:
        height, width = image.shape[2:]
        factor = size * self.settings.style_scale / max(width, height)
        at_scale = _at_least(round(width * factor), round(height * factor))
        small = resize(image, at_scale).to(self.device)
        small_mask = None if mask is None else F.adaptive_avg_pool2d(mask, at_scale[::-1]).to(self.device)
        features = self.network(small, self.settings.style_layers)
        return {layer: gram_matrix(found, small_mask) for layer, found in features.items()}

    def blend(self, values: Sequence[GatysStyle], weights: Sequence[float]) -> GatysStyle:
        """Weighted mean of Gram matrices.

        The gradient is the same as that of the weighted sum of the styles' losses: Σ w ‖G - A‖² = ‖G - Σ w A‖² +
        const for weights that sum to 1.

        Raises:
            UsageError: No styles, weights that are negative or sum to 0.
        """
        if not values or len(values) != len(weights) or min(weights) < 0 or not sum(weights) > 0:
            raise UsageError(f"expected a weight of at least 0 per style and a sum above 0, got {list(weights)}")
        shares = [weight / sum(weights) for weight in weights]
        return GatysStyle(
            {
                size: {
                    layer: torch.stack([w * v.nearest(size)[layer] for v, w in zip(values, shares, strict=True)]).sum(0)
                    for layer in grams
                }
                for size, grams in max(values, key=lambda value: len(value.grams)).grams.items()
            }
        )

    def estimate_seconds(self, width: int, height: int) -> float:
        """Time some steps on a small picture and scale by pixels and steps."""
        probe = torch.full((1, 3, 128, 128), 0.5)
        style = self.encode_style(probe, sizes=[128])
        short = replace(self.settings, steps=4, scales=1, init="content")
        seconds: list[float] = []
        _Run(self.network, short, probe.to(self.device), style, None, lambda step: seconds.append(step.seconds)).go()
        per_pixel = (seconds[-1] - seconds[0]) / (len(seconds) - 1) / probe[0, 0].numel()  # the first one warms up
        return sum(s.steps * s.width * s.height for s in plan_scales(width, height, self.settings)) * per_pixel

    def __call__(
        self,
        content: Tensor,
        style: GatysStyle,
        *,
        init: Tensor | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """Pixels with the content's features and the style's Gram matrices.

        Args:
            content: Pixels (1, 3, H, W) in [0, 1].
            style: From `encode_style` or `blend`.
            init: First picture, pixels (1, 3, h, w) of any size; needed only where `settings.init` is "style" or a
                file's name. "content" and "noise" are made here.
            progress: Called after each step; what it raises ends the work.

        Returns:
            Pixels (1, 3, H, W) in [0, 1].

        Raises:
            UsageError: Not pixels, more than one picture, or a style of another network or of other layers.
            Interrupted: On Ctrl-C, or raised by `progress`; `error.best` holds the best pixels so far.
        """
        check_pixels(content)
        if len(content) != 1:
            raise UsageError(f"expected one picture of shape (1, 3, H, W), got {tuple(content.shape)}")
        height, width = content.shape[2:]
        padded_width, padded_height = _at_least(width, height)
        padding = (0, padded_width - width, 0, padded_height - height)
        run = _Run(self.network, self.settings, F.pad(content, padding, mode="replicate"), style, init, progress)
        run.content = run.content.to(self.device)
        try:
            return run.go()[:, :, :height, :width].cpu().contiguous()
        except (KeyboardInterrupt, Interrupted) as stop:
            best = run.best(padded_width, padded_height)
            raise Interrupted(
                "stopped before the end", None if best is None else best[:, :, :height, :width].cpu().contiguous()
            ) from stop


class _Run:
    """One picture on its way through the pyramid."""

    def __init__(
        self,
        network: FeatureNetwork,
        settings: Gatys,
        content: Tensor,
        style: GatysStyle,
        init: Tensor | None,
        progress: Progress | None,
    ) -> None:
        self.network, self.settings, self.style = network, settings, style
        self.content, self.init, self.progress = content, init, progress
        self.scales = plan_scales(content.shape[3], content.shape[2], settings)
        self.work_done, self.steps_done, self.started = 0, 0, time.perf_counter()
        self.optimizer: PixelOptimizer | None = None

    def go(self) -> Tensor:
        """The result, from coarse to fine."""
        for scale in self.scales:
            size = (scale.width, scale.height)
            first = self._first(size) if self.optimizer is None else resize(self.optimizer.best_pixels, size)
            self.optimizer = PixelOptimizer(
                first,
                self._objective(size),
                kind=self.settings.optimizer,
                rate=self.settings.learning_rate,
                warm=self.optimizer,
            )
            for _ in range(scale.steps):
                self._report(scale, *self.optimizer.step())
        assert self.optimizer is not None  # there is at least one scale
        return self.optimizer.best_pixels

    def best(self, width: int, height: int) -> Tensor | None:
        """The best picture so far at the result's size; None before the first step."""
        return None if self.optimizer is None else resize(self.optimizer.best_pixels, (width, height))

    def _first(self, size: tuple[int, int]) -> Tensor:
        if self.settings.init == "content":
            return resize(self.content, size)
        if self.settings.init == "noise":
            # Drawn on the CPU, so that every device starts from the same picture.
            noise = torch.rand(1, 3, size[1], size[0], generator=torch.Generator().manual_seed(self.settings.seed))
            return noise.to(self.content.device)
        if self.init is None:
            raise UsageError(f"init={self.settings.init!r} needs a picture; pass init=pixels")
        check_pixels(self.init)
        return resize(self.init, size).to(self.content.device)

    @torch.no_grad()
    def _objective(self, size: tuple[int, int]) -> Objective:
        layers = self.settings.content_layers if self.settings.content_weight else ()
        content = self.network(resize(self.content, size), layers) if layers else {}
        style = self.style.nearest(max(size)) if self.settings.style_weight else {}
        missing = set(self.settings.style_layers) - set(style)
        if style and missing:
            raise UsageError(f"this style has no Gram matrices of {', '.join(sorted(missing))}; encode it again")
        targets = {layer: style[layer].to(self.content.device) for layer in self.settings.style_layers if style}
        return Objective(self.network, self.settings, content, targets)

    def _report(self, scale: Scale, loss: float, terms: dict[str, float]) -> None:
        self.steps_done += 1
        self.work_done += scale.width * scale.height
        if self.progress is None:
            return
        work = sum(s.steps * s.width * s.height for s in self.scales)
        seconds = time.perf_counter() - self.started
        last = self.scales[-1]
        self.progress(
            Step(
                step=self.steps_done,
                steps=sum(s.steps for s in self.scales),
                loss=loss,
                terms=terms,
                size=(scale.width, scale.height),
                seconds=seconds,
                seconds_left=seconds / self.work_done * (work - self.work_done),
                preview=lambda: self.best(last.width, last.height),  # type: ignore[arg-type, return-value]
            )
        )


def _at_least(width: int, height: int) -> tuple[int, int]:
    return max(width, SMALLEST), max(height, SMALLEST)
