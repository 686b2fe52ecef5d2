"""Color spaces against scikit-image and hand-computed numbers."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
import torch
from skimage import color as reference
from skimage import data, exposure

from brushwork import color
from brushwork.errors import UsageError

Convert = Callable[[torch.Tensor], torch.Tensor]
Match = Callable[..., torch.Tensor]


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    return torch.from_numpy(data.chelsea()[:101, :77].copy()).permute(2, 0, 1)[None].double() / 255


def as_image(pixels: torch.Tensor) -> np.ndarray:
    return pixels[0].permute(1, 2, 0).numpy()


def solid(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, 3, 1, 1)


def test_yiq_agrees_with_scikit_image(photo: torch.Tensor) -> None:
    assert np.abs(as_image(color.rgb_to_yiq(photo)) - reference.rgb2yiq(as_image(photo))).max() < 1e-6


def test_there_and_back(photo: torch.Tensor) -> None:
    there, back = color.rgb_to_yiq, color.yiq_to_rgb
    before = photo.clone()
    assert torch.allclose(back(there(photo)), photo, atol=1e-6)
    assert torch.equal(photo, before)
    single = photo.float()
    assert there(single).dtype == torch.float32
    assert torch.allclose(back(there(single)), single, atol=2e-5)


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


def test_luminance_is_grey_and_keeps_luma(photo: torch.Tensor) -> None:
    grey = color.luminance(photo)
    assert torch.equal(grey[:, 0], grey[:, 2])
    assert np.abs(as_image(grey)[..., 0] - reference.rgb2yiq(as_image(photo))[..., 0]).max() < 1e-6


MATCHES = [color.match_luminance, color.match_covariance, color.match_histogram]


def muted(pixels: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    """A cutout with its colors drawn towards the middle, so that nothing is clamped when it is matched."""
    cutout = torch.from_numpy(pixels[: size[0], : size[1]].copy()).permute(2, 0, 1)[None].double() / 255
    return 0.5 + 0.35 * (cutout - 0.5)


@pytest.fixture(scope="module")
def astronaut() -> torch.Tensor:
    return muted(data.astronaut()[::4, ::4], (101, 77))


@pytest.fixture(scope="module")
def cup() -> torch.Tensor:
    return muted(data.coffee()[60:, 150:], (64, 130))


def pixels_of(image: torch.Tensor) -> np.ndarray:
    """(N, 3)."""
    return as_image(image).reshape(-1, 3)


def test_match_luminance_agrees_with_numpy(astronaut: torch.Tensor, cup: torch.Tensor) -> None:
    matched, image, wanted = (
        reference.rgb2yiq(pixels_of(x)) for x in (color.match_luminance(astronaut, cup), astronaut, cup)
    )
    luma = (image[:, 0] - image[:, 0].mean()) / image[:, 0].std() * wanted[:, 0].std() + wanted[:, 0].mean()
    assert np.abs(matched[:, 0] - luma).max() < 1e-6
    assert np.abs(matched[:, 1:] - image[:, 1:]).max() < 1e-6


def test_match_covariance_agrees_with_numpy(astronaut: torch.Tensor, cup: torch.Tensor) -> None:
    matched, image, wanted = (pixels_of(x) for x in (color.match_covariance(astronaut, cup), astronaut, cup))
    lower, target = (np.linalg.cholesky(np.cov(x.T, bias=True)) for x in (image, wanted))
    expected = (image - image.mean(0)) @ (target @ np.linalg.inv(lower)).T + wanted.mean(0)
    assert np.abs(matched - expected).max() < 1e-9


def test_match_covariance_gives_mean_and_covariance(cup: torch.Tensor) -> None:
    image = 0.35 + 0.3 * torch.rand(2, 3, 31, 20, dtype=torch.float64)
    for matched in color.match_covariance(image, cup):
        found, wanted = pixels_of(matched[None]), pixels_of(cup)
        assert np.abs(found.mean(0) - wanted.mean(0)).max() < 1e-9
        assert np.abs(np.cov(found.T, bias=True) - np.cov(wanted.T, bias=True)).max() < 1e-9


def test_match_histogram_agrees_with_numpy(
    astronaut: torch.Tensor, cup: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Y, I and Q at the quantiles of the cup's; the steps of 1/255 at which ours is computed are the tolerance."""
    monkeypatch.setattr(color, "_STEEPEST", 1e9)
    matched, image, wanted = (
        reference.rgb2yiq(pixels_of(x)) for x in (color.match_histogram(astronaut, cup), astronaut, cup)
    )
    for channel in range(3):
        ranks = (np.searchsorted(np.sort(image[:, channel]), image[:, channel]) + 0.5) / len(image)
        expected = np.quantile(wanted[:, channel], ranks)
        assert np.abs(matched[:, channel] - expected).mean() < 1 / 255
        assert matched[:, channel].mean() == pytest.approx(wanted[:, channel].mean(), abs=1e-6)


