"""AdaIN-lite for a batch of small pictures, each in a style of its own, in one pass.

A layer's kernel for a code is (1 + b) ⊙ (W + U diag(m) V) ⊙ (1 + a), see `ModulatedConv`. Only a, b, m and the bias
differ between the pictures of a batch. So the pictures are scaled by 1 + a, pass one convolution with W and V stacked,
and a product with the small matrix of their code does the rest. It is the same function as `Generator`, but for
rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.methods.adain_lite.colors import recolor
from brushwork.methods.adain_lite.method import STROKE_SIZE, STYLE_SIZE, AdaINLiteStyleNetwork
from brushwork.methods.adain_lite.network import Generator, ModulatedConv, ModulatedNorm, center_groups

__all__ = ["BatchPainter"]


class Kernel(NamedTuple):
    """What all pictures share of a convolution: (width + rank, channels, 3, 3), and its sums if it enlarges."""

    weight: Tensor
    sums: Tensor | None


class BatchPainter:
    """Paints batches, one style per picture.

    Args:
        network: The network, on its device.
    """

    def __init__(self, network: AdaINLiteStyleNetwork) -> None:
        self.network = network
        generator: Generator = network.generator
        self.layers: Mapping[str, ModulatedConv | ModulatedNorm] = generator.styled  # type: ignore[assignment]
        with torch.no_grad():
            self.kernels = {
                name: self._kernel(layer) for name, layer in self.layers.items() if isinstance(layer, ModulatedConv)
            }
            self.entering = [self._entrance(conv) for conv in (generator.edges, generator.enter)]

    @torch.no_grad()
    def own_codes(self, pixels: Tensor) -> Tensor:
        """Return the codes (B, length of a code) of photos (B, 3, H, W) in [0, 1], downscaled as paintings are."""
        seen = F.interpolate(pixels, scale_factor=STYLE_SIZE / STROKE_SIZE, mode="bilinear", antialias=True).clamp(0, 1)
        seen = seen.contiguous(memory_format=torch.channels_last)
        coder = self.network.coder
        codes: Tensor = coder(coder.moments(seen, self.network.encoder(seen, coder.sizes.layer_names)))
        return codes

    @torch.no_grad()
    def __call__(self, pixels: Tensor, codes: Tensor) -> Tensor:
        """Return pixels (B, 3, H, W), about [0, 1], in float32.

        Args:
            pixels: (B, 3, H, W) in [0, 1], with sides that are multiples of 16, on the network's device.
            codes: One style per picture, (B, length of a code).
        """
        length = self.network.coder.sizes.code
        changes = {name: layer.shape(codes[:, :length]) for name, layer in self.layers.items()}

        def conv(name: str, x: Tensor) -> Tensor:
            return self._modulated(name, x, changes[name])

        def norm(name: str, x: Tensor) -> Tensor:
            return _normalized(x, changes[name], self.layers[name].epsilon)  # type: ignore[arg-type]

        photo = self._typed(pixels)
        edges = F.relu_(F.conv2d(_bordered(_halved((photo - 0.5) * 4)), *self.entering[0]))
        quarter = F.relu_(F.conv2d(_bordered(_halved(edges)), *self.entering[1]))
        quarter = norm("first norm", quarter + F.relu_(conv("first", quarter)))
        eighth = F.relu_(conv("to eighth", quarter))
        eighth = eighth + conv("eighth 2", F.relu_(conv("eighth 1", eighth)))
        sixteenth = F.relu_(conv("to sixteenth", eighth))
        sixteenth = sixteenth + conv("sixteenth 2", F.relu_(conv("sixteenth 1", sixteenth)))
        eighth = F.relu_(eighth + _enlarged(conv("from sixteenth", sixteenth)))
        quarter = F.relu_(quarter + _enlarged(conv("from eighth", eighth)))
        quarter = F.relu_(norm("last norm", conv("last", quarter)))
        quarter = quarter + F.relu_(conv("strokes", quarter))
        half = F.relu_(_doubled(conv("to half", quarter)))
        half = F.relu_(conv("detail", torch.cat([half, edges], 1)))
        painted = _doubled(conv("to full", half)).float() / 4 + 0.5
        return recolor(painted, codes[:, length:]) if self.network.coder.sizes.colors else painted

    def _kernel(self, layer: ModulatedConv) -> Kernel:
        channels, width, rank, _ = layer.sizes
        weight = torch.cat([layer.weight, layer.down]).view(width + rank, channels, 3, 3)
        return Kernel(self._typed(weight), weight.sum((2, 3)) if layer.enlarges else None)

    def _entrance(self, conv: nn.Conv2d) -> tuple[Tensor, Tensor]:
        """Return weight and bias of a layer that is the same for all styles, for the channels of `_halved`."""
        assert conv.bias is not None
        return self._typed(_sorted(conv.weight.movedim(1, -1)).movedim(-1, 1)), conv.bias.to(self.network.dtype)

    def _typed(self, x: Tensor) -> Tensor:
        return x.to(self.network.dtype, memory_format=torch.channels_last)

    def _modulated(self, name: str, x: Tensor, change: Tensor) -> Tensor:
        """Apply a convolution with its change (B, count) for each picture."""
        layer, kernel = self.layers[name], self.kernels[name]
        assert isinstance(layer, ModulatedConv)
        a, b, m, c = torch.split(change, layer.sizes, 1)
        x = _bordered(x * (1 + a).to(x.dtype)[:, :, None, None])
        # (B, width + rank, width): what each result of W and V adds to each output channel
        mixing = torch.cat([torch.diag_embed(1 + b), (m[:, :, None] * layer.up.T) * (1 + b)[:, None]], 1)
        bias = layer.bias + c
        boxed = None
        if kernel.sums is not None:  # the sums of each four kernels are made equal by a multiple of a box filter
            boxed = -center_groups((kernel.sums.T @ mixing).movedim(2, 0)).movedim(0, 2)
            bias = bias - center_groups(bias.T).T
            # and the four are sorted for `_doubled`
            mixing, boxed, bias = _sorted(mixing), _sorted(boxed), _sorted(bias)
        found = F.conv2d(x, kernel.weight, None, layer.stride)
        mixed = torch.baddbmm(bias.to(x.dtype)[:, None], _rows(found), mixing.to(x.dtype))
        if boxed is not None:
            mixed.baddbmm_(_rows(F.avg_pool2d(x, 3, 1)), boxed.to(x.dtype))
        return mixed.view(len(x), *found.shape[2:], -1).permute(0, 3, 1, 2)


def _normalized(x: Tensor, change: Tensor, epsilon: float) -> Tensor:
    """Normalize each picture's features (B, C, H, W), with its change of scale and shift (B, 2 C)."""
    scale, shift = change.chunk(2, 1)
    parts = zip(torch.split(x, 1), 1 + scale, shift, strict=True)
    return torch.cat([F.batch_norm(part, None, None, a, b, training=True, eps=epsilon) for part, a, b in parts])


def _sorted(x: Tensor) -> Tensor:
    """Sort the last dimension, channels of a pixel shuffle, for `_halved` and `_doubled`."""
    return x.reshape(*x.shape[:-1], -1, 4).transpose(-1, -2).flatten(-2)


def _rows(x: Tensor) -> Tensor:
    """Return features (B, C, H, W) as (B, H W, C), which is how they lie in memory."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def _halved(x: Tensor) -> Tensor:
    """Return (B, 4 C, H / 2, W / 2): a pixel unshuffle that keeps the channels of a pixel together, which is faster."""
    count, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(count, height // 2, 2, width // 2, 2 * channels)
    return rows.transpose(2, 3).reshape(count, height // 2, width // 2, 4 * channels).permute(0, 3, 1, 2)


def _doubled(x: Tensor) -> Tensor:
    """Return (B, C / 4, 2 H, 2 W), the reverse of `_halved`."""
    count, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(count, height, width, 2, channels // 2)
    return rows.transpose(2, 3).reshape(count, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)


def _bordered(x: Tensor) -> Tensor:
    return F.pad(x, (1, 1, 1, 1), mode="replicate")


def _enlarged(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear")
