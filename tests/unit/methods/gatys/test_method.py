import dataclasses
import itertools

import pytest
import torch

from brushwork import Gatys, Interrupted, Step, UsageError, load, load_network
from brushwork.api.presets import PRESETS
from brushwork.color import ColorMoments, luma
from brushwork.image import resize
from brushwork.methods.gatys.method import GatysMethod
from brushwork.options.methods import STATISTICS
from brushwork.styles.regions import Regions
from brushwork.tiling.tiles import Tiling

QUICK = Gatys(steps=12, scales=2)


@pytest.fixture(scope="module")
def method() -> GatysMethod:
    return load(QUICK)


def picture(height: int = 48, width: int = 64, seed: int = 0) -> torch.Tensor:
    """A smooth picture with some structure."""
    return resize(torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed)), (width, height))


def test_loss_falls_and_style_comes_nearer(method: GatysMethod) -> None:
    content, painting = picture(72, 96), picture(seed=1)
    style, steps = method.encode_style(painting, sizes=method.sizes(96, 72)), []
    method(content, style, progress=steps.append)
    small, large = sorted({s.size for s in steps})
    per_scale = [[s for s in steps if s.size == size] for size in (small, large)]
    assert all(scale[-1].loss < scale[0].loss for scale in per_scale)
    assert steps[-1].loss < 0.6 * steps[0].loss
    assert per_scale[0][-1].terms["style"] < per_scale[0][0].terms["style"]


@pytest.mark.parametrize("statistic", STATISTICS)
def test_every_statistic_brings_the_style_nearer(statistic: str) -> None:
    method = load(Gatys(steps=8, scales=1, statistic=statistic))
    content, steps = picture(33, 47), []
    style = method.load_style(method.save_style(method.encode_style(picture(40, 44, seed=1), sizes=[47])))
    result = method(content, style, progress=steps.append)
    assert result.shape == content.shape
    assert result.isfinite().all()
    assert (result - content).abs().mean() > 0.005
    assert steps[-1].loss < 0.8 * steps[0].loss
    assert steps[-1].terms["style"] < 0.8 * steps[0].terms["style"]


def test_a_statistic_that_does_not_blend_says_so_before_it_is_asked(method: GatysMethod) -> None:
    patch = load(Gatys(statistic="patch"))
    assert (method.declaration.blends, patch.declaration.blends) == (True, False)
    style = patch.encode_style(picture(), sizes=[64])
    with pytest.raises(UsageError, match="'patch' can't blend styles"):
        patch.blend([style, style], [1, 1])


def test_a_style_of_another_statistic_is_refused(method: GatysMethod) -> None:
    style = load(Gatys(statistic="mean-std")).encode_style(picture(), sizes=[64])
    with pytest.raises(UsageError, match="no gram statistics of relu1_1"):
        method(picture(), style)


def test_the_seed_decides_what_a_statistic_draws() -> None:
    first, again, other = (
        load(Gatys(statistic="sliced-wasserstein", seed=seed)).encode_style(picture(), sizes=[32]).tensors()
        for seed in (1, 1, 2)
    )
    name = "32/relu2_1/directions"
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


def test_progress_counts_and_previews(method: GatysMethod) -> None:
    seen: list[Step] = []
    method(picture(), method.encode_style(picture(seed=1), sizes=[64]), progress=seen.append)
    assert [s.step for s in seen] == list(range(1, 13))
    assert {s.steps for s in seen} == {12}
    assert seen[-1].seconds_left == 0
    assert seen[0].preview().shape == (1, 3, 48, 64)


