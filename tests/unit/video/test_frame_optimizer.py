from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from skimage import data

from brushwork import Gatys, load, preset_options
from brushwork.api.style_encoding import encode_style
from brushwork.flow import dis_flow, warp
from brushwork.io.films import Frame
from brushwork.training.synthetic_motion import Film, moving_layers
from brushwork.video.frame_optimizer import FrameOptimizer, StylizedFrame
from brushwork.video.metrics import warping_errors
from brushwork.video.multi_pass import FrameFiles, FrameState, MultiPassStylizer
from brushwork.video.smoothing import with_flow

STEPS = 12


@pytest.fixture(scope="module")
def film() -> Film:
    photos = [torch.from_numpy(getattr(data, name)().copy()).permute(2, 0, 1)[None] / 255 for name in ("coffee", "cat")]
    return moving_layers(photos, (96, 64), 5, seed=2, speed=1.5)


def painted(film: Film, weight: float, folder: Path, passes: int = 1, steps: int = STEPS) -> list[torch.Tensor]:
    method = load(Gatys(steps=steps, precision="float32"))
    value: Any = encode_style(method, "feminine-wave", method.sizes(96, 64))
    folder.mkdir(exist_ok=True)
    files = FrameFiles(folder)
    frames = [Frame(frame, k, 1) for k, frame in enumerate(film.frames)]
    held = FrameOptimizer(method, weight, dis_flow("medium"))
    list(MultiPassStylizer(held, files, passes, lambda time: value).run(with_flow(frames, dis_flow())))
    assert [files.passes(number) for number in range(6)] == [passes] * 5 + [0]
    return [files[number].painted for number in range(5)]


def test_frames_are_held_to_those_before(film: Film, tmp_path: Path) -> None:
    def motion(first: int, second: int) -> tuple[torch.Tensor, torch.Tensor]:
        return film.flow(first, second), film.visible(first, second)

    # So small a film is blurred by warping itself; larger ones come to a fifth (benchmarks/video.py --best).
    held, alone = (warping_errors(painted(film, weight, tmp_path / f"{weight}"), motion) for weight in (500, 0))
    assert held < 0.75 * alone
    again = warping_errors(painted(film, 500, tmp_path / "again", passes=2), motion)
    assert again < held


def test_a_frame_of_few_steps_begins_with_the_change_of_the_one_before(film: Film) -> None:
    method: Any = load(preset_options("good", steps=4, precision="float32"))
    value: Any = encode_style(method, "feminine-wave", method.sizes(96, 64))
    first, second = film.frames[:2]
    painted = method(first, value)
    held = FrameOptimizer(method, 200, dis_flow("medium"), steps=1)  # one step is the initial image
    begun = held.paint(second, value, {1: StylizedFrame(first, painted)})
    change = warp(painted - method.initial(first, value), film.flow(1, 0))
    begun_with = begun - method.initial(second, value)
    assert (begun_with - change).abs().mean() < 0.5 * change.abs().mean()
    still = held.paint(first, value, {1: StylizedFrame(first, painted)})
    torch.testing.assert_close(still, painted, atol=1e-3, rtol=0)


def test_a_pass_back_ends_with_its_own_first_frame(film: Film, tmp_path: Path) -> None:
    once, twice = (painted(film, 200, tmp_path / str(passes), passes, steps=3) for passes in (1, 2))
    assert torch.equal(once[-1], twice[-1])  # with which the way back begins
    assert not any(torch.equal(one, other) for one, other in zip(once[:-1], twice[:-1], strict=True))


def test_a_scene_is_not_held_to_another(tmp_path: Path) -> None:
    files = FrameFiles(tmp_path)
    for number, begins in enumerate([True, False, False, True, False, False]):
        pixels = torch.full((1, 3, 8, 8), number / 10)
        files[number] = FrameState(Frame(pixels, number, 1), pixels.clone(), begins, 1)
    passes = MultiPassStylizer(None, files, 2, lambda time: None)  # type: ignore[arg-type]
    forth, back = ([{*passes._neighbors(number, step)} for number in range(6)] for step in (1, -1))
    assert forth == [set(), {1}, {1, 2}, set(), {1}, {1, 2}]
    assert back == [{1, 2}, {1}, set(), {1, 2}, {1}, set()]


def test_a_further_loss_is_minimized_with_the_others() -> None:
    method: Any = load(Gatys(steps=STEPS, precision="float32"))
    photo, target = torch.rand(1, 3, 40, 48), torch.full((1, 3, 40, 48), 0.25)
    value = encode_style(method, "feminine-wave", method.sizes(48, 40))
    sizes = set()

    def near(pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        sizes.add(tuple(pixels.shape))
        return {"near": 1e4 * (pixels - target).square().mean()}

    terms: list[dict[str, float]] = []
    result = method(photo, value, extra_loss=near, progress=lambda step: terms.append(dict(step.terms)))
    assert sizes == {(1, 3, 40, 48)}
    assert (result - target).abs().mean() < 0.1 * (photo - target).abs().mean()
    assert terms[-1]["near"] < 0.1 * terms[0]["near"]
    assert len(terms) <= STEPS
