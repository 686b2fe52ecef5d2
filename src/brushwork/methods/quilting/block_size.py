"""The size of blocks that a texture suggests, by its autocorrelation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.color import luma

__all__ = ["suggested_block"]

SMALLEST, LARGEST = 12, 96  # pixels
PERIOD = 0.15  # correlation from which a second peak counts as a period
DECAYED = 0.2  # correlation at which what belongs together has ended
PERIODS, LENGTHS = 1.5, 6  # a block's side, in periods or in lengths of correlation


def suggested_block(swatch: Tensor) -> int:
    """Return the side of blocks for a texture, in pixels.

    A block should hold the texture's largest regular part (section 2 of the paper). That is a period if the
    autocorrelation has a second peak, and otherwise some lengths over which it decays.

    Args:
        swatch: (1, 3, H, W).

    Returns:
        At least 2, and at most half of the shorter side.
    """
    height, width = swatch.shape[2:]
    reach = min(height, width) // 2
    most = max(2, min(LARGEST, reach))
    if reach < SMALLEST:
        return most
    gray = luma(swatch)[0, 0]
    gray = gray - F.avg_pool2d(gray[None, None], 2 * (reach // 2) + 1, 1, reach // 2, count_include_pad=False)[0, 0]
    padded = (2 * height, 2 * width)
    power = torch.fft.rfft2(gray, padded).abs().square()
    counted = torch.fft.rfft2(torch.ones_like(gray), padded).abs().square()
    correlation = torch.fft.irfft2(power, padded) / torch.fft.irfft2(counted, padded).clamp_min(1)
    if correlation[0, 0] < 1e-8:  # flat
        return most
    correlation = correlation / correlation[0, 0]
    along = [correlation[0, :reach], correlation[:reach, 0]]
    periods = [found for line in along if (found := _second_peak(line))]
    if periods:
        side = PERIODS * max(periods)
    else:
        lengths = [int((line < DECAYED).float().argmax()) or reach for line in along]
        side = LENGTHS * max(lengths)
    return max(min(SMALLEST, most), min(most, round(side)))


def _second_peak(line: Tensor) -> int | None:
    """Return the distance of the highest peak after the first trough; None if it is low."""
    falling = (line[1:] > line[:-1]).float()
    if not bool(falling.any()):
        return None
    trough = int(falling.argmax())
    peak = trough + int(line[trough:].argmax())
    return peak if line[peak] > PERIOD and line[peak] - line[trough] > PERIOD and peak < len(line) - 1 else None
