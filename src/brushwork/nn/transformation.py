"""Generator shared by several papers: the residual transformation network, for one style or many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brushwork.tiling.tiles import Moments, Stages, StatisticsRequest, run_whole

__all__ = ["MIDDLE", "Normalization", "Row", "StyleNorm", "TransformationNetwork", "activation_outliers", "folded"]

# Added to the variance. With the usual 1e-5, a channel that hardly responds to an image is amplified like all others,
# which shows as patches of color; with 0.1 the network can keep it faint.
EPSILON, USUAL_EPSILON = 0.1, 1e-5
MIDDLE = 0.5  # gray: the mean output of an untrained network
FAR = 4.0  # standard deviations beyond which a value is an outlier: 1 in 16,000 of a normal distribution
LOOKED_AT = 32  # approximate shorter side, in positions, to which features are reduced to find outliers
FOLD = 4  # pixels that a convolution with few output channels processes as one
Row = Mapping[str, tuple[Tensor, Tensor]]  # normalization layer's name → scale and shift of its channels, each (B, C)


class Normalization(nn.Module):
    """A layer that divides its first input by the input's standard deviation over the image."""

    epsilon = USUAL_EPSILON  # added to the variance


class StyleNorm(Normalization):
    """Instance normalization with a scale and a shift for each style.

    Args:
        channels: Number of feature channels.
        styles: Rows of the table; 1 is plain instance normalization.
        batch: Use batch normalization instead: statistics of the whole batch in training, their running averages
            afterwards.
        epsilon: Added to the variance.

    Source: Ulyanov et al. 2016, arXiv:1607.08022; with several rows conditional instance normalization, Dumoulin et
        al. 2017, arXiv:1610.07629, eq. 5; batch normalization: Johnson et al. 2016, arXiv:1603.08155.
    """

    def __init__(self, channels: int, styles: int = 1, *, batch: bool = False, epsilon: float = EPSILON) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))
        self.batch = batch
        if batch:
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))

    def forward(
        self, x: Tensor, row: tuple[Tensor, Tensor], shares: Tensor | None = None, moments: Moments | None = None
    ) -> Tensor:
        """Return features whose channels have mean `shift` and standard deviation `scale`.

        Args:
            x: (B, C, H, W).
            row: (B, C) each, or (1, C) for all; with shares (N, C), of N styles.
            shares: Weight of each style at each position, (N, 1, H, W), for a single image.
            moments: Moments of the whole image if x is a tile of it; None: those of x.
        """
        scale, shift = row
        if shares is not None:
            plain = self._normalized(x, torch.ones_like(scale[0]), torch.zeros_like(shift[0]), moments)
            maps = F.adaptive_avg_pool2d(shares.float(), (x.shape[2], x.shape[3]))[:, 0]
            scale, shift = (torch.einsum("nhw,nc->chw", maps, part)[None].to(x.dtype) for part in row)
            return torch.addcmul(shift, plain, scale)
        if self.batch or moments is not None:  # moments are of one image
            return self._normalized(x, scale[0], shift[0], moments)
        # Instance normalization of one image equals batch normalization, which torch computes ten times as fast.
        scales, shifts = scale.expand(len(x), -1), shift.expand(len(x), -1)
        parts = zip(torch.chunk(x, len(x)), scales, shifts, strict=True)
        return torch.cat([self._normalized(*part, None) for part in parts])

    def steps(
        self, x: Tensor, row: tuple[Tensor, Tensor], shares: Tensor | None = None, keep: tuple[Tensor, ...] = ()
    ) -> Stages:
        """Same, with the means and variances of the whole image, of which x is a tile."""
        moments = None if self.batch else (yield StatisticsRequest(x, keep=keep))
        result: Tensor = self(x, row, shares, moments)
        return result

    def _normalized(self, x: Tensor, scale: Tensor, shift: Tensor, moments: Moments | None) -> Tensor:
        mean, variance = (self.get_buffer(f"running_{of}") if self.batch else None for of in ("mean", "var"))
        learning = self.training or not self.batch
        if moments is not None:
            mean, variance, learning = moments.mean[0], moments.variance[0], False
        return F.batch_norm(x, mean, variance, scale, shift, training=learning, eps=self.epsilon)


