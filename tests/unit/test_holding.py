from __future__ import annotations

from typing import Any

import pytest
import torch
from skimage import data

from brushwork import Gatys, load
from brushwork.flow import dis_flow
from brushwork.holding import Held
from brushwork.io.films import Frame
from brushwork.metrics import warping_errors
from brushwork.sequences import Film, moving_layers
from brushwork.steadying import watched
from brushwork.style_values import encode_style

STEPS = 12


@pytest.fixture(scope="module")
def film() -> Film:
    photos = [torch.from_numpy(getattr(data, name)().copy()).permute(2, 0, 1)[None] / 255 for name in ("coffee", "cat")]
    return moving_layers(photos, (96, 64), 5, seed=2, speed=1.5)


def painted(film: Film, weight: float, state_after: int | None = None) -> list[torch.Tensor]:
    method = load(Gatys(steps=STEPS, precision="float32"))
    value: Any = encode_style(method, "feminine-wave", method.sizes(96, 64))
    held, result = Held(method, weight, dis_flow("medium")), []
    frames = [Frame(frame, k, 1) for k, frame in enumerate(film.frames)]
    for number, seen in enumerate(watched(frames, dis_flow())):
        if number == state_after:
            held, before = Held(method, weight, dis_flow("medium")), held.state()
            held.go_on(before)
        result.append(held.paint(seen, value))
    return result


def test_frames_are_held_to_those_before(film: Film) -> None:
    def motion(first: int, second: int) -> tuple[torch.Tensor, torch.Tensor]:
        return film.flow(first, second), film.visible(first, second)

    # So small a film is blurred by warping itself; larger ones come to a fifth (benchmarks/video.py --best).
    assert warping_errors(painted(film, 500), motion) < 0.75 * warping_errors(painted(film, 0), motion)


def test_it_goes_on_from_its_state(film: Film) -> None:
    whole, resumed = painted(film, 200), painted(film, 200, state_after=3)
    assert all(torch.equal(one, other) for one, other in zip(whole, resumed, strict=True))


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
