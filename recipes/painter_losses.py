"""Losses of the painter's training: Gram matrices that are quick on a CPU, grids, the palette, sizes of marks."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.color import luma
from brushwork.evaluation.artifacts import local_deviation
from brushwork.losses.regularizers import unexplained
from brushwork.nn.statistics import gram_matrix

PIXELS = 2048  # compared for the palette
DIRECTIONS = 16
BLOBS = (4, 8)  # pixels over which forms are averaged that the photo doesn't have
SMOOTH = 10 / 255  # deviation of luma around a pixel below which a photo is more or less flat there
CALM = 0.25  # quantile of the paintings' deviations
OCTAVES = 5  # in which a painting's contrast is compared: details of 1 to 16 pixels


class QuickGram(torch.autograd.Function):
    """Gram matrices of channels-last features (B, C, H, W), in their dtype, whose gradient is one product.

    Autograd would take two, for the two factors, in a layout that is ten times slower in bfloat16.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        return gram_matrix(features)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        (features,) = ctx.saved_tensors
        flat = features.flatten(2).transpose(1, 2)
        both = (gradient + gradient.transpose(1, 2)) / flat.shape[1]
        return (flat @ both).transpose(1, 2).reshape(features.shape)


def triangle(matrix: Tensor) -> Tensor:
    row, column = torch.triu_indices(*matrix.shape)
    return matrix[row, column]


def full(triangles: Tensor) -> Tensor:
    """Symmetric matrices (B, width, width) from their upper triangles (B, width (width + 1) / 2)."""
    width = int((2 * triangles.shape[1]) ** 0.5)
    matrices = triangles.new_zeros(len(triangles), width, width)
    row, column = torch.triu_indices(width, width)
    matrices[:, row, column] = triangles
    matrices[:, column, row] = triangles
    return matrices


def jump_loss(pictures: Tensor) -> Tensor:
    """Return how unequal the jumps between pixels are at the offsets of grids of 2, 4 and 8 pixels; 0 for none.

    Sub-pixel shuffling leaves such grids as hatching in textures, which `checkerboard_loss` doesn't see, since it asks
    where pixels have the same sign.
    """
    terms = []
    for axis in (2, 3):
        jumps = pictures.diff(dim=axis).abs().mean((1, 5 - axis))
        for period in (2, 4, 8):
            found = jumps[:, : jumps.shape[1] // period * period].unflatten(1, (-1, period)).mean(1)
            terms.append((found / found.mean(1, keepdim=True).clamp_min(1e-4) - 1).square().mean())
    return torch.stack(terms).mean()


def palette_loss(pictures: Tensor, paintings: Tensor) -> Tensor:
    """Sliced Wasserstein distance of colors, from pixels (B, 3, H, W), over some positions and directions."""
    places = torch.randint(pictures.shape[2] * pictures.shape[3], (PIXELS,))
    directions = F.normalize(torch.randn(DIRECTIONS, 3), dim=1)
    found, wanted = (directions @ x.flatten(2)[:, :, places] for x in (pictures, paintings))
    return (found.sort(2).values - wanted.sort(2).values).abs().mean()


def octaves(pixels: Tensor) -> Tensor:
    """Return the logarithms (B, 5) of the mean contrast in each octave of a Laplacian pyramid of (B, 3, H, W)."""
    found = []
    for _ in range(OCTAVES):
        small = F.avg_pool2d(pixels, 2)
        coarse = F.interpolate(small, size=pixels.shape[2:], mode="bilinear")
        found.append((pixels - coarse).abs().mean((1, 2, 3)))
        pixels = small
    return torch.stack(found, 1).clamp_min(1e-4).log()


def octave_loss(pictures: Tensor, wanted: Tensor) -> Tensor:
    """Return how far the contrast in each octave is from that of the paintings, (B, 5), see `octaves`.

    Gram matrices alone leave a network with a grain of single pixels and too little contrast in larger marks.
    """
    return (octaves(pictures) - wanted).square().mean()


def blob_loss(pictures: Tensor, photos: Tensor) -> Tensor:
    """Return the contrast of forms of 4 to 40 pixels that no recoloring of the photos (B, 3, H, W) explains.

    Pixels are averaged over 4 or 8, the mean around them is subtracted, and then the best linear map of the photo's
    colors. Gram matrices accept a wall or a sky that is tiled with pale blobs of one size; people don't.
    """
    terms = []
    for size in BLOBS:
        found, given = _local_forms(pictures, size), _local_forms(photos, size)
        terms.append(unexplained(found, given, 1e-4 * found.shape[2]))
    return torch.stack(terms).mean()


def flat_loss(pictures: Tensor, photos: Tensor, paintings: Tensor) -> Tensor:
    """Return by how much flat places of the photos (B, 3, H, W) are livelier than the calmest quarter of the paintings.

    Lively is the deviation of luma around a pixel; see `brushwork.evaluation.artifacts.flat_texture`. A Gram matrix is
    cheaply matched by a maze of outlined worms in the sky, which has no edges to keep.
    """
    found, given, calm = (local_deviation(luma(x), 1e-6).float() for x in (pictures, photos, paintings))
    least = calm.flatten(1).quantile(CALM, dim=1).view(-1, 1, 1, 1)
    flat = (1 - given / SMOOTH).clamp_min(0)
    return (flat * (found - least).clamp_min(0)).sum() / flat.sum().clamp_min(1)


def _local_forms(pixels: Tensor, size: int) -> Tensor:
    small = F.avg_pool2d(pixels, size)
    return (small - F.avg_pool2d(small, 5, 1, 2, count_include_pad=False)).flatten(2)
