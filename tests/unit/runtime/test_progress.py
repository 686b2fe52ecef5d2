from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
import torch

from brushwork import Gatys, Interrupted, Step, load, stylize
from brushwork.image import Picture
from brushwork.runtime.progress import Pace, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (59.4, "59 s"), (59.7, "1 min 0 s"), (3599.7, "1 h 0 min"), (90000, "25 h 0 min")],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_each_step_tells_how_far_the_work_is() -> None:
    steps: list[Step] = []
    shapes: list[torch.Size] = []

    def listen(step: Step) -> None:
        steps.append(step)
        shapes.append(step.preview().shape)

    photo, painting = Picture(torch.rand(1, 3, 33, 47)), Picture(torch.rand(1, 3, 40, 40))
    stylize(photo, painting, Gatys(steps=4), progress=listen)
    assert [step.step for step in steps] == [1, 2, 3, 4]
    assert {step.steps for step in steps} == {4}
    assert set(shapes) == {(1, 3, 33, 47)}
    assert all(step.size == (47, 33) for step in steps)
    assert all({"content", "style"} <= set(step.terms) for step in steps)
    assert all(sum(step.terms.values()) == pytest.approx(step.loss) for step in steps)
    assert [step.seconds for step in steps] == sorted(step.seconds for step in steps)
    assert steps[-1].seconds_left == 0
    with pytest.raises(FrozenInstanceError):
        steps[0].step = 9  # type: ignore[misc]


def test_what_a_listener_raises_ends_the_work() -> None:
    method = load(Gatys(steps=9))
    style = method.encode_style(torch.rand(1, 3, 40, 40), sizes=[40])

    def fail(step: Step) -> None:
        raise KeyError("mine")

    def stop(step: Step) -> None:
        raise Interrupted

    with pytest.raises(KeyError, match="mine"):
        method(torch.rand(1, 3, 40, 40), style, progress=fail)
    with pytest.raises(Interrupted):
        method(torch.rand(1, 3, 40, 40), style, progress=stop)


def test_the_time_left_follows_the_pace_of_the_latest_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("brushwork.runtime.progress.time.perf_counter", lambda: clock[0])
    pace, left = Pace(500), 0.0  # gone on with after 500 steps
    for number in range(501, 601):
        clock[0] += 0.5
        left = pace.seconds_left(number, 100)
    assert left == pytest.approx(50)
    for number in range(601, 606):  # the machine gets busy
        clock[0] += 10
        left = pace.seconds_left(number, 100)
    assert left == pytest.approx(1000)
    for number in range(606, 657):  # and is free again
        clock[0] += 0.5
        left = pace.seconds_left(number, 100)
    assert left == pytest.approx(50)
    assert pace.seconds_left(657, 0) == 0
