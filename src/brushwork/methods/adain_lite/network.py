"""The network of AdaIN-lite: a style encoder, and a generator whose kernels are modulated by the style code.

Related work and experiments: brushwork.methods.adain_lite.method, docs/methods/adain_lite.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.methods.adain_lite.architecture import FIRST, Architecture
from brushwork.methods.adain_lite.colors import color_code, opponent_colors, recolored, wanted_colors
from brushwork.nn.statistics import gram_matrix, mean_std
from brushwork.nn.transformation import Normalization
from brushwork.tiling.tiles import Moments, Stages, StatisticsRequest, TileInput, run_whole

__all__ = ["HALO", "MULTIPLE", "Generator", "LiteNetwork", "MeanCovariance", "StyleEncoder"]

MULTIPLE = 16  # the picture is halved four times
HALO = 160  # radius of the generator's receptive field in pixels
RARE = 8.0  # clips a painting's statistics at this many standard deviations: flat colors, test charts
MeanCovariance: TypeAlias = tuple[Tensor, Tensor]  # means (B, C) and covariances (B, C, C)


class ModulatedWeights(NamedTuple):
    """A layer modulated by a code: kernel and bias of a convolution, or scale and shift of a normalization."""

    weight: Tensor
    bias: Tensor

    def to(self, dtype: torch.dtype) -> ModulatedWeights:
        """Convert a kernel to this dtype; normalizations stay in float32."""
        if self.weight.ndim < 4:
            return self
        return ModulatedWeights(self.weight.to(dtype, memory_format=torch.channels_last), self.bias.to(dtype))


class ModulatedConv(nn.Module):
    """A 3×3 convolution with a kernel modulated by the code: (1 + b) ⊙ (W + U diag(m) V) ⊙ (1 + a), bias c₀ + c.

    a, b, m, c are linear in the code: scales of input and output channels, weights of `rank` rank-1 kernels, and a
    shift.

    Args:
        channels: Input channels.
        width: Output channels.
        sizes: Of the network: length of a code, number of rank-1 kernels.
        gain: Gain of the initial kernels.
        stride: 2 halves the size.
        enlarges: Whether a pixel shuffle follows (Shi et al. 2016, arXiv:1609.05158). The kernels of each four output
            channels then have equal sums and equal biases, so that flat areas stay flat, without checkerboards.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        sizes: Architecture,
        *,
        gain: float = 1.0,
        stride: int = 1,
        enlarges: bool = False,
    ) -> None:
        super().__init__()
        rank = sizes.rank
        self.sizes, self.stride, self.enlarges = [channels, width, rank, width], stride, enlarges
        spread = gain * (2 / (9 * channels)) ** 0.5
        self.weight = nn.Parameter(torch.randn(width, channels * 9) * spread)
        self.bias = nn.Parameter(torch.zeros(width))
        self.down = nn.Parameter(torch.randn(rank, channels * 9) * spread)
        self.up = nn.Parameter(torch.randn(width, rank) * rank**-0.5)
        self.shape = _linear(sizes.code, sum(self.sizes))
        if enlarges:  # all four start equal
            with torch.no_grad():
                for tensor in (self.weight, self.up):
                    tensor.copy_(tensor[::4].repeat_interleave(4, 0))

    def modulate(self, code: Tensor) -> ModulatedWeights:
        """Return kernel and bias for a code."""
        a, b, m, c = self.shape(code).split(self.sizes)
        weight = torch.addmm(self.weight, self.up * m, self.down).view(len(b), -1, 3, 3)
        weight, bias = weight * torch.outer(1 + b, 1 + a)[:, :, None, None], self.bias + c
        if self.enlarges:
            weight = weight - (center_groups(weight.sum((2, 3))) / 9)[:, :, None, None]
            bias = bias - center_groups(bias)
        return ModulatedWeights(weight, bias)

    def forward(self, x: Tensor, styles: Sequence[ModulatedWeights], shares: Tensor | None) -> Tensor:
        """Map (B, channels, H, W) to (B, width, H, W); several styles are mixed by their shares."""
        results = [_convolved(x, style, self.stride) for style in styles]
        return results[0] if shares is None else _mixed(results, shares)