@contextmanager
def activation_outliers(network: nn.Module) -> Iterator[list[Tensor]]:
    """While the block runs, measure outliers in the input of each normalization layer.

    Instance normalization encourages a network to produce a spot so strong that it dominates the scale of everything
    else; it is visible as a bright blob. Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN",
    arXiv:1912.04958, section 2, found them in their networks.

    Yields:
        A list to which each `Normalization` of the network appends a scalar: the mean squared excess of features, in
        standard deviations, over four. Features are downsampled first, which preserves such spots.
    """
    found: list[Tensor] = []

    def watch(norm: nn.Module, given: tuple[Any, ...], __: Tensor) -> None:
        assert isinstance(norm, Normalization)
        every = max(1, min(given[0].shape[2:]) // LOOKED_AT)
        x = F.avg_pool2d(given[0], every).float()
        away = x - x.mean((2, 3), keepdim=True)
        deviation = away.square().mean((2, 3), keepdim=True).add(norm.epsilon).sqrt()
        found.append(F.relu(away.abs() / deviation - FAR).square().mean())

    hooks = [norm.register_forward_hook(watch) for norm in network.modules() if isinstance(norm, Normalization)]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


class _Convolution(nn.Module):
    """Convolution with reflection padding, after nearest-neighbor upsampling if the size is to grow."""

    def __init__(self, channels: int, width: int, kernel: int, *, stride: int = 1, enlarge: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride)
        self.margin, self.enlarge = kernel // 2, enlarge

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=float(self.enlarge)) if self.enlarge > 1 else x
        x = F.pad(x, (self.margin,) * 4, mode="reflect")
        few = self.conv.out_channels < FOLD and 2 * self.margin % FOLD == x.shape[3] % FOLD == 0
        # An exported graph is one for all sizes, and to be read.
        few = few and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        result: Tensor = folded(x, self.conv.weight, self.conv.bias) if few else self.conv(x)
        return result


