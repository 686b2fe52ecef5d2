"""Color spaces, and keeping the content's colors.

All functions map (B, 3, H, W) tensors to (B, 3, H, W) tensors of the same type and device, change nothing in
place, and are differentiable with finite gradients everywhere, black included.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "keep_luminance",
    "lab_to_rgb",
    "linear_to_srgb",
    "rgb_to_lab",
    "rgb_to_yiq",
    "srgb_to_linear",
    "yiq_to_rgb",
]

Matrix = tuple[tuple[float, float, float], ...]

# NTSC, on gamma-encoded values. Source: Recommendation ITU-R BT.601 for Y; FCC 73.682 for I and Q.
_YIQ_FROM_RGB: Matrix = (
    (0.299, 0.587, 0.114),
    (0.59590059, -0.27455667, -0.32134392),
    (0.21153661, -0.52273617, 0.31119955),
)
# Linear sRGB to XYZ, D65. Source: IEC 61966-2-1; the digits are Lindbloom's, http://brucelindbloom.com.
_XYZ_FROM_RGB: Matrix = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_LAB_EDGE = 6 / 29  # where Lab's cube root turns into a line. Source: CIE 15:2004, section 8.2.1


def srgb_to_linear(srgb: Tensor) -> Tensor:
    """Return linear light from gamma-encoded sRGB.

    Args:
        srgb: (B, 3, H, W), [0, 1].

    Returns:
        (B, 3, H, W), [0, 1].

    Source: IEC 61966-2-1.
    """
    curve = ((srgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(srgb <= 0.04045, srgb / 12.92, curve)


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Return gamma-encoded sRGB from linear light.

    Args:
        linear: (B, 3, H, W), [0, 1].

    Returns:
        (B, 3, H, W), [0, 1].

    Source: IEC 61966-2-1.
    """
    # Clamped inside: the slope of the power is infinite at 0, and infinity times where()'s zero is NaN.
    curve = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, curve)


def rgb_to_yiq(rgb: Tensor) -> Tensor:
    """Return luma and the two chroma axes of NTSC.

    Args:
        rgb: (B, 3, H, W) sRGB, [0, 1].

    Returns:
        (B, 3, H, W): Y in [0, 1], I in [-0.596, 0.596], Q in [-0.523, 0.523].

    Source: FCC 73.682; ITU-R BT.601.
    """
    return _mix(rgb, _matrix(_YIQ_FROM_RGB, rgb))


def yiq_to_rgb(yiq: Tensor) -> Tensor:
    """Return sRGB from NTSC's luma and chroma; the inverse of `rgb_to_yiq`, not clamped.

    Args:
        yiq: (B, 3, H, W) as `rgb_to_yiq` gives.

    Returns:
        (B, 3, H, W); within [0, 1] only where that color exists in sRGB.
    """
    return _mix(yiq, _inverse(_YIQ_FROM_RGB, yiq))


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Return CIE L*a*b* with the D65 white point.

    Args:
        rgb: (B, 3, H, W) sRGB, [0, 1].

    Returns:
        (B, 3, H, W): L in [0, 100], a and b about [-110, 110].

    Source: CIE 15:2004, section 8.2.1.
    """
    matrix = _matrix(_XYZ_FROM_RGB, rgb)
    t = _mix(srgb_to_linear(rgb), matrix) / _white(matrix)
    root = t.clamp(min=_LAB_EDGE**3) ** (1 / 3)
    f = torch.where(t > _LAB_EDGE**3, root, t / (3 * _LAB_EDGE**2) + 4 / 29)
    fx, fy, fz = f[:, :1], f[:, 1:2], f[:, 2:]
    return torch.cat([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], dim=1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Return sRGB from CIE L*a*b* with the D65 white point; the inverse of `rgb_to_lab`, not clamped.

    Args:
        lab: (B, 3, H, W) as `rgb_to_lab` gives.

    Returns:
        (B, 3, H, W); within [0, 1] only where that color exists in sRGB.
    """
    lightness, a, b = lab[:, :1], lab[:, 1:2], lab[:, 2:]
    fy = (lightness + 16) / 116
    f = torch.cat([fy + a / 500, fy, fy - b / 200], dim=1)
    t = torch.where(f > _LAB_EDGE, f**3, 3 * _LAB_EDGE**2 * (f - 4 / 29))
    xyz = t * _white(_matrix(_XYZ_FROM_RGB, lab))
    return linear_to_srgb(_mix(xyz, _inverse(_XYZ_FROM_RGB, lab)))


def keep_luminance(result: Tensor, content: Tensor) -> Tensor:
    """Return the result in the content's colors: its luma, with I and Q of the content.

    Args:
        result: (B, 3, H, W) sRGB, [0, 1]; only its luma is used.
        content: (B, 3, H, W) or (1, 3, H, W) sRGB, [0, 1]; gives the colors.

    Returns:
        (B, 3, H, W) sRGB, clamped to [0, 1].

    Source: Gatys, Bethge, Hertzmann, Shechtman 2016, "Preserving Color in Neural Artistic Style Transfer",
    section 3.2 (luminance-only transfer), arXiv:1606.05897.
    Differs: the paper also matches the style's luminance to the content's beforehand; that is the caller's step.
    """
    luma = rgb_to_yiq(result)[:, :1]
    chroma = rgb_to_yiq(content)[:, 1:].expand(len(result), -1, -1, -1)
    return yiq_to_rgb(torch.cat([luma, chroma], dim=1)).clamp(0, 1)


def _matrix(rows: Matrix, like: Tensor) -> Tensor:
    return torch.tensor(rows, dtype=like.dtype, device=like.device)


def _inverse(rows: Matrix, like: Tensor) -> Tensor:
    inverse: Tensor = torch.linalg.inv(torch.tensor(rows, dtype=torch.float64))
    return inverse.to(dtype=like.dtype, device=like.device)


def _white(matrix: Tensor) -> Tensor:
    """(3, 1, 1) XYZ of RGB (1, 1, 1), summed rather than typed, so that white is L = 100, a = b = 0 exactly."""
    return matrix.sum(dim=1)[:, None, None]


def _mix(pixels: Tensor, matrix: Tensor) -> Tensor:
    mixed: Tensor = torch.einsum("ij,bjhw->bihw", matrix, pixels)
    return mixed