@pytest.mark.parametrize("init", ["content", "noise"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_every_start_and_optimizer_gives_a_picture(init: str, optimizer: str) -> None:
    method = load(dataclasses.replace(QUICK, init=init, optimizer=optimizer))
    result = method(picture(), method.encode_style(picture(seed=1), sizes=[64]))
    assert result.shape == (1, 3, 48, 64)
    assert result.std() > 0.02
    assert result.min() >= 0
    assert result.max() <= 1


def test_noise_is_seeded() -> None:
    def run(seed: int) -> torch.Tensor:
        method = load(dataclasses.replace(QUICK, init="noise", seed=seed))
        return method(picture(), method.encode_style(picture(seed=1), sizes=[64]))

    assert torch.equal(run(3), run(3))
    assert not torch.equal(run(3), run(4))


def test_first_picture_is_used() -> None:
    method = load(Gatys(steps=1, scales=1, init="photo.jpg", content_weight=0, style_weight=0, tv_weight=1))
    first = picture(20, 30, seed=5)
    result = method(picture(), method.encode_style(picture(seed=1), sizes=[64]), init=first)
    torch.testing.assert_close(result, resize(first, (64, 48)))
    with pytest.raises(UsageError, match="needs a picture"):
        method(picture(), method.encode_style(picture(seed=1), sizes=[64]))


def test_content_alone_keeps_the_photo() -> None:
    method = load(Gatys(steps=10, scales=1, style_weight=0))
    torch.testing.assert_close(method(picture(), method.encode_style(picture(seed=1), sizes=[64])), picture())


def test_interrupted_gives_the_best_so_far_at_full_size(method: GatysMethod) -> None:
    def stop(step: Step) -> None:
        if step.step == 4:  # still at the small scale
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as error:
        method(picture(72, 96), method.encode_style(picture(seed=1), sizes=[96]), progress=stop)
    assert error.value.best.shape == (1, 3, 72, 96)
    assert error.value.best.isfinite().all()


class TestStyle:
    def test_scale_of_the_painting_changes_its_statistics(self) -> None:
        painting = picture(200, 200)
        grams = {}
        for scale in (0.5, 1.0):
            value = load(dataclasses.replace(QUICK, style_scale=scale)).encode_style(painting, sizes=[128])
            grams[scale] = value.targets[128]["relu2_1"]["gram"]
        smaller = load(QUICK).encode_style(painting, sizes=[64]).targets[64]["relu2_1"]["gram"]
        torch.testing.assert_close(grams[0.5], smaller)
        assert not torch.allclose(grams[0.5], grams[1.0], rtol=0.01)

    def test_blend_has_the_gradient_of_the_summed_losses(self, method: GatysMethod) -> None:
        styles = [method.encode_style(picture(seed=seed), sizes=[64]) for seed in (1, 2)]
        one, other, blend = (s.targets[64]["relu3_1"]["gram"] for s in (*styles, method.blend(styles, [3, 1])))
        gram = torch.rand_like(one).requires_grad_(True)
        summed = 0.75 * (gram - one).square().sum() + 0.25 * (gram - other).square().sum()
        (expected,) = torch.autograd.grad(summed, gram)
        (got,) = torch.autograd.grad((gram - blend).square().sum(), gram)
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-2)

    def test_blend_refuses_nonsense(self, method: GatysMethod) -> None:
        value = method.encode_style(picture(), sizes=[64])
        for values, weights in [([], []), ([value], [0]), ([value, value], [1, -1]), ([value], [1, 2])]:
            with pytest.raises(UsageError, match="a weight of at least 0"):
                method.blend(values, weights)

    def test_file_round_trip_keeps_bfloat16_precision(self, method: GatysMethod) -> None:
        value = method.encode_style(picture(), sizes=[32, 64])
        again = method.load_style(method.save_style(value))
        for size, layers in value.targets.items():
            for layer, target in layers.items():
                gram = again.targets[size][layer]["gram"]
                assert (gram - target["gram"]).norm() / target["gram"].norm() < 0.005
                torch.testing.assert_close(gram, gram.mT)

    def test_other_layers_are_refused(self, method: GatysMethod) -> None:
        style = load(dataclasses.replace(QUICK, style_layers=("relu1_1",))).encode_style(picture(), sizes=[64])
        with pytest.raises(UsageError, match="no gram statistics of relu2_1"):
            method(picture(), style)

    def test_mask_of_another_size_is_refused(self, method: GatysMethod) -> None:
        with pytest.raises(UsageError, match="expected a mask"):
            method.encode_style(picture(), sizes=[64], mask=torch.ones(1, 1, 5, 5))


def test_unknown_layer_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="no layer relu7_1"):
        load(Gatys(content_layers=("relu7_1",)))


def test_one_picture_at_a_time(method: GatysMethod) -> None:
    with pytest.raises(UsageError, match="one picture"):
        method(picture().repeat(2, 1, 1, 1), method.encode_style(picture(), sizes=[64]))


def test_estimate_is_of_the_right_order(method: GatysMethod) -> None:
    small, large = method.estimate_seconds(64, 64), method.estimate_seconds(512, 512)
    assert 0 < small < large


def test_replicate_padding_leaves_no_frame() -> None:
    """The features of a flat gray picture are at its border what they are in its middle."""
    frames = {}
    for padding in ("replicate", "zeros"):
        network = load_network("vgg19-slim", padding=padding).network
        features = network(torch.full((1, 3, 64, 64), 0.4), ["relu3_1"])["relu3_1"][0]
        frames[padding] = (features[:, 0] - features[:, 8]).norm() / features[:, 8].norm()
    assert frames["replicate"] < 1e-4
    assert frames["zeros"] > 0.02


def test_a_photo_that_has_the_style_already_is_kept() -> None:
    method = load(Gatys(steps=5, scales=1))
    result = method(picture(), method.encode_style(picture(), sizes=[64]))
    assert (result - picture()).abs().mean() < 0.02  # the mirrored margin has a style of its own, slightly


@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate"])
@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_every_way_to_run_the_network_moves_pixels(padding: str, pooling: str, optimizer: str) -> None:
    method = load(Gatys(steps=6, scales=1, padding=padding, pooling=pooling, optimizer=optimizer, loss="paper"))
    photo, painting = torch.rand(2, 1, 3, 32, 40).unbind()
    result = method(photo, method.encode_style(painting, sizes=[40]))
    assert (result - photo).abs().max() > 0.01


