"""Measures against independent references, and against planted faults."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
import torch.nn.functional as F
from skimage.color import rgb2lab
from skimage.metrics import structural_similarity
from torch import Tensor

from brushwork.evaluation import (
    FeatureMeasures,
    PictureMetric,
    SetMetric,
    chroma_spread,
    clipped,
    edges_kept,
    flat_texture,
    frechet_distance,
    grid_jump,
    halo,
    kernel_distance,
    ms_ssim,
    palette_distance,
    patch_distance,
    speckle,
    ssim,
    stroke_scale,
)
from brushwork.nn import load_network


def picture(height: int = 96, width: int = 80, *, seed: int = 0, coarse: int = 4) -> Tensor:
    """Return smooth random colors."""
    noise = torch.rand(1, 3, height // coarse, width // coarse, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, (height, width), mode="bicubic").clamp(0, 1)


def test_ssim_is_scikit_images() -> None:
    a, b = picture(), picture(seed=1)
    arrays = [x[0].permute(1, 2, 0).double().numpy() for x in (a, b)]
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    reference = structural_similarity(*arrays, channel_axis=2, data_range=1.0, **options)
    assert ssim(a, b) == pytest.approx(reference, abs=2e-3)  # which also has windows over the border
    assert ssim(a, a) == 1


def test_ms_ssim_of_one_size_is_ssim() -> None:
    a, b = picture(20, 20), picture(20, 20, seed=1)
    assert ms_ssim(a, b) == pytest.approx(max(0.0, ssim(a, b)), abs=1e-9)
    assert ms_ssim(a, a) == pytest.approx(1)


def test_ms_ssim_multiplies_contrast_over_sizes() -> None:
    a = picture(192, 192)
    b = (a + 0.1).clamp(max=1.2)  # contrast and structure are the same; only luminance differs, at the last size
    last = F.avg_pool2d(a, 16), F.avg_pool2d(b, 16)
    assert ms_ssim(a, b) == pytest.approx(ssim(*last) ** 0.1333, abs=1e-3)


def test_palette_distance_is_the_mean_of_wasserstein_distances() -> None:
    a, b = picture(40, 40), picture(40, 40, seed=1)
    labs = [rgb2lab(x[0].permute(1, 2, 0).double().numpy()).reshape(-1, 3) for x in (a, b)]
    directions = np.random.RandomState(0).randn(64, 3)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    reference = np.mean([scipy.stats.wasserstein_distance(labs[0] @ d, labs[1] @ d) for d in directions])
    assert palette_distance(a, b) == pytest.approx(reference, rel=0.01)
    assert palette_distance(a, a.flip(3)) == pytest.approx(0, abs=1e-6)


def test_patch_distance_of_constant_pictures_is_their_difference() -> None:
    a, b = torch.full((1, 3, 64, 64), 0.2), torch.full((1, 3, 64, 64), 0.5)
    # The projection of a constant patch is 0.3 · Σ d; its mean square over unit vectors is that of a pixel.
    assert patch_distance(a, b) == pytest.approx(0.3, rel=0.15)
    assert patch_distance(picture(), picture()) == 0


def test_fine_patches_differ_though_colors_are_the_same() -> None:
    a = picture()
    shuffled = a.flatten(2)[:, :, torch.randperm(96 * 80, generator=torch.Generator().manual_seed(0))].view_as(a)
    assert palette_distance(a, shuffled) < 1e-4
    assert patch_distance(a, shuffled) > 0.03


def test_edges_kept() -> None:
    a = picture()
    assert edges_kept(a, a) == pytest.approx(1)
    assert edges_kept(1 - a, a) == pytest.approx(1)  # the same edges in other colors
    assert abs(edges_kept(picture(seed=3), a)) < 0.3


def test_chroma_spread_of_a_gray_picture_is_small() -> None:
    a = picture()
    assert chroma_spread(a, a) == 1
    gray = a.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert chroma_spread(gray, a) < 0.03
    assert chroma_spread(gray, gray + 1e-4 * torch.rand_like(a)) == 1  # no ratio of rounding errors


def test_stroke_scale_is_the_size_of_marks() -> None:
    fine, large = picture(512, 512, coarse=4), picture(512, 512, coarse=8)
    assert stroke_scale(large, fine) == pytest.approx(2, rel=0.3)
    assert stroke_scale(fine, fine) == 1


@pytest.mark.parametrize("period", [2, 4, 8])
def test_grid_jump_finds_a_grid(period: int) -> None:
    a = picture(128, 128, coarse=32)
    assert grid_jump(a, period) < 1.1
    blocks = F.interpolate(F.avg_pool2d(a, period), scale_factor=period)  # as of a network that enlarges by repeating
    assert grid_jump((a + blocks) / 2, period) > 1.3


def test_speckle_counts_isolated_pixels() -> None:
    a = picture(coarse=16) * 0.5
    specked = a.clone()
    specked[:, :, 5::10, 5::10] = 1
    assert speckle(a, a) == 0
    assert speckle(specked, a) == pytest.approx(0.01, rel=0.2)


def test_clipped_counts_black_and_white() -> None:
    a = picture() * 0.5 + 0.25
    white = a.clone()
    white[:, :, :24] = 1
    assert clipped(white, a) == pytest.approx(0.25)


def test_halo_is_brightness_beside_an_edge() -> None:
    photo = torch.full((1, 3, 96, 96), 0.3)
    photo[:, :, :, 48:] = 0.7
    glowing = photo.clone()
    glowing[:, :, :, 41:46] += 0.2
    glowing[:, :, :, 51:56] += 0.2
    assert halo(photo, photo) == 0
    assert halo(glowing, photo) > 0.03


def test_flat_texture_is_what_was_painted_into_a_sky() -> None:
    photo = torch.full((1, 3, 64, 64), 0.5)
    noise = 0.1 * (picture(64, 64) - 0.5)
    assert flat_texture(photo, photo) == 0
    assert flat_texture(photo + noise, photo) > 0.01


def test_frechet_distance_is_that_of_scipy() -> None:
    random = np.random.default_rng(0)
    (mean, a), (other, b) = ((random.normal(size=6), np.cov(random.normal(size=(6, 50)))) for _ in range(2))
    root = scipy.linalg.sqrtm(a @ b).real
    reference = np.square(mean - other).sum() + np.trace(a + b - 2 * root)
    assert frechet_distance(mean, a, other, b) == pytest.approx(reference)
    assert frechet_distance(mean, a, mean, a) == pytest.approx(0, abs=1e-9)


def test_kernel_distance_is_that_of_the_formula() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(5, 3)), random.normal(size=(7, 3)) + 1

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    reference = (
        np.mean([k(x[i], x[j]) for i in range(5) for j in range(5) if i != j])
        + np.mean([k(y[i], y[j]) for i in range(7) for j in range(7) if i != j])
        - 2 * np.mean([k(a, b) for a in x for b in y])
    )
    assert kernel_distance(x, y) == pytest.approx(reference)


def test_content_and_style_are_those_of_the_paper() -> None:
    measures = FeatureMeasures()
    network = load_network("vgg19-slim", padding="zeros").network
    x, c = picture(64, 64), picture(64, 64, seed=1)
    found = measures.of_pair(measures.look(x), measures.look(c), measures.look(c))
    with torch.no_grad():
        fx, fc = (network(p, ["relu4_2"])["relu4_2"].double().numpy() for p in (x, c))
        gx, gc = (network(p, ["relu2_1"])["relu2_1"][0].flatten(1).double().numpy() for p in (x, c))
    assert found["content"] == pytest.approx(np.square(fx - fc).sum() / np.square(fc).sum(), rel=1e-4)
    gx, gc = gx @ gx.T / gx.shape[1], gc @ gc.T / gc.shape[1]
    assert found["style_relu2_1"] == pytest.approx(np.square(gx - gc).sum() / np.square(gc).sum(), rel=1e-3)


def test_each_feature_measure_is_zero_for_the_original() -> None:
    measures = FeatureMeasures()
    seen = measures.look(picture(64, 64))
    found = measures.of_pair(seen, seen, seen)
    assert all(abs(value) < 1e-4 for value in found.values()), found


def test_places_see_a_sky_left_as_photo() -> None:
    measures = FeatureMeasures()
    painting, flat = picture(128, 128), torch.full((1, 3, 128, 64), 0.5)
    half = torch.cat([painting[:, :, :, :64], flat], 3)
    seen = [measures.look(x) for x in (painting, half)]
    assert measures.places(seen[1], seen[0]) > 0.1
    assert measures.places(seen[0], seen[0]) < 1e-3


def test_structure_does_not_see_colors() -> None:
    measures = FeatureMeasures()
    photo = picture(96, 96, coarse=16)
    recolored, other = 0.2 + 0.6 * photo[:, [2, 0, 1]], picture(96, 96, seed=5, coarse=16)
    seen = [measures.look(x) for x in (photo, recolored, other)]
    assert measures.structure(seen[1], seen[0]) < 0.8 * measures.structure(seen[2], seen[0])


def test_metrics_add_up_over_processes() -> None:
    pictures, references = (
        torch.cat([picture(seed=k) for k in range(4)]),
        torch.cat([picture(seed=k) for k in (1, 2, 3, 4)]),
    )
    whole, first, second = (PictureMetric(palette_distance) for _ in range(3))
    whole.update(pictures, references)
    first.update(pictures[:1], references[:1])
    second.update(pictures[1:], references[1:])
    first.merge(second.state())
    assert first.compute() == pytest.approx(whole.compute())
    whole.reset()
    with pytest.raises(ValueError, match="call update first"):
        whole.compute()


@pytest.mark.parametrize("kind", ["frechet", "kernel"])
def test_distance_of_sets_grows_with_their_difference(kind: str) -> None:
    metric = SetMetric(lambda x: x.mean((2, 3)), kind)
    found = []
    for shift in (0.0, 0.3):
        metric.reset()
        for k in range(8):
            metric.update(picture(seed=k), real=True)
            metric.update(picture(seed=100 + k) + shift, real=False)
        found.append(metric.compute())
    assert found[1] > 5 * abs(found[0])
    with pytest.raises(ValueError, match="expected one of"):
        SetMetric(lambda x: x, "fid")
