from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from brushwork.errors import UsageError
from brushwork.flow import dis_flow
from brushwork.io.films import Frame
from brushwork.video.keyframes import Keyframe, check_times, late_keyframes
from brushwork.video.smoothing import TemporalSmoother, with_flow

KEYS = [Keyframe(0, "a"), Keyframe(2, "b")]


def film(count: int) -> Any:
    return SimpleNamespace(count=count, rate=Fraction(25))


def test_a_key_frame_beyond_the_end_is_refused_where_the_length_is_known() -> None:
    with pytest.raises(UsageError, match=r"the keyframe at 2 s is beyond the end of the video, which lasts 1\.04 s"):
        check_times(KEYS, film(25))
    for count in (50, 51, 0):  # one at the very end is reached; 0 is a film that doesn't say
        check_times(KEYS, film(count))


def test_key_frames_beyond_the_end_are_named() -> None:
    assert late_keyframes(KEYS, 2.0) == []
    assert late_keyframes(KEYS, 1.5) == ["the keyframe at 2 s is beyond the end of the video, which lasts 1.50 s"]


@pytest.mark.parametrize(("told", "late"), [(True, (0.0, 0.12)), (False, (0.4, 0.9))])
def test_a_style_that_changes_is_followed_as_fast_as_it_changes(told: bool, late: tuple[float, float]) -> None:
    class Gray:
        """Paints a frame in the gray that the style is."""

        def frame(self, pixels: torch.Tensor, value: float, answer: Any) -> torch.Tensor:
            return torch.full_like(pixels, value)

    method: Any = Gray()
    steady, still = TemporalSmoother(method, 0.97), torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    seen = with_flow((Frame(still, k, 1) for k in range(25)), dis_flow())
    result = [steady.paint(one, k / 24, 1 / 24 if told else 0.0) for k, one in enumerate(seen)]
    assert late[0] <= 1 - float(result[-1].mean()) <= late[1]
