"""What every statistic promises; a new one is tested by being registered."""

from __future__ import annotations

import pytest
import torch

from brushwork.errors import UsageError
from brushwork.losses.style import STATISTICS, Statistic, Target, packed, unpacked
from brushwork.nn.statistics import gram_matrix
from brushwork.options import methods as settings

BLENDING = [name for name, statistic in STATISTICS.items() if statistic.blends]
every = pytest.mark.parametrize("statistic", STATISTICS.values(), ids=list(STATISTICS))
blending = pytest.mark.parametrize("statistic", [STATISTICS[name] for name in BLENDING], ids=BLENDING)


def features(seed: int = 0, height: int = 9, width: int = 7, shift: float = 0.0) -> torch.Tensor:
    return shift + torch.randn(1, 4, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def encoded(statistic: Statistic, maps: torch.Tensor | None = None, mask: torch.Tensor | None = None) -> Target:
    return statistic.encode(features(1, shift=1) if maps is None else maps, mask, 5)


def same(a: Target, b: Target, tolerance: float = 1e-9) -> bool:
    return a.keys() == b.keys() and all(torch.allclose(a[name], b[name], rtol=tolerance, atol=1e-9) for name in a)


def test_the_setting_offers_them_all() -> None:
    assert tuple(STATISTICS) == settings.STATISTICS


@every
def test_it_keeps_what_it_says(statistic: Statistic) -> None:
    assert set(encoded(statistic)) == set(statistic.keeps)


@every
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (9, 7), (16, 16)])
def test_a_match_is_0_and_nothing_is_about_1(statistic: Statistic, size: tuple[int, int]) -> None:
    maps = features(1, *size, shift=1)
    target = encoded(statistic, maps)
    assert statistic.loss(maps, target, None).item() == pytest.approx(0, abs=2e-3)
    if min(size) > 2:
        assert 0.3 < statistic.loss(torch.zeros_like(maps), target, None).item() < 3


@every
def test_gradient_is_that_of_finite_differences(statistic: Statistic) -> None:
    target = encoded(statistic)
    maps = features(0, 5, 3).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: statistic.loss(x, target, None), (maps,), eps=1e-7, atol=1e-4)


@every
def test_the_same_number_each_time(statistic: Statistic) -> None:
    assert same(encoded(statistic), encoded(statistic), 0)
    assert torch.equal(*(statistic.loss(features(), encoded(statistic), None) for _ in range(2)))


@every
def test_a_mask_hides(statistic: Statistic) -> None:
    seen, mask = features(1, 8, 8), torch.zeros(1, 1, 8, 8)
    mask[:, :, :, :5] = 1
    hidden = torch.where(mask > 0, seen, 100.0)
    first, second = (encoded(statistic, maps, mask) for maps in (seen, hidden))
    if "patches" in statistic.keeps:  # those across the mask's edge see a little beyond it
        first, second = ({"patches": target["patches"][:, 1::3]} for target in (first, second))
    assert same(first, second)
    assert not same(encoded(statistic, seen), encoded(statistic, hidden))


@every
def test_a_mask_of_ones_is_none(statistic: Statistic) -> None:
    maps = features(1, 8, 8)
    assert same(encoded(statistic, maps, torch.ones(1, 1, 16, 16)), encoded(statistic, maps))


@every
def test_an_empty_mask_is_refused(statistic: Statistic) -> None:
    with pytest.raises(UsageError, match="the mask leaves no"):
        encoded(statistic, features(1, 8, 8), torch.zeros(1, 1, 8, 8))


@every
def test_flat_and_dark_features_stay_finite(statistic: Statistic) -> None:
    for shade in (0.0, 2.0):
        flat = torch.full((1, 4, 6, 5), shade)
        for maps in (features().float(), flat.clone()):
            maps.requires_grad_(True)
            loss = statistic.loss(maps, encoded(statistic, flat), None)
            assert loss.isfinite()
            assert torch.autograd.grad(loss, maps)[0].isfinite().all()


