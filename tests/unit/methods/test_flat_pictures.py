"""Pictures with hardly any contrast: black stays the darkest, white the lightest."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from brushwork import AdaINLite, encode_style, load
from brushwork.color import luma
from brushwork.methods.flat_pictures import flat_picture
from brushwork.methods.one_pass import OnePass
from brushwork.options.methods import FILM_MODEL
from brushwork.styles.regions import Regions
from brushwork.tiling.tiles import Tiling

SIZE = (96, 128)


@pytest.fixture(scope="module", params=["adain-lite", FILM_MODEL])
def method(request: pytest.FixtureRequest) -> OnePass[Any]:
    found = load(AdaINLite(model=request.param, precision="float32"))  # exact colors enlarge what bfloat16 rounds
    assert isinstance(found, OnePass)
    return found


def gray(level: float, grain: float = 0.0) -> Tensor:
    noise = torch.randn((1, 3, *SIZE), generator=torch.Generator().manual_seed(0))
    return (level + grain * noise).clamp(0, 1)


@pytest.mark.parametrize("style", ["great-wave", "bogomazov-abstract", "gardener", "cloister"])
@pytest.mark.parametrize("grain", [0.0, 0.004])
def test_black_stays_the_darkest_and_white_the_lightest(style: str, grain: float, method: OnePass[Any]) -> None:
    value = encode_style(method, style, [128])
    shown = [float(luma(method(gray(k / 8, grain), value)).mean()) for k in range(9)]
    assert all(first < second for first, second in pairwise(shown))
    assert shown[0] < 0.4
    assert shown[-1] > shown[0] + 0.35


@pytest.mark.parametrize("level", [0.0, 0.18, 0.5, 1.0])
def test_a_gray_card_in_its_own_style_stays(level: float, method: OnePass[Any]) -> None:
    result = method(gray(level), method.encode_style(gray(level), sizes=[128]))
    assert (result - level).abs().max() < 0.1


def test_flat_pictures_in_tiles_in_batches_and_with_regions(method: OnePass[Any]) -> None:
    value, other = (encode_style(method, style, [128]) for style in ("great-wave", "cloister"))
    generator = torch.Generator().manual_seed(1)
    photo = torch.nn.functional.interpolate(torch.rand((1, 3, 12, 16), generator=generator), SIZE, mode="bilinear")
    whole = method(gray(0.2, 0.02), value)
    assert (method(gray(0.2, 0.02), value, tiling=Tiling(64)) - whole).abs().max() < 2 / 255
    both = method(torch.cat([gray(0.0), photo]), value)
    assert torch.equal(both[:1], method(gray(0.0), value))
    assert (both[1:] - method(photo, value)).abs().max() < 1 / 255
    left = (torch.arange(SIZE[1]) < 64).float().expand(1, *SIZE)
    mixed = method(gray(0.0), Regions([value, other], torch.stack([left, 1 - left])))
    assert torch.allclose(mixed[..., :40], method(gray(0.0), value)[..., :40], atol=0.01)
    assert torch.allclose(mixed[..., 90:], method(gray(0.0), other)[..., 90:], atol=0.01)


def test_a_photo_with_contrast_is_painted_by_the_network_alone(method: OnePass[Any]) -> None:
    styles = [encode_style(method, "great-wave", [128])]
    assert flat_picture(method.network, styles, gray(0.5, 0.03), 1.0) is None
    assert flat_picture(method.network, styles, gray(0.5, 0.02), 1.0) is not None


def test_strength_0_leaves_a_flat_picture_as_it_is() -> None:
    method = load(AdaINLite(strength=0.0))
    assert (method(gray(0.3), encode_style(method, "gardener", [128])) - 0.3).abs().max() < 0.01