def test_match_histogram_enlarges_no_difference_more_than_fivefold(cup: torch.Tensor) -> None:
    image = color.luminance(0.5 + 0.01 * torch.rand(1, 3, 40, 40, dtype=torch.float64))
    before, after = image[0, 0].flatten().sort(), color.rgb_to_yiq(color.match_histogram(image, cup))[0, 0].flatten()
    assert (after[before.indices].diff() <= 5 * before.values.diff() + 1e-9).all()
    assert after.mean() == pytest.approx(float(color.rgb_to_yiq(cup)[0, 0].mean()), abs=1e-6)


def test_match_histogram_agrees_with_scikit_image() -> None:
    """Of grey pictures: the histogram of luma alone."""
    image, wanted = (
        color.luminance(0.2 + 0.6 * torch.rand(1, 3, *size) ** power).double()
        for size, power in (((80, 90), 1), ((60, 70), 2))
    )
    expected = exposure.match_histograms(as_image(image)[..., 0], as_image(wanted)[..., 0])
    assert np.abs(as_image(color.match_histogram(image, wanted))[..., 0] - expected).max() < 3 / 255


@pytest.mark.parametrize("match", MATCHES)
def test_a_picture_matched_to_itself_stays(match: Match, astronaut: torch.Tensor) -> None:
    assert (match(astronaut, astronaut) - astronaut).abs().max() < 1e-3


@pytest.mark.parametrize("match", MATCHES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_matching_keeps_type_and_size_and_changes_nothing(match: Match, dtype: torch.dtype) -> None:
    image, wanted = torch.rand(2, 3, 7, 5, dtype=dtype), torch.rand(1, 3, 4, 9, dtype=dtype)
    before = image.clone(), wanted.clone()
    matched = match(image, wanted)
    assert (matched.dtype, matched.shape) == (dtype, image.shape)
    assert torch.equal(image, before[0])
    assert torch.equal(wanted, before[1])
    assert torch.allclose(matched[1:], match(image[1:], wanted), atol=1e-6)


@pytest.mark.parametrize("match", MATCHES)
def test_matching_stays_in_range(match: Match) -> None:
    wanted = (torch.rand(1, 3, 30, 30) > 0.9).float()
    matched = match(torch.rand(1, 3, 30, 30) ** 6, wanted)
    assert 0 <= matched.min() <= matched.max() <= 1


@pytest.mark.parametrize("match", MATCHES)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (33, 20)])
def test_flat_grey_and_tiny_pictures(match: Match, size: tuple[int, int]) -> None:
    colored, flat = torch.rand(1, 3, 15, 11), torch.full((1, 3, *size), 0.3)
    grey = color.luminance(torch.rand(1, 3, *size))
    for image, wanted in (
        (flat, colored),
        (colored, flat),
        (flat, flat),
        (grey, colored),
        (colored, grey),
        (grey, grey),
    ):
        assert bool(match(image, wanted).isfinite().all())
    # What has no differences gets none: the mean color.
    middle = match(flat, colored)
    assert (middle - middle[..., :1, :1]).abs().max() < 1e-6
    if match is not color.match_luminance:
        assert (middle.mean((2, 3)) - colored.mean((2, 3))).abs().max() < 1e-5
        assert (match(colored, flat) - 0.3).abs().max() < 1e-5


