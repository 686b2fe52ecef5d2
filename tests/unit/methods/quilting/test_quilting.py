from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from brushwork import Picture, encode_style, load, save_style, stylize, write_image
from brushwork.errors import UsageError
from brushwork.methods.quilting import laying
from brushwork.methods.quilting.block_size import suggested_block
from brushwork.methods.quilting.laying import Swatch
from brushwork.methods.quilting.layout import Layout, overlap_of
from brushwork.methods.quilting.method import block_for, luminance_guide, swatch_of
from brushwork.methods.quilting.quilter import Guide, lay, lay_onto
from brushwork.options.methods import Quilting


def smooth(height: int, width: int, scale: int = 4) -> Tensor:
    small = torch.rand(1, 3, height // scale + 1, width // scale + 1)
    return F.interpolate(small, (height, width), mode="bicubic")[0].clamp(0, 1)


def all_usable(pixels: Tensor) -> Swatch:
    return Swatch(pixels, torch.ones(pixels.shape[1:], dtype=torch.bool))


def stripes(height: int, width: int, period: int) -> Tensor:
    wave = (torch.arange(width) % period).float() / period  # so that a pixel says where in the period it is
    return wave.expand(3, height, width).contiguous()


@settings(deadline=None)
@given(height=st.integers(1, 90), width=st.integers(1, 90), side=st.integers(4, 20), wraps=st.booleans())
def test_the_blocks_cover_the_quilt(height: int, width: int, side: int, wraps: bool) -> None:
    if wraps and min(height, width) < 2 * (side - overlap_of(side)):
        return
    layout = Layout.covering(height, width, side, wraps=wraps)
    assert layout.height >= height
    assert layout.width >= width
    laid = torch.zeros(layout.height, layout.width, dtype=torch.bool)
    for wave in layout.waves:
        touched = torch.zeros_like(laid, dtype=torch.int32)
        for block in wave:
            rows = (torch.arange(block.height) + block.top) % layout.height
            columns = (torch.arange(block.width) + block.left) % layout.width
            touched[rows[:, None], columns] += 1
            overlap = layout.overlap
            if block.above:
                assert laid[rows[:overlap, None], columns].all()
            if block.before:
                assert laid[rows[:, None], columns[:overlap]].all()
            if block.below:
                assert laid[rows[-overlap:, None], columns].all()
            if block.after:
                assert laid[rows[:, None], columns[-overlap:]].all()
        assert touched.max() <= 1  # those of a wave don't touch
        laid |= touched > 0
    assert laid.all()


@settings(deadline=None, max_examples=20)
@given(
    height=st.integers(20, 60), width=st.integers(20, 60), side=st.integers(5, 16), wraps=st.booleans(),
    seed=st.integers(0, 2**31 - 1),
)  # fmt: skip
def test_every_patch_stands_in_the_swatch(height: int, width: int, side: int, wraps: bool, seed: int) -> None:
    if wraps and min(height, width) < 2 * (side - overlap_of(side)):
        return
    swatch = all_usable(smooth(30, 33))
    quilt = lay(swatch, (height, width), side, wraps=wraps, seed=seed)
    pixels = quilt.pixels()
    assert pixels.shape == (1, 3, height, width)
    assert torch.equal(pixels[0], swatch.pixels.flatten(1)[:, quilt.origins[:height, :width]])
    # A block overlaps its neighbors; what it has alone stands in the swatch as one piece.
    overlap = overlap_of(side)
    for wave in Layout.covering(height, width, side, wraps=wraps).waves:
        for block in wave:
            rows = slice(block.top + overlap, block.top + block.height - overlap)
            columns = slice(block.left + overlap, block.left + block.width - overlap)
            inner = quilt.origins[rows, columns]
            if inner.numel():
                y, x = inner // 33, inner % 33
                assert torch.equal(y - y[:1, :1], torch.arange(len(inner))[:, None].expand_as(y))
                assert torch.equal(x - x[:1, :1], torch.arange(inner.shape[1]).expand_as(x))


def test_same_seed_same_quilt_and_another_another() -> None:
    swatch = all_usable(smooth(40, 40))
    first, again, other = (lay(swatch, (70, 80), 12, seed=seed).origins for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_only_what_is_usable_is_taken() -> None:
    usable = torch.zeros(40, 40, dtype=torch.bool)
    usable[5:25, 10:40] = True
    quilt = lay(Swatch(smooth(40, 40), usable), (60, 60), 12)
    assert usable.flatten()[quilt.origins].all()


def test_a_texture_that_tiles_has_no_seam_at_its_edge() -> None:
    swatch = all_usable(stripes(48, 48, 12))
    quilt = lay(swatch, (72, 72), 18, wraps=True).pixels()
    assert torch.equal(quilt.roll(12, 3), quilt)  # the period goes on around the edge


def test_the_edge_of_a_tile_is_no_worse_than_its_inner_seams() -> None:
    swatch = all_usable(smooth(64, 64, 6))
    pixels = lay(swatch, (96, 96), 18, wraps=True).pixels()
    step = (pixels - pixels.roll(-1, 3)).square().mean((0, 1, 2))
    assert step[-1] <= 1.5 * step[:-1].max()


def test_in_a_regular_texture_blocks_continue_each_other() -> None:
    quilt = lay(all_usable(stripes(50, 50, 10)), (80, 90), 15).pixels()
    assert torch.equal(quilt[..., 10:], quilt[..., :-10])


def test_onto_a_picture_the_result_has_its_light_and_dark() -> None:
    swatch = all_usable(torch.rand(1, 50, 50).expand(3, -1, -1) * torch.linspace(0, 1, 50))
    photo = torch.zeros(1, 3, 60, 80)
    photo[..., 40:] = 1
    guide = luminance_guide(swatch, photo, blurred=False)
    quilt = lay_onto(swatch, guide, [12, 8], [0.1, 0.5]).pixels()
    assert quilt.shape == photo.shape
    assert quilt[..., 45:].mean() > quilt[..., :35].mean() + 0.15


def test_a_map_of_ones_own_says_what_goes_where() -> None:
    pixels = torch.cat((torch.full((3, 40, 30), 0.2), torch.full((3, 40, 30), 0.7)), 2)
    labels = (pixels[:1] > 0.5).float()
    wanted = torch.zeros(1, 50, 50)
    wanted[:, 25:] = 1
    quilt = lay_onto(all_usable(pixels), Guide(labels, wanted), [6], [0.1]).pixels()[0, 0]
    assert (quilt[:22] < 0.5).float().mean() > 0.9
    assert (quilt[29:] > 0.5).float().mean() > 0.9


def test_of_large_swatches_some_places_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laying, "EVERYWHERE", 100)
    swatch = all_usable(stripes(60, 60, 10))
    sampled = lay(swatch, (60, 60), 12).pixels()
    assert torch.equal(sampled[..., 10:], sampled[..., :-10])
    monkeypatch.setattr("brushwork.patches.exact.NUMBERS", 3 * 12 * 12 * 50)
    assert lay(swatch, (60, 60), 12).origins.min() >= 0


def test_the_suggested_block_holds_a_period() -> None:
    for period in (10, 16, 24):
        assert period <= suggested_block(stripes(128, 128, period)[None]) <= 3 * period
    fine, coarse = (suggested_block(smooth(160, 160, scale)[None]) for scale in (4, 16))
    assert fine < coarse
    assert suggested_block(torch.full((1, 3, 64, 64), 0.5)) == 32
    assert 2 <= suggested_block(torch.rand(1, 3, 8, 8)) <= 4


def test_the_block_fits_what_may_be_taken() -> None:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 20:30, 20:30] = 1
    swatch = swatch_of(torch.rand(1, 3, 64, 64), mask)
    assert 2 <= block_for(swatch, 0) <= 10
    with pytest.raises(UsageError, match="mask: no block of 11 x 11"):
        block_for(swatch, 11)
    with pytest.raises(UsageError, match="block: the texture has 64 x 64 pixels, less than a block of 65"):
        block_for(swatch, 65)
    with pytest.raises(UsageError, match="nothing of the texture"):
        swatch_of(torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64))


