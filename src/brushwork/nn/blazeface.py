"""BlazeFace: a small network that finds faces, with eyes and mouth.

Source: Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", arXiv:1907.05047; the
network for back cameras, as published with MediaPipe (Google, Apache 2.0), weights in 16 bits.
Differs: it is applied to pictures of any size rather than 256 × 256, since it is made of convolutions only.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BOX", "BlazeFace"]

BOX = 16  # numbers per place: center, size, and six points, each x before y
WIDTHS = 24, 24, 48, 96  # channels at strides 2, 4, 8 and 16
BLOCKS = 7  # at each stride, after the one that halves the picture
ANCHORS = 2, 6  # faces looked for at each place, at strides 16 and 32


class BlazeFace(nn.Module):
    """Looks for faces at every place of a picture, at strides 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, WIDTHS[0], 5, 2)
        blocks = [_Block(WIDTHS[0], WIDTHS[0]) for _ in range(BLOCKS)]
        for narrow, wide in pairwise(WIDTHS):
            blocks += [_Block(narrow, wide, 2), *(_Block(wide, wide) for _ in range(BLOCKS))]
        self.blocks = nn.Sequential(*blocks)
        self.last = _Block(WIDTHS[-1], WIDTHS[-1], 2, residual=False)
        self.scores = nn.ModuleList(nn.Conv2d(WIDTHS[-1], count, 1) for count in ANCHORS)
        self.boxes = nn.ModuleList(nn.Conv2d(WIDTHS[-1], BOX * count, 1) for count in ANCHORS)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Look for faces.

        Args:
            pixels: (1, 3, H, W) in [0, 1]; H and W are multiples of 32.

        Returns:
            Probability of a face at each of N places, (N,); and center, size, and the points left eye, right eye, nose,
            mouth, left ear, right ear (as seen in the picture), in pixels: (N, 8, 2).
        """
        fine = self.blocks(F.relu(self.first(_padded(2 * pixels - 1, 5))))
        found = [fine, self.last(fine)]
        scores = [head(x).permute(0, 2, 3, 1).reshape(-1) for head, x in zip(self.scores, found, strict=True)]
        boxes = [
            _placed(head(x), anchors, stride)
            for head, x, anchors, stride in zip(self.boxes, found, ANCHORS, (16, 32), strict=True)
        ]
        return torch.cat(scores).sigmoid(), torch.cat(boxes)


class _Block(nn.Module):
    """A depthwise and a pointwise convolution, added to the input.

    Args:
        narrow: Channels of the input.
        wide: Channels of the result.
        stride: 2 halves the picture.
        residual: Whether the input is added.
    """

    def __init__(self, narrow: int, wide: int, stride: int = 1, *, residual: bool = True) -> None:
        super().__init__()
        self.stride, self.residual, self.more = stride, residual, wide - narrow
        self.depthwise = nn.Conv2d(narrow, narrow, 3, stride, groups=narrow)
        self.pointwise = nn.Conv2d(narrow, wide, 1)

    def forward(self, x: Tensor) -> Tensor:
        changed = self.pointwise(self.depthwise(_padded(x, 3, self.stride)))
        if not self.residual:
            return F.relu(changed)
        kept = F.max_pool2d(x, 2) if self.stride == 2 else x
        return F.relu(F.pad(kept, (0, 0, 0, 0, 0, self.more)) + changed)


def _padded(x: Tensor, kernel: int, stride: int = 2) -> Tensor:
    """Pad with zeros as TensorFlow does: at stride 2 less at the top and left."""
    total = kernel - stride
    return F.pad(x, (total // 2, total - total // 2) * 2)


def _placed(raw: Tensor, anchors: int, stride: int) -> Tensor:
    """Return boxes (N, 8, 2) in pixels of the picture from (1, anchors · 16, h, w), relative to each place's center."""
    height, width = raw.shape[2:]
    boxes = raw.permute(0, 2, 3, 1).reshape(height, width, anchors, BOX // 2, 2)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    center = (torch.stack([x, y], 2).to(raw)[:, :, None, None] + 0.5) * stride
    size = boxes[:, :, :, 1:2]
    return torch.cat([boxes[:, :, :, :1] + center, size, boxes[:, :, :, 2:] + center], 3).flatten(0, 2)
