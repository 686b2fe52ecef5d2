"""Finding faces, and a soft mask of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from brushwork.image import fit_size, resize
from brushwork.nn.blazeface import BlazeFace
from brushwork.runtime.tensor_files import read_tensors
from brushwork.weights.places import MODELS

__all__ = ["SKIN", "Face", "face_mask", "find_faces"]

SIDES = 256, 512  # longer sides at which faces are looked for: large ones, and small ones
SURE = 0.7  # probability of a face; at 0.5 dials, windows and dogs are faces, too (docs/decisions/0013-faces.md)
SAME = 0.3  # two boxes that share more than this of the smaller one are of one face
LONGEST = 1024  # longer side of the mask in pixels
MULTIPLE = 32  # of sides that the network supports
# The mask, in sizes of the found box, which goes from the brows to the chin.
HALF_WIDTH, HALF_HEIGHT = 0.66, 0.86  # of the ellipse, to half way between full and no protection
RISE = 0.1  # of its center above the box's, so that it has the forehead
FEATHER = 0.7  # width of its edge, in its radius
SKIN = 0.75  # protection of a face, if that of eyes and mouth is 1
EYE, MOUTH = 0.17, 0.26  # radius at which their additional protection has fallen by two thirds


@dataclass(frozen=True)
class Face:
    """A face in a picture; places as shares of its width and height.

    Args:
        center: x and y.
        size: Width and height of the box from the brows to the chin.
        eyes: x and y of both.
        mouth: x and y.
        probability: How sure the network is.
    """

    center: tuple[float, float]
    size: tuple[float, float]
    eyes: tuple[tuple[float, float], tuple[float, float]]
    mouth: tuple[float, float]
    probability: float


def find_faces(pixels: Tensor) -> list[Face]:
    """Find the faces in a picture, the surest first.

    They are found from about 1/40 of the longer side, from the front and half turned, not from the side or upside down.

    Args:
        pixels: (1, 3, H, W) in [0, 1].
    """
    height, width = pixels.shape[2:]
    found = [pair for side in SIDES for pair in _found(pixels, fit_size((width, height), side))]
    kept: list[tuple[float, Tensor]] = []
    for probability, box in sorted(found, key=lambda pair: -pair[0]):
        if all(_shared(box, other) <= SAME for _, other in kept):
            kept.append((probability, box))
    return [_face(probability, box) for probability, box in kept]


def face_mask(faces: Sequence[Face], size: tuple[int, int]) -> Tensor:
    """Return how much a picture is to be protected at each place, (1, 1, h, w) in [0, 1]: the most at eyes and mouths.

    Args:
        faces: From `find_faces`.
        size: (width, height) of the picture in pixels. The mask is at most 1024 px long; it is smooth.
    """
    width, height = fit_size(size, min(LONGEST, max(size)))
    x, y = (torch.arange(width) + 0.5), (torch.arange(height)[:, None] + 0.5)
    mask = torch.zeros(height, width)
    for face in faces:
        side = face.size[0] * width
        left, right = ((at * width, down * height) for at, down in face.eyes)
        angle = torch.atan2(torch.tensor(right[1] - left[1]), torch.tensor(right[0] - left[0]))
        cos, sin = angle.cos(), angle.sin()
        dx, dy = x - face.center[0] * width, y - face.center[1] * height
        across, down = (dx * cos + dy * sin) / side, (dy * cos - dx * sin) / side + RISE  # upright, in sizes of the box
        radius = torch.hypot(across / HALF_WIDTH, down / HALF_HEIGHT)
        edge = (0.5 + (1 - radius) / FEATHER).clamp(0, 1)
        own = SKIN * edge * edge * (3 - 2 * edge)
        for (px, py), reach in ((left, EYE), (right, EYE), ((face.mouth[0] * width, face.mouth[1] * height), MOUTH)):
            away = ((x - px) ** 2 + (y - py) ** 2) / (reach * side) ** 2
            own = own + (1 - own) * (own / SKIN) * torch.exp(-away)
        mask = torch.maximum(mask, own)
    return (mask * 255).round().clamp(0, 255)[None, None] / 255  # so that a file of it means the same


@torch.inference_mode()
def _found(pixels: Tensor, size: tuple[int, int]) -> list[tuple[float, Tensor]]:
    """Return probabilities and boxes (8, 2), as shares of the picture's sides, of what may be faces at a size."""
    width, height = size
    small = resize(pixels.float().cpu(), size)
    padded = F.pad(small, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
    scores, boxes = _network()(padded)
    sure = scores > SURE
    scale = torch.tensor([width, height])
    return [(float(score), box / scale) for score, box in zip(scores[sure], boxes[sure], strict=True)]


def _shared(box: Tensor, other: Tensor) -> float:
    """Return which share of the smaller box is in both."""
    low = torch.maximum(box[0] - box[1] / 2, other[0] - other[1] / 2)
    high = torch.minimum(box[0] + box[1] / 2, other[0] + other[1] / 2)
    smaller = torch.minimum(box[1].prod(), other[1].prod())
    return float((high - low).clamp_min(0).prod() / smaller)


def _face(probability: float, box: Tensor) -> Face:
    center, size, left, right, _, mouth = ((float(x), float(y)) for x, y in box[:6])
    return Face(center, size, (left, right), mouth, probability)


@lru_cache(1)
def _network() -> BlazeFace:
    network = BlazeFace()
    network.load_state_dict(read_tensors(MODELS / "blazeface.safetensors"))
    return network.eval()
