"""The pixel contract, its messages, and resampling."""

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from skimage import data

from brushwork.errors import UsageError
from brushwork.image import Picture, check_pixels, fit_size, resize


def photo() -> torch.Tensor:
    return torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (torch.zeros(3, 512, 512), r"got \(3, 512, 512\); add a batch axis with x\[None\]"),
        (torch.zeros(5, 7, 3), r"x\.permute\(2, 0, 1\)\[None\]"),
        (torch.zeros(1, 5, 7, 3), r"x\.permute\(0, 3, 1, 2\)"),
        (torch.zeros(1, 1, 5, 7), "repeat gray"),
        (torch.zeros(1, 4, 5, 7), "split the alpha off"),
        (torch.zeros(1, 3, 0, 7), "empty"),
        (torch.zeros(7), "three channels"),
        (torch.zeros(1, 3, 5, 7, dtype=torch.uint8), "x / 255"),
        (torch.zeros(1, 3, 5, 7, dtype=torch.float64), r"x\.float\(\)"),
        (torch.full((1, 3, 5, 7), float("nan")), "NaN"),
        (torch.full((1, 3, 5, 7), float("inf")), "infinity"),
        (torch.full((1, 3, 5, 7), 1.01), r"\[1.01, 1.01\]"),
        (torch.full((1, 3, 5, 7), -0.5), "clamp"),
    ],
)
def test_check_pixels_says_what_is_wrong_and_what_to_do(pixels: torch.Tensor, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_pixels(pixels)


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 3, 5, 7)])
def test_check_pixels_accepts_the_contract(shape: tuple[int, ...]) -> None:
    check_pixels(torch.rand(shape))
    check_pixels(torch.rand(shape).contiguous(memory_format=torch.channels_last).requires_grad_())


def test_picture_knows_its_size_and_refuses_other_shapes() -> None:
    assert Picture(torch.zeros(1, 3, 5, 7)).size == (7, 5)
    with pytest.raises(UsageError, match="batch of 2"):
        Picture(torch.zeros(2, 3, 5, 7))
    with pytest.raises(UsageError, match="alpha of shape"):
        Picture(torch.zeros(1, 3, 5, 7), torch.zeros(1, 1, 7, 5))


def test_visible_leaves_an_opaque_picture_alone() -> None:
    pixels = torch.rand(1, 3, 5, 7)
    assert Picture(pixels).visible() is pixels
    assert Picture(pixels, torch.ones(1, 1, 5, 7)).visible() is pixels


def test_visible_hides_what_is_transparent() -> None:
    pixels, alpha = torch.zeros(1, 3, 1, 4), torch.tensor([1.0, 1.0, 0.0, 0.5]).reshape(1, 1, 1, 4)
    pixels[..., 0], pixels[..., 1], pixels[..., 2], pixels[..., 3] = 0.2, 0.6, 1.0, 0.4
    mean = (0.2 + 0.6 + 0.5 * 0.4) / 2.5
    expected = torch.tensor([0.2, 0.6, mean, 0.5 * 0.4 + 0.5 * mean])
    visible = Picture(pixels, alpha).visible()
    assert torch.allclose(visible[0, 0, 0], expected)
    assert pixels[0, 0, 0, 2] == 1  # the input is left alone
    pixels[..., 2] = 0
    assert torch.equal(Picture(pixels, alpha).visible(), visible)


def test_visible_refuses_a_picture_of_nothing() -> None:
    with pytest.raises(UsageError, match="the picture is fully transparent"):
        Picture(torch.rand(1, 3, 5, 7), torch.zeros(1, 1, 5, 7)).visible()


@pytest.mark.parametrize(
    ("size", "longer", "expected"),
    [((4000, 3000), 1024, (1024, 768)), ((3, 4), 8, (6, 8)), ((1000, 1), 10, (10, 1)), ((1, 1), 5, (5, 5))],
)
def test_fit_size(size: tuple[int, int], longer: int, expected: tuple[int, int]) -> None:
    assert fit_size(size, longer) == expected


def test_fit_size_refuses_nothing() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        fit_size((5, 5), 0)


@pytest.mark.parametrize("size", [(100, 80), (513, 511), (1, 1), (7, 600)])
def test_resize_gives_the_size_within_range(size: tuple[int, int]) -> None:
    pixels = photo()
    before = pixels.clone()
    result = resize(pixels, size)
    assert result.shape == (1, 3, size[1], size[0])
    assert torch.equal(pixels, before)
    check_pixels(result)


def test_resize_agrees_with_pillow() -> None:
    red = PillowImage.fromarray(data.astronaut()[..., 0].astype(np.float32))  # floats: no rounding between the passes
    expected = np.asarray(red.resize((200, 150), PillowImage.Resampling.BICUBIC)).clip(0, 255) / 255
    assert np.abs(resize(photo(), (200, 150))[0, 0].numpy() - expected).max() < 1e-5


def test_resize_keeps_what_fits_and_passes_gradients() -> None:
    pixels = torch.rand(1, 3, 6, 8).requires_grad_()
    assert resize(pixels, (8, 6)) is pixels
    resize(pixels, (4, 3)).sum().backward()
    assert pixels.grad is not None
    assert bool(pixels.grad.isfinite().all())
    with pytest.raises(UsageError, match="at least 1 x 1"):
        resize(pixels, (0, 3))
