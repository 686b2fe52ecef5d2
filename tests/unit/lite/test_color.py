"""Colors without torch are those of torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from brushwork import color as by_torch
from brushwork.api.color_control import ColorControl as TorchControl
from brushwork.errors import UsageError
from brushwork.lite import color
from brushwork.lite.color import ColorControl
from brushwork.lite.tensors import Array

CLOSE = 0.02 / 255


def picture(seed: int, height: int = 30, width: int = 40) -> Array:
    numbers = np.random.default_rng(seed)
    return np.clip(numbers.random((3, 1, 1)) + 0.2 * numbers.standard_normal((3, height, width)), 0, 1).astype(
        np.float32
    )


def tensor(pixels: Array) -> torch.Tensor:
    return torch.from_numpy(pixels)[None]


IMAGES = {
    "noise": picture(0),
    "flat": np.full((3, 30, 40), 0.3, np.float32),
    "black": np.zeros((3, 30, 40), np.float32),
}


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("match", ["match_covariance", "match_histogram", "match_luminance"])
def test_matching(match: str, name: str, masked: bool) -> None:
    image, reference = IMAGES[name], picture(1, 20, 25)
    mask, other = (picture(2)[:1], picture(3, 20, 25)[:1]) if masked else (None, None)
    masks = {} if mask is None or other is None else {"mask": tensor(mask), "reference_mask": tensor(other)}
    wanted = getattr(by_torch, match)(tensor(image), tensor(reference), **masks)[0].numpy()
    assert np.abs(getattr(color, match)(image, reference, mask, other) - wanted).max() < CLOSE


def test_luminance() -> None:
    image, content = picture(4), picture(5)
    assert np.abs(color.luminance(image) - by_torch.luminance(tensor(image))[0].numpy()).max() < CLOSE
    wanted = by_torch.keep_luminance(tensor(image), tensor(content))[0].numpy()
    assert np.abs(color.keep_luminance(image, content) - wanted).max() < CLOSE


@pytest.mark.parametrize("way", ["luminance", "cholesky", "histogram"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_control(way: str, when: str) -> None:
    photo, painting, painted = picture(6), picture(7), picture(8)
    own, full = ColorControl(way, when), TorchControl(tensor(photo), None, way, when)
    assert np.abs(own.style(painting, None, photo, None) - full.style(tensor(painting))[0].numpy()).max() < CLOSE
    assert np.abs(own.result(painted, photo, None) - full.result(tensor(painted))[0].numpy()).max() < CLOSE
    assert own.grays == (full.content(tensor(photo)) is not None and (way, when) == ("luminance", "before"))


def test_a_mask_of_zeros_is_refused() -> None:
    with pytest.raises(UsageError, match="0 everywhere"):
        color.match_covariance(picture(0), picture(1), np.zeros((1, 30, 40), np.float32), None)
