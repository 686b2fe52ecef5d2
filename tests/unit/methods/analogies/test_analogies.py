from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor
from torch.nn import functional as F

from brushwork import Analogies, UsageError
from brushwork.methods.analogies.analogy import Analogy, halved, pyramid
from brushwork.methods.analogies.forest import Forest
from brushwork.methods.analogies.hertzmann import by_scan
from brushwork.methods.analogies.method import grown, pair_of
from brushwork.methods.analogies.patchmatch import by_patchmatch
from brushwork.methods.analogies.planes import remapped, smoothed, steered
from brushwork.patches.labels import labels_of, planes_of

RED, BLUE, WHITE = (1.0, 0.2, 0.1), (0.0, 0.0, 1.0), (1.0, 1.0, 1.0)


def luma(name: str, side: int = 64) -> Tensor:
    picture = torch.from_numpy(np.array(getattr(data, name)())).float() / 255
    gray = picture.mean(2) if picture.ndim == 3 else picture
    return F.interpolate(gray[None, None], (side, side), mode="bicubic", antialias=True)[0].clamp(0, 1)


def blurred(planes: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(planes[None], (2,) * 4, mode="replicate"), 5, 1)[0]


def everything(planes: Tensor) -> Tensor:
    return torch.ones(planes.shape[1:], dtype=torch.bool)


def psnr(found: Tensor, wanted: Tensor) -> float:
    return float(-10 * (found - wanted).square().mean().log10())


def found_by(search: str, analogy: Analogy, kappa: float = 0.0) -> Tensor:
    if search == "hertzmann":
        return by_scan(analogy, kappa=kappa, weight=1.0, levels=4)
    return by_patchmatch(analogy, weight=1.0, levels=4)


def flat(colors: list[list[tuple[float, float, float]]], side: int) -> Tensor:
    """A map of squares in flat colors."""
    return torch.tensor(colors).permute(2, 0, 1).repeat_interleave(side, 1).repeat_interleave(side, 2)


@pytest.mark.parametrize("search", ["patchmatch", "hertzmann"])
def test_a_blur_is_learned_from_a_pair(search: str) -> None:
    source, target = luma("astronaut"), luma("camera")
    found = found_by(search, Analogy(source, blurred(source), target, everything(source)))
    assert psnr(found, blurred(target)) > psnr(target, blurred(target)) + 3


@pytest.mark.parametrize("search", ["patchmatch", "hertzmann"])
def test_b_like_a_gives_a_prime(search: str) -> None:
    source = luma("astronaut", 48)
    example = 1 - blurred(source)
    assert psnr(found_by(search, Analogy(source, example, source, everything(source))), example) > 35


@pytest.mark.parametrize("kappa", [0.0, 5.0])
def test_every_pixel_of_the_scan_stands_in_a_prime(kappa: float) -> None:
    source, example = luma("astronaut", 40), torch.rand(3, 40, 40)
    usable = everything(source)
    usable[:, :13] = False
    found = by_scan(Analogy(source, example, luma("camera", 40), usable), kappa=kappa, weight=1.0, levels=3)
    allowed = {tuple(color) for color in example[:, usable].T.tolist()}
    assert {tuple(color) for color in found.flatten(1).T.tolist()} <= allowed


def test_what_is_not_usable_is_not_taken_by_patchmatch() -> None:
    example = torch.rand(1, 40, 40) / 2
    usable = everything(example)
    usable[:, :20] = False
    example[:, ~usable] = 1.0
    found = by_patchmatch(Analogy(luma("coins", 40), example, luma("camera", 40), usable), weight=1.0, levels=3)
    assert float(found.max()) <= 0.5


def test_waves_are_a_scan() -> None:
    """A pixel is found after all that its neighborhood holds."""
    y, x = np.mgrid[:20, :17]
    waves = x + 3 * y
    for row, column in [(0, -1), (0, -2), *((r, c) for r in (-1, -2) for c in range(-2, 3))]:
        inside = (y + row >= 0) & (x + column >= 0) & (x + column < 17)
        assert (waves[y[inside] + row, x[inside] + column] < waves[inside]).all()


def test_a_larger_kappa_copies_larger_pieces() -> None:
    source = luma("astronaut", 48)
    position = torch.stack(torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij"))

    def pieces(kappa: float) -> float:
        # Pixels that name their place, and hardly count in distances.
        example = torch.cat((blurred(source), position * 1e-6))
        found = by_scan(
            Analogy(source, example, luma("camera", 48), everything(source)), kappa=kappa, weight=1.0, levels=3
        )
        step = (found[2, :, 1:] - found[2, :, :-1]) / 1e-6
        return float(((step - 1).abs() > 0.1).float().mean())

    assert pieces(10.0) < 0.6 * pieces(0.0)


def test_a_forest_finds_near_vectors() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(3000, 12)).astype(np.float32) * np.linspace(2, 0.1, 12, dtype=np.float32)
    queries = vectors[:200] + 0.02 * random.normal(size=(200, 12)).astype(np.float32)
    assert (Forest(vectors, random).nearest(queries) == np.arange(200)).mean() > 0.9
    assert Forest(vectors[:5], random).nearest(queries[:5]).tolist() == [0, 1, 2, 3, 4]
    assert Forest(vectors[:1], random).nearest(queries).tolist() == [0] * 200


