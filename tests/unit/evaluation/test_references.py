"""Measures against their formulas, written again with NumPy and SciPy; docs/evaluation.md has the tolerances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.ndimage
import torch
import torch.nn.functional as F
from skimage.color import rgb2lab
from torch import Tensor

from brushwork.evaluation import (
    FeatureMeasures,
    chroma_spread,
    clipped,
    edges_kept,
    flat_texture,
    grid_jump,
    ms_ssim,
    patch_distance,
    pictures,
    speckle,
)
from brushwork.evaluation.evaluate_pictures import DIRECTIONS, OPTIONAL, SETS
from brushwork.nn import load_network
from brushwork.video.evaluation import DIRECTIONS as FILM_DIRECTIONS

PAGE = Path(__file__).parents[3] / "docs" / "evaluation.md"


def picture(height: int = 64, width: int = 80, *, seed: int = 0, coarse: int = 4) -> Tensor:
    noise = torch.rand(1, 3, height // coarse, width // coarse, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, (height, width), mode="bicubic").clamp(0, 1)


def gray(pixels: Tensor) -> np.ndarray:
    return np.tensordot([0.299, 0.587, 0.114], pixels[0].double().numpy(), 1)


def features(layer: str, *seen: Tensor) -> list[np.ndarray]:
    network = load_network("vgg19-slim", padding="zeros").network
    with torch.no_grad():
        return [network(pixels, [layer])[layer][0].double().numpy() for pixels in seen]


def windows(x: np.ndarray) -> np.ndarray:
    """Mean and deviation of windows of an eighth of the longer side, half overlapping."""
    side = max(2, round(max(x.shape[1:]) / 8))
    found = []
    for top in range(0, x.shape[1] - side + 1, side // 2):
        for left in range(0, x.shape[2] - side + 1, side // 2):
            part = x[:, top : top + side, left : left + side].reshape(len(x), -1)
            found.append(np.concatenate([part.mean(1), part.std(1, ddof=1)]))
    return np.array(found)


def test_places_are_the_worst_quarter_of_the_nearest_windows() -> None:
    a, b = picture(), picture(seed=1)
    here, painted = (windows(x) for x in features("relu3_1", a, b))
    nearest = sorted(min(((w - v) ** 2).sum() / (np.linalg.norm(w) * np.linalg.norm(v)) for v in painted) for w in here)
    measures = FeatureMeasures()
    found = measures.places(measures.look(a), measures.look(b))
    assert found == pytest.approx(np.mean(nearest[-((len(nearest) + 3) // 4) :]), rel=1e-3)


def test_structure_is_the_divergence_of_the_rows_of_self_similarity() -> None:
    rows = []
    for x in features("relu3_1", picture(), picture(seed=1)):
        flat = x.reshape(len(x), -1)
        flat = flat / np.linalg.norm(flat, axis=0)
        likeness = np.exp(flat.T @ flat)
        rows.append(likeness / likeness.sum(1, keepdims=True))
    expected = (rows[1] * np.log(rows[1] / rows[0])).sum(1).mean()
    measures = FeatureMeasures()
    found = measures.structure(measures.look(picture()), measures.look(picture(seed=1)))
    assert found == pytest.approx(expected, rel=1e-3)


def test_single_frechet_is_the_distance_of_scipy() -> None:
    a, b = (x.reshape(len(x), -1) for x in features("relu2_1", picture(), picture(seed=1)))
    one, other = np.cov(a), np.cov(b)
    root = scipy.linalg.sqrtm(one @ other).real
    expected = (((a.mean(1) - b.mean(1)) ** 2).sum() + np.trace(one + other - 2 * root)) / np.trace(other)
    measures = FeatureMeasures()
    found = measures.single_frechet(measures.look(picture()), measures.look(picture(seed=1)))
    assert found == pytest.approx(expected, rel=1e-3)


def test_ms_ssim_is_the_product_over_sizes() -> None:
    def parts(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        line = np.exp(-((np.arange(11) - 5.0) ** 2) / 4.5)
        window = np.outer(line, line) / line.sum() ** 2

        def mean(z: np.ndarray) -> np.ndarray:
            return scipy.ndimage.correlate(z, window)[5:-5, 5:-5]

        mx, my = mean(x), mean(y)
        vx, vy, vxy = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
        contrast = (2 * vxy + 0.03**2) / (vx + vy + 0.03**2)
        return ((2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2) * contrast).mean(), contrast.mean()

    a = picture(180, 192)
    b = (a + 0.1 * torch.randn(a.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    expected, exponents = 1.0, (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    for level, exponent in enumerate(exponents):
        small = [F.avg_pool2d(x, 2**level)[0].double().numpy() for x in (a, b)]
        values = np.mean([parts(x, y) for x, y in zip(*small, strict=True)], axis=0)
        expected *= values[0 if level == 4 else 1] ** exponent
    assert ms_ssim(a, b) == pytest.approx(expected, rel=1e-4)


def test_patches_are_compared_along_each_direction() -> None:
    a, b = picture(), picture(seed=1)
    directions = pictures._patch_directions().flatten(1).double().numpy()
    assert np.linalg.norm(directions, axis=1) == pytest.approx(1)
    expected = []
    for level in range(3):
        lines = []
        for x in (a, b):
            small = F.avg_pool2d(x, 2**level)[0].double().numpy()
            patches = np.lib.stride_tricks.sliding_window_view(small, (7, 7), (1, 2)).transpose(1, 2, 0, 3, 4)
            projected = patches.reshape(-1, 147) @ directions.T
            lines.append(np.quantile(projected, (np.arange(512) + 0.5) / 512, axis=0, method="hazen"))
        expected.append(np.sqrt(np.square(lines[0] - lines[1]).mean()))
    assert patch_distance(a, b) == pytest.approx(np.mean(expected), rel=0.01)


def test_edges_kept_is_the_correlation_of_sobels_gradients() -> None:
    a, b = picture(), picture(seed=1)
    lengths = [np.hypot(*(scipy.ndimage.sobel(gray(x), axis, mode="nearest") for axis in (0, 1))) for x in (a, b)]
    assert edges_kept(a, b) == pytest.approx(np.corrcoef(*(x.ravel() for x in lengths))[0, 1], abs=1e-3)


def test_chroma_spread_is_the_ratio_of_deviations() -> None:
    a, b = picture(), picture(seed=1, coarse=8)
    spread = [np.sqrt(rgb2lab(x[0].permute(1, 2, 0).numpy())[..., 1:].reshape(-1, 2).var(0).sum()) for x in (a, b)]
    assert chroma_spread(a, b) == pytest.approx(spread[0] / spread[1], rel=1e-3)


def test_artifacts_are_counted_as_numpy_counts_them() -> None:
    photo = picture(seed=2, coarse=16) * 0.98
    noisy = (photo + 0.1 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)

    def specks(x: Tensor) -> float:
        array = x[0].numpy()
        off = [np.abs(c - scipy.ndimage.median_filter(c, 3, mode="nearest")) for c in array]
        return float((np.max(off, 0) > 0.12).mean())

    def black_or_white(x: Tensor) -> float:
        array = x[0].numpy()
        return float(((array.max(0) < 0.5 / 255) | (array.min(0) > 254.5 / 255)).mean())

    assert speckle(noisy, photo) == pytest.approx(specks(noisy) - specks(photo), abs=1e-4)
    assert clipped(noisy, photo) == pytest.approx(black_or_white(noisy) - black_or_white(photo), abs=1e-6)
    flat = torch.full_like(photo, 0.5)
    deviation = scipy.ndimage.generic_filter(gray(noisy), np.std, 15)[7:-7, 7:-7]
    assert flat_texture(noisy, flat) == pytest.approx(deviation.mean(), rel=1e-3)
    jumps = np.abs(np.diff(noisy[0].double().numpy(), axis=2)).mean((0, 1))[:76].reshape(-1, 4).mean(0)
    down = np.abs(np.diff(noisy[0].double().numpy(), axis=1)).mean((0, 2))[:60].reshape(-1, 4).mean(0)
    largest = max(x[k] / np.delete(x, k).mean() for x in (jumps, down) for k in range(4))
    assert grid_jump(noisy, 4) == pytest.approx(max(1.0, largest), rel=1e-4)


def test_all_measures_are_on_the_page() -> None:
    listed = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    told = {word for cell in listed for word in cell.replace("`", "").replace(",", " ").split()}
    assert told == {*DIRECTIONS, *OPTIONAL, *SETS, *FILM_DIRECTIONS}