@every
def test_a_file_gives_it_back(statistic: Statistic) -> None:
    target = encoded(statistic, features(1).float())
    again = {name: unpacked(name, packed(name, tensor)) for name, tensor in target.items()}
    assert same(again, target, 0.01)
    for name in {"directions", "frequencies"} & set(target):
        assert torch.equal(again[name], target[name])


@blending
def test_a_blend_lies_between(statistic: Statistic) -> None:
    one, other = encoded(statistic, features(1)), encoded(statistic, features(2, shift=3))
    assert same(statistic.blend([one, one], [0.25, 0.75]), one)
    assert same(statistic.blend([one, other], [1.0, 0.0]), one)
    mixed = statistic.blend([one, other], [0.5, 0.5])
    for maps, nearer, farther in ((features(1), one, other), (features(2, shift=3), other, one)):
        assert (
            statistic.loss(maps, nearer, None) < statistic.loss(maps, mixed, None) < statistic.loss(maps, farther, None)
        )


@pytest.mark.parametrize("name", ["gram", "mean-std", "covariance", "mmd-linear", "mmd-polynomial"])
def test_a_mean_of_moments_is_the_style_of_both_paintings_side_by_side(name: str) -> None:
    """Moments about 0 of a mixture are the mixture of moments; those about the mean are not, and are averaged."""
    maps = features(1), features(2, shift=3)
    mixed = STATISTICS[name].blend([encoded(STATISTICS[name], m) for m in maps], [0.5, 0.5])
    beside = encoded(STATISTICS[name], torch.cat(maps, 3))
    for part in set(mixed) & {"gram", "mean"}:
        torch.testing.assert_close(mixed[part], beside[part])


def test_a_blend_for_the_gaussian_kernel_takes_samples_by_share() -> None:
    statistic = STATISTICS["mmd-gaussian"]
    styles = [encoded(statistic, torch.full((1, 4, 8, 8), float(shade))) for shade in (1, 2, 3)]
    samples = statistic.blend(styles, [0.5, 0.125, 0.375])["samples"]
    assert samples[:, 0].long().bincount().tolist() == [0, 512, 128, 384]


def test_a_blend_of_quantiles_is_the_barycenter() -> None:
    """Between two point masses lies the one halfway, not half of each."""
    statistic = STATISTICS["histogram"]
    styles = [encoded(statistic, torch.full((1, 4, 8, 8), shade)) for shade in (1.0, 3.0)]
    assert statistic.blend(styles, [0.5, 0.5])["quantiles"].unique().tolist() == [2.0]


@pytest.mark.parametrize("name", ["mmd-gaussian", "sliced-wasserstein"])
def test_styles_of_different_seeds_do_not_blend(name: str) -> None:
    statistic = STATISTICS[name]
    with pytest.raises(UsageError, match="different seeds"):
        statistic.blend([statistic.encode(features(), None, seed) for seed in (1, 2)], [0.5, 0.5])


def test_patches_do_not_blend_and_say_why() -> None:
    statistic = STATISTICS["patch"]
    with pytest.raises(UsageError, match="can't blend styles, because patches are matched to the nearest one"):
        statistic.blend([encoded(statistic)] * 2, [0.5, 0.5])


def test_no_more_patches_are_kept_than_can_be_searched() -> None:
    assert encoded(STATISTICS["patch"], features(1, 90, 80))["patches"].shape == (4096, 36)


def test_a_compact_gram_matrix_is_as_near_as_asked() -> None:
    maps = torch.rand(1, 40, 12, 12) @ torch.rand(12, 12)
    gram = gram_matrix(maps)
    for precision in (0.1, 0.01):
        kept = packed("gram", gram, precision)
        assert kept.shape[0] == 40
        assert kept.numel() < packed("gram", gram).numel()
        assert (unpacked("gram", kept) - gram).norm() / gram.norm() < precision + 4e-3  # bfloat16