def test_pyramids_end_where_a_neighborhood_no_longer_fits() -> None:
    analogy = Analogy(torch.rand(1, 100, 60), torch.rand(1, 100, 60), torch.rand(1, 1000, 60), torch.ones(100, 60) > 0)
    assert [size.target.shape[1] for size in pyramid(analogy, 9)] == [1000, 500, 250]
    assert len(pyramid(analogy, 2)) == 2


def test_halving_keeps_the_mean_and_rounds_up() -> None:
    assert halved(torch.full((2, 7, 10), 0.3)).allclose(torch.full((2, 4, 5), 0.3))


def test_remapping_gives_a_the_luminance_of_b() -> None:
    source, target = luma("astronaut"), luma("camera") / 2
    mapped, example = remapped(source, source * 0.5, target, everything(source))
    assert float(mapped.mean()) == pytest.approx(float(target.mean()), abs=1e-4)
    assert float(mapped.std()) == pytest.approx(float(target.std()), rel=1e-3)
    assert (example - mapped.mean()).std() < mapped.std()


def test_derivatives_see_edges_and_nothing_in_flat_pictures() -> None:
    edge = torch.zeros(1, 20, 20)
    edge[..., 10:] = 1
    across = steered(edge)[1]  # along x
    assert across[10].abs().argmax() in (9, 10)
    assert steered(torch.full((1, 20, 20), 0.4)).abs().max() < 1e-3


def test_diffusion_takes_grain_and_leaves_edges() -> None:
    picture = torch.zeros(1, 3, 32, 32)
    picture[..., 16:] = 0.8
    grainy = (picture + 0.05 * torch.rand(1, 3, 32, 32)).clamp(0, 1)
    smooth = smoothed(grainy)
    assert smooth[..., :14].std() < 0.3 * grainy[..., :14].std()
    assert (smooth[..., 17] - smooth[..., 14]).min() > 0.7


def test_labels_are_flat_colors_and_edges_belong_to_the_nearest() -> None:
    source, target = flat([[RED, BLUE], [BLUE, WHITE]], 12), flat([[BLUE, RED, RED]], 12)
    source[:, :, 12] = source[:, :, 11] * 0.7 + source[:, :, 12] * 0.3  # a smoothed edge
    assert len(labels_of(source, "A")) == 3
    first, second = planes_of(source, target)
    assert first.sum(0).unique().tolist() == [1.0]
    assert first[0].mean() == pytest.approx(0.5, abs=0.03)  # blue, the most frequent
    assert first[:, 0, 12].tolist() == first[:, 0, 0].tolist()
    assert second[0].mean() == pytest.approx(1 / 3)


def test_missing_labels_are_named() -> None:
    with pytest.raises(UsageError, match=r"B: the label #ffffff is missing in A, which has #ff331a, #0000ff"):
        planes_of(flat([[RED, BLUE, RED]], 9), flat([[RED, WHITE]], 9))
    with pytest.raises(UsageError, match="A: expected a map of 1 to 32 flat colors"):
        planes_of(torch.rand(3, 30, 30), flat([[RED]], 9))


@pytest.mark.parametrize("search", ["patchmatch", "hertzmann"])
def test_texture_by_numbers_fills_regions_with_their_texture(search: str) -> None:
    labels = flat([[RED, BLUE]], 24)[None]
    picture = torch.rand(1, 3, 24, 48) * 0.2
    picture[..., 24:] += 0.8
    asked = flat([[BLUE, RED], [RED, BLUE]], 20)[None]
    made = grown(pair_of(labels, picture, None), asked, Analogies(search=search, compare="labels"))
    assert made[..., 3:17, 3:17].min() > 0.7
    assert made[..., 3:17, 23:37].max() < 0.3


@pytest.mark.parametrize("search", ["patchmatch", "hertzmann"])
def test_a_texture_has_the_colors_of_a_prime_and_is_not_flat(search: str) -> None:
    picture = torch.zeros(1, 3, 32, 32)
    picture[:, :, ::4] = torch.tensor([0.9, 0.5, 0.1]).view(1, 3, 1, 1)
    made = grown(pair_of(None, picture, None), (40, 50), Analogies(search=search))
    assert made.shape == (1, 3, 40, 50)
    assert made.std() > 0.5 * picture.std()
    assert made.amin() >= 0


def test_colors_are_the_photo_s_or_those_of_a_prime() -> None:
    before = torch.rand(1, 1, 32, 32).expand(-1, 3, -1, -1).contiguous()
    after = before * torch.tensor([0.2, 0.2, 1.0]).view(1, 3, 1, 1)
    photo = torch.rand(1, 1, 32, 32).expand(-1, 3, -1, -1).contiguous()
    gray = grown(pair_of(before, after, None), photo, Analogies())
    blue = grown(pair_of(before, after, None), photo, Analogies(colors="example"))
    assert (gray[:, 0] - gray[:, 2]).abs().max() < 0.02
    assert (blue[:, 2] - blue[:, 0]).mean() > 0.2


def test_a_mask_without_a_patch_is_refused() -> None:
    mask = torch.zeros(1, 1, 30, 30)
    mask[..., 10:13, :] = 1
    with pytest.raises(UsageError, match="no patch of 5×5"):
        grown(pair_of(None, torch.rand(1, 3, 30, 30), mask), torch.rand(1, 3, 30, 30), Analogies())
