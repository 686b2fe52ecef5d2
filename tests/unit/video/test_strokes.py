from __future__ import annotations

import pytest
import torch
from skimage import data

from brushwork.errors import UsageError
from brushwork.flow import dis_flow, warp
from brushwork.image import resize
from brushwork.video.smoothing import Motion, motion_between
from brushwork.video.stroke_search import StrokeSearch
from brushwork.video.strokes import StrokeCarrier

SIZE = (96, 64)


@pytest.fixture(scope="module")
def wide() -> torch.Tensor:
    return resize(torch.from_numpy(data.coffee().copy()).permute(2, 0, 1)[None] / 255, (160, 107))


def frame(wide: torch.Tensor, right: int = 0) -> torch.Tensor:
    return wide[:, :, 20:84, 20 + right : 116 + right].contiguous()


def paint(film: torch.Tensor) -> torch.Tensor:
    return 1 - film


def test_a_film_that_stands_still_stays_as_it_was_painted(wide: torch.Tensor) -> None:
    film, carrier = frame(wide), StrokeCarrier()
    still = Motion(torch.zeros(1, 2, 64, 96), torch.ones(1, 1, 64, 96), cut=False)
    painted = carrier.begin(film, paint(film)).painted
    assert torch.equal(painted, paint(film))
    for _ in range(5):
        painted = carrier.carry(film, still).painted
    assert (painted - paint(film)).abs().max() < 2 / 255


def test_strokes_move_as_the_film_does_and_new_ones_come_in_at_its_edge(wide: torch.Tensor) -> None:
    carrier, before = StrokeCarrier(), frame(wide)
    carrier.begin(before, paint(before))
    for number in range(1, 7):
        now = frame(wide, 2 * number)
        carried = carrier.carry(now, motion_between(before, now, dis_flow()))
        before = now
    inside = (carried.painted - paint(now))[:, :, 4:-4, 4:76]
    assert inside.square().mean().sqrt() < 0.05
    assert (carried.painted - paint(now))[:, :, :, 84:].abs().mean() < 0.15  # 12 columns that were never painted
    assert carried.doubt[:, :, :, 90:].mean() > 0.3 > carried.doubt[:, :, 8:-8, 8:70].mean()


def test_search_finds_the_paint_of_what_the_film_shows(wide: torch.Tensor) -> None:
    film = frame(wide)
    search = StrokeSearch(film, paint(film))
    lost = torch.zeros(1, 1, 64, 96, dtype=torch.bool)
    lost[..., 16:48, 24:72] = True
    offsets = torch.zeros(1, 2, 64, 96)
    found = search.filled(film, torch.where(lost, 30.0, offsets), lost, seed=1)
    assert torch.equal(found[:, :, :16], offsets[:, :, :16])
    assert (warp(paint(film), found) - paint(film)).abs().mean() < 0.02
    assert torch.equal(found, search.filled(film, torch.where(lost, 30.0, offsets), lost, seed=1))
    assert torch.equal(search.filled(film, offsets, torch.zeros_like(lost), seed=1), offsets)


def test_a_frame_smaller_than_a_patch_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 8 pixels"):
        StrokeCarrier().begin(torch.rand(1, 3, 7, 20), torch.rand(1, 3, 7, 20))