def test_no_frame(method: GatysMethod) -> None:
    """A flat photo in a busy style: the outermost rows are no lighter or darker than those further in."""
    flat, busy = torch.full((1, 3, 64, 64), 0.5), torch.rand(1, 3, 64, 64)
    method = load(Gatys(steps=40, scales=1))
    result = method(flat, method.encode_style(busy, sizes=[64]))
    inside = result[:, :, 16:48, 16:48]
    for row in (result[:, :, 0], result[:, :, -1], result[..., 0], result[..., -1]):
        assert abs(row.mean() - inside.mean()) < 0.06
        assert row.std() < 1.5 * inside.std()


def test_the_margin_leaves_the_paintings_size_alone(method: GatysMethod) -> None:
    assert method.sizes(384, 288)[-1] == 384
    assert method.sizes(1000, 10)[-1] == 1000
    assert method.sizes(1, 1) == [1]


def test_strength_leads_from_the_photo_to_the_full_style() -> None:
    content, painting = picture(), picture(seed=1)
    changes = []
    for strength in (0.0, 0.25, 0.5, 1.0):
        method = load(
            dataclasses.replace(QUICK, init="recolored", first_step="polyak", carry="change", strength=strength)
        )
        style = method.encode_style(painting, sizes=method.sizes(64, 48))
        changes.append(float((method(content, style) - content).abs().mean()))
    assert changes[0] == 0
    assert changes == sorted(changes)
    assert changes[1] < 0.6 * changes[3]


@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_strength_means_the_same_in_tiles(strength: float) -> None:
    """One evaluation, because differences of rounding grow with every step."""
    method = load(
        Gatys(steps=1, scales=1, init="recolored", first_step="polyak", strength=strength, precision="float32")
    )
    content = picture(240, 256)
    style = method.encode_style(picture(seed=1), sizes=method.sizes(256, 240))
    losses = []
    for tiling in (None, Tiling(96)):
        method(content, style, tiling=tiling, progress=lambda step: losses.append(step.loss))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_recolored_begins_with_the_painting_s_colors_where_its_mask_is() -> None:
    content, blue = picture(), torch.tensor([0.1, 0.2, 0.8]).view(1, 3, 1, 1).expand(1, 3, 48, 64)
    method = load(Gatys(steps=1, scales=1, init="recolored"))
    style = method.encode_style(blue, sizes=[64])
    left = torch.zeros(1, 1, 48, 64)
    left[..., :32] = 1
    result = method(content, Regions([style], left))
    assert (result[..., :24] - blue[..., :24]).abs().mean() < 0.02
    torch.testing.assert_close(result[..., 40:], content[..., 40:])


def test_a_saved_style_keeps_its_colors_and_an_older_one_begins_with_the_photo() -> None:
    method = load(Gatys(steps=1, scales=1, init="recolored"))
    content, style = picture(), method.encode_style(picture(seed=1), sizes=[64])
    tensors = method.save_style(style)
    again = method.load_style(tensors)
    assert again.colors is not None
    torch.testing.assert_close(again.colors.mean, style.colors.mean, atol=1e-6, rtol=0)
    older = method.load_style({k: v for k, v in tensors.items() if not k.startswith("colors/")})
    torch.testing.assert_close(method(content, older), content)


def test_matched_colors_are_the_painting_s_where_its_mask_is() -> None:
    content, painting = picture(), 0.2 + 0.5 * picture(seed=1) * torch.tensor([1.0, 0.6, 0.3]).view(1, 3, 1, 1)
    free, matched = (
        load(Gatys(steps=8, scales=1, init="recolored", final_colors=colors)) for colors in ("optimized", "matched")
    )
    style = free.encode_style(painting, sizes=[64])
    errors = [
        float((ColorMoments.of(method(content, style)).covariance - style.colors.covariance).norm())
        for method in (free, matched)
    ]
    assert errors[1] < 0.3 * errors[0]
    left = torch.zeros(1, 1, 48, 64)
    left[..., :32] = 1
    result = matched(content, Regions([style], left))
    other = free(content, Regions([style], left))
    torch.testing.assert_close(result[..., 40:], other[..., 40:])
    assert (result[..., :24] - other[..., :24]).abs().max() > 0.003


def test_pictures_without_contrast_keep_the_order_of_their_brightness() -> None:
    method = load(dataclasses.replace(PRESETS["good"], steps=6))
    style = method.encode_style(picture(96, 128, seed=3), sizes=method.sizes(128, 96))
    means = [
        float(luma(method(torch.full((1, 3, 96, 128), gray), style)).mean()) for gray in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert all(after - before > 0.05 for before, after in itertools.pairwise(means))


def test_a_gray_card_in_its_own_style_stays() -> None:
    card = torch.full((1, 3, 64, 64), 0.5)
    method = load(dataclasses.replace(PRESETS["good"], steps=6))
    assert (method(card, method.encode_style(card, sizes=method.sizes(64, 64))) - card).abs().max() < 0.05
