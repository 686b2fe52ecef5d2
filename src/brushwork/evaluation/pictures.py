"""Measures of pixels: likeness to the photo, and to the painting's colors, patches and marks.

All pictures are (1, 3, H, W) sRGB in [0, 1]. A photo has the picture's size; a painting may have any.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.color import luma
from brushwork.nn.statistics import resampled

__all__ = ["chroma_spread", "edges_kept", "ms_ssim", "palette_distance", "patch_distance", "ssim", "stroke_scale"]

WINDOW, DEVIATION = 11, 1.5  # of SSIM's Gaussian window, in pixels
LUMINANCE, CONTRAST = 0.01**2, 0.03**2  # SSIM's constants, for a range of 1
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # exponents of MS-SSIM, from fine to coarse

COLOR_DIRECTIONS, LEVELS = 64, 256
PATCH, PYRAMID, PATCH_DIRECTIONS, POINTS = 7, 3, 128, 512
PLACES = 1 << 14  # pixels or patches that are compared, at most

GRAY = 1.0  # spread of Lab's a and b below which a picture counts as gray: about what one can just see
COARSE = 32  # of the longer side: what is larger is the subject, not marks


def ssim(picture: Tensor, photo: Tensor) -> float:
    """Return the structural similarity, mean over channels; 1 is the photo itself.

    Source: Wang et al. 2004, "Image Quality Assessment", section III.B: a Gaussian window of 11×11, deviation 1.5.
    """
    similarity, _ = _similarity(picture.double(), photo.double())
    return float(similarity.mean())


def ms_ssim(picture: Tensor, photo: Tensor) -> float:
    """Return the structural similarity over up to five sizes; 1 is the photo itself.

    Source: Wang, Simoncelli and Bovik 2003, "Multi-scale structural similarity for image quality assessment".
    Differs: pictures under 176 px have fewer sizes, with the exponents scaled to their sum.
    """
    a, b = picture.double(), photo.double()
    count = max(1, sum(min(a.shape[2:]) >> level >= WINDOW for level in range(len(SCALES))))
    found = torch.ones((), dtype=torch.float64)
    for level, exponent in enumerate(SCALES[:count]):
        similarity, contrast = _similarity(a, b)
        last = level == count - 1
        found = found * (similarity if last else contrast).mean().clamp_min(0) ** (exponent / sum(SCALES[:count]))
        if not last:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return float(found)


def _similarity(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return SSIM, and its part without luminance, at each position of a window."""
    side = min(WINDOW, *a.shape[2:])
    line = torch.exp(-((torch.arange(side, dtype=torch.float64) - (side - 1) / 2) ** 2) / (2 * DEVIATION**2))
    line = line / line.sum()

    def blurred(x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x.transpose(0, 1), line.view(1, 1, -1, 1)), line.view(1, 1, 1, -1))

    mean_a, mean_b = blurred(a), blurred(b)
    variance_a, variance_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    covariance = blurred(a * b) - mean_a * mean_b
    contrast = (2 * covariance + CONTRAST) / (variance_a + variance_b + CONTRAST)
    return (2 * mean_a * mean_b + LUMINANCE) / (mean_a**2 + mean_b**2 + LUMINANCE) * contrast, contrast


def edges_kept(picture: Tensor, photo: Tensor) -> float:
    """Return the correlation of the two gradient magnitudes; 1 if all edges are where the photo has them."""
    a, b = (_gradient(x).flatten() for x in (picture, photo))
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / (a.norm() * b.norm()).clamp_min(1e-9))


