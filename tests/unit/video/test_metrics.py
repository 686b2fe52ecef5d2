from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from brushwork.errors import UsageError
from brushwork.training.synthetic_motion import moving_layers
from brushwork.video.metrics import sharpness, warping_error, warping_errors


def test_a_film_that_follows_its_motion_has_hardly_an_error() -> None:
    smooth = F.interpolate(torch.rand(1, 3, 9, 13), (128, 160), mode="bicubic").clamp(0, 1)
    film = moving_layers([smooth], (96, 64), 12, speed=3)

    def motion(first: int, second: int) -> tuple[torch.Tensor, torch.Tensor]:
        return film.flow(first, second), film.visible(first, second)

    generator = torch.Generator().manual_seed(0)
    flickers = [frame + 0.1 * torch.randn(frame.shape, generator=generator) for frame in film.frames]
    for apart in (1, 10):
        steady, unsteady = warping_errors(film.frames, motion, apart), warping_errors(flickers, motion, apart)
        assert steady < 1e-4
        assert unsteady == pytest.approx(3 * 0.01 + 3 * 0.01 * 0.44, rel=0.3)  # of two frames, one of them blurred


def test_only_what_is_visible_counts() -> None:
    frame, visible = torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
    visible[..., 0] = 1
    other = torch.ones(1, 3, 4, 4)
    other[..., 0] = 0.5
    assert warping_error(frame, other, torch.zeros(1, 2, 4, 4), visible) == pytest.approx(0.75)
    assert warping_error(frame, other, torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 4, 4)) == 0
    assert warping_errors([frame], lambda *_: (frame, frame)) == 0


def test_blurring_takes_sharpness_away() -> None:
    picture = torch.rand(1, 3, 32, 32)
    assert sharpness(F.avg_pool2d(picture, 3, 1, 1)) < 0.6 * sharpness(picture)
    assert sharpness(torch.full((1, 3, 8, 8), 0.3)) == 0


def test_a_film_needs_a_photo_and_a_frame() -> None:
    with pytest.raises(UsageError, match="one photo"):
        moving_layers([], (32, 32), 3)
    with pytest.raises(UsageError, match="one frame"):
        moving_layers([torch.rand(1, 3, 8, 8)], (32, 32), 0)
