"""The style value of Gatys' method: feature statistics per size and layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from brushwork.color import ColorMoments
from brushwork.errors import UsageError
from brushwork.losses.local import mixed_windows
from brushwork.losses.style import STATISTICS, Target, packed, unpacked

__all__ = ["GatysStyle", "mixed_targets"]

_MEAN, _COVARIANCE = "colors/mean", "colors/covariance"  # in a file
_WINDOWS = "/windows"  # likewise, after the size


@dataclass(frozen=True)
class GatysStyle:
    """Feature statistics of a style.

    Args:
        targets: Longer side of the image it is used on → layer → name → tensor; the names are those of
            `brushwork.losses.style.Statistic.keeps`.
        colors: The painting's colors, for `init="recolored"`; None in styles saved by earlier versions.
        windows: Longer side of the image → moments of the painting's windows, see `brushwork.losses.local`; empty in
            styles saved by earlier versions, which have no local style.
        refined: The same through the second network, if there is one.
    """

    targets: Mapping[int, Mapping[str, Target]]
    colors: ColorMoments | None = None
    windows: Mapping[int, Tensor] = field(default_factory=dict)
    refined: GatysStyle | None = None

    def nearest(self, size: int) -> Mapping[str, Target]:
        """Return the statistics for an image whose longer side is `size`, or for the nearest available size."""
        return self.targets[min(self.targets, key=lambda known: abs(known - size))]

    def needed(self, size: int, layers: Sequence[str], statistic: str, device: torch.device) -> dict[str, Target]:
        """Return the statistics of some layers for an image whose longer side is `size`, on the device.

        Raises:
            UsageError: The style lacks some of them.
        """
        style = self.nearest(size)
        missing = [k for k in layers if set(style.get(k, ())) != set(STATISTICS[statistic].keeps)]
        if missing:
            raise UsageError(
                f"this style has no {statistic} statistics of {', '.join(missing)}; use the painting itself, or other "
                "style layers"
            )
        return {k: {name: tensor.to(device) for name, tensor in style[k].items()} for k in layers}

    def nearest_windows(self, size: int) -> Tensor | None:
        """Return the moments of windows for an image whose longer side is `size`; None if there are none."""
        return self.windows[min(self.windows, key=lambda known: abs(known - size))] if self.windows else None

    def rescaled(self, factor: float) -> GatysStyle:
        """Return the statistics of a painting `factor` times as large, relative to the image, as far as they are known.

        A painting of 512 px is used on images of 512 px; at half the scale, on images of 1024 px.
        """

        def sized(known: Mapping[int, Any]) -> dict[int, Any]:
            return {max(1, round(size / factor)): found for size, found in known.items()}

        refined = None if self.refined is None else self.refined.rescaled(factor)
        return replace(self, targets=sized(self.targets), windows=sized(self.windows), refined=refined)

    @classmethod
    def mixture(
        cls, values: Sequence[GatysStyle], shares: Sequence[float], mixed: Callable[..., dict[str, Tensor]]
    ) -> GatysStyle:
        """Return a blend of styles.

        Args:
            values: The styles; the blend has the sizes of the one that has most.
            shares: Their weights, of sum 1.
            mixed: Targets of a layer, shares → the blended target, see `brushwork.losses.style.Statistic.blend`.
        """
        most = max(values, key=lambda value: len(value.targets)).targets
        targets = {
            size: {layer: mixed([value.nearest(size)[layer] for value in values], shares) for layer in layers}
            for size, layers in most.items()
        }
        colors = [value.colors for value in values if value.colors is not None]
        windows = {size: mixed_windows([value.nearest_windows(size) for value in values], shares) for size in most}
        refined = [value.refined for value in values if value.refined is not None]
        return cls(
            targets,
            ColorMoments.mixture(colors, shares) if len(colors) == len(values) else None,
            {size: found for size, found in windows.items() if found is not None},
            cls.mixture(refined, shares, mixed) if len(refined) == len(values) else None,
        )

    def tensors(self, precision: float | None = None) -> dict[str, Tensor]:
        """Return tensors for a file: "384/relu1_1/gram" → the upper triangle in bfloat16 or less, see `packed`.

        What is known through the second network is a style of its own, `refined`.
        """
        colors = {}
        if self.colors is not None:
            colors = {_MEAN: self.colors.mean.float(), _COVARIANCE: self.colors.covariance.float()}
        windows = {f"{size}{_WINDOWS}": packed("windows", tensor) for size, tensor in self.windows.items()}
        return {**colors, **windows} | {
            f"{size}/{layer}/{name}": packed(name, tensor, precision)
            for size, layers in self.targets.items()
            for layer, target in layers.items()
            for name, tensor in target.items()
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> GatysStyle:
        """The inverse of `tensors`, to bfloat16's precision."""
        targets: dict[int, dict[str, dict[str, Tensor]]] = {}
        colors = None
        if _MEAN in tensors:
            colors = ColorMoments(tensors[_MEAN].double(), tensors[_COVARIANCE].double())
        windows = {
            int(place.removesuffix(_WINDOWS)): tensor.float()
            for place, tensor in tensors.items()
            if place.endswith(_WINDOWS)
        }
        for place, tensor in tensors.items():
            if place in (_MEAN, _COVARIANCE) or place.endswith(_WINDOWS):
                continue
            size, rest = place.split("/", 1)
            layer, name = rest.rsplit("/", 1)  # a layer's name may contain a slash too
            targets.setdefault(int(size), {}).setdefault(layer, {})[name] = unpacked(name, tensor)
        return cls(targets, colors, windows)


def mixed_targets(
    styles: Sequence[Mapping[str, Target]],
    others: Sequence[Mapping[str, Target]],
    shares: Sequence[float],
    mixed: Callable[..., dict[str, Tensor]],
) -> list[dict[str, Target]]:
    """Return the statistics of each style mixed with those of another one, layer by layer."""
    return [
        {layer: mixed([style[layer], other[layer]], shares) for layer in style}
        for style, other in zip(styles, others, strict=True)
    ]