def _gradient(pixels: Tensor) -> Tensor:
    """Return the magnitude of Sobel's gradient of luma, (1, 1, H, W)."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    padded = F.pad(luma(pixels), (1, 1, 1, 1), mode="replicate")
    slopes = F.conv2d(padded, torch.stack([kernel, kernel.T])[:, None])
    return slopes.square().sum(1, keepdim=True).sqrt()


def palette_distance(picture: Tensor, painting: Tensor) -> float:
    """Return the distance of two pictures' colors, in units of CIE Lab; 0 for the same colors anywhere.

    The sliced Wasserstein distance (of order 1) between pixels, over 64 directions and 256 quantiles.
    """
    return quantile_distance(color_quantiles(picture), color_quantiles(painting), 1)


def color_quantiles(pixels: Tensor) -> list[Tensor]:
    """Return the quantiles of the colors along each direction, (64, 256)."""
    lines = torch.from_numpy(_lab(pixels)).float() @ _color_directions()
    return [_quantiles(lines.T, LEVELS)]


def quantile_distance(one: list[Tensor], other: list[Tensor], order: int) -> float:
    """Return the Wasserstein distance of an order, 1 or 2, between quantile functions; mean over a list of them."""
    both = [(a - b).abs() for a, b in zip(one, other, strict=True)]
    found = [x.mean() if order == 1 else x.square().mean().sqrt() for x in both]
    return float(torch.stack(found).mean())


def _quantiles(lines: Tensor, count: int) -> Tensor:
    """Return the quantile function of each row (D, N), at no more than `PLACES` places, evenly spaced."""
    some = lines[:, :: -(-lines.shape[1] // PLACES)]
    return resampled(
        torch.from_numpy(np.sort(some.detach().numpy(), axis=1)), count
    )  # several times faster than torch's


@cache
def _color_directions() -> Tensor:
    random = torch.from_numpy(np.random.RandomState(0).randn(COLOR_DIRECTIONS, 3)).float()
    return F.normalize(random, dim=1).T


def _lab(pixels: Tensor) -> npt.NDArray[np.float64]:
    """Return pixels as CIE Lab (D65), (H W, 3)."""
    from skimage.color import rgb2lab

    lab: npt.NDArray[np.float64] = rgb2lab(pixels[0].permute(1, 2, 0).double().numpy()).reshape(-1, 3)
    return lab


def chroma_spread(picture: Tensor, painting: Tensor) -> float:
    """Return how widely colors are spread around gray axes, relative to the painting: below 1 they are washed out.

    The spread is the standard deviation of Lab's a and b over the pixels. One below 1, hardly a color, counts as 1.
    """
    a, b = (max(float(np.sqrt(_lab(x)[:, 1:].var(0).sum())), GRAY) for x in (picture, painting))
    return a / b


def patch_distance(picture: Tensor, painting: Tensor) -> float:
    """Return the distance of all 7×7 patches from the painting's: 0.1 is a tenth of white.

    The sliced Wasserstein distance (of order 2) over 128 directions, mean over three sizes, each half of the one
    before. Directions are unit vectors, so it is that of a pixel.
    """
    return quantile_distance(patch_quantiles(picture), patch_quantiles(painting), 2)


def patch_quantiles(pixels: Tensor) -> list[Tensor]:
    """Return the quantile functions of the patches' projections, (128, 512) at each size."""
    found = []
    for level in range(PYRAMID):
        small = F.avg_pool2d(pixels.float(), 2**level) if min(pixels.shape[2:]) >> level >= PATCH else pixels.float()
        found.append(_quantiles(F.conv2d(small, _patch_directions())[0].flatten(1), POINTS))
    return found


@cache
def _patch_directions() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    directions = F.normalize(torch.randn(PATCH_DIRECTIONS, 3 * PATCH**2, generator=generator), dim=1)
    return directions.view(PATCH_DIRECTIONS, 3, PATCH, PATCH)


def stroke_scale(picture: Tensor, painting: Tensor) -> float:
    """Return the size of marks relative to the painting's, both relative to the longer side; 1 is the same."""
    return mark_size(picture) / max(mark_size(painting), 1e-9)


def mark_size(pixels: Tensor) -> float:
    """Return the size of marks as a share of the longer side.

    It is the radius at which the autocorrelation of luma, without what is larger than 1/32 of the longer side, has
    fallen to a half.
    """
    gray, longer = luma(pixels)[0, 0], max(pixels.shape[2:])
    side = 2 * (max(3, longer // COARSE) // 2) + 1
    reach = min(side // 2, *(length - 1 for length in gray.shape))
    padded = F.pad(gray[None, None], (reach,) * 4, mode="reflect")
    detail = gray - F.avg_pool2d(padded, 2 * reach + 1, 1)[0, 0]
    power = torch.fft.rfft2(detail, s=[2 * length for length in gray.shape]).abs().square()
    correlation = torch.fft.irfft2(power)[: side + 1, : side + 1]
    down, across = torch.meshgrid(torch.arange(len(correlation)), torch.arange(correlation.shape[1]), indexing="ij")
    ring = (down.square() + across.square()).float().sqrt().round().long()
    sums = torch.zeros(int(ring.max()) + 1).index_add(0, ring.flatten(), correlation.flatten())
    falling = sums / torch.bincount(ring.flatten())
    falling = falling / falling[0].clamp_min(1e-12)
    below = int((falling < 0.5).float().argmax())  # 0 if it never falls, as for a flat picture
    if not below:
        return 0.0
    before, after = float(falling[below - 1]), float(falling[below])
    return (below - 1 + (before - 0.5) / (before - after)) / longer