class ModulatedNorm(Normalization):
    """Instance normalization with scale and shift from the code."""

    def __init__(self, channels: int, sizes: Architecture) -> None:
        super().__init__()
        self.shape = _linear(sizes.code, 2 * channels)

    def modulate(self, code: Tensor) -> ModulatedWeights:
        """Return scale and shift for a code."""
        scale, shift = self.shape(code).chunk(2)
        return ModulatedWeights(1 + scale, shift)

    def steps(
        self,
        x: Tensor,
        styles: Sequence[ModulatedWeights],
        shares: Tensor | None,
        keep: tuple[Tensor, ...] = (),
        near: bool = False,
    ) -> Stages:
        """Normalize (B, C, H, W), which may be a tile; each style normalizes the area of its share."""
        small = None if shares is None else F.adaptive_avg_pool2d(shares, (x.shape[2], x.shape[3]))
        moments = yield StatisticsRequest(x, small, keep, near)
        result: Tensor = self(x, styles, small, moments)
        return result

    def forward(
        self, x: Tensor, styles: Sequence[ModulatedWeights], small: Tensor | None, whole: Moments | None = None
    ) -> Tensor:
        """Normalize with shares of the features' size, and with moments of the whole image if x is a tile."""
        parts = [self._normalized(x, style, k, small, whole) for k, style in enumerate(styles)]
        return parts[0] if small is None else _mixed(parts, small)

    def _normalized(
        self, x: Tensor, style: ModulatedWeights, k: int, small: Tensor | None, whole: Moments | None
    ) -> Tensor:
        """Normalize in one style, as batch normalization of one image, which is a single operation in torch."""
        scale, shift = style
        if whole is not None:
            return F.batch_norm(x, whole.mean[k], whole.variance[k], scale, shift, eps=self.epsilon)
        if small is None:
            parts = torch.split(x, 1)
            found = [F.batch_norm(part, None, None, scale, shift, training=True, eps=self.epsilon) for part in parts]
            return found[0] if len(found) == 1 else torch.cat(found)
        mean, std = mean_std(x.float(), small[k : k + 1])
        return F.batch_norm(x, mean[0], std[0].square(), scale, shift, eps=0.0)


def center_groups(x: Tensor) -> Tensor:
    """Subtract from each group of four rows its mean."""
    return x - x.reshape(-1, 4, *x.shape[1:]).mean(1).repeat_interleave(4, 0)


def _linear(channels: int, width: int) -> nn.Linear:
    """Return a linear layer initialized near zero, so that styles have no effect at first."""
    linear = nn.Linear(channels, width)
    nn.init.normal_(linear.weight, std=0.02)
    nn.init.zeros_(linear.bias)
    return linear


def _convolved(x: Tensor, kernel: ModulatedWeights, stride: int = 1) -> Tensor:
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel.weight, kernel.bias, stride)


def _plain(conv: nn.Conv2d, dtype: torch.dtype) -> ModulatedWeights:
    assert conv.bias is not None
    return ModulatedWeights(conv.weight, conv.bias).to(dtype)


def _mixed(parts: Sequence[Tensor], shares: Tensor) -> Tensor:
    height, width = parts[0].shape[2:]
    small = F.adaptive_avg_pool2d(shares, (height, width)).to(parts[0].dtype)
    return torch.stack([small[k : k + 1] * part for k, part in enumerate(parts)]).sum(0)


class StyleEncoder(nn.Module):
    """Maps the statistics of a painting's vgg19-slim features to its code.

    The statistics are means, deviations and the covariance of 16 learned directions of each style layer, and mean and
    covariance of the colors.
    """

    unit: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, sizes: Architecture, directions: int = 16) -> None:
        super().__init__()
        self.sizes, layers, width = sizes, dict(sizes.layers), sizes.width
        self.directions = nn.ParameterDict(
            {layer: torch.randn(directions, channels) * channels**-0.5 for layer, channels in layers.items()}
        )
        pairs = directions * (directions + 1) // 2
        count = sum(2 * channels + pairs for channels in layers.values()) + 9
        self.register_buffer("unit", torch.ones(len(layers)))  # typical magnitude of each layer's features
        self.register_buffer("mean", torch.zeros(count))  # normalization of the inputs
        self.register_buffer("std", torch.ones(count))
        self.layers = nn.Sequential(
            nn.Linear(count, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, sizes.code)
        )

    def moments(
        self, pixels: Tensor, features: Mapping[str, Tensor], mask: Tensor | None = None
    ) -> list[MeanCovariance]:
        """Return means and covariances of pixels (B, 3, H, W) and of their features in the encoder's layers."""
        return [_mean_covariance(x, mask) for x in (pixels, *(features[layer] for layer, _ in self.sizes.layers))]

    def statistics(self, moments: Sequence[MeanCovariance]) -> Tensor:
        """Return all statistics, (B, count), from the `moments` of paintings."""
        (mean, spread), *layers = moments
        found = [mean, _upper(spread) * 10]
        for unit, directions, (mean, spread) in zip(self.unit, self.directions.values(), layers, strict=True):
            mean, spread = mean / unit, spread / unit**2
            std = (spread.diagonal(dim1=1, dim2=2).clamp_min(0) + 1e-5).sqrt()
            found += [mean, std, _upper(directions @ spread @ directions.T)]
        return torch.cat(found, 1)

    def forward(self, moments: Sequence[MeanCovariance]) -> Tensor:
        """Return codes (B, code), followed by 9 numbers for the colors if the network has them."""
        typical = (self.statistics(moments) - self.mean) / self.std
        codes: Tensor = self.layers(typical.clamp(-RARE, RARE))
        if not self.sizes.colors:
            return codes
        with torch.autocast(codes.device.type, enabled=False):
            return torch.cat([codes.float(), color_code(*moments[0])], 1)


