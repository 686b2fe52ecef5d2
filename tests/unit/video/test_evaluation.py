"""Measures of films, against their formulas and an independent estimator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.registration import optical_flow_tvl1
from torch import Tensor

from brushwork import Picture, write_image
from brushwork.errors import UsageError
from brushwork.flow import tvl1_flow, warp
from brushwork.training.synthetic_motion import Film, moving_layers
from brushwork.video.evaluation import evaluate_film
from brushwork.video.metrics import flicker, warped, warping_error


@pytest.fixture(scope="module")
def motion() -> Film:
    """A film whose motion is known, 64×48 pixels."""
    generator = torch.Generator().manual_seed(0)
    smooth = F.interpolate(torch.rand(1, 3, 12, 16, generator=generator), (96, 128), mode="bicubic").clamp(0, 1)
    return moving_layers([smooth], (64, 48), 4, speed=2)


def written(folder: Path, frames: list[Tensor]) -> Path:
    folder.mkdir()
    for number, frame in enumerate(frames):
        write_image(Picture(frame.clamp(0, 1)), folder / f"{number:03d}.png")
    return folder


def test_tvl1_finds_the_flow_that_scikit_image_finds(motion: Film) -> None:
    first, second = motion.frames[:2]
    gray = [(x * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1)[0].numpy() for x in (first, second)]
    down, across = optical_flow_tvl1(*gray, attachment=30, num_warp=10)
    found = tvl1_flow(shrink=1)(first, second)[0].numpy()
    inside = slice(6, -6)
    apart = np.hypot(found[0] - across, found[1] - down)[inside, inside]
    true = motion.flow(0, 1)[0].numpy()
    off = np.hypot(*(found - true))[inside, inside]
    assert apart.mean() < 0.05  # of a motion of 2 pixels
    assert off.mean() < 0.1


def test_flicker_is_the_change_where_the_original_stands_still() -> None:
    original, moved = torch.full((1, 3, 32, 32), 0.5), torch.full((1, 3, 32, 32), 0.5)
    moved[..., 16:] = 0.9  # moves, and doesn't count
    film, later = torch.full((1, 3, 32, 32), 0.3), torch.full((1, 3, 32, 32), 0.3)
    later[:, :, ::2, :16] = 0.4
    later[..., 16:] = 1.0
    still = slice(0, 14)  # two columns more are averaged with what moves
    expected = float((later - film)[..., still].abs().mean())
    assert flicker(later, film, moved, original) == pytest.approx(expected, rel=1e-4)
    assert flicker(original, original, original, original) == 0
    assert flicker(later, film, 1 - original + 0.4, original) is None


def test_what_the_other_frame_does_not_show_is_this_frame(motion: Film) -> None:
    a, b = motion.frames[:2]
    flow, visible = motion.flow(0, 1), motion.visible(0, 1)
    found = warped(a, b, flow, visible)
    assert torch.equal(found[(visible == 0).expand_as(a)], a[(visible == 0).expand_as(a)])
    torch.testing.assert_close(found * visible, warp(b, flow) * visible)


def test_a_film_is_measured_frame_by_frame(motion: Film, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    noisy = [x + 0.05 * torch.randn(x.shape, generator=generator) for x in motion.frames]
    original, made = written(tmp_path / "original", motion.frames), written(tmp_path / "made", noisy)
    told: list[tuple[int, int, str]] = []

    def known(first: Tensor, second: Tensor) -> Tensor:
        numbers = [int(torch.stack([(x - f).abs().mean() for f in motion.frames]).argmin()) for x in (first, second)]
        return motion.flow(*numbers)

    found = evaluate_film(
        made, original, apart=2, estimator=known, progress=lambda *x: told.append(x),
        perceptual=lambda a, b: float((a - b).square().mean()),
    )  # fmt: skip
    assert [row["frame"] for row in found.frames] == [1, 2, 3, 4]
    assert told[-1] == (4, 4, "made")
    assert "e_warp" not in found.frames[0]
    assert "e_warp_long" not in found.frames[1]
    frames = [x.clamp(0, 1).mul(255).round() / 255 for x in noisy]
    flow = motion.flow(0, 1)
    assert found.frames[1]["e_warp"] == pytest.approx(
        warping_error(frames[0], frames[1], flow, motion.visible(0, 1)), rel=0.02
    )
    assert found.mean["e_warp"] > 20 * found.mean["original_e_warp"]
    # An error is a sum over channels where a place is visible, the distance a mean over all.
    assert 0.2 < 3 * found.mean["lpips_warp"] / found.mean["e_warp"] < 1.01
    assert found.to_dict()["frames"] == 4


def test_films_must_be_comparable(motion: Film, tmp_path: Path) -> None:
    original = written(tmp_path / "original", motion.frames)
    with pytest.raises(UsageError, match="ends after 2 frames, but the other video is longer"):
        evaluate_film(written(tmp_path / "short", motion.frames[:2]), original)
    one = written(tmp_path / "one", motion.frames[:1])
    with pytest.raises(UsageError, match="expected at least two frames, got 1"):
        evaluate_film(one, one)
