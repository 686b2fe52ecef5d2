"""Strips and grids between styles."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from brushwork import Gatys, Picture, interpolate, stylize
from brushwork.api.interpolate import GAP, shares
from brushwork.errors import UsageError

SETTINGS = Gatys(steps=2, scales=1, precision="float32")


def picture() -> Picture:
    return Picture(torch.rand(1, 3, 24, 32))


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("steps", [2, 5])
def test_weights_sum_to_1_and_every_style_stands_alone_somewhere(count: int, steps: int) -> None:
    cells = [weights for row in shares(count, steps) for weights in row]
    assert len(cells) == (steps if count == 2 else steps * steps)
    assert all(sum(weights) == pytest.approx(1) and min(weights) >= 0 for weights in cells)
    for index in range(count):
        assert any(weights[index] == 1 for weights in cells)


def test_the_ends_of_a_strip_are_the_styles_themselves() -> None:
    photo, first, second = picture(), picture(), picture()
    strip = interpolate(photo, [first, second], SETTINGS, steps=3).pixels
    assert strip.shape == (1, 3, 24, 3 * 32 + 2 * GAP)
    for part, style in ((strip[..., :32], first), (strip[..., -32:], second)):
        assert torch.allclose(part, stylize(photo, style, SETTINGS).picture.pixels, atol=1e-5)
    assert (strip[..., 32 : 32 + GAP] == 1).all()


def test_a_grid_between_four_has_them_at_its_corners() -> None:
    photo, paintings = picture(), [picture() for _ in range(4)]
    grid = interpolate(photo, paintings, SETTINGS, steps=2).pixels
    corner = stylize(photo, paintings[3], SETTINGS).picture.pixels
    assert torch.allclose(grid[:, :, -24:, -32:], corner, atol=1e-5)


def test_one_style_or_five_or_a_method_that_does_not_blend_are_refused(tmp_path: Path) -> None:
    for count in (1, 5):
        with pytest.raises(UsageError, match="2 to 4 styles"):
            interpolate(picture(), [picture()] * count, SETTINGS)
    with pytest.raises(UsageError, match="at least 2 steps"):
        interpolate(picture(), [picture()] * 2, SETTINGS, steps=1)
    with pytest.raises(UsageError, match="gatys with these settings can't blend styles"):
        interpolate(picture(), [picture()] * 2, Gatys(statistic="patch"))