def _mean_covariance(features: Tensor, mask: Tensor | None) -> MeanCovariance:
    """Return means and covariances, in one pass over the features: E[f fᵀ] - E[f] E[f]ᵀ."""
    mean = features.mean((2, 3)) if mask is None else mean_std(features, mask)[0]
    return mean, gram_matrix(features, mask) - mean[:, :, None] * mean[:, None]


def _upper(matrices: Tensor) -> Tensor:
    """Return the upper triangles, (B, K (K + 1) / 2)."""
    rows, columns = map(torch.from_numpy, np.triu_indices(int(matrices.shape[1])))  # numbers, for export to ONNX
    return matrices[:, rows, columns]


class Generator(nn.Module):
    """Maps the photo's pixels to stylized pixels, conditioned on a style code.

    1/2 size: edges, in a skip connection. 1/4: the normalizations. 1/8 and 1/16: large forms.
    """

    def __init__(self, sizes: Architecture) -> None:
        super().__init__()
        self.sizes, half, quarter, eighth, sixteenth = sizes, sizes.half, sizes.quarter, sizes.eighth, sizes.sixteenth

        def conv(channels: int, width: int, **options: Any) -> ModulatedConv:
            return ModulatedConv(channels, width, sizes, **options)

        self.edges, self.enter = nn.Conv2d(12, half, 3), nn.Conv2d(4 * half, quarter, 3)
        self.styled = nn.ModuleDict(
            {
                "first": conv(quarter, quarter),
                "first norm": ModulatedNorm(quarter, sizes),
                "to eighth": conv(quarter, eighth, stride=2),
                "eighth 1": conv(eighth, eighth),
                "eighth 2": conv(eighth, eighth, gain=0.3),
                "to sixteenth": conv(eighth, sixteenth, stride=2),
                "sixteenth 1": conv(sixteenth, sixteenth),
                "sixteenth 2": conv(sixteenth, sixteenth, gain=0.3),
                "from sixteenth": conv(sixteenth, eighth, gain=0.3),
                "from eighth": conv(eighth, quarter),
                "last": conv(quarter, quarter),
                "last norm": ModulatedNorm(quarter, sizes),
                "strokes": conv(quarter, quarter, gain=0.3),
                "to half": conv(quarter, 4 * half, enlarges=True),
                "detail": conv(2 * half, half),
                "to full": conv(half, 12, gain=0.3, enlarges=True),
            }
        )

    def modulate(self, code: Tensor, dtype: torch.dtype = torch.float32) -> dict[str, ModulatedWeights]:
        """Return all kernels, in this dtype, and normalizations for a code."""
        layers: Mapping[str, ModulatedConv | ModulatedNorm] = self.styled  # type: ignore[assignment]
        length = self.sizes.code
        styles = {name: layer.modulate(code[:length]).to(dtype) for name, layer in layers.items()}
        return styles | ({"colors": wanted_colors(code[length:])} if self.sizes.colors else {})

    def forward(
        self, pixels: Tensor, styles: Sequence[Mapping[str, ModulatedWeights]], shares: Tensor | None = None
    ) -> Tensor:
        """Return pixels (B, 3, H, W), about [0, 1]; see `stages`."""
        return run_whole(self.stages(TileInput(lambda: pixels), styles, shares))

    def stages(
        self,
        seen: TileInput,
        styles: Sequence[Mapping[str, ModulatedWeights]],
        shares: Tensor | None = None,
    ) -> Stages:
        """Return the stages that stylize an image or a tile.

        Args:
            seen: Pixels (B, 3, H, W), with sides that are multiples of 16, in the dtype of the kernels. A suspended
                tile recomputes its edges instead of storing them, and after the last request covers only its near area.
            styles: From `modulate`; one, or several with shares.
            shares: Share of each style at each pixel, (N, 1, H, W), with a sum of 1.
        """

        def layer(name: str, x: Tensor) -> Tensor:
            result: Tensor = self.styled[name](x, [style[name] for style in styles], shares)
            return result

        def normed(name: str, x: Tensor, *keep: Tensor) -> Stages:
            norm: ModulatedNorm = self.styled[name]  # type: ignore[assignment]
            return norm.steps(x, [style[name] for style in styles], shares, keep, near=name == "last norm")

        kept: tuple[Tensor, ...] = ()
        if seen.first is not None:
            x = seen.first()
        else:
            photo = seen.photo
            edges = F.relu(F.conv2d(_halved(photo), *_plain(self.edges, photo.dtype)))
            quarter = F.relu(_convolved(F.pixel_unshuffle(edges, 2), _plain(self.enter, edges.dtype)))
            kept = (edges,) if seen.near is None else ()
            x = quarter + F.relu(layer("first", quarter))
            del edges, quarter, photo  # only `kept` may stay in memory while the tile is suspended
        quarter = yield from normed("first norm", x, *kept)
        quarter = _with_large_forms(layer, quarter)
        x = layer("last", quarter)
        x = x if seen.near is None else seen.nearby(x, 4).clone(memory_format=torch.channels_last)
        shares = None if shares is None else seen.nearby(shares)
        del quarter
        quarter = F.relu((yield from normed("last norm", x, *kept)))
        if kept:
            (edges,) = kept
        else:
            edges = F.relu(F.conv2d(_halved(seen.photo_nearby), *_plain(self.edges, x.dtype)))
        quarter = quarter + F.relu(layer("strokes", quarter))
        half = layer("to half", quarter)
        del quarter, x  # here the memory peaks
        half = torch.cat([F.relu(F.pixel_shuffle(half, 2)), edges], 1)
        del edges, kept
        half = F.relu(layer("detail", half))
        pixels = F.pixel_shuffle(layer("to full", half), 2).float() / 4 + 0.5
        del half
        if not self.sizes.colors:
            return pixels
        opponent = opponent_colors(pixels)
        del pixels
        moments = yield StatisticsRequest(opponent, shares, near=seen.near is not None, products=True)
        return recolored(opponent, [style["colors"] for style in styles], shares, moments)


