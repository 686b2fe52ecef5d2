"""From a painting to its code; the same as `StyleEncoder` of AdaIN-lite."""

from __future__ import annotations

import numpy as np

from brushwork.errors import UsageError
from brushwork.lite.arrays import BICUBIC, BILINEAR, pooled, resized
from brushwork.lite.models import Model
from brushwork.lite.network import MULTIPLE
from brushwork.lite.recoloring import color_code
from brushwork.lite.sessions import open_session
from brushwork.lite.tensors import MODELS, Array, read_tensors

__all__ = ["STYLE_SIZE", "Coder"]

STYLE_SIZE, STROKE_SIZE = 256, 384  # see `brushwork.methods.adain_lite.method`
LAST = 4  # of the layers of the encoder's own small network
RARE = 8.0  # clips a painting's statistics at this many standard deviations
SOFTENING = 1e-5  # added to variances


class Coder:
    """The style encoder of AdaIN-lite.

    Args:
        provider: What computes; see `brushwork.lite.sessions`.
        model: Whose style encoder.
    """

    def __init__(self, provider: str, model: Model) -> None:
        self._architecture, self._tensors = model.architecture, model.tensors("coder")
        layers = model.architecture.layers
        last, taps = layers[-1][4:], [f"tap{layer[4:]}.weight" for layer in layers]
        network, _ = read_tensors(
            MODELS / "vgg19-slim.safetensors",
            lambda name: name in taps or (name.startswith("conv") and name[4:7] <= last),
        )
        self._taps = [network.pop(tap)[:, :, 0, 0] for tap in taps]
        self._features = open_session(f"{model.architecture.graphs}features", network, provider)

    def encode(self, painting: Array, mask: Array | None = None, *, scale: float = 1.0) -> Array:
        """Return the code of a painting, with its colors if the network has them.

        Args:
            painting: Pixels (3, H, W) in [0, 1].
            mask: Weight of each pixel, (1, H, W) in [0, 1].
            scale: Of the painting relative to the photo; smaller values give finer strokes.

        Raises:
            UsageError: The mask is 0 everywhere.
        """
        height, width = painting.shape[1:]
        factor = max(1, round(STYLE_SIZE * scale)) / max(height, width)
        width, height = (max(MULTIPLE, round(side * factor)) for side in (width, height))
        seen = resized(painting, (width, height), BICUBIC)
        return self._code(seen, None if mask is None else pooled(mask, height, width))

    def encode_photo(self, photo: Array, mask: Array | None = None) -> Array:
        """Return the code of a photo's own style; arguments as in `encode`."""
        height, width = (int(side * (STYLE_SIZE / STROKE_SIZE)) for side in photo.shape[1:])
        box = (0.0, 0.0, width * STROKE_SIZE / STYLE_SIZE, height * STROKE_SIZE / STYLE_SIZE)
        seen = [None if x is None else resized(x, (width, height), BILINEAR, box=box) for x in (photo, mask)]
        assert seen[0] is not None
        return self._code(seen[0], seen[1])

    def _code(self, pixels: Array, mask: Array | None) -> Array:
        features = self._features.run({"painting": pixels[None]})
        colors = mean, spread = _moments(pixels, mask)
        found = [mean, _upper(spread) * 10]
        layers = self._architecture.layers
        for layer, tap, unit, each in zip(layers, self._taps, self._tensors["unit"], features, strict=True):
            mean, spread = _moments(each[0], mask)
            mean, spread = tap @ mean / unit, tap @ spread @ tap.T / unit**2  # taps are linear
            directions = self._tensors[f"directions.{layer}"]
            std = np.sqrt(np.maximum(spread.diagonal(), 0) + SOFTENING)
            found += [mean, std, _upper(directions @ spread @ directions.T)]
        typical = (np.concatenate(found) - self._tensors["mean"]) / self._tensors["std"]
        x = np.clip(typical, -RARE, RARE).astype(np.float32)
        for number in (0, 2, LAST):
            weight, bias = (self._tensors[f"layers.{number}.{of}"] for of in ("weight", "bias"))
            x = weight @ x + bias if number == LAST else np.maximum(weight @ x + bias, 0)
        code: Array = np.concatenate([x, color_code(*colors)]) if self._architecture.colors else x
        return code


def _moments(features: Array, mask: Array | None) -> tuple[Array, Array]:
    """Return mean (C,) and covariance (C, C) of features (C, h, w), as E[f fᵀ] - E[f] E[f]ᵀ."""
    flat = features.reshape(len(features), -1)
    if mask is None:
        mean, gram = flat.mean(1), flat @ flat.T / flat.shape[1]
    else:
        weights = pooled(mask, *features.shape[1:]).reshape(1, -1)
        if not weights.sum() > 0:
            raise UsageError("the mask leaves nothing of the painting; paint part of it white")
        weighted = flat * (weights / weights.sum())
        mean, gram = weighted.sum(1), weighted @ flat.T
    return mean, gram - mean[:, None] * mean


def _upper(matrix: Array) -> Array:
    result: Array = matrix[np.triu_indices(len(matrix))]
    return result
