"""Generators that several papers share: the residual transformation network, of one style or of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Row", "StyleNorm", "TransformationNetwork"]

EPSILON = 1e-5
Row = Mapping[str, tuple[Tensor, Tensor]]  # normalization's name → scale and shift of its channels, (C,)


class StyleNorm(nn.Module):
    """Instance normalization with a scale and a shift for each style.

    Args:
        channels: Of the features.
        styles: Rows of the table; 1 is plain instance normalization.

    Source: Ulyanov et al. 2016, arXiv:1607.08022; with several rows conditional instance normalization, Dumoulin et
        al. 2017, arXiv:1610.07629, eq. 5.
    """

    def __init__(self, channels: int, styles: int = 1) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def row(self, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift, (C,), of a mix of styles, shares (N,)."""
        return shares @ self.scale, shares @ self.shift

    def forward(self, x: Tensor, row: tuple[Tensor, Tensor]) -> Tensor:
        """(B, C, H, W), each picture's channels of mean `shift` and deviation `scale`."""
        variance, mean = torch.var_mean(x.float(), (2, 3), correction=0, keepdim=True)
        scale = row[0][:, None, None] * (variance + EPSILON).rsqrt()
        shift = row[1][:, None, None] - mean * scale
        return torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype))


class _Convolution(nn.Module):
    """Convolution with reflected borders, after nearest enlargement where the size is to grow."""

    def __init__(self, channels: int, width: int, kernel: int, *, stride: int = 1, enlarge: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride)
        self.margin, self.enlarge = kernel // 2, enlarge

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=float(self.enlarge)) if self.enlarge > 1 else x
        result: Tensor = self.conv(F.pad(x, (self.margin,) * 4, mode="reflect"))
        return result


class TransformationNetwork(nn.Module):
    """From a photo to a picture in one style, or in one of many.

    Args:
        width: Channels at full resolution; twice as many at half, four times at a quarter.
        blocks: Residual blocks at a quarter of the size.
        styles: How many it has.

    Source: Johnson, Alahi and Fei-Fei 2016, arXiv:1603.08155, supplementary material, table 1: width 32, 5 blocks.
    Differs: instance normalization (Ulyanov et al. 2016), nearest enlargement before a convolution instead of strides
        of ½ (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts"), reflected borders in each convolution.
        So does pytorch/examples' fast_neural_style, whose weights fit.
    """

    def __init__(self, width: int = 32, blocks: int = 5, styles: int = 1) -> None:
        super().__init__()
        half, quarter = 2 * width, 4 * width
        self.blocks = blocks
        self.convs = nn.ModuleDict(
            {
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
        )
        self.norms = nn.ModuleDict(
            {name: StyleNorm(conv.conv.out_channels, styles) for name, conv in self.convs.items() if name != "up3"}  # type: ignore[union-attr, arg-type]
        )

    def row(self, shares: Sequence[float] | Tensor = (1.0,)) -> Row:
        """What a mix of the styles makes of every normalization.

        Args:
            shares: Of each style, (N,).
        """
        weights = torch.as_tensor(shares, dtype=torch.float32, device=next(self.parameters()).device)
        return {name: norm.row(weights) for name, norm in self.norms.items()}  # type: ignore[operator]

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> TransformationNetwork:
        """A frozen network of these tensors, as wide and deep as they are.

        Raises:
            ValueError: They are of no such network.
        """
        try:
            width, styles = tensors["convs.down1.conv.weight"].shape[0], tensors["norms.down1.scale"].shape[0]
            blocks = sum(name.startswith("convs.block") and name.endswith("_1.conv.weight") for name in tensors)
            network = cls(width, blocks, styles)
            network.load_state_dict(dict(tensors))
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"no transformation network: {error}") from error
        return network.eval().requires_grad_(False)

    def forward(self, pixels: Tensor, row: Row) -> Tensor:
        """Pixels (B, 3, H, W), about [0, 1], of pixels whose sides are multiples of 4."""

        def styled(name: str, x: Tensor) -> Tensor:
            result: Tensor = self.norms[name](self.convs[name](x), row[name])
            return result

        x = pixels * 255
        for name in ("down1", "down2", "down3"):
            x = F.relu(styled(name, x))
        for block in range(1, self.blocks + 1):
            x = x + styled(f"block{block}_2", F.relu(styled(f"block{block}_1", x)))
        for name in ("up1", "up2"):
            x = F.relu(styled(name, x))
        result: Tensor = self.convs["up3"](x).float() / 255
        return result