def _with_large_forms(layer: Callable[[str, Tensor], Tensor], quarter: Tensor) -> Tensor:
    """Return features at 1/4 size, (B, C, H / 4, W / 4), with what is computed from them at 1/8 and 1/16."""
    eighth = F.relu(layer("to eighth", quarter))
    eighth = eighth + layer("eighth 2", F.relu(layer("eighth 1", eighth)))
    sixteenth = F.relu(layer("to sixteenth", eighth))
    sixteenth = sixteenth + layer("sixteenth 2", F.relu(layer("sixteenth 1", sixteenth)))
    eighth = F.relu(eighth + _enlarged(layer("from sixteenth", sixteenth)))
    return F.relu(quarter + _enlarged(layer("from eighth", eighth)))


def _halved(pixels: Tensor) -> Tensor:
    """Return the input of the edge detection, (B, 12, H / 2 + 2, W / 2 + 2), with a border."""
    return F.pad(F.pixel_unshuffle((pixels - 0.5) * 4, 2), (1, 1, 1, 1), mode="replicate")


def _enlarged(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear")


class LiteNetwork(nn.Module):
    """Style encoder and generator, trained together."""

    def __init__(self, sizes: Architecture = FIRST) -> None:
        super().__init__()
        self.sizes, self.coder, self.painter = sizes, StyleEncoder(sizes), Generator(sizes)

    def forward(self, photos: Tensor, moments: Sequence[MeanCovariance]) -> Tensor:
        """Stylize each photo of (B, 3, H, W), in the dtype to compute in, in the style of its painting."""
        return self.paint(photos, self.coder(moments))

    def paint(self, photos: Tensor, codes: Tensor) -> Tensor:
        """Stylize each photo of (B, 3, H, W), in the dtype to compute in, with its code."""
        pictures = [
            self.painter(photo, [self.painter.modulate(code, photos.dtype)])
            for photo, code in zip(torch.split(photos, 1), codes, strict=True)
        ]
        return torch.cat(pictures)
