from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from brushwork.errors import UsageError
from brushwork.video.keyframes import Keyframe, check_times, late_keyframes

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
