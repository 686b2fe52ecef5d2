"""Two measures that no training here uses: likeness to the photo, and to the painting's patches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity
from torch import Tensor

PATCH = 7
LEVELS = 3
DIRECTIONS = 256
POINTS = 512  # of each quantile function


def similarity(picture: Tensor, photo: Tensor) -> float:
    """SSIM of pixels (1, 3, H, W) in [0, 1], mean over the channels; 1 is the photo itself.

    Source: Wang et al. 2004, "Image Quality Assessment", section III: a Gaussian window of deviation 1.5.
    """
    a, b = (x[0].permute(1, 2, 0).double().numpy() for x in (picture, photo))
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(a, b, channel_axis=2, data_range=1.0, **window))


def patch_distance(picture: Tensor, painting: Tensor) -> float:
    """Sliced 2-Wasserstein distance of all 7×7 RGB patches, mean over three sizes, each half of the one before.

    The pictures (1, 3, H, W) may have different sizes. The directions are random unit vectors, the same each time;
    so a distance is that of projected patches, whose root mean square is that of a pixel: 0.1 is a tenth of white.
    """
    generator = torch.Generator().manual_seed(0)
    directions = F.normalize(torch.randn(DIRECTIONS, 3 * PATCH**2, generator=generator), dim=1)
    found = []
    for level in range(LEVELS):
        a, b = (_quantiles(F.avg_pool2d(x, 2**level), directions) for x in (picture, painting))
        found.append((a - b).square().mean().sqrt())
    return float(torch.stack(found).mean())


def _quantiles(pixels: Tensor, directions: Tensor) -> Tensor:
    """Quantile functions (DIRECTIONS, POINTS) of the patches' projections."""
    kernels = directions.unflatten(1, (3, PATCH, PATCH))
    lines = F.conv2d(pixels, kernels).flatten(2).sort(2).values
    return F.interpolate(lines, POINTS, mode="linear")[0]
