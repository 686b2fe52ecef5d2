"""Help texts that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

__all__ = ["STYLE_HELP"]


STYLE_HELP = (
    "a painting's file, a built-in style, a saved style, or a blend: wave.jpg:0.7+feminine-wave:0.3; "
    "given twice: both, each on every photo"
)