def test_a_target_has_the_swatch_s_distribution_and_flat_stays_flat() -> None:
    swatch = all_usable(smooth(30, 30) / 4)
    guide = luminance_guide(swatch, torch.rand(1, 3, 40, 40), blurred=False)
    assert float(guide.of_target.mean()) == pytest.approx(float(guide.of_swatch.mean()), abs=0.01)
    assert luminance_guide(swatch, torch.full((1, 3, 9, 9), 0.7), blurred=True).of_target.std() < 1e-6


def test_alpha_grows_as_in_the_paper_and_wrong_ones_are_told() -> None:
    assert Quilting(iterations=5).alphas() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert Quilting(alpha=(0.4,)).alphas() == pytest.approx([0.4, 0.4, 0.4])
    with pytest.raises(UsageError, match="alpha: expected one number or two"):
        Quilting(alpha=(0.1, 0.2, 0.3))
    with pytest.raises(UsageError, match="block: expected at least 4 pixels"):
        Quilting(block=3)


def test_a_tile_needs_two_blocks() -> None:
    with pytest.raises(UsageError, match="tileable: expected sides of at least 20 pixels for a block of 12"):
        lay(all_usable(smooth(40, 40)), (19, 60), 12, wraps=True)


def test_saved_texture_is_the_texture(tmp_path: Path) -> None:
    pixels = torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(0))
    write_image(Picture(pixels), tmp_path / "swatch.png")
    method = load(Quilting(block=12))
    save_style(tmp_path / "swatch.safetensors", method, encode_style(method, tmp_path / "swatch.png", [64]))
    photo = Picture(torch.rand(1, 3, 40, 64))
    made = [stylize(photo, tmp_path / name, Quilting(block=12)) for name in ("swatch.png", "swatch.safetensors")]
    assert torch.equal(made[0].picture.pixels, made[1].picture.pixels)
