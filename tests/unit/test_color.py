"""Color spaces against scikit-image and hand-computed numbers."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from skimage import color as reference
from skimage import data

from brushwork import color

Convert = Callable[[torch.Tensor], torch.Tensor]


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    return torch.from_numpy(data.chelsea()[:101, :77].copy()).permute(2, 0, 1)[None].double() / 255


def as_image(pixels: torch.Tensor) -> np.ndarray:
    return pixels[0].permute(1, 2, 0).numpy()


def solid(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, 3, 1, 1)


def test_yiq_agrees_with_scikit_image(photo: torch.Tensor) -> None:
    assert np.abs(as_image(color.rgb_to_yiq(photo)) - reference.rgb2yiq(as_image(photo))).max() < 1e-6


def test_lab_agrees_with_scikit_image(photo: torch.Tensor) -> None:
    # scikit-image's matrix and white point have six digits, ours seven
    assert np.abs(as_image(color.rgb_to_lab(photo)) - reference.rgb2lab(as_image(photo))).max() < 0.02


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((1.0, 1.0, 1.0), (100.0, 0.0, 0.0)),
        # Source: Lindbloom's color calculator, sRGB, D65
        ((1.0, 0.0, 0.0), (53.2408, 80.0925, 67.2032)),
        ((0.0, 0.0, 1.0), (32.2970, 79.1875, -107.8602)),
    ],
)
def test_lab_of_known_colors(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    assert torch.allclose(color.rgb_to_lab(solid(*rgb)), solid(*lab), atol=5e-4)


def test_srgb_curve_at_known_points() -> None:
    linear = color.srgb_to_linear(solid(0.0, 0.5, 1.0))
    assert torch.allclose(linear, solid(0.0, 0.21404114, 1.0), atol=1e-8)
    assert torch.allclose(color.srgb_to_linear(solid(0.04045, 0.02, 0.01)) * 12.92, solid(0.04045, 0.02, 0.01))


@pytest.mark.parametrize(
    ("there", "back"),
    [
        (color.srgb_to_linear, color.linear_to_srgb),
        (color.rgb_to_yiq, color.yiq_to_rgb),
        (color.rgb_to_lab, color.lab_to_rgb),
    ],
)
def test_there_and_back(photo: torch.Tensor, there: Convert, back: Convert) -> None:
    before = photo.clone()
    assert torch.allclose(back(there(photo)), photo, atol=1e-6)
    assert torch.equal(photo, before)
    single = photo.float()
    assert there(single).dtype == torch.float32
    assert torch.allclose(back(there(single)), single, atol=2e-5)


@pytest.mark.parametrize("there", [color.srgb_to_linear, color.linear_to_srgb, color.rgb_to_yiq, color.rgb_to_lab])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_gradients_are_finite_in_black_and_white(there: Convert, level: float) -> None:
    pixels = torch.full((2, 3, 1, 5), level, requires_grad=True)
    there(pixels).sum().backward()
    assert pixels.grad is not None
    assert bool(pixels.grad.isfinite().all())


def test_lab_to_rgb_has_finite_gradients_in_black() -> None:
    lab = torch.zeros(1, 3, 2, 2, requires_grad=True)
    color.lab_to_rgb(lab).sum().backward()
    assert lab.grad is not None
    assert bool(lab.grad.isfinite().all())


def test_gradients_are_right(photo: torch.Tensor) -> None:
    small = photo[..., :2, :3].clone().requires_grad_()
    assert torch.autograd.gradcheck(color.rgb_to_lab, small)
    assert torch.autograd.gradcheck(color.linear_to_srgb, small)


def test_keep_luminance_takes_luma_here_and_color_there() -> None:
    result, content = torch.rand(2, 3, 9, 7) * 0.2 + 0.4, torch.rand(1, 3, 9, 7) * 0.2 + 0.4
    kept = color.rgb_to_yiq(color.keep_luminance(result, content))
    assert torch.allclose(kept[:, :1], color.rgb_to_yiq(result)[:, :1], atol=1e-5)
    assert torch.allclose(kept[:, 1:], color.rgb_to_yiq(content)[:, 1:].expand(2, -1, -1, -1), atol=1e-5)


def test_keep_luminance_stays_in_range() -> None:
    white, blue = torch.ones(1, 3, 2, 2), torch.tensor([0.0, 0.0, 1.0]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    kept = color.keep_luminance(white, blue)
    assert kept.min() >= 0
    assert kept.max() <= 1