def folded(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve x, treating four adjacent pixels of a row as the channels of one.

    A convolution with three output channels takes as long as one with sixteen: so compute twelve, for four pixels. In
    channels-last format, no data has to be moved for this.

    Args:
        x: (B, C, H, W), W a multiple of 4.
        weight: (O, C, K, K), K one more than a multiple of 4.
        bias: (O,).
    """
    out, channels, rows, columns = weight.shape
    batch, _, height, width = x.shape
    taps = -(-(columns + FOLD - 1) // FOLD)
    place = torch.arange(FOLD, device=x.device)
    # For tap t and its pixel p, and result q: the column in the kernel, if it is inside.
    at = FOLD * torch.arange(taps, device=x.device) + place[:, None] - place[:, None, None]
    wide = weight[..., at.clamp(0, columns - 1)] * ((at >= 0) & (at < columns)).to(weight.dtype)
    wide = wide.permute(3, 0, 4, 1, 2, 5).reshape(FOLD * out, FOLD * channels, rows, taps)
    x = x.permute(0, 2, 3, 1).reshape(batch, height, width // FOLD, FOLD * channels).permute(0, 3, 1, 2)
    y = F.conv2d(x, wide.contiguous(memory_format=torch.channels_last), None if bias is None else bias.repeat(FOLD))
    return y.permute(0, 2, 3, 1).reshape(batch, y.shape[2], FOLD * y.shape[3], out).permute(0, 3, 1, 2)


class TransformationNetwork(nn.Module):
    """Transforms a photo to one style, or to one of many.

    Args:
        width: Channels at full resolution; twice as many at half, four times at a quarter.
        blocks: Residual blocks at a quarter of the size.
        styles: Number of styles.
        batch: Use batch normalization, as in the paper.
        epsilon: Added to variances; None: 0.1, with batch normalization 1e-5.

    Source: Johnson, Alahi and Fei-Fei 2016, arXiv:1603.08155, supplementary material, table 1: width 32, 5 blocks.
    Differs: instance normalization (Ulyanov et al. 2016) with a larger constant, nearest-neighbor upsampling before a
        convolution instead of strides of ½ (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts"), reflection
        padding in each convolution. pytorch/examples' fast_neural_style has the same, except for the constant; its
        weights are compatible.
    """

    def __init__(
        self,
        width: int = 32,
        blocks: int = 5,
        styles: int = 1,
        *,
        batch: bool = False,
        epsilon: float | None = None,
    ) -> None:
        super().__init__()
        epsilon = (USUAL_EPSILON if batch else EPSILON) if epsilon is None else epsilon
        self.register_buffer("epsilon", torch.tensor(epsilon))  # saved with the weights
        half, quarter = 2 * width, 4 * width
        self.width, self.blocks = width, blocks
        convs = {
            "down1": _Convolution(3, width, 9),
            "down2": _Convolution(width, half, 3, stride=2),
            "down3": _Convolution(half, quarter, 3, stride=2),
            **{
                f"block{block}_{place}": _Convolution(quarter, quarter, 3)
                for block in range(1, blocks + 1)
                for place in (1, 2)
            },
            "up1": _Convolution(quarter, half, 3, enlarge=2),
            "up2": _Convolution(half, width, 3, enlarge=2),
            "up3": _Convolution(width, 3, 9),
        }
        self._channels = {name: conv.conv.out_channels for name, conv in convs.items() if name != "up3"}
        self.convs = nn.ModuleDict(convs)
        self.norms = nn.ModuleDict(
            {
                name: StyleNorm(channels, styles, batch=batch, epsilon=epsilon)
                for name, channels in self._channels.items()
            }
        )

    @property
    def halo(self) -> int:
        """Return the radius of the receptive field in pixels: 4 for the first convolution, 8 per residual block, …."""
        return 16 + 8 * self.blocks

    def table(self) -> Tensor:
        """Return all styles, (N, 2 T): scales of all normalization layers concatenated, then their shifts."""
        return torch.cat([getattr(norm, part) for part in ("scale", "shift") for norm in self.norms.values()], 1)

    def split(self, rows: Tensor) -> Row:
        """Split table rows (B, 2 T) into scale and shift for every normalization layer."""
        scales, shifts = rows.chunk(2, 1)
        sizes = list(self._channels.values())
        pairs = zip(torch.split(scales, sizes, 1), torch.split(shifts, sizes, 1), strict=True)
        return dict(zip(self.norms, pairs, strict=True))

    def row(self, shares: Sequence[float] | Tensor = (1.0,)) -> Row:
        """Return scale and shift of every normalization layer for blends of the styles.

        Args:
            shares: Weight of each style, (N,) or (B, N).
        """
        table = self.table()
        weights = torch.as_tensor(shares, dtype=table.dtype, device=table.device)
        return self.split((weights.reshape(-1, len(table), 1) * table).sum(1))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> TransformationNetwork:
        """Return a frozen network with these tensors, whose shapes determine its width and depth.

        Raises:
            ValueError: The tensors don't belong to such a network.
        """
        try:
            width, styles = tensors["convs.down1.conv.weight"].shape[0], tensors["norms.down1.scale"].shape[0]
            blocks = sum(name.startswith("convs.block") and name.endswith("_1.conv.weight") for name in tensors)
            batch, epsilon = "norms.down1.running_mean" in tensors, float(tensors["epsilon"])
            network = cls(width, blocks, styles, batch=batch, epsilon=epsilon)
            network.load_state_dict(dict(tensors))
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"not a transformation network: {error}") from error
        return network.eval().requires_grad_(False)

    def forward(self, pixels: Tensor, shares: Sequence[float] | Tensor = (1.0,), rows: Tensor | None = None) -> Tensor:
        """Return pixels (B, 3, H, W), about [0, 1], in blends of the styles.

        Args:
            pixels: Sides must be multiples of 4.
            shares: Weight of each style, (N,) or (B, N).
            rows: Instead of shares: rows in the format of the table, (B, 2 T).
        """
        return self.paint(pixels, self.row(shares) if rows is None else self.split(rows))

    def paint(self, pixels: Tensor, row: Row, shares: Tensor | None = None) -> Tensor:
        """Return pixels (B, 3, H, W), about [0, 1]; see `steps`."""
        return run_whole(self.steps(pixels, row, shares))

    def steps(self, pixels: Tensor, row: Row, shares: Tensor | None = None) -> Stages:
        """Return the stages that compute pixels (B, 3, H, W), about [0, 1], for an image or a tile.

        Args:
            pixels: Sides must be multiples of 4.
            row: See `StyleNorm`.
            shares: Weight of N styles at each position, (N, 1, H, W).
        """

        def normed(name: str, x: Tensor, *keep: Tensor) -> Stages:
            norm: StyleNorm = self.norms[name]  # type: ignore[assignment]
            return norm.steps(x, row[name], shares, keep)

        x = pixels
        del pixels  # while suspended, only what is needed later may stay in memory
        for name in ("down1", "down2", "down3"):
            x = self.convs[name](x)
            x = F.relu((yield from normed(name, x)))
        for block in range(1, self.blocks + 1):
            y = self.convs[f"block{block}_1"](x)
            y = self.convs[f"block{block}_2"](F.relu((yield from normed(f"block{block}_1", y, x))))
            x = x + (yield from normed(f"block{block}_2", y, x))
            del y
        for name in ("up1", "up2"):
            x = self.convs[name](x)
            x = F.relu((yield from normed(name, x)))
        result: Tensor = self.convs["up3"](x).float() + MIDDLE
        return result
