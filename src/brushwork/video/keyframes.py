"""Keyframes of a video, and interpolation of style and strength between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from brushwork.api.recipe import style_records
from brushwork.api.style_encoding import encode_style
from brushwork.errors import UsageError
from brushwork.io.films import Film
from brushwork.methods import Method
from brushwork.registry import method_name
from brushwork.styles.sources import StyleSource

__all__ = ["Keyframe", "StyleAtStrength", "Styles", "at_strength", "check_times", "keyframes_of", "late_keyframes"]

# Strength 1 is painted without the photo's own style, in other stages than any strength below: between keyframes, the
# statistics of one frame couldn't serve for the next.
NEARLY_ALL = 0.999


@dataclass(frozen=True)
class Keyframe:
    """A style that is reached at a given time.

    Args:
        seconds: Time from the start of the video.
        style: See `stylize_video`.
        strength: From 0, the video itself, to 1; None: the method's own.
    """

    seconds: float
    style: StyleSource
    strength: float | None = None

    def __post_init__(self) -> None:
        if self.strength is not None and not 0 <= self.strength <= 1:
            raise UsageError(f"keyframe at {self.seconds:g} s: expected a strength from 0 to 1, got {self.strength:g}")


@dataclass(frozen=True)
class StyleAtStrength:
    """An encoded style, and the strength of a frame that is painted in it."""

    style: Any
    strength: float


def at_strength(method: Any, value: Any) -> tuple[Any, Any]:
    """Return the method and the encoded style for a value of `Styles.at`."""
    if isinstance(value, StyleAtStrength):
        return method.with_strength(value.strength), value.style
    return method, value


def keyframes_of(style: Any) -> list[Keyframe]:
    """Return the keyframes of a style argument, sorted by time; a single style becomes one keyframe at the start.

    Raises:
        UsageError: Two keyframes at the same time.
    """
    if isinstance(style, Sequence) and not isinstance(style, str) and style and isinstance(style[0], Keyframe):
        keys = sorted(style, key=lambda key: key.seconds)
        if any(a.seconds == b.seconds for a, b in pairwise(keys)):
            raise UsageError("two keyframes at the same time; give each its own time")
        return keys
    return [Keyframe(0.0, style)]


def check_times(keys: Sequence[Keyframe], film: Film) -> None:
    """Refuse keyframes beyond the end of a video whose length is known.

    Raises:
        UsageError: The message names them.
    """
    late = (
        late_keyframes(keys, float((film.count + 1) / film.rate)) if film.count else []
    )  # the count may be off by one frame
    if late:
        raise UsageError(f"{late[0]}; give it an earlier time")


def late_keyframes(keys: Sequence[Keyframe], seconds: float) -> list[str]:
    """Return remarks on keyframes after the end of a video of this length in seconds."""
    return [
        f"the keyframe at {key.seconds:g} s is beyond the end of the video, which lasts {seconds:.2f} s"
        for key in keys
        if key.seconds > seconds
    ]


class Styles:
    """The style at each time of a video, with its strength if a keyframe gives one.

    Args:
        method: From `brushwork.methods.load`.
        keys: Sorted by time.
        size: (width, height) of the frames.
        max_pixels: Maximum number of pixels of a style image.

    Raises:
        UsageError: Several keyframes with a method that doesn't support blending, or strengths with one without them.
    """

    def __init__(self, method: Method, keys: list[Keyframe], size: tuple[int, int], max_pixels: int) -> None:
        self.keys = keys
        if len(self.keys) > 1 and not method.declaration.blends:
            raise UsageError(
                f"{method_name(method.settings)} can't blend from one style into another; use a single style"
            )
        self.first, self._method = self.keys[0].style, method
        self._strengths = self._strengths_of(method)
        sizes = method.sizes(*size)
        self._values = [encode_style(method, key.style, sizes, max_pixels=max_pixels) for key in self.keys]

    def _strengths_of(self, method: Any) -> list[float] | None:
        """Return the strength of each keyframe; None if no keyframe gives one."""
        if all(key.strength is None for key in self.keys):
            return None
        if not hasattr(method, "with_strength"):
            raise UsageError(f"{method_name(method.settings)} has no strength; leave it out of the keyframes")
        found = [method.settings.strength if key.strength is None else key.strength for key in self.keys]
        return found if min(found) == 1 else [min(strength, NEARLY_ALL) for strength in found]

    def records(self) -> list[Any]:
        """Return the style entries for the recipe."""
        if self._strengths is not None:
            return [[key.seconds, style_records(key.style), key.strength] for key in self.keys]
        return [[key.seconds, style_records(key.style)] for key in self.keys] if len(self.keys) > 1 else []

    def at(self, seconds: float) -> Any:
        """Return the style at a time, interpolated between keyframes with ease-in and ease-out, for `at_strength`."""
        later = next((k for k, key in enumerate(self.keys) if key.seconds > seconds), len(self.keys))
        if later in (0, len(self.keys)):
            return self._with_strength(self._values[max(0, later - 1)], later - 1, later - 1, 0.0)
        before, after = self.keys[later - 1].seconds, self.keys[later].seconds
        share = (seconds - before) / (after - before)
        share = share * share * (3 - 2 * share)
        value = self._method.blend(self._values[later - 1 : later + 1], [1 - share, share])
        return self._with_strength(value, later - 1, later, share)

    def change(self, seconds: float) -> float:
        """Return which share of the way between two keyframes lies in a second at a time; 0 outside of them."""
        later = next((k for k, key in enumerate(self.keys) if key.seconds > seconds), len(self.keys))
        if later in (0, len(self.keys)):
            return 0.0
        return 1 / (self.keys[later].seconds - self.keys[later - 1].seconds)

    def _with_strength(self, value: Any, before: int, after: int, share: float) -> Any:
        if self._strengths is None:
            return value
        first, second = (self._strengths[max(0, key)] for key in (before, after))
        return StyleAtStrength(value, first + share * (second - first))
