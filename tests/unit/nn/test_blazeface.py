"""BlazeFace gives the numbers of the published file."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from brushwork.nn.blazeface import BlazeFace
from brushwork.weights.places import MODELS


@pytest.fixture(scope="module")
def network() -> BlazeFace:
    made = BlazeFace()
    made.load_state_dict(load_file(MODELS / "blazeface.safetensors"))
    return made.eval()


@torch.no_grad()
def test_numbers_are_those_of_the_published_file(network: BlazeFace) -> None:
    """Of face_detection_back.tflite, read by OpenCV 5.0.0: sizes, and centers from their place's center."""
    across = (torch.arange(256) / 255).expand(256, 256)
    _, boxes = network(torch.stack([across, across.T, across * across.T])[None])
    assert boxes.shape == (896, 8, 2)
    places = torch.tensor([0, 300, 511, 512, 895])
    size = [[49.46400, 49.46006], [1.15178, 1.15385], [48.19748, 48.19787], [86.59338, 86.58159], [65.17995, 63.98209]]
    assert torch.allclose(boxes[places, 1], torch.tensor(size), atol=1e-3)
    center = [[-5.35373, -2.32466], [3.52113, -1.61109], [3.50194, -2.51264], [23.76027, 24.17014], [5.90259, -6.64344]]
    at = torch.tensor([[8.0, 8], [104, 152], [248, 248], [16, 16], [240, 240]])  # 2 every 16 px, 6 every 32 px
    assert torch.allclose(boxes[places, 0] - at, torch.tensor(center), atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), [(32, 32), (96, 160)])
def test_any_multiple_of_32_is_taken(network: BlazeFace, height: int, width: int) -> None:
    scores, boxes = network(torch.rand(1, 3, height, width))
    count = (height // 16) * (width // 16) * 2 + (height // 32) * (width // 32) * 6
    assert scores.shape == (count,)
    assert boxes.shape == (count, 8, 2)
    assert bool(((scores >= 0) & (scores <= 1)).all())
