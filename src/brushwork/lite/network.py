"""The network of AdaIN-lite: kernels from a code, in NumPy, and the three graphs that a picture passes, by onnxruntime.

The same as `brushwork.methods.adain_lite.network`, from whose tensors and code it is made (`lite/build_graphs.py`). The
graphs hold no weights: they are filled in when a session is opened, so that a style's kernels are constants to
onnxruntime, and one file of weights serves all graphs. Each architecture has its own, since they know sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from brushwork.lite.models import Model
from brushwork.lite.sessions import Session, open_session
from brushwork.lite.tensors import Array

__all__ = ["HALO", "MOST_STYLES", "MULTIPLE", "PaintingNetwork", "PaintingWeights"]

MULTIPLE = 16  # sides are padded to multiples of this many pixels
HALO = 160  # radius of the receptive field in pixels
MOST_STYLES = 4  # side by side
ENLARGING = ("to half", "to full")  # layers whose kernels are equal in groups of four, see `ModulatedConv`
PARTS = {
    "head": ("first",),
    "body": (
        "first norm", "to eighth", "eighth 1", "eighth 2", "to sixteenth", "sixteenth 1", "sixteenth 2",
        "from sixteenth", "from eighth", "last",
    ),
    "tail": ("last norm", "strokes", "to half", "detail", "to full"),
}  # fmt: skip
FIXED = {"head": ("edges", "enter"), "body": (), "tail": ("edges",)}


class PaintingWeights:
    """The weights of the painter, and the kernels that it has for a style.

    Args:
        model: Whose painter.
    """

    def __init__(self, model: Model) -> None:
        self.architecture, self._tensors = model.architecture, model.tensors("painter")

    def of(self, part: str, codes: Sequence[Array]) -> dict[str, Array]:
        """Return what a graph wants, by the names that it has there."""
        found = {f"painter.{layer}.{of}": self._tensors[f"{layer}.{of}"] for layer in FIXED[part] for of in _KINDS}
        for number, code in enumerate(code[: self.architecture.code] for code in codes):
            for layer in PARTS[part]:
                pair = self._norm(layer, code) if layer.endswith("norm") else self._conv(layer, code)
                found |= {f"{layer}.{of} of style {number}": value for of, value in zip(_KINDS, pair, strict=True)}
        return found

    def _conv(self, layer: str, code: Array) -> tuple[Array, Array]:
        """Return kernel and bias; see `ModulatedConv`."""
        plain, bias, down, up = (self._tensors[f"styled.{layer}.{of}"] for of in ("weight", "bias", "down", "up"))
        width, channels, rank = len(plain), plain.shape[1] // 9, len(down)
        parts: list[Array] = np.split(self._linear(layer, code), np.cumsum([channels, width, rank]))
        a, b, m, c = parts
        weight: Array = np.reshape(plain + (up * m) @ down, (width, channels, 3, 3))
        weight *= ((1 + b)[:, None] * (1 + a))[:, :, None, None]
        bias = bias + c
        if layer in ENLARGING:
            weight -= (_centered(weight.sum((2, 3))) / 9)[:, :, None, None]
            bias = bias - _centered(bias)
        return weight, bias

    def _norm(self, layer: str, code: Array) -> tuple[Array, Array]:
        scale, shift = np.split(self._linear(layer, code), 2)
        return 1 + scale, shift

    def _linear(self, layer: str, code: Array) -> Array:
        result: Array = (
            self._tensors[f"styled.{layer}.shape.weight"] @ code + self._tensors[f"styled.{layer}.shape.bias"]
        )
        return result


_KINDS = ("weight", "bias")


def _centered(x: Array) -> Array:
    """Subtract from each group of four rows its mean."""
    result: Array = x - np.repeat(x.reshape(-1, 4, *x.shape[1:]).mean(1), 4, 0)
    return result


class PaintingNetwork:
    """The painter in one style, or in several side by side.

    Args:
        weights: Its weights.
        codes: Of the styles.
        provider: What computes; see `brushwork.lite.sessions`.
    """

    def __init__(self, weights: PaintingWeights, codes: Sequence[Array], provider: str) -> None:
        sizes, count = weights.architecture, len(codes)
        self.colors = [code[sizes.code :] for code in codes] if sizes.colors else None  # that the whole is to have
        self._sessions: Mapping[str, Session] = {
            part: open_session(f"{sizes.graphs}{part}-{count}", weights.of(part, codes), provider) for part in PARTS
        }

    def head(self, tile: Array, shares: Array | None) -> Array:
        """Return the features whose moments the first normalization needs, from pixels (1, 3, H, W)."""
        return self._run("head", {"tile": tile}, shares)

    def body(self, first: Array, moments: Mapping[str, Array], shares: Array | None) -> Array:
        """Return the features whose moments the last normalization needs."""
        return self._run("body", {"first": first, **moments}, shares)

    def tail(self, last: Array, tile: Array, moments: Mapping[str, Array], shares: Array | None) -> Array:
        """Return the picture, (1, 3, H, W), about [0, 1], before its colors are set."""
        return self._run("tail", {"last": last, "tile": tile, **moments}, shares)

    def _run(self, part: str, inputs: Mapping[str, Array], shares: Array | None) -> Array:
        return self._sessions[part].run(inputs if shares is None else {**inputs, "shares": shares})[0]