@pytest.mark.parametrize("match", MATCHES)
def test_noise_does_not_become_color(match: Match, photo: torch.Tensor) -> None:
    """A grey scan in which JPEG left half a level of chroma, recolored after a colorful photo."""
    grey = color.luminance(torch.rand(1, 3, 40, 40, dtype=torch.float64) * 0.5 + 0.2)
    scan = grey + (torch.rand(1, 3, 40, 40) - 0.5) / 255
    assert (match(scan, photo) - match(grey, photo)).abs().max() < 0.08


@pytest.mark.parametrize("match", MATCHES)
def test_masked_pixels_don_t_count(match: Match) -> None:
    image, wanted = torch.rand(1, 3, 12, 10), torch.rand(1, 3, 9, 14) * 0.5
    mask, wanted_mask = torch.ones(1, 1, 12, 10), torch.ones(1, 1, 9, 14)
    mask[..., :4], wanted_mask[..., :6] = 0, 0
    matched = match(image, wanted, mask=mask, reference_mask=wanted_mask)
    assert torch.allclose(matched[..., 4:], match(image[..., 4:], wanted[..., 6:]), atol=1e-6)
    with pytest.raises(UsageError, match="make it positive"):
        match(image, wanted, mask=torch.zeros(1, 1, 12, 10))
    with pytest.raises(UsageError, match=r"shape \(1, 1, 12, 10\), got \(1, 1, 10, 12\)"):
        match(image, wanted, mask=torch.ones(1, 1, 10, 12))


def test_transported_colors_have_the_wanted_moments(astronaut: torch.Tensor, cup: torch.Tensor) -> None:
    image = 0.4 + 0.2 * astronaut  # far from the bounds, so that nothing is clamped
    wanted = color.ColorMoments.of(0.4 + 0.2 * cup)
    moved = color.ColorMoments.of(color.ColorMoments.of(image).transported(image, wanted))
    torch.testing.assert_close(moved.mean, wanted.mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(moved.covariance, wanted.covariance, atol=1e-5, rtol=0)


def test_transport_moves_colors_no_further_than_needed(astronaut: torch.Tensor, cup: torch.Tensor) -> None:
    """The Wasserstein distance of two Gaussians: ‖μ - μ'‖² + tr(Σ + Σ' - 2 (Σ^½ Σ' Σ^½)^½)."""
    image, other = 0.2 + 0.6 * astronaut, 0.2 + 0.6 * cup  # varied enough, and nothing is clamped
    own, wanted = color.ColorMoments.of(image), color.ColorMoments.of(other)
    cost = (own.transported(image, wanted) - image).double().square().sum(1).mean()
    root = scipy.linalg.sqrtm(own.covariance.numpy())
    cross = scipy.linalg.sqrtm(root @ wanted.covariance.numpy() @ root)
    least = (own.mean - wanted.mean).square().sum() + np.trace(
        (own.covariance + wanted.covariance).numpy() - 2 * cross
    ).real
    assert float(cost) == pytest.approx(float(least), rel=1e-3)


def test_a_flat_image_stays_flat_when_its_colors_are_moved(cup: torch.Tensor) -> None:
    flat = torch.full((1, 3, 20, 30), 0.5)
    moved = color.ColorMoments.of(flat).transported(flat, color.ColorMoments.of(cup))
    assert moved.flatten(2).std(2).max() < 1e-6
    torch.testing.assert_close(moved[0, :, 0, 0].double(), color.ColorMoments.of(cup).mean, atol=1e-5, rtol=0)


def test_moments_of_a_mixture_are_those_of_all_pixels_together(astronaut: torch.Tensor, cup: torch.Tensor) -> None:
    size = astronaut[..., :40, :60], cup[..., :40, :60]
    mixed = color.ColorMoments.mixture([color.ColorMoments.of(part) for part in size], [0.5, 0.5])
    together = color.ColorMoments.of(torch.cat(size, 3))
    torch.testing.assert_close(mixed.mean, together.mean)
    torch.testing.assert_close(mixed.covariance, together.covariance)
