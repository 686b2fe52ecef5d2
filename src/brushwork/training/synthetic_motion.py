"""Short synthetic videos with exactly known motion: photos moving over one another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.errors import UsageError

__all__ = ["Film", "moving_layers"]

MARGIN = 1.5  # size of the background relative to the frame, so that its edge stays out of sight
BLOBS = 3  # number of waves in a layer's outline


@dataclass(frozen=True)
class Film:
    """Frames with their ground-truth motion.

    Args:
        frames: Pixels (1, 3, H, W) in [0, 1].
        maps: For each frame and layer, the homography (3, 3) from the layer's pixels to the frame's.
        owners: For each frame, the index of the layer visible at each pixel, (H, W).
    """

    frames: list[Tensor]
    maps: list[Tensor]
    owners: list[Tensor]

    def flow(self, first: int, second: int) -> Tensor:
        """Return the flow from one frame to another, (1, 2, H, W) in pixels, also where the target is occluded."""
        height, width = self.owners[first].shape
        places = _places(height, width)
        flow = torch.zeros(2, height * width)
        for layer in range(len(self.maps[first])):
            there = self.maps[second][layer] @ torch.linalg.inv(self.maps[first][layer])
            moved = _mapped(there, places)
            mine = (self.owners[first] == layer).flatten()
            flow[:, mine] = (moved - places)[:, mine].float()
        return flow.view(1, 2, height, width)

    def visible(self, first: int, second: int) -> Tensor:
        """Return a mask of what in the first frame is also visible in the second, (1, 1, H, W) of 0 and 1."""
        height, width = self.owners[first].shape
        end = _places(height, width).float() + self.flow(first, second).view(2, -1)
        x, y = end.round().long()
        inside = (end[0] >= 0) & (end[0] <= width - 1) & (end[1] >= 0) & (end[1] <= height - 1)
        owner = self.owners[second][y.clamp(0, height - 1), x.clamp(0, width - 1)]
        return (inside & (owner == self.owners[first].flatten())).float().view(1, 1, height, width)


def moving_layers(
    photos: Sequence[Tensor],
    size: tuple[int, int],
    count: int,
    *,
    seed: int = 0,
    speed: float = 3.0,
    margin: float = MARGIN,
) -> Film:
    """Return a synthetic video of photos moving over one another; the first one is the background.

    Args:
        photos: Pixels (1, 3, H, W) in [0, 1].
        size: (width, height) of the frames.
        count: Number of frames.
        seed: Determines the motion.
        speed: Approximate motion in pixels per frame.
        margin: Size of the background relative to the frame; beyond its edge, the outermost pixels are repeated.

    Raises:
        UsageError: No photo or no frame.
    """
    if not photos or count < 1:
        raise UsageError(f"expected at least one photo and one frame, got {len(photos)} and {count}")
    width, height = size
    generator = torch.Generator().manual_seed(seed)
    layers = [_background(photos[0], size, margin), *(_cut_out(photo, size, generator) for photo in photos[1:])]
    motions = [_motion(size, speed * (0.5 if k == 0 else 1.0), k == 0, generator) for k in range(len(layers))]
    film = Film([], [], [])
    for number in range(count):
        frame, owner = torch.zeros(3, height * width), torch.zeros(height * width, dtype=torch.long)
        maps = torch.stack([_at(motion, number, size, margin) for motion in motions])
        for k, (pixels, mask) in enumerate(layers):
            places = _mapped(torch.linalg.inv(maps[k]), _places(height, width))
            seen = _sampled(torch.cat([pixels, mask], 1), places)
            mine = seen[3] > 0.5 if k else torch.ones(height * width, dtype=torch.bool)
            frame[:, mine], owner[mine] = seen[:3, mine], k
        film.frames.append(frame.view(1, 3, height, width).clamp(0, 1))
        film.maps.append(maps)
        film.owners.append(owner.view(height, width))
    return film


def _background(photo: Tensor, size: tuple[int, int], margin: float) -> tuple[Tensor, Tensor]:
    large = round(margin * size[1]), round(margin * size[0])
    pixels = F.interpolate(photo, large, mode="bilinear", antialias=True)
    return pixels, torch.ones_like(pixels[:, :1])


def _cut_out(photo: Tensor, size: tuple[int, int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return a photo resized to a third to half of the frame's size, and a round, wavy mask for it."""
    side = round(min(size) * (0.35 + 0.2 * float(torch.rand((), generator=generator))))
    pixels = F.interpolate(photo, (side, side), mode="bilinear", antialias=True)
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, side)] * 2, indexing="ij")
    angle, radius = torch.atan2(y, x), torch.hypot(x, y)
    waves = torch.rand(BLOBS, 2, generator=generator)
    outline = 0.75 + sum(0.06 * a * torch.cos((k + 2) * angle + 6.28 * b) for k, (a, b) in enumerate(waves))
    return pixels, (radius < outline).float()[None, None]


def _motion(size: tuple[int, int], speed: float, whole: bool, generator: torch.Generator) -> dict[str, float]:
    """Return random motion parameters of a layer: its initial position and its change per frame."""
    draw = torch.rand(6, generator=generator)
    direction = 2 * math.pi * float(draw[0])
    largest = 0.004 if whole else 0.02
    return {
        "x": 0.0 if whole else (0.2 + 0.6 * float(draw[1])) * size[0],
        "y": 0.0 if whole else (0.2 + 0.6 * float(draw[2])) * size[1],
        "dx": speed * math.cos(direction), "dy": speed * math.sin(direction),
        "turn": largest * (2 * float(draw[3]) - 1), "grow": largest * (2 * float(draw[4]) - 1),
        "tilt": (0.0 if whole else 2e-5) * (2 * float(draw[5]) - 1), "whole": float(whole),
    }  # fmt: skip


def _at(motion: dict[str, float], number: int, size: tuple[int, int], margin: float) -> Tensor:
    """Return the homography (3, 3) from a layer's pixels to a frame's; its position oscillates to stay in view."""
    swing = math.sin(number / 8) * 8
    angle, scale = motion["turn"] * swing, math.exp(motion["grow"] * swing)
    x, y = motion["x"] + motion["dx"] * swing, motion["y"] + motion["dy"] * swing
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    center = [margin * side / 2 for side in size] if motion["whole"] else [0.2 * min(size)] * 2
    if motion["whole"]:
        x, y = x + size[0] / 2, y + size[1] / 2
    forth = torch.tensor([[1, 0, -center[0]], [0, 1, -center[1]], [0, 0, 1]], dtype=torch.float64)
    turned = torch.tensor([[cos, -sin, x], [sin, cos, y], [motion["tilt"] * swing, 0, 1]], dtype=torch.float64)
    return turned @ forth


def _places(height: int, width: int) -> Tensor:
    """Return the x and y coordinates of all pixels, (2, H W)."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()]).double()


def _mapped(homography: Tensor, places: Tensor) -> Tensor:
    """Return the positions (2, N) mapped by a homography."""
    found = homography @ torch.cat([places, torch.ones_like(places[:1])])
    return found[:2] / found[2:]


def _sampled(pixels: Tensor, places: Tensor) -> Tensor:
    """Sample pixels (1, C, H, W) at positions (2, N) to (C, N); positions beyond the border repeat the edge."""
    height, width = pixels.shape[2:]
    across, down = (2 * places[0] + 1) / width - 1, (2 * places[1] + 1) / height - 1
    grid = torch.stack([across, down], 1).float()[None, None]
    return F.grid_sample(pixels, grid, mode="bicubic", padding_mode="border", align_corners=False)[0, :, 0]
