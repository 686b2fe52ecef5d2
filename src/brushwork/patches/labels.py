"""Label maps: pictures in a few flat colors, each of which names a region."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from brushwork.errors import UsageError

__all__ = ["labels_of", "planes_of"]

FLAT = 3  # side of the smallest flat square of a label; edges between labels, smoothed or not, have none
ALIKE = 40 / 255  # distance of colors up to which they are the same label: noise of compression
SMALLEST = 1e-3  # share of the picture that a label has at least
MOST = 32


def labels_of(pixels: Tensor, name: str) -> Tensor:
    """Return the colors of the labels in a map, (N, 3), the most frequent first.

    Args:
        pixels: (3, H, W) in [0, 1].
        name: Of the map, for the error.

    Raises:
        UsageError: It has no flat colors, or too many.
    """
    levels = (pixels * 255).round().long()
    codes = (levels[0] << 16) + (levels[1] << 8) + levels[2]
    windows = F.pad(codes[None].double(), (1, 1, 1, 1), mode="replicate")[0].unfold(0, FLAT, 1).unfold(1, FLAT, 1)
    flat = (windows == codes[..., None, None]).all(-1).all(-1)
    found, counts = torch.unique(codes[flat], return_counts=True)
    found = found[counts.argsort(descending=True, stable=True)]
    colors = torch.stack((found >> 16, found >> 8 & 255, found & 255), 1) / 255
    kept: list[Tensor] = []
    for color in colors[: 64 * MOST]:
        if all((color - other).norm() > ALIKE for other in kept):
            kept.append(color)
    labels = torch.stack(kept) if kept else colors
    if len(labels):
        shares = torch.bincount(_nearest(pixels, labels).flatten(), minlength=len(labels)) / codes.numel()
        labels = labels[shares >= SMALLEST]
    if not 0 < len(labels) <= MOST:
        raise UsageError(f"{name}: expected a map of 1 to {MOST} flat colors, got {len(labels)}; is it a photo?")
    return labels


def planes_of(source: Tensor, target: Tensor, names: tuple[str, str] = ("A", "B")) -> tuple[Tensor, Tensor]:
    """Return both maps as planes, one for each label of A: 1 where it is, 0 elsewhere.

    Pixels of other colors, such as those of smoothed edges, belong to the nearest label.

    Args:
        source: A, (3, h, w) in [0, 1].
        target: B, (3, H, W) in [0, 1].
        names: Of the maps, for the errors.

    Returns:
        (N, h, w) and (N, H, W).

    Raises:
        UsageError: A map without labels; labels of B that A lacks, which are named.
    """
    known, asked = labels_of(source, names[0]), labels_of(target, names[1])
    missing = [color for color in asked if bool(((known - color).norm(dim=1) > ALIKE).all())]
    if missing:
        told = ", ".join(_word(color) for color in missing)
        raise UsageError(
            f"{names[1]}: the label{'s' if len(missing) > 1 else ''} {told} {'are' if len(missing) > 1 else 'is'} "
            f"missing in {names[0]}, which has {', '.join(_word(color) for color in known)}"
        )
    planes = [F.one_hot(_nearest(pixels, known), len(known)).permute(2, 0, 1).float() for pixels in (source, target)]
    return planes[0], planes[1]


def _nearest(pixels: Tensor, labels: Tensor) -> Tensor:
    """Return the index of the nearest label, (H, W)."""
    return torch.stack([(pixels - label[:, None, None]).square().sum(0) for label in labels]).argmin(0)


def _word(color: Tensor) -> str:
    return "#" + "".join(f"{round(float(part) * 255):02x}" for part in color)
