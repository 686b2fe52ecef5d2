from __future__ import annotations

import pytest
import torch
from torch import Tensor

from brushwork.flow import dis_flow, motion_boundaries, resized_flow, stays_visible, warp
from brushwork.training.synthetic_motion import Film, moving_layers


def shift(x: float, y: float, size: tuple[int, int] = (24, 32)) -> Tensor:
    return torch.tensor([float(x), float(y)]).view(1, 2, 1, 1).expand(1, 2, *size).clone()


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_warp_fetches_what_the_flow_points_at(mode: str) -> None:
    pixels = torch.rand(1, 3, 24, 32)
    warped = warp(pixels, shift(3, -2), mode=mode)
    torch.testing.assert_close(warped[:, :, 2:, :-3], pixels[:, :, :-2, 3:], atol=1e-5, rtol=0)
    torch.testing.assert_close(warped[:, :, 2:, -1], pixels[:, :, :-2, -1], atol=1e-5, rtol=0)  # goes on at the border
    between = warp(pixels, shift(0.5, 0))
    torch.testing.assert_close(between[..., :-1], (pixels[..., :-1] + pixels[..., 1:]) / 2)


def test_the_second_frame_warped_is_the_first(film: Film) -> None:
    seen, flow = film.visible(0, 1), film.flow(0, 1)
    still = ((film.frames[0] - film.frames[1]).abs() * seen).sum() / seen.sum() / 3
    warped = ((film.frames[0] - warp(film.frames[1], flow)).abs() * seen).sum() / seen.sum() / 3
    assert warped < 0.15 * still


def test_what_is_covered_is_found(film: Film) -> None:
    found, true = stays_visible(film.flow(0, 3), film.flow(3, 0)), film.visible(0, 3)
    assert (found == true).float().mean() > 0.97
    covered = true == 0
    assert covered.sum() > 100
    assert (found[covered] == 0).float().mean() > 0.6


def test_what_leaves_the_frame_is_not_visible() -> None:
    seen = stays_visible(shift(5, 0), shift(-5, 0))
    assert bool((seen[..., :-5] == 1).all())
    assert not bool(seen[..., -5:].any())


def test_boundaries_are_where_motion_changes() -> None:
    flow = shift(1, 0)
    flow[:, 0, :, 16:] = 6
    found = motion_boundaries(flow)
    assert bool((found[..., 15] == 1).all())
    assert not bool(found[..., :15].any())
    assert not bool(found[..., 16:].any())


def test_a_flow_of_larger_frames_is_longer() -> None:
    large = resized_flow(shift(3, -2), (64, 72))
    assert large.shape == (1, 2, 72, 64)
    torch.testing.assert_close(large[0, :, 5, 5], torch.tensor([6.0, -6.0]))


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
def test_an_estimated_flow_is_near_the_true_one(preset: str, film: Film) -> None:
    true, seen = film.flow(0, 1), film.visible(0, 1).bool()
    found = dis_flow(preset)(film.frames[0], film.frames[1])
    apart = (found - true).square().sum(1, keepdim=True).sqrt()[seen]
    length = true.square().sum(1, keepdim=True).sqrt()[seen]
    assert apart.median() < 0.6
    assert apart.mean() < 0.5 * length.mean()


@pytest.fixture(scope="module")
def film() -> Film:
    from skimage import data

    names = ("coffee", "astronaut", "chelsea")
    photos = [torch.from_numpy(getattr(data, name)().copy()).permute(2, 0, 1)[None] / 255 for name in names]
    return moving_layers(photos, (240, 160), 4, seed=3, speed=4)
