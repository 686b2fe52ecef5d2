"""The scale that a second network refines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from brushwork import (
    Gatys,
    Interrupted,
    Picture,
    Step,
    UsageError,
    encode_style,
    load,
    load_network,
    save_style,
    stylize,
)
from brushwork.image import resize
from brushwork.losses.content import relative_error
from brushwork.methods.gatys.method import GatysMethod
from brushwork.methods.gatys.scales import photo_scales
from brushwork.nn.statistics import gram_matrix
from brushwork.runtime.checkpoints import Checkpoint
from brushwork.styles.regions import Regions
from brushwork.tiling.tiles import Tiling

REFINED = Gatys(steps=4, scales=1, refine_network="vgg19.int8", refine_steps=3, precision="float32")
PLAIN = replace(REFINED, refine_network="")


@pytest.fixture(scope="module")
def method() -> GatysMethod:
    return load(REFINED)


def picture(height: int = 48, width: int = 64, seed: int = 0) -> Tensor:
    """A smooth picture with some structure."""
    return resize(torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed)), (width, height))


def painted(method: GatysMethod, style: Tensor, **options: object) -> tuple[Tensor, list[Step]]:
    seen: list[Step] = []
    value = method.encode_style(style, sizes=method.sizes(64, 48))
    return method(picture(), value, progress=seen.append, **options), seen  # type: ignore[arg-type]


def test_the_second_network_comes_nearer_to_the_style_as_it_sees_it() -> None:
    style, judge = picture(seed=1), load_network("vgg19.int8").network
    refined, seen = painted(load(replace(REFINED, style_weight=125)), style)
    plain, _ = painted(load(replace(PLAIN, steps=7)), style)
    wanted = gram_matrix(judge(style, ["relu4_1"])["relu4_1"])
    errors = [relative_error(gram_matrix(judge(x, ["relu4_1"])["relu4_1"]), wanted) for x in (refined, plain)]
    assert errors[0] < 0.8 * errors[1]
    assert [step.step for step in seen] == list(range(1, 8))
    assert {step.steps for step in seen} == {7}
    assert seen[0].seconds_left > seen[3].seconds_left > seen[-1].seconds_left == 0


@pytest.mark.parametrize(
    ("size", "refined"),
    [((200, 100), (232, 132)), ((500, 300), (266, 166)), ((1200, 700), (308, 183))],
)
def test_the_largest_scale_up_to_a_size_is_refined(size: tuple[int, int], refined: tuple[int, int]) -> None:
    settings = replace(REFINED, steps=40, scales=0, refine_size=300)
    scales = photo_scales(settings, *size)
    place = next(index for index, scale in enumerate(scales) if scale.refining)
    assert (scales[place].size, scales[place].steps) == (refined, 3)
    assert scales[place - 1].size == refined
    assert [scale for scale in scales if not scale.refining] == photo_scales(
        replace(settings, refine_network=""), *size
    )


def test_no_scale_is_refined_if_all_are_larger() -> None:
    assert not any(scale.refining for scale in photo_scales(replace(REFINED, refine_size=100), 400, 300))


def test_tiles_and_masks_give_the_same_loss(method: GatysMethod) -> None:
    one = load(replace(REFINED, steps=1, refine_steps=1))
    content, style = picture(240, 256), one.encode_style(picture(seed=1), sizes=one.sizes(256, 240))
    everywhere = Regions([style], torch.ones(1, 1, 240, 256))
    losses: list[list[float]] = []
    for value, tiling in ((style, None), (style, Tiling(192)), (everywhere, None)):
        losses.append([])
        one(content, value, tiling=tiling, progress=lambda step: losses[-1].append(step.loss))
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert losses[2] == pytest.approx(losses[0], rel=1e-3)


def test_strength_0_01_leaves_the_photo_almost_as_it_is(method: GatysMethod) -> None:
    faint, _ = painted(method.with_strength(0.01), picture(seed=1))
    strong, _ = painted(method, picture(seed=1))
    assert (faint - picture()).abs().mean() < 0.2 * (strong - picture()).abs().mean()


def test_a_job_that_was_stopped_while_refining_ends_with_the_same_pixels(method: GatysMethod, tmp_path: Path) -> None:
    whole, _ = painted(method, picture(seed=1))

    def stop(step: Step) -> None:
        if step.step == 6:
            raise KeyboardInterrupt

    value = method.encode_style(picture(seed=1), sizes=[64])
    checkpoint = Checkpoint(tmp_path / "job", every=1)
    with pytest.raises(Interrupted):
        method(picture(), value, progress=stop, checkpoint=checkpoint)
    seen: list[Step] = []
    resumed = method(picture(), value, progress=seen.append, checkpoint=checkpoint)
    assert [step.step for step in seen] == [6, 7]
    assert torch.equal(resumed, whole)


def test_a_saved_style_has_both_and_each_can_be_used_alone(method: GatysMethod, tmp_path: Path) -> None:
    path, painting = tmp_path / "mine.safetensors", Picture(picture(60, 80, seed=1))
    save_style(path, method, encode_style(method, painting, [64]))
    photo = Picture(picture())
    for settings in (REFINED, PLAIN, replace(PLAIN, network="vgg19.int8")):
        of_file, of_painting = (stylize(photo, style, settings).picture.pixels for style in (path, painting))
        assert (of_file - of_painting).abs().mean() < 0.02
    with pytest.raises(UsageError, match="was made with other settings"):
        stylize(photo, path, replace(PLAIN, network="vgg19-slim-3"))


def test_a_style_without_the_second_network_is_refused_and_says_so(tmp_path: Path) -> None:
    path, plain = tmp_path / "mine.safetensors", load(PLAIN)
    save_style(path, plain, encode_style(plain, Picture(picture(60, 80, seed=1)), [64]))
    with pytest.raises(UsageError, match="was made with other settings"):
        stylize(Picture(picture()), path, REFINED)


def test_built_in_styles_know_the_second_network() -> None:
    good = load(Gatys(network="vgg19-slim-3", refine_network="vgg19.int8"))
    value = good.blend([encode_style(good, name, [384]) for name in ("great-wave", "starry-night")], [1, 3])
    assert value.refined.targets[512]["relu5_1"]["gram"].shape == (1, 512, 512)
    assert value.refined.windows[512].shape[1] == 512


def test_memory_counts_the_second_network_up_to_its_size(method: GatysMethod) -> None:
    plain, refined = load(PLAIN).demand(), method.demand()
    assert refined.pixel == pytest.approx(plain.pixel, rel=0.05)
    assert refined.at_once(300_000) > 1.5 * plain.at_once(300_000)
    assert refined.at_once(50_000_000) == pytest.approx(plain.at_once(50_000_000), rel=0.05)
    assert method.estimate_seconds(256, 256) > load(PLAIN).estimate_seconds(256, 256)


def test_frames_after_the_first_are_not_refined(method: GatysMethod) -> None:
    later = method.for_later_frames(2)
    _, seen = painted(later, picture(seed=1))
    assert seen[-1].steps == 2
