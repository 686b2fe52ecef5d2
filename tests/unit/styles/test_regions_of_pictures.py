"""Masks: which style where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from brushwork import Gatys, Picture, load, rerun, stylize, write_image
from brushwork.errors import UsageError
from brushwork.methods import Method
from brushwork.options.base import option_of
from brushwork.registry import OPTIONS, TRAINED, settings_from
from brushwork.styles.regions import Regions


@pytest.fixture(params=[name for name in OPTIONS if name not in TRAINED and "precision" in option_of(OPTIONS[name])])
def method(request: pytest.FixtureRequest, microast: str) -> Method:
    values: dict[str, Any] = {"model": microast} if request.param == "microast" else {}
    values |= {"steps": 12, "scales": 1} if "steps" in option_of(OPTIONS[request.param]) else {}
    return load(settings_from(request.param, {**values, "precision": "float32"}))


def left(width: int = 96, height: int = 48, share: float = 0.5) -> Tensor:
    """White on the left."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., : int(width * share)] = 1
    return mask


def smooth(height: int, width: int) -> Tensor:
    return torch.nn.functional.interpolate(torch.rand(1, 3, height // 8, width // 8), (height, width), mode="bilinear")


def test_shares_are_resampled_and_sum_to_at_most_1() -> None:
    masks = torch.rand(3, 1, 10, 14)
    shares = Regions(["a", "b", "c"], masks).shares(33, 47)
    assert shares is not None
    assert shares.shape == (3, 1, 33, 47)
    assert shares.sum(0).max() <= 1 + 1e-6
    assert torch.allclose(Regions(["a"], masks[:1]).shares(10, 14), masks[:1])
    halves = Regions(["a", "b"], torch.ones(2, 1, 3, 3)).shares(3, 3)
    assert torch.equal(halves, torch.full((2, 1, 3, 3), 0.5))


@pytest.mark.parametrize(
    ("count", "masks", "words"),
    [
        (2, None, "a mask per style, got none for 2"),
        (2, torch.ones(1, 1, 4, 4), r"shape \(2, 1, H, W\)"),
        (1, torch.ones(1, 4, 4), r"shape \(1, 1, H, W\)"),
        (1, torch.ones(1, 1, 0, 4), "shape"),
        (1, torch.full((1, 1, 4, 4), 2.0), r"in \[0, 1\]"),
        (1, torch.full((1, 1, 4, 4), float("nan")), r"in \[0, 1\]"),
        (2, torch.zeros(2, 1, 4, 4), "all masks are empty"),
    ],
)
def test_senseless_masks_are_refused(count: int, masks: Tensor | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Regions(["style"] * count, masks)


def test_a_style_stays_in_its_region(method: Method) -> None:
    photo, painting = smooth(48, 192), torch.rand(1, 3, 48, 192)
    style = method.encode_style(painting, sizes=method.sizes(192, 48))
    change = (method(photo, Regions([style], left(192, share=0.25))) - photo).abs().mean((0, 1, 2))
    assert change[:40].mean() > 3 * change[120:].mean()
    if method.declaration.tiling != "inside":  # one that optimizes leaves the rest about as it was
        assert change[56:].max() < 1e-5


@pytest.mark.parametrize("width", [64, 65, 79])
def test_a_region_lies_where_its_mask_is_at_any_width(method: Method, width: int) -> None:
    if method.declaration.tiling == "inside":
        pytest.skip("one that optimizes leaves the rest only about as it was")
    photo = smooth(48, 80)[..., :width]
    style = method.encode_style(torch.rand(1, 3, 48, 64), sizes=method.sizes(width, 48))
    mask = torch.zeros(1, 1, 48, width)
    mask[..., :32] = 1
    change = (method(photo, Regions([style], mask)) - photo).abs().amax((0, 1, 2))
    assert (change[:32] > 1e-3).all()
    assert change[32:].max() < 1e-5


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_masks_that_overlap_share(method: Method, strength: float) -> None:
    """Three masks, whose shares sum to 1 but for rounding."""
    if method.declaration.tiling == "inside":
        method, strength = load(Gatys(steps=2, scales=1)), 1.0
    else:
        method = load(replace(method.settings, strength=strength))
    photo = smooth(48, 64)
    styles = [method.encode_style(torch.rand(1, 3, 48, 64), sizes=method.sizes(64, 48)) for _ in range(3)]
    for seed in range(4):
        masks = torch.rand(3, 1, 48, 64, generator=torch.Generator().manual_seed(seed)) * 0.5 + 0.5
        assert method(photo, Regions(styles, masks)).isfinite().all()


def test_an_empty_mask_leaves_its_style_out(method: Method) -> None:
    photo = smooth(48, 64)
    styles = [method.encode_style(torch.rand(1, 3, 48, 64), sizes=method.sizes(64, 48)) for _ in range(2)]
    both = Regions(styles, torch.cat([torch.ones(1, 1, 5, 5), torch.zeros(1, 1, 5, 5)]))
    alone = Regions(styles[:1], torch.ones(1, 1, 5, 5))
    assert torch.allclose(method(photo, both), method(photo, alone), atol=1e-4)
    # Sums in another order, after twelve steps of an optimizer.
    assert (method(photo, alone) - method(photo, styles[0])).abs().mean() < 5e-3


def test_a_single_pixel_is_a_region(method: Method) -> None:
    style = method.encode_style(torch.rand(1, 3, 48, 64), sizes=method.sizes(64, 48))
    mask = torch.zeros(1, 1, 48, 64)
    mask[..., 20, 30] = 1
    assert method(smooth(48, 64), Regions([style], mask)).isfinite().all()


def test_stylize_takes_masks_and_a_rerun_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("photo", "wave", "sea"):
        write_image(Picture(torch.rand(1, 3, 36, 48)), f"{name}.png")
    for name, mask in (("left", left(48, 36)), ("right", 1 - left(48, 36))):
        write_image(Picture(mask.expand(1, 3, -1, -1)), f"{name}.png")
    settings = Gatys(steps=4, scales=1, precision="float32")
    result = stylize("photo.png", "wave.png+sea.png", settings, masks=["left.png", "right.png"])
    assert [mask["name"] for mask in result.recipe["masks"]] == ["left.png", "right.png"]
    again, _ = rerun(result.recipe, [tmp_path])
    assert torch.equal(again.picture.pixels, result.picture.pixels)
    assert not torch.equal(stylize("photo.png", "wave.png+sea.png", settings).picture.pixels, result.picture.pixels)
    with pytest.raises(UsageError, match="one mask per style, got 1 for 2"):
        stylize("photo.png", "wave.png+sea.png", settings, masks=["left.png"])
    with pytest.raises(UsageError, match="blend weights can't be combined with masks"):
        stylize("photo.png", "wave.png:2+sea.png", settings, masks=["left.png", "right.png"])
    with pytest.raises(UsageError, match="doesn't support them"):
        stylize("photo.png", "wave.png", Gatys(statistic="patch"), masks=["left.png"])


def test_styles_that_share_a_mask_are_blended_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("photo", "wave", "sea", "rock"):
        write_image(Picture(torch.rand(1, 3, 36, 48)), f"{name}.png")
    for name, mask in (("left", left(48, 36)), ("right", 1 - left(48, 36)), ("all", torch.ones(1, 1, 36, 48))):
        write_image(Picture(mask.expand(1, 3, -1, -1)), f"{name}.png")
    settings = Gatys(steps=4, scales=1, precision="float32")

    def painted(style: str, *masks: str) -> torch.Tensor:
        return stylize("photo.png", style, settings, masks=list(masks)).picture.pixels

    alone = stylize("photo.png", "wave.png:0.2+sea.png:0.8", settings).picture.pixels
    whole = painted("wave.png:0.2+sea.png:0.8", "all.png", "all.png")
    assert (whole - alone).abs().mean() < 5e-3  # sums in another order
    even = painted("wave.png:0.5+sea.png:0.5", "all.png", "all.png")
    assert (whole - alone).abs().mean() < (even - alone).abs().mean() / 4
    both = painted("wave.png:0.2+sea.png:0.8+rock.png", "left.png", "left.png", "right.png")
    assert not torch.equal(both, painted("wave.png+sea.png+rock.png", "left.png", "left.png", "right.png"))
