"""The style value of Gatys' method: feature statistics per size and layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from brushwork.color import ColorMoments
from brushwork.losses.style import Target, packed, unpacked

__all__ = ["GatysStyle"]

_MEAN, _COVARIANCE = "colors/mean", "colors/covariance"  # in a file


@dataclass(frozen=True)
class GatysStyle:
    """Feature statistics of a style.

    Args:
        targets: Longer side of the image it is used on → layer → name → tensor; the names are those of
            `brushwork.losses.style.Statistic.keeps`.
        colors: The painting's colors, for `init="recolored"`; None in styles saved by earlier versions.
    """

    targets: Mapping[int, Mapping[str, Target]]
    colors: ColorMoments | None = None

    def nearest(self, size: int) -> Mapping[str, Target]:
        """Return the statistics for an image whose longer side is `size`, or for the nearest available size."""
        return self.targets[min(self.targets, key=lambda known: abs(known - size))]

    def rescaled(self, factor: float) -> GatysStyle:
        """Return the statistics of a painting `factor` times as large, relative to the image, as far as they are known.

        A painting of 512 px is used on images of 512 px; at half the scale, on images of 1024 px.
        """
        return replace(self, targets={max(1, round(size / factor)): found for size, found in self.targets.items()})

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
        targets = {
            size: {layer: mixed([value.nearest(size)[layer] for value in values], shares) for layer in layers}
            for size, layers in max(values, key=lambda value: len(value.targets)).targets.items()
        }
        colors = [value.colors for value in values if value.colors is not None]
        return cls(targets, ColorMoments.mixture(colors, shares) if len(colors) == len(values) else None)

    def tensors(self, precision: float | None = None) -> dict[str, Tensor]:
        """Return tensors for a file: "384/relu1_1/gram" → the upper triangle in bfloat16 or less, see `packed`."""
        colors = {}
        if self.colors is not None:
            colors = {_MEAN: self.colors.mean.float(), _COVARIANCE: self.colors.covariance.float()}
        return colors | {
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
        for place, tensor in tensors.items():
            if place in (_MEAN, _COVARIANCE):
                continue
            size, rest = place.split("/", 1)
            layer, name = rest.rsplit("/", 1)  # a layer's name may contain a slash too
            targets.setdefault(int(size), {}).setdefault(layer, {})[name] = unpacked(name, tensor)
        return cls(targets, colors)
